//! What languages people are told things in need whatever is said: numbers with their nouns, days, the words for kinds of gates and outcomes; and how a text with places is filled.
//!
//! A language is a constant of all its words: one that lacks a word does not compile. Does not own what is said: catalogues of sentences stand beside whoever says them (`notices`, the evidence pack of the
//! command line).

mod days;

use jiff::Zoned;
use serde::{Deserialize, Serialize};

/// A language in which people are told things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Polish.
    Pl,
}

impl Language {
    /// All there are.
    pub const ALL: [Language; 2] = [Language::En, Language::Pl];

    /// A moment, as a sentence names it: `Tue 2027-02-09 18:00`, `wtorek, 9 lutego 2027, 18:00`.
    pub fn date(self, at: &Zoned) -> String {
        days::date(self, at)
    }

    /// A day, as a sentence names it: `2027-02-09`, `9 lutego 2027`.
    pub fn day(self, day: jiff::civil::Date) -> String {
        days::day(self, day)
    }

    /// On which day something takes place: `on Tue 2027-02-09 18:00`, `we wtorek 9 lutego 2027 o 18:00`.
    pub fn on(self, at: &Zoned) -> String {
        days::on(self, at)
    }

    /// So many of something.
    pub fn count(self, n: u64, forms: &Forms) -> String {
        format!("{n} {}", forms.of(self, n))
    }

    /// The word for a gate's kind, by its word in `process.toml`; one that is not known is shown as it is written.
    pub fn kind(self, word: &str) -> &str {
        one(self.kinds(), word)
    }

    /// Words for kinds of gates, by their word in `process.toml`.
    pub const fn kinds(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Language::En => KINDS_EN,
            Language::Pl => KINDS_PL,
        }
    }

    /// Words for how audits, their points and their findings stand, and for what findings weigh, by the word in the record.
    pub const fn audited(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Language::En => AUDITED_EN,
            Language::Pl => AUDITED_PL,
        }
    }

    /// Words for how a case of the test plan stands or came out, by the word in the record.
    pub const fn outcomes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Language::En => OUTCOMES_EN,
            Language::Pl => OUTCOMES_PL,
        }
    }
}

/// A noun as numbers want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forms {
    /// One.
    pub one: &'static str,
    /// In Polish 2 to 4, 22 to 24 and so on, but not 12 to 14.
    pub few: &'static str,
    /// Every other number.
    pub many: &'static str,
}

impl Forms {
    /// A noun of a language in which there is one and more than one.
    pub const fn two(one: &'static str, many: &'static str) -> Forms {
        Forms { one, few: many, many }
    }

    /// The form for a number.
    pub fn of(&self, language: Language, n: u64) -> &'static str {
        match (language, n, n % 10, n % 100) {
            (_, 1, ..) => self.one,
            (Language::Pl, _, 2..=4, tens) if !(12..=14).contains(&tens) => self.few,
            _ => self.many,
        }
    }
}

/// A word of a list; what it lacks is shown as it is written.
pub fn one<'w>(list: &'w [(&'static str, &'static str)], word: &'w str) -> &'w str {
    list.iter().find(|(w, _)| *w == word).map_or(word, |(_, said)| said)
}

/// A text with its places filled: `{by}` is what stands for `by`. What is put in is not looked through again: people's names and titles may contain anything. A place for which there is nothing stays as it
/// is written, so that it is seen.
pub fn fill(text: &str, with: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let place = after.split_once('}').and_then(|(name, after)| Some((with.iter().find(|(n, _)| *n == name)?.1, after)));
        match place {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Words for kinds of gates.
pub const KINDS_EN: &[(&str, &str)] = &[
    ("wait", "wait"),
    ("lead-time", "lead time"),
    ("window", "window"),
    ("sign-off", "sign-off"),
    ("checklist", "checklist"),
    ("artefacts", "files"),
    ("tasks", "tasks"),
    ("run", "proved by a run"),
    ("test-plan", "test plan"),
    ("integrations", "integrations"),
    ("runbook-rehearsed", "runbook rehearsed"),
    ("requirements", "requirements"),
    ("audit", "audit"),
    ("findings", "findings"),
];

/// Words for kinds of gates.
pub const KINDS_PL: &[(&str, &str)] = &[
    ("wait", "odczekanie"),
    ("lead-time", "wyprzedzenie"),
    ("window", "okno czasowe"),
    ("sign-off", "zatwierdzenie"),
    ("checklist", "lista kontrolna"),
    ("artefacts", "pliki"),
    ("tasks", "zadania"),
    ("run", "wykazane przebiegiem"),
    ("test-plan", "plan testów"),
    ("integrations", "integracje"),
    ("runbook-rehearsed", "próba harmonogramu"),
    ("requirements", "wymagania serwera"),
    ("audit", "audyt"),
    ("findings", "uwagi"),
];

/// Words for how cases stand.
pub const OUTCOMES_EN: &[(&str, &str)] =
    &[("passed", "passed"), ("failed", "failed"), ("blocked", "could not be tried"), ("again", "to be tried again"), ("open", "not tried")];

/// Words for how cases stand.
pub const OUTCOMES_PL: &[(&str, &str)] = &[
    ("passed", "zaliczony"),
    ("failed", "niezaliczony"),
    ("blocked", "nie dał się sprawdzić"),
    ("again", "do powtórzenia"),
    ("open", "niesprawdzony"),
];

/// Words for audits.
pub const AUDITED_EN: &[(&str, &str)] = &[
    ("to come", "to come"),
    ("under way", "under way"),
    ("stale", "positive, then something came to light"),
    ("positive", "positive"),
    ("negative", "negative"),
    ("good", "good"),
    ("bad", "bad"),
    ("not-applicable", "not applicable"),
    ("", "not looked at"),
    ("blocking", "blocking"),
    ("important", "important"),
    ("minor", "minor"),
    ("open", "open"),
    ("mended", "mended, not verified"),
    ("verified", "verified"),
    ("accepted", "accepted"),
];

/// Words for audits.
pub const AUDITED_PL: &[(&str, &str)] = &[
    ("to come", "przed nami"),
    ("under way", "w toku"),
    ("stale", "pozytywny, potem coś wyszło na jaw"),
    ("positive", "pozytywny"),
    ("negative", "negatywny"),
    ("good", "w porządku"),
    ("bad", "nie w porządku"),
    ("not-applicable", "nie dotyczy"),
    ("", "niesprawdzone"),
    ("blocking", "blokująca"),
    ("important", "ważna"),
    ("minor", "drobna"),
    ("open", "otwarta"),
    ("mended", "zgłoszona jako usunięta, niesprawdzona"),
    ("verified", "usunięta, sprawdzona"),
    ("accepted", "przyjęta"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polish_nouns_follow_their_numbers() {
        let minutes = Forms { one: "minuta", few: "minuty", many: "minut" };
        let said: Vec<&str> = [0, 1, 2, 4, 5, 11, 12, 14, 15, 21, 22, 25, 101, 102, 111, 112, 114, 122, 1002, 1012]
            .map(|n| minutes.of(Language::Pl, n))
            .into();
        let (one, few, many) = ("minuta", "minuty", "minut");
        let expected = [many, one, few, few, many, many, many, many, many, many, few, many, many, few, many, many, many, few, few, many];
        assert_eq!(said, expected);
        let english = Forms::two("minute", "minutes");
        assert_eq!(
            [0, 1, 2, 5, 21, 22].map(|n| english.of(Language::En, n)),
            ["minutes", "minute", "minutes", "minutes", "minutes", "minutes"]
        );
        assert_eq!(Language::Pl.count(22, &minutes), "22 minuty");
    }

    #[test]
    fn what_is_put_in_is_not_looked_through_again() {
        assert_eq!(fill("{by}: {what}, {by}", &[("by", "{what}"), ("what", "x")]), "{what}: x, {what}");
        assert_eq!(fill("{none} {by {by}", &[("by", "x")]), "{none} {by x");
        assert_eq!(fill("", &[]), "");
    }

    #[test]
    fn lists_of_words_have_the_same_keys_in_every_language() {
        let keys = |list: &[(&'static str, &str)]| list.iter().map(|(k, _)| *k).collect::<Vec<_>>();
        for language in Language::ALL {
            assert_eq!(keys(language.kinds()), keys(KINDS_EN));
            assert_eq!(keys(language.outcomes()), keys(OUTCOMES_EN));
            assert_eq!(keys(language.audited()), keys(AUDITED_EN));
        }
        assert_eq!(Language::Pl.kind("sign-off"), "zatwierdzenie");
        assert_eq!(Language::Pl.kind("newer"), "newer");
    }
}
