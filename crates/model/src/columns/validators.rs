//! Validators on sampled texts: checksums of cards, IBANs and national numbers, shapes of mails, phones and the like. Checksums follow the
//! published rules of each number. Never keeps or reports a sample.

/// Digits of a text in which only digits and the given separators may stand.
fn digits(text: &str, separators: &str) -> Option<Vec<u32>> {
    text.trim().chars().filter(|c| !separators.contains(*c)).map(|c| c.to_digit(10)).collect()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// A mailbox at a domain with a dot.
pub(super) fn email(text: &str) -> bool {
    let Some((local, domain)) = text.trim().rsplit_once('@') else { return false };
    let label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-');
    !local.is_empty() && !local.contains(|c: char| c.is_whitespace() || c == '@') && domain.contains('.') && domain.split('.').all(label)
}

/// Seven to fifteen digits (ITU-T E.164) with the usual separators, and a sign that it is written as a phone number.
pub(super) fn phone(text: &str) -> bool {
    let text = text.trim();
    let count = text.chars().filter(char::is_ascii_digit).count();
    let usual = text.chars().all(|c| c.is_ascii_digit() || " +-./()".contains(c));
    let written = text.starts_with(['+', '(']) || text.starts_with("00") || text.contains([' ', '-', '/', '(']);
    usual && written && (7..=15).contains(&count) && !iso_date(text)
}

fn iso_date(text: &str) -> bool {
    date_year(text).is_some()
}

/// The Luhn checksum (ISO/IEC 7812-1).
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits.iter().rev().enumerate().map(|(n, d)| if n % 2 == 1 { (d * 2) / 10 + (d * 2) % 10 } else { *d }).sum();
    sum.is_multiple_of(10)
}

/// A payment card: 13 to 19 digits of a card network, Luhn-valid.
pub(super) fn card(text: &str) -> bool {
    digits(text, " -").is_some_and(|d| (13..=19).contains(&d.len()) && (2..=6).contains(&d[0]) && luhn(&d))
}

/// An IBAN: two letters, check digits, modulo 97 (ISO 13616).
pub(super) fn iban(text: &str) -> bool {
    let compact: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if !(15..=34).contains(&compact.len())
        || !compact[..2].iter().all(char::is_ascii_uppercase)
        || !compact[2..4].iter().all(char::is_ascii_digit)
    {
        return false;
    }
    let mut rest = 0u32;
    for c in compact[4..].iter().chain(&compact[..4]) {
        let Some(value) = c.to_digit(36) else { return false };
        rest = if value < 10 { rest * 10 + value } else { rest * 100 + value } % 97;
    }
    rest == 1
}

/// An IPv4 or IPv6 address, also with a prefix length.
pub(super) fn ip(text: &str) -> bool {
    let host = text.trim().split('/').next().unwrap_or("");
    host.parse::<std::net::IpAddr>().is_ok()
}

/// An address on the web.
pub(super) fn url(text: &str) -> bool {
    let text = text.trim();
    ["http://", "https://", "ftp://", "www."].iter().any(|p| text.get(..p.len()).is_some_and(|head| head.eq_ignore_ascii_case(p)))
}

/// The year of an ISO (or dotted, or slashed) date.
pub(super) fn date_year(text: &str) -> Option<u32> {
    let head = text.trim().split(['T', ' ']).next()?;
    let parts: Vec<&str> = head.split(['-', '.', '/']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
    let (y, m, d): (u32, u32, u32) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    (year.len() == 4 && (1..=31).contains(&m) && (1..=31).contains(&d) && (m <= 12 || d <= 12)).then_some(y)
}

/// Free text: several words.
pub(super) fn free_text(text: &str) -> bool {
    text.split_whitespace().count() >= 6 || text.chars().count() > 120
}

/// A hashed password: crypt's `$id$`, Argon2, PBKDF2, LDAP's `{SSHA}`.
pub(super) fn password_hash(text: &str) -> bool {
    let marks = ["$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$argon2", "$pbkdf2", "pbkdf2_sha", "{SSHA", "{SHA}", "scrypt:"];
    text.len() >= 20 && marks.iter().any(|m| text.starts_with(m))
}

/// A person's name by its shape: one to four capitalised words of letters. Says nothing without a name that agrees.
pub(super) fn person_name(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let letters = |w: &&str| w.chars().next().is_some_and(char::is_uppercase) && w.chars().all(|c| c.is_alphabetic() || "-'’.".contains(c));
    (1..=4).contains(&words.len())
        && words.iter().filter(|w| letters(w)).count() * 2 > words.len()
        && !text.contains(|c: char| c.is_numeric())
}

/// A national number with its checksum, and whose.
pub(super) fn national_id(text: &str) -> Option<&'static str> {
    let found = [
        ("PESEL", pesel as fn(&str) -> bool),
        ("codice fiscale", codice_fiscale),
        ("DNI or NIE", dni),
        ("NIR", nir),
        ("Steuer-ID", steuer_id),
        ("BSN", bsn),
        ("SSN", ssn),
        ("NINO", nino),
    ];
    found.into_iter().find(|(_, valid)| valid(text.trim())).map(|(whose, _)| whose)
}

fn pesel(text: &str) -> bool {
    digits(text, "").is_some_and(|d| {
        let month = d.len() == 11 && (1..=12).contains(&((d[2] * 10 + d[3]) % 20)) && (1..=31).contains(&(d[4] * 10 + d[5]));
        month && weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
    })
}

/// Written with hyphens only: nine bare digits say nothing. Never issued: area 000, 666, 9xx; group 00; serial 0000.
fn ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    let sized = (area.len(), group.len(), serial.len()) == (3, 2, 4) && parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    sized && *area != "000" && *area != "666" && !area.starts_with('9') && *group != "00" && *serial != "0000"
}

/// The Dutch eleven test, in which the last digit counts minus one.
fn bsn(text: &str) -> bool {
    digits(text, ".").is_some_and(|d| {
        d.len() == 9 && d.iter().any(|x| *x != 0) && (weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 - d[8]).is_multiple_of(11)
    })
}

/// German tax number: ISO 7064 mod 11,10; among the first ten digits one occurs twice or three times, no leading zero.
fn steuer_id(text: &str) -> bool {
    digits(text, " ").is_some_and(|d| {
        if d.len() != 11 || d[0] == 0 {
            return false;
        }
        let repeated = (0..10).filter(|x| (2..=3).contains(&d[..10].iter().filter(|y| *y == x).count())).count();
        let product = d[..10].iter().fold(10u32, |p, x| {
            let sum = (x + p) % 10;
            (if sum == 0 { 10 } else { sum }) * 2 % 11
        });
        repeated == 1 && (11 - product) % 10 == d[10]
    })
}

/// French social security number: 13 characters and the key 97 − n mod 97; Corsica's 2A and 2B count as 19 and 18.
fn nir(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if compact.len() != 15 || !compact.is_ascii() || !compact.starts_with(['1', '2', '3', '4', '7', '8']) {
        return false;
    }
    let (number, key) = compact.split_at(13);
    let number = match &number[5..7] {
        "2A" => format!("{}19{}", &number[..5], &number[7..]),
        "2B" => format!("{}18{}", &number[..5], &number[7..]),
        _ => number.to_owned(),
    };
    matches!((number.parse::<u64>(), key.parse::<u64>()), (Ok(n), Ok(k)) if 97 - n % 97 == k)
}

/// Italian tax code: 16 characters, the last a check letter; characters at odd places have values of their own.
fn codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let upper = text.to_ascii_uppercase();
    let bytes = upper.as_bytes();
    if bytes.len() != 16 || !bytes[..6].iter().all(u8::is_ascii_uppercase) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let value = |b: u8| u32::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' });
    let sum: u32 = bytes[..15].iter().enumerate().map(|(n, b)| if n % 2 == 0 { ODD[value(*b) as usize] } else { value(*b) }).sum();
    bytes[15].is_ascii_uppercase() && sum % 26 == value(bytes[15])
}

/// Spanish identity numbers: the letter follows from the number modulo 23; foreigners' X, Y, Z count as 0, 1, 2.
fn dni(text: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let compact: String = text.chars().filter(|c| !"- .".contains(*c)).collect::<String>().to_ascii_uppercase();
    if compact.len() != 9 || !compact.is_ascii() {
        return false;
    }
    let (number, letter) = compact.split_at(8);
    let number = match number.as_bytes()[0] {
        b'X' => format!("0{}", &number[1..]),
        b'Y' => format!("1{}", &number[1..]),
        b'Z' => format!("2{}", &number[1..]),
        _ => number.to_owned(),
    };
    number.bytes().all(|b| b.is_ascii_digit()) && number.parse::<usize>().is_ok_and(|n| letter.as_bytes()[0] == LETTERS[n % 23])
}

/// British national insurance number: prefix letters that are in use, six digits, suffix A to D.
fn nino(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let bytes = compact.as_bytes();
    bytes.len() == 9
        && bytes[..2].iter().all(|b| b.is_ascii_uppercase() && !b"DFIQUV".contains(b))
        && bytes[1] != b'O'
        && ![&b"BG"[..], b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&&bytes[..2])
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&bytes[8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_are_valid_and_fail_with_one_digit_changed() {
        type Case = (fn(&str) -> bool, &'static str, &'static str);
        let cases: [Case; 10] = [
            (card, "4111 1111 1111 1111", "4111 1111 1111 1112"),
            (iban, "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 01"),
            (iban, "GB29NWBK60161331926819", "GB29NWBK60161331926818"),
            (pesel, "44051401359", "44051401358"),
            (bsn, "111222333", "111222334"),
            (steuer_id, "86095742719", "86095742718"),
            (nir, "255081416802538", "255081416802539"),
            (codice_fiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            (dni, "12345678Z", "12345678A"),
            (dni, "X1234567L", "X1234567M"),
        ];
        for (valid, good, bad) in cases {
            assert!(valid(good), "{good}");
            assert!(!valid(bad), "{bad}");
        }
        assert!(ssn("078-05-1120") && !ssn("666-05-1120") && !ssn("078051120"));
        assert!(nino("AB123456C") && !nino("GB123456C") && !nino("AB123456E"));
    }

    #[test]
    fn shapes_are_told_apart() {
        assert!(email("ann.o'neil+x@mail.example.org") && !email("ann@localhost") && !email("a b@c.d") && !email("@c.d"));
        assert!(phone("+49 30 1234567") && phone("(030) 123-4567") && !phone("1234567") && !phone("2024-01-31"));
        assert!(ip("2001:db8::1") && ip("10.0.0.0/8") && !ip("1.2.3"));
        assert_eq!((date_year("1985-02-28"), date_year("28.02.1985"), date_year("12-34")), (Some(1985), Some(1985), None));
        assert!(person_name("Anna Kowalska-Nowak") && !person_name("order 12") && !person_name("lower case"));
        assert!(password_hash("$2b$12$abcdefghijklmnopqrstuv") && !password_hash("secret"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_validator_panic(text in "\\PC{0,40}") {
            let _ = (email(&text), phone(&text), card(&text), iban(&text), ip(&text), url(&text), date_year(&text), person_name(&text));
            let _ = (national_id(&text), password_hash(&text), free_text(&text));
        }
    }
}
