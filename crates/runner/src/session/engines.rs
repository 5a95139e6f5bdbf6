//! Connections to the databases that a program names. Owns opening them under this process's name; what is asked over them is others'.

use crate::ports::{Engines, no_quarantine};
use async_trait::async_trait;
use greenroom_engine::fence::Fence;
use greenroom_engine::secret::Secrets;
use greenroom_engine::{Source, Target};
use greenroom_model::program::{Address, Quarantine};
use std::path::PathBuf;
use std::sync::Arc;

/// Connections to the databases a program names.
pub struct RealEngines {
    source: Address,
    target: Address,
    production: Address,
    quarantine: Option<Quarantine>,
    secrets: Arc<dyn Secrets>,
    folder: PathBuf,
    owner: String,
}

impl RealEngines {
    /// Engines for two addresses; paths are read against `folder`. Sessions bear `owner`, so that another process can end them when this one
    /// has died.
    pub fn new(source: Address, target: Address, secrets: Arc<dyn Secrets>, folder: PathBuf, owner: String) -> RealEngines {
        RealEngines { production: source.clone(), source, target, quarantine: None, secrets, folder, owner }
    }

    /// Takes another login where production is fenced.
    pub fn with_production(mut self, production: Address) -> RealEngines {
        self.production = production;
        self
    }

    /// Adds the quarantine that the program declares.
    pub fn with_quarantine(mut self, quarantine: Option<Quarantine>) -> RealEngines {
        self.quarantine = quarantine;
        self
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
    async fn production(&self) -> greenroom_engine::Result<Box<dyn Fence>> {
        // The snapshot is read, and the new database filled, while everybody else is shut out.
        let same_server = (&self.source.host, self.source.port) == (&self.target.host, self.target.port);
        let target = self.target.user.as_ref().filter(|_| same_server);
        let spared: Vec<String> = self.source.user.iter().chain(target).cloned().collect();
        greenroom_engine::production(&self.production, &spared, self.secrets.as_ref(), &self.folder).await
    }
    async fn quarantine(&self) -> greenroom_engine::Result<Box<dyn Target>> {
        let declared = self.quarantine.as_ref().ok_or_else(no_quarantine)?;
        let mut target = greenroom_engine::target(&declared.address, self.secrets.as_ref(), &self.folder).await?;
        target.introduce(&self.owner).await?;
        Ok(target)
    }
    async fn raw(&self, name: &str) -> greenroom_engine::Result<Box<dyn Source>> {
        let declared = self.quarantine.as_ref().ok_or_else(no_quarantine)?;
        let mut address = declared.address.clone();
        // On SQLite names are paths relative to the program's folder, as those of pilots are.
        *(if address.engine.has_server() { &mut address.database } else { &mut address.path }) = Some(name.to_owned());
        let mut source = greenroom_engine::source(&address, self.secrets.as_ref(), &self.folder).await?;
        source.introduce(&self.owner).await?;
        Ok(source)
    }
}
