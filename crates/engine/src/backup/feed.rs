//! A dump as a stream of pieces: reads a file or a tool's output in chunks and hands out statements. Never holds more than one statement.

use super::text::{Piece, Reader};
use super::{Backup, Tell, at, cut_off, refused};
use crate::error::{EngineError, Result};
use greenroom_model::catalog::EngineKind;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// Pieces of a dump, in order.
pub(crate) struct Feed {
    path: PathBuf,
    source: Box<dyn AsyncRead + Send + Unpin>,
    reader: Reader,
    chunk: Vec<u8>,
    begun: bool,
    tell: Tell,
    /// Statements handed out.
    pub number: u64,
}

impl Feed {
    /// Reads a text file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn file(engine: EngineKind, backup: &Backup, tell: Tell) -> Result<Feed> {
        let file = tokio::fs::File::open(&backup.path).await.map_err(|e| refused(&backup.path, e.kind().to_string()))?;
        Ok(Feed::of(engine, backup, Box::new(file), tell))
    }

    /// Reads what a tool makes of the backup.
    pub fn of(engine: EngineKind, backup: &Backup, source: Box<dyn AsyncRead + Send + Unpin>, tell: Tell) -> Feed {
        let path = backup.path.clone();
        Feed { path, source, reader: Reader::new(engine), chunk: vec![0; CHUNK], begun: false, tell, number: 0 }
    }

    /// The next piece; `None` at the end of a text that ends where a statement does.
    ///
    /// # Errors
    /// When it cannot be read or is cut off.
    pub async fn next(&mut self) -> Result<Option<Piece>> {
        loop {
            match self.reader.next() {
                Ok(Some(piece)) => {
                    self.number += u64::from(matches!(piece, Piece::Statement(_)));
                    return Ok(Some(piece));
                }
                Ok(None) => {}
                Err(e) => return Err(at(refused(&self.path, e.message), self.number + 1, e.line)),
            }
            let n = self.source.read(&mut self.chunk).await.map_err(|e| EngineError::other(self.doing(), e.kind().to_string()))?;
            if n > 0 {
                let bytes = &self.chunk[..n];
                // A byte-order mark is no part of the first statement.
                let bytes = if self.begun { bytes } else { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) };
                self.begun = true;
                self.reader.push(bytes);
                (self.tell)(n as u64);
                continue;
            }
            self.reader.end();
            return match self.reader.next() {
                Ok(Some(piece)) => {
                    self.number += u64::from(matches!(piece, Piece::Statement(_)));
                    Ok(Some(piece))
                }
                Ok(None) if self.reader.unfinished() => Err(cut_off(&self.path)),
                Ok(None) => Ok(None),
                Err(e) => Err(at(refused(&self.path, e.message), self.number + 1, e.line)),
            };
        }
    }

    fn doing(&self) -> String {
        format!("read the backup `{}`", self.path.display())
    }
}
