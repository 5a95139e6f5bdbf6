//! Reading a raw copy in the quarantine in the place of the source. Owns that production is not connected to meanwhile, and that nothing but
//! the very copy the plan names is read.

use crate::execute::raw_marker;
use crate::ports::Engines;
use async_trait::async_trait;
use greenroom_engine::{EngineError, ErrorKind, Result, Source, Target};
use greenroom_model::plan::RawCopy;
use std::sync::Arc;

/// Connections of a run over a raw copy: its source is the copy.
pub struct OverRaw {
    inner: Arc<dyn Engines>,
    program: String,
    raw: RawCopy,
}

impl OverRaw {
    /// Puts a raw copy in the source's place.
    pub fn new(inner: Arc<dyn Engines>, program: &str, raw: RawCopy) -> OverRaw {
        OverRaw { inner, program: program.to_owned(), raw }
    }
}

#[async_trait]
impl Engines for OverRaw {
    async fn source(&self) -> Result<Box<dyn Source>> {
        let standing = self.inner.quarantine().await?.look(&self.raw.name).await?;
        // Names prove nothing, and a copy that is half restored is no source.
        if standing.and_then(|s| s.marker) != Some(raw_marker(&self.program, &self.raw)) {
            let doing = format!("read the raw copy `{}`", self.raw.name);
            return Err(EngineError::new(ErrorKind::Conflict, doing, "it does not stand there, or is not whole")
                .hint("`greenroom undo` the run, then `greenroom try` the backup again"));
        }
        self.inner.raw(&self.raw.name).await
    }
    async fn target(&self) -> Result<Box<dyn Target>> {
        self.inner.target().await
    }
    async fn quarantine(&self) -> Result<Box<dyn Target>> {
        self.inner.quarantine().await
    }
    async fn raw(&self, name: &str) -> Result<Box<dyn Source>> {
        self.inner.raw(name).await
    }
}
