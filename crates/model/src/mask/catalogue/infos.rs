//! The masks as people see them: names, parameters, examples.

use crate::catalog::Family::{self, Any, Bytes, Date, Decimal, Float, Inet, Integer, Json, Text, TextArray, Timestamp, Uuid};
use crate::mask::{MaskInfo, ParamInfo};

const WORDS: &[Family] = &[Text, Any];
const OPAQUE: &[Family] = &[Text, Bytes, Any];
const DIGITS: &[Family] = &[Text, Integer, Decimal, Any];
const AMOUNTS: &[Family] = &[Integer, Decimal, Float, Text, Any];
const DATES: &[Family] = &[Date, Timestamp, Text, Integer, Any];
const ALL: &[Family] = &[
    Text,
    Integer,
    Decimal,
    Float,
    Family::Boolean,
    Date,
    Family::Time,
    Timestamp,
    Bytes,
    Uuid,
    Json,
    Inet,
    TextArray,
    Any,
    Family::Other,
];

const fn p(name: &'static str, about: &'static str) -> ParamInfo {
    ParamInfo { name, about }
}

const fn m(
    name: &'static str,
    about: &'static str,
    families: &'static [Family],
    params: &'static [ParamInfo],
    example: (&'static str, &'static str),
) -> MaskInfo {
    MaskInfo { name, about, families, params, example }
}

const UNIQUE: ParamInfo = p(
    "unique",
    "`true` (default): different values stay different, by 20 characters of key bits; `false`: 6 characters, collisions possible",
);
const UNIT: ParamInfo =
    p("unit", "what whole numbers count since 1970: `none` (default, numbers are refused), `days`, `seconds`, `milliseconds`");
const ON_INVALID: ParamInfo = p("on_invalid", "text that is no ISO date: `error` (default) or `null`");

pub(super) static INFOS: &[MaskInfo] = &[
    m("null", "always NULL", ALL, &[], ("anything", "NULL")),
    m(
        "constant",
        "always the same value; NULL stays NULL",
        &[Text, Integer, Decimal, Float, Family::Boolean, Date, Timestamp, Json, Any],
        &[p("value", "the value (required), of the column's type")],
        ("anything", "n/a"),
    ),
    m("empty", "empty text, bytes, document or array; NULL stays NULL", &[Text, Bytes, Json, TextArray, Any], &[], ("anything", "")),
    m("first_name", "first name of the identity's made-up person", WORDS, &[], ("Anna", "Zuzanna")),
    m("last_name", "last name of the identity's made-up person", WORDS, &[], ("Kowalski", "Lindgren")),
    m(
        "full_name",
        "both names of the identity's made-up person",
        WORDS,
        &[p("order", "`first_last` (default) or `last_first`"), p("format", "text with `{first}` and `{last}`, instead of `order`")],
        ("Anna Kowalski", "Zuzanna Lindgren"),
    ),
    m(
        "gender",
        "gender of the identity's made-up person",
        &[Text, Integer, Any],
        &[p("female", "written for women; `F`, or 2 on whole numbers"), p("male", "written for men; `M`, or 1 on whole numbers")],
        ("M", "F"),
    ),
    m(
        "email",
        "address at a reserved domain, with the names of the identity's made-up person",
        WORDS,
        &[p("domain", "reserved domain; `example.invalid`"), UNIQUE],
        ("anna@mail.example", "zuzanna.lindgren.k3vqa7ci2xw5mbtyd4ho@example.invalid"),
    ),
    m(
        "user_name",
        "login with the names of the identity's made-up person",
        WORDS,
        &[UNIQUE],
        ("akowalski", "zuzanna.lindgren.k3vqa7ci2xw5mbtyd4ho"),
    ),
    m(
        "phone",
        "telephone number of the same format, in ranges nobody has where the number's plan is known",
        DIGITS,
        &[p("keep", "leading digits kept besides the country code; 0")],
        ("+44 20 7946 0018", "+44 77 0090 0437"),
    ),
    m(
        "digits",
        "other digits (and letters) in the same format",
        DIGITS,
        &[p("keep", "leading letters and digits kept; 0"), p("letters", "`replace` (default) or `keep`")],
        ("AB-123/4", "QK-907/2"),
    ),
    m(
        "national_id",
        "identity number of the same format, with check digit in a range nobody has where a scheme is given",
        DIGITS,
        &[
            p("scheme", "`none` (default), `pesel` (years from 2200), `nip` (office 000), `ssn` (areas from 900), `luhn`"),
            p("keep", "leading letters and digits kept, with scheme `none` only; 0"),
        ],
        ("44051401359", "37682204813"),
    ),
    m("street", "street, with a house number where there was one", WORDS, &[], ("Hauptstr. 5", "Lindenweg 112")),
    m("city", "city", WORDS, &[], ("Berlin", "Exeter")),
    m("postcode", "postcode of the same format", DIGITS, &[p("keep", "leading letters and digits kept; 0")], ("SW1A 2AA", "QF7K 9ZD")),
    m("birth_date", "another day of the same year, by identity", DATES, &[UNIT, ON_INVALID], ("1980-02-29", "1980-10-07")),
    m(
        "date_shift",
        "moved by a number of days that is the same for all dates of an identity",
        DATES,
        &[p("days", "at most so many days to either side, never none; 30"), UNIT, ON_INVALID],
        ("2024-05-01 10:00:00", "2024-04-12 10:00:00"),
    ),
    m(
        "card",
        "card number of the same format, Luhn-valid, in a range no issuer has",
        DIGITS,
        &[p("prefix", "leading digits; `999999`")],
        ("4111 1111 1111 1111", "9999 9921 7340 5536"),
    ),
    m(
        "iban",
        "account of the same country and format, with valid check digits and a bank that does not exist",
        WORDS,
        &[],
        ("DE89 3704 0044 0532 0130 00", "DE57 0000 8213 9902 4471 63"),
    ),
    m(
        "partial",
        "keeps the ends and hides the rest; not keyed",
        WORDS,
        &[
            p("keep_first", "characters kept at the start; 1"),
            p("keep_last", "characters kept at the end; 0"),
            p("with", "what hides a character; `*`"),
        ],
        ("Kowalski", "K*******"),
    ),
    m(
        "hash",
        "keyed hexadecimal digits",
        OPAQUE,
        &[p("length", "digits, 4 to 128; 32 or what fits; 24 and more stay different")],
        ("anything", "5f0c9a31be7742d8a6610e2394cf08bd"),
    ),
    m(
        "token",
        "keyed base32 characters",
        OPAQUE,
        &[
            p("prefix", "text before them; none"),
            p("length", "characters after the prefix, 4 to 128; 24 or what fits; 20 and more stay different"),
        ],
        ("sk_live_123", "k3vqa7ci2xw5mbtyd4hoj6nz"),
    ),
    m(
        "uuid",
        "UUID in the same spelling",
        &[Uuid, Text, Bytes, Any],
        &[],
        ("6f2c1b8e-0c7e-4a53-9d38-1f4f5b2d7c90", "b14e07d2-93aa-4c1f-8e65-70d2c8a9f316"),
    ),
    m("ip", "address from the ranges reserved for documentation", &[Inet, Text, Any], &[], ("10.1.2.3", "198.51.100.77")),
    m(
        "url",
        "web address at `example.invalid` with the same scheme",
        WORDS,
        &[UNIQUE],
        ("http://firm.example/anna", "http://wk3vqa7ci2xw5mbtyd4ho.example.invalid/"),
    ),
    m(
        "password_hash",
        "the hash of a test password, the same everywhere",
        WORDS,
        &[p("value", "the hash as the application stores it (required)")],
        ("$2y$10$…", "$2b$12$…"),
    ),
    m(
        "redact",
        "free text without its words; never longer than it was",
        WORDS,
        &[p(
            "mode",
            "`lorem` (default): dummy words of the same length; `blank_words`: `x` and `0`; `patterns`: only addresses and numbers of six digits and more",
        )],
        ("Call Anna, 030 1234567.", "Amet erat, 714 9920418."),
    ),
    m("noise", "amount changed by up to so many percent", AMOUNTS, &[p("percent", "from 0.0001 to 100; 10")], ("1200.00", "1137.44")),
    m("round", "amount rounded to a multiple; not keyed", AMOUNTS, &[p("to", "whole number from 1; 10")], ("1234.56", "1230.00")),
    m(
        "dictionary",
        "an entry of a list",
        &[Text, Integer, Any],
        &[p("values", "the entries"), p("name", "a list under `[masks.dictionaries]` instead")],
        ("Chief accountant", "Clerk"),
    ),
    m(
        "json",
        "masks at paths of a document; every other byte stays",
        &[Json, Text, Any],
        &[
            p("paths", "mask by path, e.g. `{ \"$.contacts[*].mail\" = { mask = \"email\" } }` (required)"),
            p("on_invalid", "documents that are no JSON or hold other things than a mask takes: `error` (default), `null`, `redact`"),
        ],
        (r#"{"mail": "anna@mail.example", "n": 1}"#, r#"{"mail": "zuzanna.lindgren.k3vqa7ci2xw5mbtyd4ho@example.invalid", "n": 1}"#),
    ),
    m(
        "each",
        "a mask on every element of a text array",
        &[TextArray],
        &[p("mask", "the mask: a name, or a table with `mask` and its parameters (required)")],
        ("{Anna,Jan}", "{Zuzanna,Otto}"),
    ),
    m(
        "file",
        "tiny valid file of the same type (PNG, JPEG, GIF, PDF, DOCX, XLSX, ZIP, else text)",
        &[Bytes, Any],
        &[],
        ("scan.pdf", "blank page"),
    ),
    m(
        "permute",
        "key of the same format, one to one: unique stays unique, numbers keep their digits and signs; a value may by chance stay",
        DIGITS,
        &[],
        ("10482", "73019"),
    ),
];

/// Parameters with which a mask works that has required ones, as JSON.
pub(super) fn sample(name: &str) -> &'static str {
    match name {
        "constant" => r#"{"value": "1"}"#,
        "password_hash" => r#"{"value": "5f4dcc3b5aa765d61d8327deb882cf99"}"#,
        "dictionary" => r#"{"values": ["1", "2", "3", "4", "5", "6", "7", "8"]}"#,
        "json" => r#"{"paths": {"$..mail": {"mask": "email"}}}"#,
        "each" => r#"{"mask": "email"}"#,
        _ => "{}",
    }
}
