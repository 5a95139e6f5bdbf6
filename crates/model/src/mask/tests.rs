//! Properties that every mask must have, and examples of what single masks do with real, ugly values.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "sample values are small")]

use super::catalogue::{sample_rule, unbounded};
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Masks whose output does not depend on the key.
const UNKEYED: [&str; 7] = ["null", "constant", "empty", "partial", "password_hash", "round", "file"];

fn key(n: u8) -> DomainKey {
    MaskKey::new([n; 32]).domain("people")
}

fn rule(name: &str, params: serde_json::Value) -> MaskRule {
    MaskRule { name: name.to_owned(), params: serde_json::from_value(params).unwrap() }
}

fn column(family: Family, max_length: Option<u32>) -> Column {
    Column { max_length, native_type: "text".into(), ..unbounded(family) }
}

fn make(name: &str, params: serde_json::Value, column: &Column) -> Box<dyn Mask> {
    compile(&rule(name, params), column, &key(1)).unwrap_or_else(|f| panic!("{name}: {f:?}"))
}

fn codes(name: &str, params: serde_json::Value, column: &Column) -> Vec<&'static str> {
    compile(&rule(name, params), column, &key(1)).err().unwrap_or_default().iter().map(|f| f.code).collect()
}

fn text(mask: &dyn Mask, input: &str) -> String {
    match mask.apply(input.as_bytes(), Value::Text(input.into())).unwrap() {
        Value::Text(t) => t.into_owned(),
        other => panic!("{other:?}"),
    }
}

fn one(name: &str, params: serde_json::Value, input: &str) -> String {
    text(make(name, params, &column(Family::Text, None)).as_ref(), input)
}

/// A value of the family that the mask understands, from a number: different numbers give different values.
fn sample(mask: &str, family: Family, n: u32) -> Value<'static> {
    match (mask, family) {
        ("birth_date" | "date_shift", Family::Text) => Value::Text(format!("19{:02}-{:02}-{:02}", n % 90, n % 12 + 1, n % 28 + 1).into()),
        ("noise" | "round", Family::Text) => Value::Text(format!("{}.50", n + 1000).into()),
        ("json", _) => Value::Text(format!(r#"{{"mail": "a{n}@b.example"}}"#).into()),
        (_, Family::Integer) => Value::Int(i64::from(n) + 100_000),
        (_, Family::Decimal) => Value::Decimal(format!("{}.25", n + 100_000).into()),
        (_, Family::Float) => Value::Float(f64::from(n) + 1000.5),
        (_, Family::Bytes) => Value::Bytes(format!("%PDF {n}").into_bytes().into()),
        (_, Family::Uuid) => Value::Uuid(u128::from(n).to_be_bytes()),
        (_, Family::Inet) => Value::Inet(format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255).into()),
        (_, Family::TextArray) => Value::TextArray(vec![Some(format!("a{n}@b.example").into()), None]),
        (_, Family::Date) => Value::Date(jiff::civil::date(1950 + (n % 70) as i16, (n % 12 + 1) as i8, (n % 28 + 1) as i8)),
        _ => Value::Text(format!("Wert {n} 12345678").into()),
    }
}

fn length(value: &Value<'_>) -> usize {
    match value {
        Value::Text(t) | Value::Decimal(t) | Value::Json(t) | Value::Inet(t) => t.chars().count(),
        Value::Bytes(b) => b.len(),
        _ => 0,
    }
}

/// Every mask on every family it takes, and for text also on bounded columns that it accepts.
fn all(key: &DomainKey) -> Vec<(&'static MaskInfo, Column, Box<dyn Mask>)> {
    let mut found = Vec::new();
    for info in catalogue() {
        for family in info.families {
            for bound in [None, Some(12), Some(30), Some(36), Some(255)] {
                let column = column(*family, bound);
                if let Ok(mask) = compile(&sample_rule(info), &column, key) {
                    found.push((info, column, mask));
                }
            }
        }
    }
    found
}

#[test]
fn every_mask_compiles_on_its_first_family_and_is_built() {
    for info in catalogue() {
        let made = compile(&sample_rule(info), &column(info.families[0], None), &key(1));
        assert!(made.is_ok(), "{}: {:?}", info.name, made.err());
    }
}

#[test]
fn null_stays_null_and_empty_text_stays_empty() {
    for (info, column, mask) in all(&key(1)) {
        let name = info.name;
        if column.family != Family::Other {
            assert_eq!(mask.apply(b"x", Value::Null).unwrap(), Value::Null, "{name}");
        }
        if column.family == Family::Text && !["null", "constant"].contains(&name) {
            assert_eq!(mask.apply(b"x", Value::Text("".into())).unwrap(), Value::Text("".into()), "{name}");
        }
    }
}

#[test]
fn equal_keys_agree_and_different_keys_do_not() {
    let (first, again, other) = (all(&key(1)), all(&key(1)), all(&key(2)));
    for (((info, column, a), (_, _, b)), (_, _, c)) in first.iter().zip(&again).zip(&other) {
        let outputs = |mask: &dyn Mask| -> Vec<_> {
            let value = |n| sample(info.name, column.family, n);
            (0..24u32).map(|n| mask.apply(&n.to_le_bytes(), value(n))).collect()
        };
        let (a, b, c) = (outputs(a.as_ref()), outputs(b.as_ref()), outputs(c.as_ref()));
        assert_eq!(a, b, "{} on {:?}", info.name, column.family);
        let refused = a.iter().all(Result::is_err);
        if !UNKEYED.contains(&info.name) && !refused {
            assert_ne!(a, c, "{} on {:?}", info.name, column.family);
        }
    }
}

#[test]
fn promised_uniqueness_and_length_hold_for_twenty_thousand_values() {
    for (info, column, mask) in all(&key(1)) {
        let distinct = mask.traits().uniqueness >= Uniqueness::Distinct;
        let count = if distinct && column.max_length.is_none_or(|n| n == 30) { 20_000 } else { 300 };
        let mut seen = BTreeSet::new();
        for n in 0..count {
            let Ok(out) = mask.apply(b"the same person", sample(info.name, column.family, n)) else { continue };
            let bound = mask.traits().max_output.map_or(usize::MAX, |n| n as usize);
            assert!(length(&out) <= bound, "{} on {column:?}: {out:?}", info.name);
            let mut bytes = Vec::new();
            out.canonical(&mut bytes);
            let lower = String::from_utf8_lossy(&bytes).to_lowercase();
            let fresh = if mask.traits().case_proof { seen.insert(lower.into_bytes()) } else { seen.insert(bytes) };
            assert!(fresh || !distinct, "{} on {:?} repeats itself", info.name, column.family);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_text_makes_a_mask_panic_overflow_or_return_it(input in "\\PC{0,60}|[0-9 +()./-]{0,30}|[A-Za-z0-9]{1,50}|\\{.{0,20}\\}", identity: Vec<u8>) {
        for (info, column, mask) in all(&key(1)).iter().filter(|(_, c, _)| matches!(c.family, Family::Text | Family::Any | Family::Bytes)) {
            let stored: String = input.chars().take(column.max_length.unwrap_or(u32::MAX) as usize).collect();
            for value in [Value::Text(stored.as_str().into()), Value::Bytes(stored.as_bytes().into())] {
                if column.family == Family::Bytes && matches!(value, Value::Text(_)) {
                    continue;
                }
                let Ok(out) = mask.apply(&identity, value.clone()) else { continue };
                if let Value::Text(out) = &out {
                    let count = out.chars().count();
                    prop_assert!(count <= column.max_length.unwrap_or(u32::MAX) as usize, "{} gave {count}", info.name);
                    let loose = ["permute", "json", "round", "birth_date", "date_shift", "redact", "partial", "uuid"].contains(&info.name);
                    prop_assert!(loose || stored.contains(' ') || !out.ends_with(' '), "{} ends in a blank", info.name);
                    let trivial = stored.chars().filter(|c| c.is_alphanumeric()).count() < 2;
                    let fixed = ["constant", "password_hash", "empty", "gender", "file", "noise"].contains(&info.name);
                    prop_assert!(loose || trivial || fixed || *out != stored, "{} gave the input back", info.name);
                }
            }
        }
    }

    #[test]
    fn no_number_makes_a_mask_panic(n: i64, x: f64, digits in "-?[0-9]{1,40}(\\.[0-9]{1,10})?") {
        for (_, _, mask) in all(&key(1)) {
            for value in [Value::Int(n), Value::Float(x), Value::Decimal(digits.as_str().into()), Value::Bool(true)] {
                if let (Ok(Value::Int(out)), Value::Int(n)) = (mask.apply(b"", value.clone()), &value) {
                    // Numbers that fit 32 bits go on fitting them, as columns of that width demand.
                    prop_assert!(i32::try_from(*n).is_err() || i32::try_from(out).is_ok() || mask.traits().max_output.is_none());
                }
            }
        }
    }

    #[test]
    fn decimals_keep_the_columns_digits_and_scale(whole in 0u64..99_999_999, fraction in 0u32..100, percent in 1u32..100) {
        let column = Column { precision: Some((10, 2)), ..column(Family::Decimal, None) };
        for mask in [make("noise", json!({"percent": percent}), &column), make("round", json!({"to": 100}), &column)] {
            let Value::Decimal(out) = mask.apply(b"", Value::Decimal(format!("-{whole}.{fraction:02}").into())).unwrap() else { panic!() };
            let (w, f) = out.trim_start_matches('-').split_once('.').unwrap();
            prop_assert!(f.len() == 2 && w.len() <= 8 && (w == "0" || !w.starts_with('0')), "{out}");
            prop_assert!(!out.starts_with("-0.00"));
        }
    }
}

#[test]
fn huge_text_passes_through_every_text_mask() {
    let huge = "Zażółć gęślą jaźń 0123456789 ".repeat(4000);
    for (_, _, mask) in all(&key(1)) {
        let _ = mask.apply(huge.as_bytes(), Value::Text(huge.as_str().into()));
    }
}

#[test]
fn names_mail_and_user_name_of_one_identity_belong_together() {
    let column = column(Family::Text, None);
    let of = |name: &str, params| match make(name, params, &column).apply(b"4711", Value::Text("Anna".into())).unwrap() {
        Value::Text(t) => t.into_owned(),
        other => panic!("{other:?}"),
    };
    let (first, last) = (of("first_name", json!({})), of("last_name", json!({})));
    assert_eq!(of("full_name", json!({})), format!("{first} {last}"));
    assert_eq!(of("full_name", json!({"format": "{last}, {first}"})), format!("{last}, {first}"));
    let (mut a, mut b) = (String::new(), String::new());
    words::push_ascii(&first, &mut a);
    words::push_ascii(&last, &mut b);
    assert!(of("email", json!({})).starts_with(&format!("{a}.{b}.")));
    assert!(of("user_name", json!({"unique": false})).starts_with(&format!("{a}.{b}.")));
}

#[test]
fn two_addresses_of_one_person_stay_two() {
    let mask = make("email", json!({}), &column(Family::Text, None));
    let of = |t: &'static str| mask.apply(b"7", Value::Text(t.into())).unwrap();
    assert_ne!(of("a@b.example"), of("c@b.example"));
    assert_eq!(of("a@b.example"), of("a@b.example"));
}

#[test]
fn phones_keep_their_format_and_land_where_nobody_answers() {
    for (input, start) in
        [("+48 601 234 567", "+48 0"), ("+1 (212) 664-7665", "+1 ("), ("0048601234567", "00480"), ("+44 20 7946 0018", "+44 77 0090 0")]
    {
        let out = one("phone", json!({}), input);
        assert!(out.starts_with(start), "{input} -> {out}");
        let shape = |t: &str| t.replace(|c: char| c.is_ascii_digit(), "9");
        assert_eq!(shape(&out), shape(input));
    }
    let american = one("phone", json!({}), "(212) 664-7665");
    assert_eq!(&american[5..12], " 555-01", "{american}");
    assert!(one("phone", json!({}), "030 12345 ask Anna ext 7").contains("xxx xxxx ext "));
}

#[test]
fn national_ids_have_valid_check_digits_in_impossible_ranges() {
    let pesel: Vec<u32> = one("national_id", json!({"scheme": "pesel"}), "44051401359").chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = pesel.iter().zip([1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).map(|(d, w)| d * w).sum();
    assert_eq!(sum % 10, 0);
    assert!((61..=72).contains(&(pesel[2] * 10 + pesel[3])));
    let nip: Vec<u32> = one("national_id", json!({"scheme": "nip"}), "123-456-32-18").chars().filter_map(|c| c.to_digit(10)).collect();
    assert_eq!(nip.iter().zip([6, 5, 7, 2, 3, 4, 5, 6, 7]).map(|(d, w)| d * w).sum::<u32>() % 11, nip[9]);
    assert!(one("national_id", json!({"scheme": "ssn"}), "123-45-6789").starts_with('9'));
}

#[test]
fn cards_pass_luhn_and_ibans_pass_mod_97() {
    let card = one("card", json!({}), "4111-1111-1111-1111");
    let digits: Vec<u8> = card.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    assert!(card.starts_with("9999-99"));
    assert_eq!(national::luhn_digit(&digits[..15]), digits[15]);
    for input in ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "PL61109010140000071219812874"] {
        let iban = one("iban", json!({}), input);
        let compact: String = iban.chars().filter(|c| *c != ' ').collect();
        let rest = format!("{}{}", &compact[4..], &compact[..4]).chars().fold(0u64, |r, c| {
            let n = u64::from(c.to_digit(36).unwrap());
            (if n > 9 { r * 100 + n } else { r * 10 + n }) % 97
        });
        assert_eq!((rest, iban.len(), &iban[..2]), (1, input.len(), &input[..2]), "{iban}");
        assert!(["0000", "XXXX"].contains(&&compact[4..8]));
    }
    // The best-known test numbers of their kind hold, too: the arithmetic is not merely consistent with itself.
    assert_eq!(national::luhn_digit(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1]), 3);
}

#[test]
fn dates_keep_their_format_their_year_and_their_distance() {
    for input in ["1980-02-29", "1980-02-29T10:11:12.345Z", "1980-02-29 00:00:00+01"] {
        let out = one("birth_date", json!({}), input);
        assert!(out.starts_with("1980-") && out[10..] == input[10..] && out != input, "{out}");
    }
    let shift = make("date_shift", json!({"days": 20}), &column(Family::Date, None));
    let at = |d| match shift.apply(b"7", Value::Date(d)).unwrap() {
        Value::Date(d) => d,
        other => panic!("{other:?}"),
    };
    let (a, b) = (jiff::civil::date(2024, 2, 20), jiff::civil::date(2024, 12, 31));
    assert_eq!((at(b) - at(a)).get_days(), (b - a).get_days());
    assert_ne!(at(a), a);
    let marker = jiff::civil::date(9999, 12, 31);
    assert_eq!(at(marker), marker);
    let strict = make("birth_date", json!({}), &column(Family::Text, None));
    assert!(matches!(strict.apply(b"", Value::Text("29.02.1980".into())), Err(MaskError::Malformed { .. })));
    let lenient = make("birth_date", json!({"on_invalid": "null"}), &column(Family::Text, None));
    assert_eq!(lenient.apply(b"", Value::Text("29.02.1980".into())).unwrap(), Value::Null);
    let seconds = make("date_shift", json!({"unit": "seconds"}), &column(Family::Integer, None));
    let Value::Int(n) = seconds.apply(b"7", Value::Int(1_700_000_001)).unwrap() else { panic!() };
    assert!((n - 1_700_000_001) % 86_400 == 0 && n != 1_700_000_001);
}

#[test]
fn json_changes_only_what_its_paths_name() {
    let doc = r#"{ "b":1.50,  "a" : [ {"mail":"a@b.example","x":1e3}, {"mail":null}, {"mail":"\u0061@b.example"} ], "z":"ü" }"#;
    let mask = make("json", json!({"paths": {"$.a[*].mail": {"mask": "constant", "value": "m"}}}), &column(Family::Json, None));
    let Value::Json(out) = mask.apply(b"7", Value::Json(doc.into())).unwrap() else { panic!() };
    assert_eq!(out, doc.replace(r#""a@b.example""#, r#""m""#).replace(r#""\u0061@b.example""#, r#""m""#));
    let names = make("json", json!({"paths": {"$[*]": "first_name"}}), &column(Family::Json, None));
    let Value::Json(out) = names.apply(b"7", Value::Json(r#"["A","B","C","D"]"#.into())).unwrap() else { panic!() };
    assert!(serde_json::from_str::<BTreeSet<String>>(&out).unwrap().len() > 1, "elements are different people: {out}");
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for bad in ["{", "nonsense", r#"{"a":[{"mail":"\ud800"}]}"#, deep.as_str()] {
        assert!(mask.apply(b"", Value::Text(bad.into())).is_err(), "{bad}");
    }
}

#[test]
fn redacting_keeps_the_shape_and_patterns_keep_the_prose() {
    let input = "Call ANNA Kowalska, room 12b!\nSecond line.";
    let out = one("redact", json!({}), input);
    let shape = |t: &str| -> Vec<usize> { t.split(|c: char| !c.is_alphanumeric()).map(|w| w.chars().count()).collect() };
    assert_eq!(shape(&out), shape(input), "{out}");
    assert!(!out.contains("Kowalska"));
    for mode in ["lorem", "blank_words"] {
        // Dummy words with an `@` between them could be an address that somebody has.
        assert!(!one("redact", json!({"mode": mode}), "write to a.kowalska@clinic.pl or <ann＠x.io>").contains(['@', '＠']));
    }
    let out = one(
        "redact",
        json!({"mode": "patterns"}),
        "mail <anna@mail.example>, see https://x.example/anna, tel 030 123-4567 or room 12, 2 pm",
    );
    assert!(out.starts_with("mail <[mail]>, see [url], tel ") && out.ends_with(" or room 12, 2 pm") && !out.contains("123-4567"), "{out}");
}

#[test]
fn uuids_agree_between_types_and_spellings() {
    let lower = "6f2c1b8e-0c7e-4a53-9d38-1f4f5b2d7c90";
    let mask = make("uuid", json!({}), &column(Family::Text, None));
    let out = text(mask.as_ref(), lower);
    assert_eq!(text(mask.as_ref(), &lower.to_uppercase()), out.to_uppercase());
    assert_eq!(text(mask.as_ref(), &lower.replace('-', "")), out.replace('-', ""));
    let bytes = u128::from_str_radix(&lower.replace('-', ""), 16).unwrap().to_be_bytes();
    let Value::Uuid(new) = mask.apply(b"", Value::Uuid(bytes)).unwrap() else { panic!() };
    assert_eq!(format!("{:032x}", u128::from_be_bytes(new)), out.replace('-', ""));
}

#[test]
fn addresses_come_from_the_documentation_ranges() {
    for (input, starts) in [
        ("10.1.2.3", &["192.0.2.", "198.51.100.", "203.0.113."][..]),
        ("fe80::1", &["2001:db8:"]),
        ("rubbish", &["192.0.2.", "198.51.100.", "203.0.113."]),
    ] {
        let out = one("ip", json!({}), input);
        assert!(starts.iter().any(|s| out.starts_with(s)), "{input} -> {out}");
    }
    assert!(one("ip", json!({}), "10.1.2.0/24").ends_with(".0/24"));
}

#[test]
fn padded_character_columns_stay_padded() {
    let column = Column { native_type: "character(12)".into(), ..column(Family::Text, Some(12)) };
    let mask = make("digits", json!({}), &column);
    let out = text(mask.as_ref(), "AB12        ");
    assert!(out.len() == 12 && out.trim_end().len() == 4 && !out.starts_with("AB12"));
    let plain = make("digits", json!({}), &super::tests::column(Family::Text, Some(12)));
    assert_eq!(text(plain.as_ref(), "AB12"), out.trim_end());
}

#[test]
fn text_in_numeric_columns_never_becomes_a_number() {
    let mask = make("digits", json!({}), &column(Family::Integer, None));
    assert!((0..400).all(|n| text(mask.as_ref(), &format!("{n}a{n}")).parse::<f64>().is_err()));
    assert_eq!(mask.apply(b"", Value::Decimal("NaN".into())).unwrap(), Value::Decimal("NaN".into()));
}

#[test]
fn what_cannot_work_is_found_before_a_run() {
    let (words, short) = (column(Family::Text, None), column(Family::Text, Some(30)));
    let strict = Column { nullable: false, ..words.clone() };
    assert_eq!(codes("emial", json!({}), &words), ["GR0301"]);
    assert_eq!(codes("email", json!({"domian": "x"}), &words), ["GR0302"]);
    assert_eq!(codes("email", json!({"unique": "yes"}), &words), ["GR0303"]);
    assert_eq!(codes("redact", json!({"mode": "loud"}), &words), ["GR0303"]);
    assert_eq!(codes("constant", json!({}), &words), ["GR0303"]);
    assert_eq!(codes("email", json!({}), &column(Family::Integer, None)), ["GR0304"]);
    assert_eq!(codes("email", json!({}), &short), ["GR0305"]);
    assert!(codes("email", json!({"unique": false}), &short).is_empty());
    assert_eq!(codes("uuid", json!({}), &column(Family::Text, Some(20))), ["GR0305"]);
    assert_eq!(codes("null", json!({}), &strict), ["GR0306"]);
    assert_eq!(codes("birth_date", json!({"on_invalid": "null"}), &strict), ["GR0306"]);
    for domain in ["gmail.com", "notexample.com", "invalid.com", "a b.test", ".test", ""] {
        assert_eq!(codes("email", json!({ "domain": domain }), &words), ["GR0307"], "{domain}");
    }
    assert_eq!(codes("password_hash", json!({"value": "hunter2"}), &words), ["GR0308"]);
    assert_eq!(codes("dictionary", json!({"name": "jobs"}), &words), ["GR0309"]);
    assert_eq!(codes("json", json!({"paths": {"a.b": "email"}}), &words), ["GR0310"]);
    assert_eq!(codes("json", json!({"paths": {"$.b": "emial"}}), &words), ["GR0301"]);
}

#[test]
fn shortened_outputs_promise_less() {
    let hash = make("hash", json!({}), &column(Family::Text, Some(12)));
    assert_eq!((hash.traits().uniqueness, hash.traits().max_output), (Uniqueness::Lossy, Some(12)));
    let token = make("token", json!({"prefix": "t_"}), &column(Family::Text, Some(22)));
    assert_eq!((token.traits().uniqueness, token.traits().max_output), (Uniqueness::Distinct, Some(22)));
}

#[test]
fn password_hashes_are_known_by_their_shape() {
    for good in [
        "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
        "pbkdf2_sha256$600000$salt$pd9e1ZyMDrNcjAO2R2bFQvcVDnXJJcF7UNK0mbM1Kbw=",
        "{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3",
        "5f4dcc3b5aa765d61d8327deb882cf99",
    ] {
        assert!(codes("password_hash", json!({ "value": good }), &column(Family::Text, None)).is_empty(), "{good}");
    }
}

#[test]
fn every_code_a_mask_raises_is_explained() {
    for n in 301..=310 {
        assert!(crate::finding::explain(&format!("GR0{n}")).is_some(), "GR0{n}");
    }
}

#[test]
fn the_description_has_every_mask_and_its_promise() {
    let text = describe();
    for info in catalogue() {
        assert!(text.contains(&format!("### `{}`", info.name)) && text.contains(&format!("| `{}` |", info.name)), "{}", info.name);
    }
}
