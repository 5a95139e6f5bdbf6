//! A play as it is written: one line, one thing that happens.
//!
//! | line | what happens |
//! |---|---|
//! | `== A title` | a chapter begins |
//! | `-- words` | something is told |
//! | `@ 2026-02-09 09:00` | the clock is set forward |
//! | `clinic upgrade` | production, kit and program are made; `clinic as-is` without the vendor's upgrade |
//! | `anna$ stage enter audit-1` | a person types a command, which ends well (`anna$5 …`: with exit code 5) |
//! | `anna! GR0791 gate sign x` | a command that has to be refused, with this code |
//! | `sql FILE: statements` | somebody works in a database |
//! | `sees FILE: query = value` | what a query gives |
//! | `put FILE: words` | a file is written (`\n` begins another line) |
//! | `change FILE: words => others` | somebody edits a file that says the words once (`everywhere`: wherever it says them) |
//! | `remove PATH` | a file or folder is removed |
//! | `upgrade FILE` | the vendor runs the upgrade's scripts in a database, without Greenroom |
//! | `run SCRIPT FILE` | somebody runs a script in a database |
//! | `identity FILE WORD` | somebody makes an age key, and `process.toml` names its recipient in the place of the word |
//! | `copy FILE FILE` | a file is copied |
//! | `gone FILE` | nothing stands there |
//! | `desk FILE` | a front desk begins to write into a database, or into the one that a `.conf` names |
//! | `kept FILE` | everything that the front desk was told is stored is there |
//!
//! ` >> 12` at a command's end shows so many lines of what it prints.

use jiff::civil::DateTime;

/// Lines of what a command prints that are shown unless its line says otherwise.
const SHOWN: usize = 4;

/// A command that somebody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    /// Their login.
    pub who: String,
    /// Without `greenroom`.
    pub words: Vec<String>,
    /// How it has to end.
    pub ends: Ends,
    /// At most so many lines of what it prints are told.
    pub shown: usize,
}

/// How a command has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// With an exit code.
    Code(u8),
    /// With an error.
    Refused(String),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happens {
    Chapter(String),
    Told(String),
    Clock(DateTime),
    Clinic { upgraded: bool },
    Typed(Typed),
    Sql { file: String, sql: String },
    Sees { file: String, query: String, value: String },
    Put { file: String, text: String },
    Change { file: String, was: String, becomes: String, everywhere: bool },
    Remove(String),
    Gone(String),
    Upgrade(String),
    Identity { file: String, placeholder: String },
    Copy { from: String, to: String },
    Run { script: String, file: String },
    Desk(String),
    Kept(String),
}

/// Reads a play: number of the line, and what happens.
///
/// # Errors
/// The number and text of a line that says nothing.
pub(super) fn read(text: &str) -> Result<Vec<(usize, Happens)>, (usize, String)> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(';'));
    said.map(|(n, line)| line_of(line).map(|h| (n, h)).ok_or_else(|| (n, line.to_owned()))).collect()
}

fn line_of(line: &str) -> Option<Happens> {
    let (first, rest) = line.split_once(' ')?;
    let rest = rest.trim();
    let file_and = |rest: &str| rest.split_once(": ").map(|(file, text)| (file.to_owned(), text.trim().to_owned()));
    Some(match first {
        "==" => Happens::Chapter(rest.to_owned()),
        "--" => Happens::Told(rest.to_owned()),
        "@" => Happens::Clock(rest.replace(' ', "T").parse().ok()?),
        "clinic" => Happens::Clinic { upgraded: rest == "upgrade" },
        "sql" => file_and(rest).map(|(file, sql)| Happens::Sql { file, sql })?,
        "sees" => {
            let (file, text) = file_and(rest)?;
            let (query, value) = text.rsplit_once(" = ")?;
            Happens::Sees { file, query: query.to_owned(), value: value.to_owned() }
        }
        "put" => file_and(rest).map(|(file, text)| Happens::Put { file, text: format!("{}\n", text.replace("\\n", "\n")) })?,
        "change" | "everywhere" => {
            let (file, text) = file_and(rest)?;
            let (was, becomes) = text.split_once(" =>")?;
            let becomes = becomes.trim().replace("\\n", "\n");
            Happens::Change { file, was: was.to_owned(), becomes, everywhere: first == "everywhere" }
        }
        "remove" => Happens::Remove(rest.to_owned()),
        "gone" => Happens::Gone(rest.to_owned()),
        "run" => rest.split_once(' ').map(|(script, file)| Happens::Run { script: script.to_owned(), file: file.to_owned() })?,
        "identity" => {
            let (file, placeholder) = rest.split_once(' ')?;
            Happens::Identity { file: file.to_owned(), placeholder: placeholder.to_owned() }
        }
        "copy" => rest.split_once(' ').map(|(from, to)| Happens::Copy { from: from.to_owned(), to: to.to_owned() })?,
        "upgrade" => Happens::Upgrade(rest.to_owned()),
        "desk" => Happens::Desk(rest.to_owned()),
        "kept" => Happens::Kept(rest.to_owned()),
        who => Happens::Typed(typed(who, rest)?),
    })
}

fn typed(who: &str, rest: &str) -> Option<Typed> {
    let (rest, shown) = match rest.rsplit_once(" >> ") {
        Some((rest, n)) => (rest, n.parse().ok()?),
        None => (rest, SHOWN),
    };
    if let Some(who) = who.strip_suffix('!') {
        let (code, rest) = rest.split_once(' ')?;
        return Some(Typed { who: who.to_owned(), words: split(rest)?, ends: Ends::Refused(code.to_owned()), shown });
    }
    let (who, code) = who.split_once('$')?;
    let code = if code.is_empty() { 0 } else { code.parse().ok()? };
    Some(Typed { who: who.to_owned(), words: split(rest)?, ends: Ends::Code(code), shown })
}

/// Words as a shell would take them apart, with double quotes only.
fn split(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    (!quoted && !words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_happens() {
        let read = read(
            "; a remark\n== One\n@ 2026-02-09 09:00\n\nanna$5 switch --now >> 2\njan! GR0791 gate waive x --reason \"because of this\"\n",
        )
        .unwrap();
        let happens: Vec<&Happens> = read.iter().map(|(_, h)| h).collect();
        assert_eq!(*happens[0], Happens::Chapter("One".into()));
        assert_eq!(*happens[1], Happens::Clock(jiff::civil::datetime(2026, 2, 9, 9, 0, 0, 0)));
        let switch = Typed { who: "anna".into(), words: vec!["switch".into(), "--now".into()], ends: Ends::Code(5), shown: 2 };
        assert_eq!(*happens[2], Happens::Typed(switch));
        let Happens::Typed(waive) = happens[3] else { panic!("{happens:?}") };
        assert_eq!(waive.words.last().unwrap(), "because of this");
        assert_eq!(waive.ends, Ends::Refused("GR0791".into()));
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        assert_eq!(super::read("== One\nanna dances\n"), Err((2, "anna dances".into())));
        assert_eq!(super::read("@ soon\n"), Err((1, "@ soon".into())));
        assert_eq!(super::read("anna$ say \"and never ends\n").unwrap_err().0, 1);
    }
}
