//! Restoring on the simulated server: a copy of the source's rows in two halves, so that a cut leaves half of it. Every effect has its cuts.

use super::cuts::Cuts;
use super::sessions::effect;
use super::world::{Rows, World};
use crate::backup::{Restored, Tell};
use crate::error::{EngineError, ErrorKind, Result};
use crate::seam::{Marker, MarkerState, Target, nothing_alike};
use greenroom_model::catalog::TableName;

/// Restores "the backup", which holds what the source holds now.
pub(super) async fn restore<T: Target>(
    target: &mut T,
    (world, cuts): (World, Cuts),
    name: &str,
    marker: &Marker,
    tell: Tell,
) -> Result<Restored> {
    let building = Marker { state: MarkerState::Building, ..marker.clone() };
    target.create(name, &building, &nothing_alike()).await?;
    let tables: Vec<(TableName, Rows)> = world.inner().source.clone().into_iter().collect();
    let half = tables.len().div_ceil(2);
    for part in [&tables[..half], &tables[half..]] {
        effect(&world, &cuts, "restore", |w| {
            let lost = || EngineError::new(ErrorKind::Lost, "restore", "the database is gone");
            w.databases.get_mut(name).ok_or_else(lost)?.tables.extend(part.to_vec());
            Ok(())
        })?;
        tell(1);
    }
    target.mark(name, marker).await?;
    let standing = target.look(name).await?;
    Ok(Restored { engine_id: standing.map(|s| s.engine_id).unwrap_or_default(), ..Restored::default() })
}
