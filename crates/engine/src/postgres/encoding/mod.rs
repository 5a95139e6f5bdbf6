//! A table's row encoding: binary COPY where every column's type has a faithful binary form, else text COPY (P5). Implements
//! [`Encoding`]; both sides choose alike, since both choose from the same types.

pub(crate) mod binary;
pub(crate) mod field;
mod jsonb;
mod numeric;
pub(crate) mod text;

use crate::batch::Encoding;
use crate::error::Result;
use field::Codec;
use greenroom_model::carry::Cell;
use greenroom_model::mask::Value;

/// Which COPY format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Binary,
    Text,
}

impl Format {
    /// As COPY's option spells it.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Format::Binary => "binary",
            Format::Text => "text",
        }
    }
}

/// Encoding of one table's rows.
#[derive(Clone, Debug)]
pub(crate) struct PgEncoding {
    pub(crate) format: Format,
    /// Codec by column in reading order.
    pub(crate) columns: Vec<Codec>,
    /// Columns and conditions together.
    pub(crate) width: usize,
}

impl Encoding for PgEncoding {
    fn next_row<'a>(&self, data: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Result<bool> {
        match self.format {
            Format::Binary => binary::next_row(data, fields),
            Format::Text => text::next_row(self.width, data, fields),
        }
    }

    fn begin_row(&self, fields: usize, out: &mut Vec<u8>) {
        if self.format == Format::Binary {
            // A table has at most 1,600 columns.
            out.extend_from_slice(&u16::try_from(fields).unwrap_or(u16::MAX).to_be_bytes());
        }
    }

    fn put_field(&self, first: bool, field: Option<&[u8]>, out: &mut Vec<u8>) {
        match self.format {
            Format::Binary => match field {
                // The server sends and takes fields of at most 1 GB.
                Some(f) => {
                    out.extend_from_slice(&u32::try_from(f.len()).unwrap_or(u32::MAX).to_be_bytes());
                    out.extend_from_slice(f);
                }
                None => out.extend_from_slice(&(-1i32).to_be_bytes()),
            },
            Format::Text => {
                if !first {
                    out.push(b'\t');
                }
                out.extend_from_slice(field.unwrap_or(b"\\N"));
            }
        }
    }

    fn end_row(&self, out: &mut Vec<u8>) {
        if self.format == Format::Text {
            out.push(b'\n');
        }
    }

    fn decode<'a>(&self, column: usize, field: &'a [u8]) -> Result<Value<'a>> {
        let codec = &self.columns[column];
        let plain = match self.format {
            Format::Binary => binary::read(codec, field)?,
            Format::Text => text::read(codec, field)?,
        };
        field::value(codec, plain)
    }

    fn encode(&self, column: usize, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let codec = &self.columns[column];
        let Some(plain) = field::fit(codec, value)? else { return Ok(false) };
        match self.format {
            Format::Binary => binary::write(codec, &plain, out)?,
            Format::Text => text::write(codec, &plain, out)?,
        }
        Ok(true)
    }

    fn cell(&self, _column: usize, field: Option<&[u8]>) -> Result<Cell> {
        match (self.format, field) {
            (_, None) => Ok(Cell::NULL),
            (Format::Text, Some(field)) => Ok(Cell::text(&text::unescaped(field)?)),
            (Format::Binary, Some(_)) => Err(field::bad("a row in binary form was to be read as text")),
        }
    }

    fn is_true(&self, field: Option<&[u8]>) -> bool {
        match self.format {
            Format::Binary => field == Some(&[1]),
            Format::Text => field == Some(b"t"),
        }
    }
}
