//! The fence around the simulated production: one door, whose shutting and opening are cut apart from what follows.

use super::cuts::Cuts;
use super::sessions::effect;
use super::world::{Inner, World};
use crate::error::Result;
use crate::fence::{Fence, Fenced, same_database};
use async_trait::async_trait;
use greenroom_model::fence::{Door, Doors, Stands};
use std::time::Duration;

pub(super) struct FakeFence {
    world: World,
    cuts: Cuts,
}

impl FakeFence {
    pub(super) fn new(world: World, cuts: Cuts) -> FakeFence {
        FakeFence { world, cuts }
    }
}

impl FakeFence {
    /// Identity of the database behind production's address; where production is not among the target's, it is always the same.
    fn engine_id(&self) -> String {
        let inner = self.world.inner();
        if inner.production.is_none() { "source".into() } else { inner.on_stage().map_or_else(String::new, |id| id.to_string()) }
    }

    fn same(&self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.engine_id())
    }
}

fn shut(w: &mut Inner, fenced: bool) {
    let other = w.on_stage().filter(|id| Some(*id) != w.production);
    match other.and_then(|id| w.databases.values_mut().find(|d| d.id == id)) {
        Some(d) if w.production.is_some() => d.fenced = fenced,
        _ => w.fenced = fenced,
    }
}

#[async_trait]
impl Fence for FakeFence {
    async fn doors(&mut self) -> Result<Doors> {
        self.cuts.pass("read the doors")?;
        let door = Door { who: "everybody".into(), key: vec!["all".into()], shut: "shut".into(), open: "open".into() };
        Ok(Doors {
            database: "production".into(),
            engine_id: self.engine_id(),
            client: "fake".into(),
            doors: vec![door],
            spared: Vec::new(),
            besides: Vec::new(),
            gaps: Vec::new(),
            obstacles: Vec::new(),
            hazards: Vec::new(),
        })
    }
    async fn raise(&mut self, doors: &Doors, _drain: Duration) -> Result<()> {
        self.same(doors)?;
        let late = self.world.inner().late_writer;
        if late {
            self.world.write(7);
            self.world.write_to_the_new(7);
        }
        effect(&self.world, &self.cuts, "fence", |w| {
            shut(w, true);
            Ok(())
        })
    }
    async fn lift(&mut self, doors: &Doors) -> Result<()> {
        self.same(doors)?;
        effect(&self.world, &self.cuts, "lift the fence", |w| {
            shut(w, false);
            Ok(())
        })
    }
    async fn look(&mut self, doors: &Doors) -> Result<Fenced> {
        self.cuts.pass("look at the fence")?;
        self.same(doors)?;
        let inner = self.world.inner();
        let fenced = match (inner.production, inner.on_stage()) {
            (Some(_), Some(id)) => inner.is_fenced(id),
            _ => inner.fenced,
        };
        let stands = if fenced { Stands::Up } else { Stands::Down };
        Ok(Fenced { stands, open: Vec::new(), sessions: Vec::new() })
    }
}
