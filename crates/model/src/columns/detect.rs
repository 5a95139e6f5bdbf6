//! Detection of personal data from names, types and samples. Owns the judgement and its reason; never keeps or shows a sample.

use super::validators as valid;
use super::words::{is_person_table, name_evidence};
use crate::catalog::{Catalog, Column, Family, Generation, Table, TableName};
use std::collections::BTreeMap;

/// What a column holds about persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PersonalKind {
    FirstName,
    LastName,
    FullName,
    Gender,
    Email,
    Phone,
    /// National, tax, social security, passport numbers.
    NationalId,
    Street,
    City,
    Postcode,
    BirthDate,
    Card,
    /// IBANs and other account numbers.
    Iban,
    IpAddress,
    Url,
    UserName,
    PasswordHash,
    /// Keys, tokens, session ids: credentials that are no passwords.
    Secret,
    /// Health, religion, pay and the like: sensitive once a person is known.
    Special,
    FreeText,
    /// Photos, scans, attachments.
    File,
    GeoLocation,
    /// Occupation: a quasi-identifier.
    Job,
}

/// How sure a detection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Worth a look.
    Possible,
    /// One kind of evidence: keeping needs an approval.
    Likely,
    /// Name and samples agree, or a checksum holds throughout.
    Certain,
}

/// A column detected as personal.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Detected {
    /// What it holds.
    pub what: PersonalKind,
    /// How sure that is.
    pub confidence: Confidence,
    /// The evidence, without values.
    pub why: String,
}

/// Sampled texts by table and column. Values never leave it: `Debug` shows counts only, and it cannot be serialised.
#[derive(Clone, Default)]
pub struct Samples {
    tables: BTreeMap<TableName, BTreeMap<String, Vec<Option<String>>>>,
}

impl Samples {
    /// Adds sampled values of a column in the engine's text form; `None` is NULL.
    pub fn add(&mut self, table: &TableName, column: &str, values: impl IntoIterator<Item = Option<String>>) {
        self.tables.entry(table.clone()).or_default().entry(column.to_owned()).or_default().extend(values);
    }

    /// The samples of a column; none if it was not sampled.
    pub fn of(&self, table: &TableName, column: &str) -> &[Option<String>] {
        self.tables.get(table).and_then(|t| t.get(column)).map_or(&[], Vec::as_slice)
    }
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Samples({} columns)", self.tables.values().map(BTreeMap::len).sum::<usize>())
    }
}

/// Detections by table and column. Columns of a foreign key are what the columns they refer to are.
pub fn detect(catalog: &Catalog, samples: &Samples) -> BTreeMap<TableName, BTreeMap<String, Detected>> {
    let mut found: BTreeMap<TableName, BTreeMap<String, Detected>> = BTreeMap::new();
    for table in &catalog.tables {
        let columns =
            table.columns.iter().filter_map(|c| Some((c.name.clone(), detect_column(table, c, samples.of(&table.name, &c.name))?)));
        found.insert(table.name.clone(), columns.collect());
    }
    // Chains of keys are followed as far as they go; a cycle adds nothing after as many rounds as there are tables.
    for _ in 0..catalog.tables.len() {
        let mut changed = false;
        for table in &catalog.tables {
            for key in table.foreign_keys.iter().filter(|k| catalog.table(&k.references).is_some()) {
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    let there = found.get(&key.references).and_then(|t| t.get(referenced)).cloned();
                    let here = found.entry(table.name.clone()).or_default();
                    match there {
                        Some(d) if here.get(column).is_none_or(|h| h.what != d.what) && table.name != key.references => {
                            let why = format!("refers to `{}.{referenced}`", key.references.short(catalog.engine));
                            here.insert(column.clone(), Detected { why, ..d });
                            changed = true;
                        }
                        None => changed |= here.remove(column).is_some(),
                        Some(_) => {}
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    found
}

/// What one column looks like by itself.
pub fn detect_column(table: &Table, column: &Column, samples: &[Option<String>]) -> Option<Detected> {
    let by_name = name_evidence(&column.name).filter(|e| fits(e.what, column));
    let texts: Vec<&str> = samples.iter().flatten().map(String::as_str).filter(|t| !t.trim().is_empty()).collect();
    let by_samples = sample_evidence(table, column, &texts);
    let found = |what, confidence, why: String| Some(Detected { what, confidence, why });
    match (by_name, by_samples) {
        (Some(n), Some((what, share))) if n.what == what => {
            found(what, Confidence::Certain, format!("named `{}`, and {share} % of the samples agree", n.word))
        }
        // Samples that prove something outweigh a name; a password in plain text stays what its name says.
        (Some(n), Some((what, share))) if what != PersonalKind::FreeText && !credential(n.what) => {
            found(what, Confidence::Likely, format!("{share} % of the samples have this form, though it is named `{}`", n.word))
        }
        (Some(n), rest) if n.strong => {
            let contradicted = rest.is_none() && texts.len() >= 8 && contradicts(n.what, &texts);
            let confidence = if contradicted { Confidence::Possible } else { Confidence::Likely };
            found(n.what, confidence, format!("named `{}`{}", n.word, if contradicted { ", but the samples look different" } else { "" }))
        }
        (Some(n), rest) => {
            let person = is_person_table(&table.name.name);
            let shaped = n.what == PersonalKind::FullName && share(&texts, valid::person_name) >= 70;
            match (person, rest) {
                (_, Some((what, share))) => {
                    found(what, Confidence::Likely, format!("named `{}`; {share} % of the samples have this form", n.word))
                }
                (true, None) => found(n.what, Confidence::Likely, format!("named `{}` in a table about persons", n.word)),
                (false, None) if shaped => found(n.what, Confidence::Possible, format!("named `{}`, samples look like names", n.word)),
                (false, None) => None,
            }
        }
        (None, Some((what, share))) => {
            let confidence = if what == PersonalKind::FreeText { Confidence::Possible } else { Confidence::Likely };
            found(what, confidence, format!("{share} % of the samples have this form"))
        }
        (None, None) => None,
    }
}

fn credential(what: PersonalKind) -> bool {
    matches!(what, PersonalKind::PasswordHash | PersonalKind::Secret)
}

/// Whether a type can hold such a thing: a truth value is never an e-mail.
fn fits(what: PersonalKind, column: &Column) -> bool {
    use Family as F;
    use PersonalKind as K;
    let text = matches!(column.family, F::Text | F::Any | F::TextArray | F::Json);
    // A flag in disguise; initials and codes of one letter are gender at most.
    let flag = column.max_length == Some(1);
    match (what, column.family) {
        (_, F::Boolean | F::Time) => false,
        (K::Gender, F::Integer) => true,
        (K::Gender, _) => text,
        (K::BirthDate, F::Date | F::Timestamp | F::Integer) => true,
        (K::Phone | K::NationalId | K::Card | K::Iban | K::Postcode, F::Integer | F::Decimal) => column.generated.is_none(),
        (K::Special, F::Integer | F::Decimal | F::Float) | (K::GeoLocation, F::Decimal | F::Float | F::Other) => true,
        (K::IpAddress, F::Inet) | (K::File | K::PasswordHash | K::Secret, F::Bytes) | (K::Secret, F::Uuid) => true,
        (K::PasswordHash, F::Integer) => true,
        (K::Email | K::UserName, F::Other) => column.native_type.to_lowercase().contains("citext"),
        _ => text && !flag,
    }
}

fn share(texts: &[&str], valid: impl Fn(&str) -> bool) -> usize {
    if texts.is_empty() { 0 } else { texts.iter().filter(|t| valid(t)).count() * 100 / texts.len() }
}

/// What the samples say without a name: the kind and the share in percent. Keys and references are left to their names: every tenth number
/// passes a check digit, and numbers of rows are many.
fn sample_evidence(table: &Table, column: &Column, texts: &[&str]) -> Option<(PersonalKind, usize)> {
    use PersonalKind as K;
    let text = matches!(column.family, Family::Text | Family::Any | Family::TextArray | Family::Json);
    let key = table.primary_key.contains(&column.name) || table.foreign_keys.iter().any(|k| k.columns.contains(&column.name));
    let number = matches!(column.family, Family::Integer | Family::Decimal);
    if texts.len() < 3 || !(text || number) || (number && key) || column.generated == Some(Generation::Computed) {
        return None;
    }
    let mut tests: Vec<(K, usize, usize)> = Vec::new();
    if text {
        tests.push((K::Email, share(texts, valid::email), 60));
        tests.push((K::Iban, share(texts, valid::iban), 60));
        tests.push((K::PasswordHash, share(texts, valid::password_hash), 60));
        tests.push((K::IpAddress, share(texts, valid::ip), 80));
        tests.push((K::Phone, share(texts, |t| valid::phone(t) && !valid::card(t) && valid::national_id(t).is_none()), 80));
        tests.push((K::Url, share(texts, |t| valid::url(t) && t.contains('@')), 60));
    }
    // By chance one number in ten or eleven passes: five in a row, almost all, and not all the same.
    let several = texts.iter().collect::<std::collections::BTreeSet<_>>().len() >= 5;
    if several {
        tests.push((K::Card, share(texts, valid::card), 90));
        tests.push((K::NationalId, share(texts, |t| valid::national_id(t).is_some()), 90));
    }
    if text {
        tests.push((K::FreeText, share(texts, valid::free_text), 40));
        let birth = name_evidence(&column.name).is_some_and(|e| e.what == K::BirthDate);
        tests.push((
            K::BirthDate,
            if birth { share(texts, |t| valid::date_year(t).is_some_and(|y| (1900..2100).contains(&y))) } else { 0 },
            80,
        ));
    }
    tests.into_iter().find(|(_, share, least)| share >= least).map(|(what, share, _)| (what, share))
}

/// Whether no sample at all has the form that the name promises.
fn contradicts(what: PersonalKind, texts: &[&str]) -> bool {
    use PersonalKind as K;
    match what {
        K::Email => share(texts, |t| t.contains('@')) == 0,
        K::Phone => share(texts, |t| t.chars().filter(char::is_ascii_digit).count() >= 5) == 0,
        K::FirstName | K::LastName | K::FullName => share(texts, |t| t.chars().any(char::is_alphabetic)) == 0,
        K::FreeText => share(texts, |t| t.contains(char::is_whitespace)) == 0,
        _ => false,
    }
}
