//! The structural check: a TOML file against the JSON schema of the type it is parsed into. Reports every unknown key, wrong type and
//! unknown word with its span, and takes the faulty parts out, so that the rest can be parsed and judged in the same round.
//!
//! Findings quote keys and, where one of a few words is expected, the word; other values are never quoted, as they might be secrets.

use super::file::File;
use super::layers::{COLUMNS, MAIN};
use super::text::{nearest, one_of};
use crate::finding::Finding;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Parses a file into a raw type. The second part of the result names the dotted paths that were taken out as faulty; the empty path stands
/// for the whole file.
pub(crate) fn read<T>(file: File<'_>, findings: &mut Vec<Finding>) -> (T, Vec<String>)
where
    T: Default + schemars::JsonSchema + serde::de::DeserializeOwned,
{
    let (mut root, errors) = DeTable::parse_recoverable(file.text);
    if !errors.is_empty() {
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            findings.push(Finding::error("GR0104", format!("not valid TOML: {}", error.message())).at(file.place(span)));
        }
        return (T::default(), vec![String::new()]);
    }
    let schema = schemars::schema_for!(T).to_value();
    let mut check = Check { file, schema: &schema, findings, broken: Vec::new() };
    check.table(root.get_mut(), &schema, "");
    let broken = check.broken;
    match T::deserialize(toml::de::Deserializer::from(root)) {
        Ok(raw) => (raw, broken),
        Err(error) => {
            // The message is not passed on, since serde quotes values in it.
            let finding = Finding::error("GR0107", "this part could not be understood").at(file.place(error.span().unwrap_or(0..0)));
            findings.push(finding.hint("`greenroom schema` describes what may be written here"));
            (T::default(), vec![String::new()])
        }
    }
}

struct Check<'a> {
    file: File<'a>,
    schema: &'a Json,
    findings: &'a mut Vec<Finding>,
    broken: Vec<String>,
}

impl<'a> Check<'a> {
    /// True when the value may stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &'a Json, path: &str) -> bool {
        let forms = self.forms(schema);
        let span = value.span();
        let anything = forms.iter().any(|f| f.as_bool() == Some(true) || f.as_object().is_some_and(|o| !o.contains_key("type")));
        let of_type = |name: &str| forms.iter().copied().find(|f| has_type(f, name));
        if is_secret(schema) && !matches!(value.get_ref(), DeValue::Table(_)) {
            let key = path.rsplit('.').next().unwrap_or(path);
            let hint = format!("write where it comes from, e.g. `{key} = {{ env = \"NAME\" }}`, and change it if the file was ever shared");
            return self.fault(Finding::error("GR0111", format!("`{path}` is written in clear")).hint(hint), path, span);
        }
        match value.get_mut() {
            DeValue::String(text) if of_type("string").is_some() => match self.wrong_text(text, &forms, path) {
                Some(finding) => self.fault(finding, path, span),
                None => true,
            },
            DeValue::Integer(number) if of_type("integer").is_some() => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
                let (low, high) = of_type("integer").map_or((i64::MIN, i64::MAX), bounds);
                if number.is_some_and(|n| (low..=high).contains(&n)) {
                    return true;
                }
                self.fault(Finding::error("GR0124", format!("`{path}` takes whole numbers from {low} to {high}")), path, span)
            }
            DeValue::Boolean(_) if of_type("boolean").is_some() => true,
            DeValue::Array(items) if of_type("array").is_some() => {
                let Some(of) = of_type("array").and_then(|f| f.get("items")) else { return true };
                for mut item in std::mem::replace(items, DeArray::from_iter([])) {
                    if self.value(&mut item, of, path) {
                        items.push(item);
                    }
                }
                true
            }
            DeValue::Table(table) if of_type("object").is_some() => self.inner_table(table, &forms, path, span),
            any if anything => {
                dates_as_text(any);
                true
            }
            other => {
                let got = type_name(other);
                let words: Vec<&str> = forms.iter().flat_map(|f| words(f)).collect();
                let text = if words.is_empty() { "text".to_owned() } else { one_of(words) };
                let types = [
                    ("string", text.as_str()),
                    ("integer", "a whole number"),
                    ("boolean", "true or false"),
                    ("array", "a list"),
                    ("object", "a table"),
                ];
                let wanted: Vec<&str> = types.into_iter().filter_map(|(name, shown)| of_type(name).map(|_| shown)).collect();
                self.fault(Finding::error("GR0107", format!("`{path}` takes {}, not {got}", wanted.join(" or "))), path, span)
            }
        }
    }

    /// What is wrong with a text: an unknown word, or a password in it.
    fn wrong_text(&self, text: &str, forms: &[&'a Json], path: &str) -> Option<Finding> {
        let words: Vec<&str> = forms.iter().flat_map(|f| words(f)).collect();
        if words.is_empty() {
            let finding = Finding::error("GR0112", format!("`{path}` looks like an address with a password in it"));
            let bad = self.file.path == MAIN && carries_password(text);
            return bad
                .then(|| finding.hint("write host, port, database and user as keys of their own and `password = { env = \"NAME\" }`"));
        }
        if words.contains(&text) {
            return None;
        }
        let hint = match nearest(text, words.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None if self.file.path == COLUMNS => format!("write {}, or a mask as `{{ mask = \"…\" }}`", one_of(words)),
            None => format!("write {}", one_of(words)),
        };
        Some(Finding::error("GR0108", format!("`{path}` does not know the word `{}`", shown(text))).hint(hint))
    }

    /// Checks a table that is a value; true when it may stay.
    fn inner_table(&mut self, table: &mut DeTable<'_>, forms: &[&'a Json], path: &str, span: Range<usize>) -> bool {
        let objects: Vec<&'a Json> = forms.iter().copied().filter(|f| has_type(f, "object")).collect();
        if let Some(finding) = self.unquoted(table, &objects, path) {
            return self.fault(finding, path, span);
        }
        let lacking = |form: &'a Json, table: &DeTable<'_>| required(form).find(|key| !table.contains_key(*key));
        if let Some(object) = objects.iter().copied().find(|f| lacking(f, table).is_none()) {
            self.table(table, object, path);
            // What is required may just have been taken out, with a finding of its own.
            return lacking(object, table).is_none() || {
                self.broken.push(path.to_owned());
                false
            };
        }
        match objects.as_slice() {
            [only] => {
                let missing = lacking(only, table).unwrap_or_default();
                self.table(table, only, path);
                self.fault(Finding::error("GR0109", format!("`{path}` lacks `{missing}`")), path, span)
            }
            several => {
                let keys = one_of(several.iter().flat_map(|f| required(f)));
                self.fault(Finding::error("GR0107", format!("`{path}` takes one of the keys {keys}")), path, span)
            }
        }
    }

    /// Checks every entry of a table and takes out the faulty ones.
    fn table(&mut self, table: &mut DeTable<'_>, schema: &'a Json, path: &str) {
        let known = schema.get("properties").and_then(Json::as_object);
        let rest = schema.get("additionalProperties").filter(|r| r.as_bool() != Some(false));
        for (key, mut value) in std::mem::take(table) {
            let name = key.get_ref().as_ref();
            let inner = if path.is_empty() { super::toml_key(name) } else { format!("{path}.{}", super::toml_key(name)) };
            match known.and_then(|k| k.get(name)).or(rest) {
                Some(of) if self.value(&mut value, of, &inner) => {
                    table.insert(key, value);
                }
                Some(_) => {}
                None => {
                    let known = known.into_iter().flat_map(|k| k.keys().map(String::as_str));
                    let finding = self.unknown(name, matches!(value.get_ref(), DeValue::Table(_)), path, known);
                    self.fault(finding, &inner, key.span());
                }
            }
        }
    }

    /// `[billing.client]` where `["billing.client"]` was meant: one finding instead of one per column.
    fn unquoted(&self, table: &DeTable<'_>, objects: &[&'a Json], path: &str) -> Option<Finding> {
        let (columns, kinds) = (self.file.path == COLUMNS, self.file.path == MAIN);
        let takes = |key: &str| objects.iter().any(|o| o.get("properties").is_some_and(|p| p.get(key).is_some()));
        let deep = columns && takes("approved_by") || kinds && takes("days");
        let alike = |key: &str| {
            objects.iter().filter_map(|o| o.get("properties")?.as_object()).any(|p| nearest(key, p.keys().map(String::as_str)).is_some())
        };
        if !deep || table.is_empty() || table.keys().any(|key| takes(key.get_ref()) || alike(key.get_ref())) {
            return None;
        }
        let first = table.keys().next().map_or("", |key| key.get_ref().as_ref());
        let (message, name) = match columns {
            true => (format!("`{path}` is read as a column, but looks like a table with its schema"), path.to_owned()),
            false => {
                (format!("`{path}` is read as a table, but looks like a schema"), format!("{}.{first}", path.trim_start_matches("tables.")))
            }
        };
        let hint = format!(
            "write table and schema together in quotes: `{}`",
            if columns { format!("[\"{name}\"]") } else { format!("\"{name}\" = …") }
        );
        Some(Finding::error("GR0106", message).hint(hint))
    }

    fn unknown(&self, name: &str, is_table: bool, path: &str, known: impl Iterator<Item = &'a str> + Clone) -> Finding {
        let here = if path.is_empty() { "this file".to_owned() } else { format!("`{path}`") };
        let lower = name.to_lowercase();
        let address = matches!(path, "source" | "target");
        let like_password = match nearest(name, known.clone()) {
            Some(word) => word == "password",
            None => ["pass", "pwd", "secret"].iter().any(|w| lower.contains(w)),
        };
        if address && !is_table && like_password {
            return Finding::error("GR0111", format!("`{path}.{}` would be a secret written in clear", super::toml_key(name)))
                .hint("write `password = { env = \"NAME\" }`, and change the password if the file was ever shared");
        }
        let finding = Finding::error("GR0106", format!("unknown key `{}` in {here}", shown(name)));
        match nearest(name, known.clone()) {
            Some(word) => finding.hint(format!("did you mean `{word}`?")),
            None if address && ["url", "uri", "dsn"].iter().any(|w| lower.contains(w)) => {
                finding.hint("addresses are written as `host`, `port`, `database` and `user`")
            }
            None => finding.hint(format!("known are {}", one_of(known).replace(" or ", " and "))),
        }
    }

    fn fault(&mut self, finding: Finding, path: &str, span: Range<usize>) -> bool {
        self.findings.push(finding.at(self.file.place(span)));
        self.broken.push(path.to_owned());
        false
    }

    /// The alternatives of a schema, with references followed and NULL (which TOML does not have) left out.
    fn forms(&self, schema: &'a Json) -> Vec<&'a Json> {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let target = self.schema.pointer(reference.trim_start_matches('#'));
            return target.map(|t| self.forms(t)).unwrap_or_default();
        }
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            Some(parts) => parts.iter().flat_map(|p| self.forms(p)).collect(),
            None if schema.get("type").and_then(Json::as_str) == Some("null") => Vec::new(),
            None => vec![schema],
        }
    }
}

/// Dates within free values become text, since JSON, which parameters are kept in, has none.
fn dates_as_text(value: &mut DeValue<'_>) {
    match value {
        DeValue::Datetime(moment) => *value = DeValue::String(Cow::Owned(moment.to_string())),
        DeValue::Array(items) => items.iter_mut().for_each(|item| dates_as_text(item.get_mut())),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, item)| dates_as_text(item.get_mut())),
        _ => {}
    }
}

/// A word of the file, fit for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Whether a schema takes a JSON type; optional values have a list of types.
fn has_type(form: &Json, name: &str) -> bool {
    match form.get("type") {
        Some(Json::String(one)) => one == name,
        Some(Json::Array(several)) => several.iter().any(|t| t == name),
        _ => false,
    }
}

/// Whether a schema is that of a reference to a secret.
fn is_secret(schema: &Json) -> bool {
    let own = schema.get("$ref").and_then(Json::as_str).is_some_and(|r| r.ends_with("/SecretRef"));
    own || schema.get("anyOf").and_then(Json::as_array).is_some_and(|parts| parts.iter().any(is_secret))
}

/// The words a string must be one of; none if any text will do.
fn words(form: &Json) -> Vec<&str> {
    let listed = form.get("enum").and_then(Json::as_array).into_iter().flatten();
    listed.chain(form.get("const")).filter_map(Json::as_str).collect()
}

fn required(form: &Json) -> impl Iterator<Item = &str> {
    form.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// The range of an integer schema, as far as TOML's 64 signed bits go.
fn bounds(form: &Json) -> (i64, i64) {
    let (low, high) = match form.get("format").and_then(Json::as_str) {
        Some("uint8") => (0, i64::from(u8::MAX)),
        Some("uint16") => (0, i64::from(u16::MAX)),
        Some("uint32") => (0, i64::from(u32::MAX)),
        Some("uint64" | "uint") => (0, i64::MAX),
        _ => (i64::MIN, i64::MAX),
    };
    let limit = |key: &str| form.get(key).and_then(Json::as_i64);
    (limit("minimum").unwrap_or(low), limit("maximum").unwrap_or(high))
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Whether a text is a URL with a password before the host, or a connection string with a password in it.
pub(super) fn carries_password(text: &str) -> bool {
    let url = text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
    });
    let spaceless: String = text.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let pairs = (spaceless.contains("host=") || spaceless.contains("server=") || text.contains("://"))
        && (spaceless.contains("password=") || spaceless.contains("pwd="));
    url || pairs
}

#[cfg(test)]
mod tests {
    use super::carries_password;

    #[test]
    fn passwords_in_addresses_are_recognised_and_plain_addresses_are_not() {
        for bad in
            ["postgres://ann:pw@db/clinic", "host=db user=ann password = pw", "postgresql://db/clinic?password=pw", "Server=db;Pwd=x"]
        {
            assert!(carries_password(bad), "{bad}");
        }
        for good in
            ["postgres://db/clinic", "db.example.com", "/var/run/postgresql", "select 'a:b@c'", "accepted: mail to it@clinic.example"]
        {
            assert!(!carries_password(good), "{good}");
        }
    }
}
