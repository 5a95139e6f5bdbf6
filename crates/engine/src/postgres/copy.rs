//! Reading rows: COPY out of a table or range, encoded by the server, passed on in batches. Owns the select list and the cutting of the
//! stream; does not own the snapshot (`hold`) nor what happens to the rows (`batch::RowMasker`).

use super::connect::Session;
use super::encoding::field::Codec;
use super::encoding::{Format, binary};
use super::error::Doing;
use super::{sql, types};
use crate::batch::{Encoding, RawBatch};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Prepared, RangeSpec, Reader};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use greenroom_model::plan::{FieldAction, TableCopy};
use std::pin::Pin;
use tokio_postgres::CopyOutStream;

/// A batch is handed on when it holds this many bytes.
const BATCH: usize = 512 * 1024;

/// Reads rows on a session of its own.
pub(crate) struct PgReader {
    pub(crate) session: Session,
    /// Keeps the process id listed among ours while the reader lives.
    pub(crate) _listed: Option<super::hold::Listed>,
    stream: Option<Stream>,
    /// Every field as text, also where its type has a faithful binary form.
    as_text: bool,
}

pub(super) struct Stream {
    rows: Pin<Box<CopyOutStream>>,
    binary: bool,
    header: bool,
    /// The last message, held back until it is known not to be the trailer.
    last: Option<Bytes>,
    /// The stream must not be asked again after its end.
    ended: bool,
    table: String,
}

impl PgReader {
    pub(crate) fn new(session: Session, listed: Option<super::hold::Listed>) -> PgReader {
        PgReader { session, _listed: listed, stream: None, as_text: false }
    }

    /// A reader of cells.
    pub(crate) fn of_text(session: Session, listed: Option<super::hold::Listed>) -> PgReader {
        PgReader { as_text: true, ..PgReader::new(session, listed) }
    }

    async fn layout(&self, copy: &TableCopy) -> Result<types::Layout> {
        let mut layout = types::layout(&self.session, &copy.table, &names(copy), copy.conditions.len()).await?;
        if self.as_text {
            layout.encoding.format = Format::Text;
        }
        Ok(layout)
    }
}

/// Names of a copy's columns.
pub(crate) fn names(copy: &TableCopy) -> Vec<&str> {
    copy.columns.iter().map(|c| c.name.as_str()).collect()
}

/// Condition of a range: physical ones by row position, others by the key.
pub(crate) fn range_condition(copy: &TableCopy, range: &RangeSpec) -> Result<Option<String>> {
    let tid = |b: &String| format!("{}::tid", sql::literal(b));
    let (key, bound) = if range.physical {
        ("t.ctid".to_owned(), tid as fn(&String) -> String)
    } else if range.from.is_none() && range.to.is_none() {
        return Ok(None);
    } else {
        let Some(key) = &copy.range_key else {
            return Err(EngineError::other(format!("cut a range of {}", copy.table), "the table has no key to cut ranges by"));
        };
        // Bounds are literals already (see `ranges`).
        (format!("t.{}", sql::ident(key)), String::clone as fn(&String) -> String)
    };
    let mut parts = Vec::new();
    if let Some(from) = &range.from {
        parts.push(format!("{key} >= {}", bound(from)));
    }
    if let Some(to) = &range.to {
        parts.push(format!("{key} < {}", bound(to)));
    }
    Ok((!parts.is_empty()).then(|| parts.join(" and ")))
}

/// The statement that reads a range.
fn statement(copy: &TableCopy, range: &RangeSpec, layout: &types::Layout) -> Result<String> {
    let mut items: Vec<String> = Vec::with_capacity(layout.encoding.width);
    for (column, ty) in copy.columns.iter().zip(&layout.columns) {
        // What is replaced in every row is not even read.
        let replaced = matches!(column.rules.first(), Some(rule) if rule.when.is_none()
            && matches!(rule.action, FieldAction::Null | FieldAction::Constant(_)));
        items.push(if replaced { format!("null::{}", ty.spelled) } else { format!("t.{}", sql::ident(&column.name)) });
    }
    items.extend(copy.conditions.iter().map(|c| format!("(({c}\n)::boolean)")));
    let mut parts: Vec<String> = range_condition(copy, range)?.into_iter().collect();
    parts.extend(copy.filter.iter().map(|f| format!("({f}\n)")));
    if copy.empty {
        parts.push("false".to_owned());
    }
    let filter = if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" and ")) };
    Ok(format!(
        "copy (select {} from only {} as t{filter}) to stdout (format {})",
        items.join(", "),
        sql::qualified(&copy.table),
        layout.encoding.format.option()
    ))
}

#[async_trait]
impl Reader for PgReader {
    async fn prepare(&mut self, copy: &TableCopy) -> Result<Prepared> {
        let layout = self.layout(copy).await?;
        let mut constants = Vec::with_capacity(copy.columns.len());
        for (column, ty) in copy.columns.iter().zip(&layout.columns) {
            let mut encoded = Vec::with_capacity(column.rules.len());
            for rule in &column.rules {
                encoded.push(match &rule.action {
                    FieldAction::Constant(expression) => {
                        let doing = format!("evaluate the constant for {}.{}", copy.table, column.name);
                        constant(&self.session, expression, &ty.spelled, &layout.encoding).await.doing(doing)?
                    }
                    _ => None,
                });
            }
            constants.push(encoded);
        }
        Ok(Prepared { encoding: Box::new(layout.encoding), constants })
    }

    async fn begin(&mut self, copy: &TableCopy, range: &RangeSpec) -> Result<()> {
        self.stream = None;
        let doing = || format!("read rows of {}", copy.table);
        let layout = self.layout(copy).await?;
        let rows = self.session.client.copy_out(&statement(copy, range, &layout)?).await.doing(doing())?;
        let binary = layout.encoding.format == Format::Binary;
        self.stream =
            Some(Stream { rows: Box::pin(rows), binary, header: binary, last: None, ended: false, table: copy.table.to_string() });
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RawBatch>> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let batch = stream.batch().await?;
        if batch.is_none() {
            self.stream = None;
        }
        Ok(batch.map(|data| RawBatch { data }))
    }
}

impl Stream {
    /// Of rows in text form.
    pub(super) fn text(rows: CopyOutStream, table: String) -> Stream {
        Stream { rows: Box::pin(rows), binary: false, header: false, last: None, ended: false, table }
    }

    /// The next whole rows. The server sends one message per row, the header joined to the first and the trailer by itself or joined to
    /// the last; one message is therefore held back.
    pub(super) async fn batch(&mut self) -> Result<Option<Bytes>> {
        let mut batch = BytesMut::new();
        loop {
            if self.ended {
                break;
            }
            let message = match self.rows.next().await {
                Some(message) => Some(message.doing(format!("read rows of {}", self.table))?),
                None => None,
            };
            let Some(mut message) = message else {
                self.ended = true;
                let Some(last) = self.last.take() else { break };
                let end = last.len() - if self.binary { binary::TRAILER.len().min(last.len()) } else { 0 };
                if self.binary && last[end..] != *binary::TRAILER {
                    return Err(EngineError::new(ErrorKind::Lost, format!("read rows of {}", self.table), "the stream has no end mark"));
                }
                batch.extend_from_slice(&last[..end]);
                break;
            };
            if self.header {
                message = without_header(&message)?;
                self.header = false;
                if message.is_empty() {
                    continue;
                }
            }
            if let Some(last) = self.last.replace(message) {
                if batch.capacity() == 0 {
                    batch.reserve(BATCH + BATCH / 8);
                }
                batch.extend_from_slice(&last);
                if batch.len() >= BATCH {
                    break;
                }
            }
        }
        Ok((!batch.is_empty()).then(|| batch.freeze()))
    }
}

/// Cuts signature, flags and header extension off.
fn without_header(message: &Bytes) -> Result<Bytes> {
    let malformed = || EngineError::other("read rows", "the binary COPY stream does not begin as it should");
    if !message.starts_with(&binary::HEADER[..11]) || message.len() < binary::HEADER.len() {
        return Err(malformed());
    }
    let extension = u32::from_be_bytes([message[15], message[16], message[17], message[18]]);
    let start = binary::HEADER.len() + usize::try_from(extension).map_err(|_| malformed())?;
    if start > message.len() { Err(malformed()) } else { Ok(message.slice(start..)) }
}

/// Evaluates an expression once and returns its encoded field.
async fn constant(session: &Session, expression: &str, spelled: &str, like: &super::encoding::PgEncoding) -> Result<Option<Vec<u8>>> {
    let doing = "evaluate a constant";
    let statement = format!("copy (select ({expression}\n)::{spelled}) to stdout (format {})", like.format.option());
    let mut stream = Stream {
        rows: Box::pin(session.client.copy_out(&statement).await.doing(doing)?),
        binary: like.format == Format::Binary,
        header: like.format == Format::Binary,
        last: None,
        ended: false,
        table: "a constant".to_owned(),
    };
    let mut data = BytesMut::new();
    while let Some(batch) = stream.batch().await? {
        data.extend_from_slice(&batch);
    }
    let single = super::encoding::PgEncoding { format: like.format, columns: vec![Codec::Opaque], width: 1 };
    let mut fields = Vec::new();
    let mut rest = &data[..];
    if !single.next_row(&mut rest, &mut fields)? || fields.len() != 1 {
        return Err(EngineError::new(ErrorKind::Statement, doing, "the expression does not give one value"));
    }
    Ok(fields[0].map(<[u8]>::to_vec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_model::catalog::TableName;

    fn copy() -> TableCopy {
        TableCopy {
            table: TableName::new("public", "t"),
            columns: Vec::new(),
            conditions: Vec::new(),
            filter: None,
            empty: false,
            range_key: Some("Id".to_owned()),
        }
    }

    #[test]
    fn ranges_are_half_open_and_open_at_the_ends() {
        let range = |from: Option<&str>, to: Option<&str>, physical| RangeSpec {
            ordinal: 0,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            physical,
        };
        assert_eq!(range_condition(&copy(), &RangeSpec::whole()).unwrap(), None);
        assert_eq!(range_condition(&copy(), &range(None, Some("7"), false)).unwrap().unwrap(), "t.\"Id\" < 7");
        assert_eq!(range_condition(&copy(), &range(Some("7"), Some("9"), false)).unwrap().unwrap(), "t.\"Id\" >= 7 and t.\"Id\" < 9");
        assert_eq!(range_condition(&copy(), &range(Some("(3,0)"), None, true)).unwrap().unwrap(), "t.ctid >= '(3,0)'::tid");
    }
}
