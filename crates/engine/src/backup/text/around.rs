//! What stands around statements: the data lines of `COPY`, commands of the engine's own client, blanks and comments in front.

use super::{DATA, In, Piece, Reader};

impl Reader {
    /// Data lines up to `\\.`.
    pub(super) fn data(&mut self) -> Option<Piece> {
        if !self.first.is_empty() {
            let Some(n) = self.buffer[self.at..].iter().position(|b| *b == b'\n') else {
                return if self.ended { self.data_end(self.buffer.len()) } else { None };
            };
            self.first.clear();
            self.at += n + 1;
            self.begin = self.at;
        }
        let mut end = self.at;
        loop {
            let here = &self.buffer[end..];
            let newline = here.iter().position(|b| *b == b'\n');
            let line = match newline {
                Some(n) => &here[..n],
                None if self.ended => here,
                None => break,
            };
            let done = line.strip_suffix(b"\r").unwrap_or(line) == b"\\.";
            if done {
                if end > self.at {
                    break;
                }
                let next = end + line.len() + usize::from(newline.is_some());
                return self.data_end(next);
            }
            // Without its end the data was cut off: nothing is handed on, and the text is unfinished.
            let n = newline?;
            end += n + 1;
            if end - self.at >= DATA {
                break;
            }
        }
        if end == self.at {
            return None;
        }
        let data = self.buffer[self.at..end].to_vec();
        self.at = end;
        self.begin = end;
        Some(Piece::Data(data))
    }

    pub(super) fn data_end(&mut self, next: usize) -> Option<Piece> {
        self.at = next;
        self.skip(0);
        self.state = In::Plain;
        Some(Piece::DataEnd)
    }

    /// `\\restrict …`, `.command …`: the rest of the line.
    pub(super) fn client_command(&mut self) -> Option<Piece> {
        let here = &self.buffer[self.at + 1..];
        let end = match here.iter().position(|b| *b == b'\n') {
            Some(n) => n,
            None if self.ended => here.len(),
            None => {
                self.waits = true;
                return None;
            }
        };
        let text = String::from_utf8_lossy(&here[..end]).into_owned();
        let line = self.line_of(self.at);
        let (name, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        let piece = Piece::Command(name.to_owned(), rest.trim().to_owned(), line);
        // Its line break, unless the text ends without one.
        self.skip((end + 1).min(self.buffer.len() - self.at));
        Some(piece)
    }

    pub(super) fn delimiter_command(&mut self) -> Option<Piece> {
        let here = &self.buffer[self.at..];
        let end = match here.iter().position(|b| *b == b'\n') {
            Some(n) => n,
            None if self.ended => here.len(),
            None => {
                self.waits = true;
                return None;
            }
        };
        let words: Vec<&[u8]> = here[..end].split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).collect();
        if let Some(word) = words.get(1) {
            self.delimiter = word.to_vec();
        }
        self.skip(end);
        None
    }
}

/// Length of the blanks and comments that a statement's text begins with.
pub(super) fn leading(text: &[u8], mysql: bool, postgres: bool) -> usize {
    let mut at = 0;
    loop {
        at += text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        let rest = &text[at..];
        if rest.starts_with(b"--") || (mysql && rest.starts_with(b"#")) {
            at += rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |n| n + 1);
        } else if rest.starts_with(b"/*")
            && !(mysql && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!")) && !rest.starts_with(b"/*M!999999\\-"))
        {
            let mut depth = 0u32;
            let mut i = 0;
            while i < rest.len() {
                if rest[i..].starts_with(b"*/") {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        break;
                    }
                } else if rest[i..].starts_with(b"/*") && (depth == 0 || postgres) {
                    depth += 1;
                    i += 2;
                } else {
                    i += 1;
                }
            }
            at += i;
        } else {
            return at;
        }
    }
}

/// `COPY … FROM stdin` outside parentheses.
pub(super) fn from_stdin(skeleton: &str) -> bool {
    let words: Vec<String> = skeleton.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().filter(|w| !w.is_empty()).map(String::as_str).collect();
    words.windows(2).any(|w| w[0] == "FROM" && matches!(w[1], "STDIN" | "STDOUT"))
}
