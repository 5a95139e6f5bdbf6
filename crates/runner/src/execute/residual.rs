//! The residual scan: mail addresses at live domains, and names, mails and phones of the source that survived anywhere in the copy.
//!
//! Owns how text is searched and what counts as found; does not own which rows are read (`safety`, `read_back`). What is found is named by
//! table and column and counted, never quoted.

use super::known::{Gatherer, Known};
use greenroom_engine::EngineError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64_with_secret;

/// Sorts of personal values that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// First or last name alone: too common to look for by itself, but where a full name may begin.
    NamePart,
    /// First and last name together.
    FullName,
    /// A mail address.
    Mail,
    /// A telephone number.
    Phone,
}

/// Adds a value of the source to what is looked for, unless it is too short to be told from chance.
///
/// # Errors
/// When a scratch file cannot be written.
pub(crate) fn gather(known: &mut Gatherer, sort: Sort, text: &str, key: &[u8; 32]) -> std::io::Result<()> {
    let Some(normal) = normalise(sort, text) else { return Ok(()) };
    known.add(sort, hash(sort, &normal, key))?;
    if sort == Sort::FullName {
        // Surname first is as common as the other way round.
        let mut words: Vec<&str> = normal.split(' ').collect();
        words.rotate_left(1);
        let turned = words.join(" ");
        known.add(sort, hash(sort, &turned, key))?;
        // A scan joins words to names only behind a word that begins one.
        for first in [&normal, &turned].into_iter().filter_map(|n| n.split(' ').next()) {
            known.add(Sort::NamePart, hash(Sort::NamePart, first, key))?;
        }
    }
    Ok(())
}

/// Brings a value to the form in which it is compared; `None` when too short to be told from chance.
fn normalise(sort: Sort, text: &str) -> Option<String> {
    match sort {
        Sort::NamePart => None,
        Sort::FullName => {
            let words: Vec<String> = words(text).map(|(w, _)| w.to_lowercase()).collect();
            ((2..=4).contains(&words.len()) && words.iter().map(String::len).sum::<usize>() >= 6).then(|| words.join(" "))
        }
        Sort::Mail => text.contains('@').then(|| text.trim().to_lowercase()),
        Sort::Phone => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            // The last nine digits: country and trunk prefixes are written in many ways.
            (digits.len() >= 7).then(|| digits[digits.len().saturating_sub(9)..].to_owned())
        }
    }
}

fn hash(sort: Sort, normal: &str, key: &[u8; 32]) -> u64 {
    xxh3_64_with_secret(normal.as_bytes(), &secret(sort, key))
}

/// XXH3 wants 136 bytes of secret; the key is repeated with the sort in between.
fn secret(sort: Sort, key: &[u8; 32]) -> [u8; 192] {
    let mut secret = [0u8; 192];
    for (i, b) in secret.iter_mut().enumerate() {
        *b = key[i % 32] ^ u8::try_from(i / 32).unwrap_or(0) ^ (sort as u8) << 4;
    }
    secret
}

/// The known values of one sort, with the secret that they were hashed with.
struct Set {
    known: Option<Known>,
    sort: Sort,
    secret: [u8; 192],
}

impl Set {
    fn new(known: Option<&Known>, sort: Sort, key: &[u8; 32]) -> Set {
        Set { known: known.filter(|k| k.any(sort)).cloned(), sort, secret: secret(sort, key) }
    }

    fn any(&self) -> bool {
        self.known.is_some()
    }

    fn has(&self, normal: &str, trouble: &Trouble) -> bool {
        let Some(known) = &self.known else { return false };
        known.has(self.sort, xxh3_64_with_secret(normal.as_bytes(), &self.secret)).unwrap_or_else(|e| {
            trouble.lock().expect("no thread panics while it holds the trouble").get_or_insert(e.kind());
            false
        })
    }
}

/// The first lookup that failed: from then on nothing is proved.
type Trouble = Mutex<Option<std::io::ErrorKind>>;

/// Words with their byte offsets: letters, with apostrophes and hyphens inside.
fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// See [`words`]. Walks over bytes as long as they are ASCII, which is much quicker than reading characters.
#[derive(Clone)]
struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl Words<'_> {
    /// Goes on while characters do, or do not, belong to a word.
    fn pass(&mut self, part: bool) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match IN_WORDS[usize::from(byte)] {
                Some(is) if is == part => self.at += 1,
                Some(_) => return,
                None => {
                    let Some(c) = self.text[self.at..].chars().next() else { return };
                    if (c.is_alphabetic() || c == '’') != part {
                        return;
                    }
                    self.at += c.len_utf8();
                }
            }
        }
    }
}

/// Whether an ASCII character belongs to words; `None` where a byte is only part of a character.
static IN_WORDS: [Option<bool>; 256] = {
    let mut table = [None; 256];
    let mut byte = 0u8;
    while byte.is_ascii() {
        table[byte as usize] = Some(byte.is_ascii_alphabetic() || byte == b'\'' || byte == b'-');
        byte += 1;
    }
    table
};

impl<'t> Iterator for Words<'t> {
    type Item = (&'t str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        self.pass(false);
        let start = self.at;
        self.pass(true);
        (self.at > start).then(|| (&self.text[start..self.at], start))
    }
}

/// What was found in one column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScanFinding {
    /// Table and column.
    pub column: String,
    /// What it looks like.
    pub what: String,
    /// In how many values.
    pub values: u64,
}

/// What is looked for in a column besides mail addresses.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Full names; not in columns whose masks make names.
    pub names: bool,
    /// Telephone numbers; not in columns whose masks make digits.
    pub phones: bool,
}

impl Look {
    /// Everything.
    pub const ALL: Look = Look { names: true, phones: true };
}

/// What is searched for: shared by all that scan.
pub(crate) struct Search {
    starts: Set,
    full_names: Set,
    mails: Set,
    phones: Set,
    allowed: Vec<String>,
    /// How many known values; `None` where they are not known any more.
    pub known: Option<u64>,
    trouble: Trouble,
}

impl Search {
    /// Prepares the search for known values and for mail addresses outside reserved and allowed domains.
    pub fn new(known: Option<&Known>, key: &[u8; 32], allowed_domains: &[String]) -> Search {
        let set = |sort| Set::new(known, sort, key);
        Search {
            starts: set(Sort::NamePart),
            full_names: set(Sort::FullName),
            mails: set(Sort::Mail),
            phones: set(Sort::Phone),
            allowed: allowed_domains.iter().map(|d| d.to_lowercase()).collect(),
            known: known.map(Known::len),
            trouble: Mutex::new(None),
        }
    }

    /// Whether everything could be looked up that was to be.
    ///
    /// # Errors
    /// When the known values could not be read: then nothing is proved.
    pub fn sound(&self) -> Result<(), EngineError> {
        let trouble = *self.trouble.lock().expect("no thread panics while it holds the trouble");
        match trouble {
            Some(kind) => Err(EngineError::other("look up the source's values in the run's folder", kind.to_string())),
            None => Ok(()),
        }
    }
}

/// A scan going on.
pub(crate) struct Scan {
    search: Arc<Search>,
    found: BTreeMap<(String, String), u64>,
    /// Lower-case text of the value that is looked at, kept for its room.
    lower: String,
}

impl Scan {
    /// A scan that has found nothing yet.
    pub fn new(search: Arc<Search>) -> Scan {
        Scan { search, found: BTreeMap::new(), lower: String::new() }
    }

    /// Looks at one value.
    pub fn look(&mut self, column: &str, text: &str, at: Look) {
        let search = self.search.clone();
        let mut what: BTreeSet<&'static str> = BTreeSet::new();
        for mail in mails(text) {
            let lower = mail.to_lowercase();
            if search.mails.has(&lower, &search.trouble) {
                what.insert("mail address of the source");
            } else if !search.may_stay(&lower) {
                what.insert("mail address at a live domain");
            }
        }
        // Most texts have too few digits for a number; counting bytes is much quicker than reading characters.
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        if at.phones && search.phones.any() && digits(text) >= 7 {
            let known = |digits: &String| search.phones.has(&digits[digits.len().saturating_sub(9)..], &search.trouble);
            if digit_runs(text).iter().any(known) {
                what.insert("telephone number of the source");
            }
        }
        if at.names && search.full_names.any() {
            let mut lower = std::mem::take(&mut self.lower);
            lower.clear();
            match text.is_ascii() {
                true => {
                    lower.push_str(text);
                    lower.make_ascii_lowercase();
                }
                // Not character by character: a final sigma depends on what stands around it.
                false => lower.push_str(&text.to_lowercase()),
            }
            if search.names(&lower) {
                what.insert("full name of the source");
            }
            self.lower = lower;
        }
        for w in what {
            *self.found.entry((column.to_owned(), w.to_owned())).or_default() += 1;
        }
    }

    /// What was found, by column.
    pub fn finish(self) -> Vec<ScanFinding> {
        self.found.into_iter().map(|((column, what), values)| ScanFinding { column, what, values }).collect()
    }
}

impl Search {
    /// Whether a lower-case text has a known full name in it.
    fn names(&self, text: &str) -> bool {
        let mut words = words(text);
        while let Some((word, at)) = words.next() {
            if self.starts.has(word, &self.trouble) && self.name_begins(word, at + word.len(), text, words.clone()) {
                return true;
            }
        }
        false
    }

    /// Whether a known name of two to four words begins with this word, which ends at `end`. A name does not reach over a slash or a full
    /// stop; over a comma only as `Surname, First`.
    fn name_begins<'t>(&self, first: &str, mut end: usize, text: &'t str, following: impl Iterator<Item = (&'t str, usize)>) -> bool {
        let mut name = first.to_owned();
        for (n, (word, at)) in following.take(3).enumerate() {
            let between = &text[end..at];
            let comma = between.matches(',').count();
            if !between.chars().all(|c| c.is_whitespace() || c == ',') || comma > 1 || (comma == 1 && n > 0) {
                return false;
            }
            name.push(' ');
            name.push_str(word);
            if self.full_names.has(&name, &self.trouble) {
                return true;
            }
            if comma == 1 {
                return false;
            }
            end = at + word.len();
        }
        false
    }

    /// Reserved domains (RFC 2606, RFC 6761) and the program's allowed ones.
    fn may_stay(&self, mail: &str) -> bool {
        let domain = mail.rsplit('@').next().unwrap_or("");
        let within = |d: &str| domain == d || domain.strip_suffix(d).is_some_and(|rest| rest.ends_with('.'));
        ["invalid", "test", "example", "localhost", "example.com", "example.net", "example.org"].iter().any(|d| within(d))
            || self.allowed.iter().any(|d| within(d))
    }
}

/// Mail addresses in a text, by their shape.
fn mails(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(move |(at, _)| {
        let local = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
        let domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
        let start = text[..at].char_indices().rev().take_while(|(_, c)| local(*c)).last()?.0;
        let length: usize = text[at + 1..].chars().take_while(|c| domain(*c)).map(char::len_utf8).sum();
        let host = text[at + 1..at + 1 + length].trim_end_matches(['.', '-']);
        let top = host.rsplit('.').next()?;
        (host.contains('.') && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)).then(|| &text[start..at + 1 + host.len()])
    })
}

/// Runs of at least seven digits, separators of telephone numbers left out.
fn digit_runs(text: &str) -> Vec<String> {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut gap = 0;
    for c in text.chars() {
        if c.is_ascii_digit() {
            run.push(c);
            gap = 0;
        } else if !run.is_empty() && " -/().+".contains(c) && gap < 2 {
            gap += 1;
        } else if !run.is_empty() {
            if run.len() >= 7 {
                runs.push(std::mem::take(&mut run));
            }
            run.clear();
            gap = 0;
        }
    }
    if run.len() >= 7 {
        runs.push(run);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn known() -> Known {
        let folder = tempfile::tempdir().unwrap();
        let mut known = Gatherer::new(folder.path());
        let values = [(Sort::FullName, "Anna Nowak-Zielińska"), (Sort::Mail, "Ann@Clinic.org"), (Sort::Phone, "+48 600 700 800")];
        values.iter().for_each(|(sort, text)| gather(&mut known, *sort, text, &KEY).unwrap());
        known.finish().unwrap()
    }

    fn found(text: &str) -> Vec<String> {
        let mut scan = Scan::new(Arc::new(Search::new(Some(&known()), &KEY, &["partner.pl".into()])));
        scan.look("t.c", text, Look::ALL);
        scan.finish().into_iter().map(|f| f.what).collect()
    }

    #[test]
    fn known_values_are_found_inside_free_text() {
        assert_eq!(found("spoke with NOWAK-ZIELIŃSKA, Anna today"), ["full name of the source"]);
        assert_eq!(found("call 600-700-800 after 5"), ["telephone number of the source"]);
        assert_eq!(found("{\"to\":\"ann@clinic.org\"}"), ["mail address of the source"]);
    }

    #[test]
    fn unknown_mail_is_found_unless_its_domain_is_reserved_or_allowed() {
        assert_eq!(found("x <bob@gmail.com>"), ["mail address at a live domain"]);
        assert!(found("bob@mail.partner.pl bob@x.invalid a@b @").is_empty());
        assert_eq!(found("bob@notpartner.pl"), ["mail address at a live domain"]);
    }

    #[test]
    fn what_masks_make_up_is_not_looked_for_in_their_columns() {
        let search = Arc::new(Search::new(Some(&known()), &KEY, &[]));
        let found = |at: Look| {
            let mut scan = Scan::new(search.clone());
            scan.look("t.c", "Anna Nowak-Zielińska 600700800 ann@clinic.org", at);
            scan.finish().len()
        };
        assert_eq!(found(Look::ALL), 3);
        assert_eq!(found(Look { phones: false, ..Look::ALL }), 2);
        assert_eq!(found(Look { names: false, phones: false }), 1);
    }

    #[test]
    fn short_or_foreign_values_are_not_found() {
        assert!(found("Anna").is_empty());
        assert!(found("600 700").is_empty());
        assert!(found("Piotr Nowak-Zielińska").is_empty());
        // A list of two other people.
        assert!(found("Ewa Nowak-Zielińska/Anna Kowalska").is_empty());
    }
}
