//! Declared types: SQLite takes any words; the family is told by the words that applications use, lengths and precision by their numbers.

use greenroom_model::catalog::Family;

/// The family of a declared type. What nobody can tell is [`Family::Any`]: the values decide.
pub(super) fn family(declared: &str) -> Family {
    let t = declared.to_ascii_uppercase();
    let base = t.split('(').next().unwrap_or("").trim();
    let has = |words: &[&str]| words.iter().any(|w| base.contains(w));
    match () {
        () if base.is_empty() || base == "ANY" => Family::Any,
        () if has(&["JSON"]) => Family::Json,
        () if has(&["UUID", "GUID", "UNIQUEIDENTIFIER"]) => Family::Uuid,
        () if has(&["BOOL"]) || base == "BIT" => Family::Boolean,
        () if has(&["DATETIME", "TIMESTAMP"]) => Family::Timestamp,
        () if base == "DATE" => Family::Date,
        () if base == "TIME" => Family::Time,
        () if base == "INET" || base == "CIDR" => Family::Inet,
        () if has(&["CHAR", "CLOB", "TEXT", "STRING", "NAME"]) => Family::Text,
        () if has(&["BLOB", "BINARY", "IMAGE", "BYTEA"]) => Family::Bytes,
        () if has(&["REAL", "FLOA", "DOUB"]) => Family::Float,
        () if has(&["DEC", "NUM", "MONEY", "CURRENCY"]) => Family::Decimal,
        () if has(&["INT", "SERIAL"]) && !has(&["POINT", "INTERVAL"]) => Family::Integer,
        () => Family::Any,
    }
}

/// The numbers in the type's parentheses: length, or precision and scale.
pub(super) fn bounds(declared: &str, family: Family) -> (Option<u32>, Option<(u32, i32)>) {
    let inner = declared.split_once('(').and_then(|(_, r)| r.split_once(')')).map_or("", |(i, _)| i);
    let mut numbers = inner.split(',').map(|n| n.trim().parse::<u32>().ok());
    let (first, second) = (numbers.next().flatten(), numbers.next().flatten());
    match family {
        Family::Decimal => {
            let scale = second.and_then(|s| i32::try_from(s).ok()).unwrap_or(0);
            (None, first.map(|p| (p, scale)))
        }
        Family::Text | Family::Bytes | Family::Uuid | Family::Json | Family::Any => (first, None),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_of_real_applications_are_understood() {
        for (declared, expected, length, precision) in [
            ("NVARCHAR(160)", Family::Text, Some(160), None),
            ("numeric(10, 2)", Family::Decimal, None, Some((10, 2))),
            ("DATETIME", Family::Timestamp, None, None),
            ("timestamp with time zone", Family::Timestamp, None, None),
            ("date", Family::Date, None, None),
            ("BIGINT UNSIGNED", Family::Integer, None, None),
            ("boolean", Family::Boolean, None, None),
            ("VARBINARY(16)", Family::Bytes, Some(16), None),
            ("double precision", Family::Float, None, None),
            ("uniqueidentifier", Family::Uuid, None, None),
            ("jsonb", Family::Json, None, None),
            ("", Family::Any, None, None),
            ("FLURBLE(9)", Family::Any, Some(9), None),
            ("POINT", Family::Any, None, None),
        ] {
            assert_eq!(family(declared), expected, "{declared}");
            assert_eq!(bounds(declared, expected), (length, precision), "{declared}");
        }
    }
}
