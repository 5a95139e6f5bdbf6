//! Reading SQL text of any size piece by piece: statements, the data lines of `COPY`, commands of the engine's own client.
//!
//! Owns where one statement ends and the next begins, as the engine's client reads it; never holds more than one statement. Does not own what
//! statements mean, and does not read files: bytes are pushed in, pieces are taken out. Scripts that people write are split by
//! `model::upgrade::split`, which needs the whole text; this is for dumps, which need not be UTF-8 throughout either.

mod around;
mod piece;
mod words;

pub(crate) use piece::{Piece, Statement, TextError};

use around::{from_stdin, leading};
use greenroom_model::catalog::EngineKind;

/// Longest statement that is taken; longer ones are no statements but something else.
const LONGEST: usize = 1 << 30;

/// Bytes behind a position that may be needed to see what stands there: a dollar quote's tag has at most 63.
const AHEAD: usize = 72;

/// Data lines are handed on in pieces of about so many bytes.
const DATA: usize = 1 << 18;

#[derive(Clone, Debug, PartialEq, Eq)]
enum In {
    Plain,
    /// Within quotes: which, and whether a backslash escapes.
    Quote(u8, bool),
    Line,
    /// Depth; only PostgreSQL's comments nest.
    Block(u32),
    Dollar(Vec<u8>),
    CopyData,
}

/// Takes SQL text apart.
pub(crate) struct Reader {
    postgres: bool,
    mysql: bool,
    buffer: Vec<u8>,
    /// Where looking goes on.
    at: usize,
    /// Where the present statement begins; everything before is handed out.
    begin: usize,
    /// Line of `counted`.
    line: u32,
    counted: usize,
    state: In,
    ended: bool,
    delimiter: Vec<u8>,
    skeleton: String,
    /// Words of the statement so far, as far as they matter.
    first: Vec<String>,
    word: String,
    parentheses: u32,
    /// `BEGIN ATOMIC … END` (PostgreSQL).
    body: u32,
    /// SQLite: a trigger ends with `; END ;`.
    tail: [u8; 2],
    /// Strings of PostgreSQL without `E` escape by backslash (`standard_conforming_strings` off).
    backslash: bool,
    /// A line that must be seen whole is not there yet.
    waits: bool,
}

impl Reader {
    pub fn new(engine: EngineKind) -> Reader {
        Reader {
            postgres: engine == EngineKind::Postgres,
            mysql: engine == EngineKind::Mysql,
            buffer: Vec::new(),
            at: 0,
            begin: 0,
            line: 1,
            counted: 0,
            state: In::Plain,
            ended: false,
            delimiter: b";".to_vec(),
            skeleton: String::new(),
            first: Vec::new(),
            word: String::new(),
            parentheses: 0,
            body: 0,
            tail: [0; 2],
            backslash: false,
            waits: false,
        }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.begin > 0 && (self.begin > self.buffer.len() / 2 || self.begin > DATA) {
            self.count_to(self.begin);
            self.buffer.drain(..self.begin);
            self.at -= self.begin;
            self.counted -= self.begin;
            self.begin = 0;
        }
        self.buffer.extend_from_slice(bytes);
        self.waits = false;
    }

    /// Says that nothing more comes.
    pub fn end(&mut self) {
        self.ended = true;
        self.waits = false;
    }

    /// Whether the text ended in the midst of something.
    pub fn unfinished(&self) -> bool {
        !matches!(self.state, In::Plain | In::Line) || !self.skeleton.trim().is_empty()
    }

    /// The next piece; `None` when more bytes are needed, or at the end.
    ///
    /// # Errors
    /// When a statement is longer than any real one, or a client's command stands inside one.
    pub fn next(&mut self) -> Result<Option<Piece>, TextError> {
        if self.state == In::CopyData {
            return Ok(self.data());
        }
        loop {
            let left = self.buffer.len() - self.at;
            if left == 0 || self.waits || (left < AHEAD && !self.ended) {
                if self.buffer.len() - self.begin > LONGEST {
                    return self.fail("a statement of more than 1 GiB ends here, if it is one");
                }
                return Ok(None);
            }
            if let Some(piece) = self.step()? {
                return Ok(Some(piece));
            }
        }
    }

    fn fail<T>(&mut self, message: &'static str) -> Result<T, TextError> {
        let line = self.line_of(self.at);
        Err(TextError { line, message })
    }

    fn count_to(&mut self, at: usize) {
        if at > self.counted {
            let n = self.buffer[self.counted..at].iter().filter(|b| **b == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
            self.counted = at;
        }
    }

    fn line_of(&mut self, at: usize) -> u32 {
        self.count_to(at);
        self.line
    }

    fn starts(&self, text: &[u8]) -> bool {
        self.buffer[self.at..].starts_with(text)
    }

    /// Nothing of a statement has been seen yet.
    fn fresh(&self) -> bool {
        self.skeleton.bytes().all(|b| b.is_ascii_whitespace())
    }

    fn step(&mut self) -> Result<Option<Piece>, TextError> {
        let b = self.buffer[self.at];
        match &self.state {
            In::Plain => return self.plain(b),
            In::Quote(quote, escapes) => {
                let (quote, escapes) = (*quote, *escapes);
                let here = &self.buffer[self.at..];
                let Some(n) = here.iter().position(|c| *c == quote || (escapes && *c == b'\\')) else {
                    self.keep_name(quote, self.at, self.buffer.len());
                    self.at = self.buffer.len();
                    return Ok(None);
                };
                self.keep_name(quote, self.at, self.at + n);
                self.at += n;
                if here_at(&self.buffer, self.at) == b'\\' && escapes {
                    if self.at + 1 >= self.buffer.len() && !self.ended {
                        return Ok(None);
                    }
                    self.at = (self.at + 2).min(self.buffer.len());
                } else {
                    // A doubled quote closes and opens again, which comes to the same.
                    self.skeleton.push(char::from(quote));
                    self.at += 1;
                    self.state = In::Plain;
                }
            }
            In::Line => match self.buffer[self.at..].iter().position(|c| *c == b'\n') {
                None => self.at = self.buffer.len(),
                Some(n) => {
                    self.at += n;
                    self.state = In::Plain;
                }
            },
            In::Block(depth) => {
                let depth = *depth;
                if self.starts(b"*/") {
                    self.at += 2;
                    self.state = if depth > 1 { In::Block(depth - 1) } else { In::Plain };
                } else if self.postgres && self.starts(b"/*") {
                    self.at += 2;
                    self.state = In::Block(depth + 1);
                } else {
                    self.at += 1;
                }
            }
            In::Dollar(tag) => {
                let tag = tag.clone();
                match self.buffer[self.at..].iter().position(|c| *c == b'$') {
                    None => {
                        self.keep_bytes(self.at, self.buffer.len());
                        self.at = self.buffer.len();
                    }
                    Some(n) => {
                        self.keep_bytes(self.at, self.at + n);
                        self.at += n;
                        if !self.ended && self.buffer.len() - self.at < AHEAD {
                            return Ok(None);
                        }
                        if self.starts(&tag) {
                            self.keep_bytes(self.at, self.at + tag.len());
                            self.at += tag.len();
                            self.state = In::Plain;
                        } else {
                            self.skeleton.push('$');
                            self.at += 1;
                        }
                    }
                }
            }
            In::CopyData => {}
        }
        Ok(None)
    }

    /// Quoted names stay in the skeleton, string literals do not.
    fn keep_name(&mut self, quote: u8, from: usize, to: usize) {
        if quote == b'`' || (quote == b'"' && !self.mysql) {
            self.keep_bytes(from, to);
        }
    }

    fn keep_bytes(&mut self, from: usize, to: usize) {
        let text = String::from_utf8_lossy(&self.buffer[from..to]).into_owned();
        self.skeleton.push_str(&text);
    }

    fn plain(&mut self, b: u8) -> Result<Option<Piece>, TextError> {
        if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 {
            if self.mysql && self.fresh() && self.word.is_empty() && self.starts_word(b"delimiter") {
                return Ok(self.delimiter_command());
            }
            // The client looks for its delimiter within words as well.
            if self.at_delimiter(b) {
                return Ok(self.end_statement());
            }
            if b < 0x80 {
                self.word.push(char::from(b.to_ascii_uppercase()));
                self.skeleton.push(char::from(b));
            } else {
                self.word.push('_');
                self.skeleton.push('_');
            }
            self.at += 1;
            return Ok(None);
        }
        let (escape, alone) = (self.word == "E", self.word.is_empty());
        self.take_word();
        if self.at_delimiter(b) {
            return Ok(self.end_statement());
        }
        match b {
            b'\'' => {
                let escapes = self.mysql || (self.postgres && (self.backslash || escape));
                self.quote(b, escapes);
            }
            b'"' => self.quote(b, self.mysql),
            b'`' if !self.postgres => self.quote(b, false),
            b'[' if !self.postgres && !self.mysql => {
                self.skeleton.push('[');
                self.at += 1;
                // SQLite reads `[name]` as MS Access does.
                self.state = In::Quote(b']', false);
            }
            b'-' if self.starts(b"--") && (!self.mysql || self.buffer.get(self.at + 2).is_none_or(|c| c.is_ascii_whitespace())) => {
                self.comment(In::Line, 2);
            }
            b'#' if self.mysql => self.comment(In::Line, 1),
            b'/' if self.mysql && (self.starts(b"/*!") || self.starts(b"/*M!")) => {
                // The server executes what stands in it; the sign and the version stay out of the skeleton.
                let sign = if self.starts(b"/*!") { 3 } else { 4 };
                let digits = self.buffer[self.at + sign..].iter().take(6).take_while(|c| c.is_ascii_digit()).count();
                self.at += sign + digits;
                self.skeleton.push(' ');
                // `/*M!999999\- enable the sandbox mode */`: a sign for the client that no server executes.
                if self.starts(b"\\-") {
                    self.state = In::Block(1);
                }
            }
            b'*' if self.mysql && self.starts(b"*/") => {
                self.at += 2;
                self.skeleton.push(' ');
            }
            b'/' if self.starts(b"/*") => self.comment(In::Block(1), 2),
            b'$' if self.postgres && alone => self.dollar(),
            b'\\' if self.postgres && self.fresh() => return Ok(self.client_command()),
            b'\\' if self.postgres => return self.fail("a command of psql stands inside a statement"),
            b'.' if !self.postgres && !self.mysql && self.fresh() && self.line_start() => return Ok(self.client_command()),
            b';' if !self.mysql && self.ends_here() => return Ok(self.end_statement()),
            _ => {
                match b {
                    b'(' => self.parentheses += 1,
                    b')' => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
                if !b.is_ascii_whitespace() {
                    self.tail = [self.tail[1], b];
                }
                self.skeleton.push(char::from(b));
                self.at += 1;
            }
        }
        Ok(None)
    }

    fn at_delimiter(&self, b: u8) -> bool {
        self.mysql && self.delimiter.first() == Some(&b) && self.starts(&self.delimiter)
    }

    fn starts_word(&self, word: &[u8]) -> bool {
        let here = &self.buffer[self.at..];
        here.len() > word.len() && here[..word.len()].eq_ignore_ascii_case(word) && matches!(here[word.len()], b' ' | b'\t')
    }

    fn line_start(&self) -> bool {
        self.at == 0 || self.buffer[self.at - 1] == b'\n'
    }

    fn quote(&mut self, quote: u8, escapes: bool) {
        self.skeleton.push(char::from(quote));
        self.tail = [self.tail[1], quote];
        self.at += 1;
        self.state = In::Quote(quote, escapes);
    }

    fn comment(&mut self, state: In, length: usize) {
        self.skeleton.push(' ');
        self.at += length;
        self.state = state;
    }

    /// `$tag$`, or a mere dollar sign.
    fn dollar(&mut self) {
        let here = &self.buffer[self.at..];
        let tag = here[1..].iter().take(64).take_while(|c| c.is_ascii_alphanumeric() || **c == b'_' || **c >= 0x80).count();
        let quoted = here.get(tag + 1) == Some(&b'$') && !here.get(1).is_some_and(u8::is_ascii_digit);
        if quoted {
            let tag = here[..tag + 2].to_vec();
            self.keep_bytes(self.at, self.at + tag.len());
            self.at += tag.len();
            self.state = In::Dollar(tag);
        } else {
            self.skeleton.push('$');
            self.at += 1;
        }
    }

    fn end_statement(&mut self) -> Option<Piece> {
        let length = self.delimiter.len();
        if self.fresh() && self.first.is_empty() {
            self.skip(length);
            return None;
        }
        Some(self.finish(length))
    }

    /// Leaves what was read so far behind.
    fn skip(&mut self, length: usize) {
        self.at += length;
        self.begin = self.at;
        self.skeleton.clear();
        self.first.clear();
        self.word.clear();
        (self.parentheses, self.body, self.tail) = (0, 0, [0; 2]);
    }

    fn finish(&mut self, terminator: usize) -> Piece {
        self.take_word();
        // Comments and blank lines in front belong to nobody; `/*!` does.
        let text = &self.buffer[self.begin..self.at];
        let lead = leading(text, self.mysql, self.postgres);
        let sql = text[lead..].to_vec();
        let line = self.line_of(self.begin + lead);
        let skeleton = std::mem::take(&mut self.skeleton);
        let statement = Statement { sql, skeleton, line };
        let copies = self.postgres && statement.is(&["COPY"]) && from_stdin(&statement.skeleton);
        if self.postgres && statement.is(&["SET", "STANDARD_CONFORMING_STRINGS"]) {
            self.backslash = String::from_utf8_lossy(&statement.sql).trim_end().to_ascii_lowercase().ends_with("off");
        }
        self.skip(terminator);
        if copies {
            self.state = In::CopyData;
            // The rest of the line; data begins on the next one.
            self.first.push("COPY".into());
        }
        Piece::Statement(statement)
    }
}

fn here_at(buffer: &[u8], at: usize) -> u8 {
    buffer.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
