//! Row encoding of the fake engine: a count, then length-prefixed fields. The first field is the key.

use crate::batch::Encoding;
use crate::carry::RowAct;
use crate::error::{EngineError, Result};
use greenroom_model::carry::Cell;
use greenroom_model::mask::Value;
use std::borrow::Cow;

const NULL: u32 = u32::MAX;

/// See the module.
#[derive(Clone, Copy)]
pub struct FakeEncoding;

impl FakeEncoding {
    /// Encodes a key and text fields.
    pub fn row(key: i64, fields: &[String]) -> Vec<u8> {
        let mut out = Vec::new();
        FakeEncoding.begin_row(fields.len() + 1, &mut out);
        FakeEncoding.put_field(true, Some(key.to_string().as_bytes()), &mut out);
        fields.iter().for_each(|f| FakeEncoding.put_field(false, Some(f.as_bytes()), &mut out));
        out
    }

    /// The key of an encoded row.
    pub(super) fn key(row: &[u8]) -> Option<i64> {
        let mut fields = Vec::new();
        let mut rest = row;
        FakeEncoding.next_row(&mut rest, &mut fields).ok()?;
        std::str::from_utf8(fields.first().copied().flatten()?).ok()?.parse().ok()
    }
}

/// Makes a change of a row; the key is its first field.
pub(super) fn change(table: &str, rows: &mut super::world::Rows, act: &RowAct) -> Result<()> {
    let refused = |why: &str| EngineError::other("carry a row", why);
    let of = |cells: &[(String, Cell)]| -> Option<i64> {
        let (_, cell) = cells.iter().find(|(name, _)| name == "id")?;
        std::str::from_utf8(cell.bytes()?).ok()?.parse().ok()
    };
    let columns = super::world::COLUMNS.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
    let place = |name: &str| columns.iter().position(|c| *c == name);
    match act {
        RowAct::Insert(values) => {
            let key = of(values).ok_or_else(|| refused("it has no key"))?;
            let mut out = Vec::new();
            FakeEncoding.begin_row(values.len(), &mut out);
            values.iter().enumerate().for_each(|(i, (_, c))| FakeEncoding.put_field(i == 0, c.bytes(), &mut out));
            if rows.insert(key, out).is_some() {
                return Err(refused("its key is taken"));
            }
        }
        RowAct::Update(key, values) => {
            let key = of(&key.cells).ok_or_else(|| refused("it has no key"))?;
            let row = rows.get(&key).ok_or_else(|| refused("it is not there"))?.clone();
            let (mut rest, mut fields) = (&row[..], Vec::new());
            FakeEncoding.next_row(&mut rest, &mut fields)?;
            for (name, cell) in values {
                let at = place(name).filter(|at| *at < fields.len()).ok_or_else(|| refused("it has no such column"))?;
                fields[at] = cell.bytes();
            }
            let mut out = Vec::new();
            FakeEncoding.begin_row(fields.len(), &mut out);
            fields.iter().enumerate().for_each(|(i, f)| FakeEncoding.put_field(i == 0, *f, &mut out));
            rows.insert(key, out);
        }
        RowAct::Delete(key) => {
            let key = of(&key.cells).ok_or_else(|| refused("it has no key"))?;
            rows.remove(&key).ok_or_else(|| refused("it is not there"))?;
        }
    }
    Ok(())
}

fn take<'a>(data: &mut &'a [u8], n: usize) -> Result<&'a [u8]> {
    if data.len() < n {
        return Err(EngineError::other("read a row", "it ends early"));
    }
    let (head, rest) = data.split_at(n);
    *data = rest;
    Ok(head)
}

fn number(data: &mut &[u8]) -> Result<u32> {
    Ok(u32::from_le_bytes(take(data, 4)?.try_into().expect("four bytes were taken")))
}

impl Encoding for FakeEncoding {
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
        fields.clear();
        if data.is_empty() {
            return Ok(false);
        }
        for _ in 0..number(data)? {
            let length = number(data)?;
            fields.push(if length == NULL { None } else { Some(take(data, length as usize)?) });
        }
        Ok(true)
    }

    fn begin_row(&self, fields: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&u32::try_from(fields).unwrap_or(0).to_le_bytes());
    }

    fn put_field(&self, _first: bool, field: Option<&[u8]>, out: &mut Vec<u8>) {
        let length = field.map_or(NULL, |f| u32::try_from(f.len()).unwrap_or(0));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(field.unwrap_or_default());
    }

    fn end_row(&self, _out: &mut Vec<u8>) {}

    fn decode<'a>(&self, _column: usize, field: &'a [u8]) -> Result<Value<'a>> {
        Ok(Value::Text(String::from_utf8_lossy(field)))
    }

    fn encode(&self, _column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let text: Cow<'_, str> = match value {
            Value::Null => return Ok(false),
            Value::Text(t) => t.clone(),
            _ => return Err(EngineError::other("encode a value", "the fake engine knows only text")),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(true)
    }

    fn cell(&self, _column: usize, field: Option<&[u8]>) -> Result<Cell> {
        Ok(field.map_or(Cell::NULL, Cell::new))
    }

    fn is_true(&self, field: Option<&[u8]>) -> bool {
        field == Some(b"true")
    }
}
