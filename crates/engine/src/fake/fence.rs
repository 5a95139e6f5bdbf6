//! The fence around the simulated production: one door, whose shutting and opening are cut apart from what follows.

use super::cuts::Cuts;
use super::sessions::effect;
use super::world::World;
use crate::error::Result;
use crate::fence::{Fence, Fenced};
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

#[async_trait]
impl Fence for FakeFence {
    async fn doors(&mut self) -> Result<Doors> {
        self.cuts.pass("read the doors")?;
        let door = Door { who: "everybody".into(), key: vec!["all".into()], shut: "shut".into(), open: "open".into() };
        Ok(Doors {
            database: "production".into(),
            engine_id: "source".into(),
            client: "fake".into(),
            doors: vec![door],
            spared: Vec::new(),
            besides: Vec::new(),
            gaps: Vec::new(),
            obstacles: Vec::new(),
            hazards: Vec::new(),
        })
    }
    async fn raise(&mut self, _doors: &Doors, _drain: Duration) -> Result<()> {
        let late = self.world.inner().late_writer;
        if late {
            self.world.write(7);
        }
        effect(&self.world, &self.cuts, "fence", |w| {
            w.fenced = true;
            Ok(())
        })
    }
    async fn lift(&mut self, _doors: &Doors) -> Result<()> {
        effect(&self.world, &self.cuts, "lift the fence", |w| {
            w.fenced = false;
            Ok(())
        })
    }
    async fn look(&mut self, _doors: &Doors) -> Result<Fenced> {
        self.cuts.pass("look at the fence")?;
        let stands = if self.world.inner().fenced { Stands::Up } else { Stands::Down };
        Ok(Fenced { stands, open: Vec::new(), sessions: Vec::new() })
    }
}
