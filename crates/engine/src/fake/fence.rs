//! The fence around the simulated production: one door, whose shutting and opening are cut apart from what follows. Where production stays beside the new one there
//! are two: everybody's account, which leads to both, and the database itself.

use super::cuts::Cuts;
use super::sessions::effect;
use super::world::{Inner, World};
use crate::error::{EngineError, ErrorKind, Result};
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

    /// Identity of the database behind production's address; where production is not among the target's, it is always the same.
    fn engine_id(&self) -> String {
        let inner = self.world.inner();
        if inner.production.is_none() { "source".into() } else { inner.on_stage().map_or_else(String::new, |id| id.to_string()) }
    }

    fn same(&self, doors: &Doors) -> Result<()> {
        same_database(doors, &self.engine_id())
    }

    fn lock(&self, what: &str, locked: bool) -> Result<()> {
        effect(&self.world, &self.cuts, what, |w| {
            w.locked = locked;
            Ok(())
        })
    }

    fn read(&self, apart: bool) -> Result<Doors> {
        self.cuts.pass("read the doors")?;
        let door = |who: &str| Door { who: who.into(), key: vec![who.into()], shut: format!("shut {who}"), open: format!("open {who}") };
        let doors = if apart { vec![door("everybody"), door("the database")] } else { vec![door("everybody")] };
        Ok(Doors {
            database: "production".into(),
            engine_id: self.engine_id(),
            client: "fake".into(),
            doors,
            apart,
            spared: Vec::new(),
            besides: Vec::new(),
            gaps: Vec::new(),
            obstacles: Vec::new(),
            hazards: Vec::new(),
        })
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
        self.read(false)
    }
    async fn doors_apart(&mut self) -> Result<Doors> {
        self.read(true)
    }
    async fn raise(&mut self, doors: &Doors, _drain: Duration) -> Result<()> {
        self.same(doors)?;
        let late = self.world.inner().late_writer;
        if late {
            self.world.write(7);
            self.world.write_to_the_new(7);
        }
        if doors.apart {
            self.lock("lock the accounts", true)?;
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
        })?;
        if doors.apart { self.lock("unlock the accounts", false) } else { Ok(()) }
    }
    async fn part(&mut self, doors: &Doors) -> Result<()> {
        self.same(doors)?;
        if !doors.apart || !self.world.inner().fenced {
            return Err(EngineError::new(ErrorKind::Conflict, "part the productions", "the former one is open but for its accounts"));
        }
        self.lock("let the accounts in", false)
    }
    async fn look(&mut self, doors: &Doors) -> Result<Fenced> {
        self.cuts.pass("look at the fence")?;
        self.same(doors)?;
        let inner = self.world.inner();
        let fenced = match (inner.production, inner.on_stage()) {
            (Some(_), Some(id)) => inner.is_fenced(id),
            _ => inner.fenced,
        };
        let stands = Stands::of([Some(fenced), doors.apart.then_some(inner.locked)].into_iter().flatten());
        Ok(Fenced { stands, open: Vec::new(), sessions: Vec::new() })
    }
}
