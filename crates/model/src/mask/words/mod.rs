//! Made-up people's and places' words in several languages. Owns the lists; does not own how one of them is picked.

mod last;
mod lorem;
mod people;
mod places;

use std::sync::LazyLock;

type List = LazyLock<Vec<&'static str>>;

/// Female first names.
pub(super) static FEMALE: List = LazyLock::new(|| split(people::FEMALE));
/// Male first names.
pub(super) static MALE: List = LazyLock::new(|| split(people::MALE));
/// Last names, the same for everybody.
pub(super) static LAST: List = LazyLock::new(|| split(last::LAST));
/// Street names without number.
pub(super) static STREETS: List = LazyLock::new(|| split(places::STREETS));
/// Cities.
pub(super) static CITIES: List = LazyLock::new(|| split(places::CITIES));
/// Words of dummy text; the entry at `n` holds words of `n` letters, the first is empty.
pub(super) static LOREM: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| lorem::BY_LENGTH.iter().map(|line| split(line)).collect());

fn split(text: &'static str) -> Vec<&'static str> {
    text.split('|').map(str::trim).filter(|w| !w.is_empty()).collect()
}

/// Characters of the longest word.
pub(super) fn longest(words: &[&str]) -> usize {
    words.iter().map(|w| w.chars().count()).max().unwrap_or(0)
}

/// Appends a word in lower-case ASCII letters, for mail addresses and user names.
pub(super) fn push_ascii(word: &str, out: &mut String) {
    for c in word.chars() {
        match c {
            'ß' => out.push_str("ss"),
            'Æ' | 'æ' => out.push_str("ae"),
            'Œ' | 'œ' => out.push_str("oe"),
            'Þ' | 'þ' => out.push_str("th"),
            c if c.is_ascii_alphabetic() => out.push(c.to_ascii_lowercase()),
            c => out.extend(bare(c)),
        }
    }
}

/// The plain ASCII letter nearest to a Latin one, in its case; none for other characters. For columns whose character set lacks the letter.
pub fn plain_letter(c: char) -> Option<char> {
    let plain = match c {
        'ß' | 'ẞ' => Some('s'),
        'Æ' | 'æ' => Some('a'),
        'Œ' | 'œ' => Some('o'),
        'Þ' | 'þ' => Some('t'),
        c => bare(c),
    };
    plain.map(|p| if c.is_uppercase() { p.to_ascii_uppercase() } else { p })
}

/// The letter under a diacritic.
fn bare(c: char) -> Option<char> {
    Some(match c.to_lowercase().next()? {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' | 'ð' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì'..='ï' | 'ī' | 'ı' => 'i',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn lists_are_long_enough_and_hold_no_word_twice() {
        for (list, least) in [(&FEMALE, 100), (&MALE, 100), (&LAST, 300), (&STREETS, 100), (&CITIES, 100)] {
            let unique: BTreeSet<_> = list.iter().collect();
            let doubled: Vec<_> = list.iter().filter(|w| list.iter().filter(|o| o == w).count() > 1).collect();
            assert_eq!(unique.len(), list.len(), "twice: {doubled:?}");
            assert!(list.len() >= least, "{} of {least}", list.len());
        }
    }

    #[test]
    fn every_name_has_an_ascii_form_with_all_its_letters() {
        for word in FEMALE.iter().chain(MALE.iter()).chain(LAST.iter()) {
            let mut out = String::new();
            push_ascii(word, &mut out);
            assert!(out.len() >= word.chars().filter(|c| c.is_alphabetic()).count(), "{word} lost letters: {out}");
            assert!(out.bytes().all(|b| b.is_ascii_lowercase()));
        }
    }

    #[test]
    fn dummy_words_stand_under_their_length() {
        for (length, words) in LOREM.iter().enumerate().skip(1) {
            assert!(words.len() >= 4, "length {length}");
            assert!(words.iter().all(|w| w.len() == length), "length {length}: {words:?}");
        }
    }
}
