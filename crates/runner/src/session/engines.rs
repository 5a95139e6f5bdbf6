//! Connections to the databases that a program names. Owns opening them under this process's name; what is asked over them is others'.

use crate::ports::Engines;
use async_trait::async_trait;
use greenroom_engine::secret::Secrets;
use greenroom_engine::{Source, Target};
use greenroom_model::program::Address;
use std::path::PathBuf;
use std::sync::Arc;

/// Connections to the databases a program names.
pub struct RealEngines {
    source: Address,
    target: Address,
    secrets: Arc<dyn Secrets>,
    folder: PathBuf,
    owner: String,
}

impl RealEngines {
    /// Engines for two addresses; paths are read against `folder`. Sessions bear `owner`, so that another process can end them when this one
    /// has died.
    pub fn new(source: Address, target: Address, secrets: Arc<dyn Secrets>, folder: PathBuf, owner: String) -> RealEngines {
        RealEngines { source, target, secrets, folder, owner }
    }
}

#[async_trait]
impl Engines for RealEngines {
    async fn source(&self) -> greenroom_engine::Result<Box<dyn Source>> {
        let mut source = greenroom_engine::source(&self.source, self.secrets.as_ref(), &self.folder).await?;
        source.introduce(&self.owner).await?;
        Ok(source)
    }
    async fn target(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        let mut target = greenroom_engine::target(&self.target, self.secrets.as_ref(), &self.folder).await?;
        target.introduce(&self.owner).await?;
        Ok(target)
    }
}
