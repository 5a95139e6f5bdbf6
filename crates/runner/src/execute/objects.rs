//! Large objects (PostgreSQL) on the way back: nobody notes which are written, so that those of both sides are compared by content, and those that differ are carried.
//!
//! Owns that comparison and what is said of it. Does not own reading and writing them (`engine`).

use super::back::Compared;
use super::{StepError, failure_of};
use greenroom_engine::{ErrorKind, Generation};
use greenroom_model::catalog::Catalog;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Large objects of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// On the former side.
    pub former: u64,
    /// On the new one.
    pub new: u64,
    /// Only on the new one.
    #[serde(default)]
    pub inserted: u64,
    /// With another content.
    #[serde(default)]
    pub updated: u64,
    /// Only on the former side.
    #[serde(default)]
    pub deleted: u64,
    /// This login may not read them all, so that none is carried back.
    #[serde(default)]
    pub unread: bool,
}

impl Objects {
    /// What is to be answered for, in words; none where nothing differs.
    pub(super) fn loss(self) -> Option<String> {
        let o = self;
        match (o.former + o.new > 0, o.unread, o.inserted + o.updated + o.deleted) {
            (true, true, _) => Some(format!(
                "given up: large objects: {} in the new production, {} in the former one; Greenroom's login may not read them all, so that none is carried back",
                o.new, o.former
            )),
            (true, false, n) if n > 0 => Some(format!(
                "compared whole: large objects: {} new, {} changed, {} removed; nobody noted who wrote into them, and what the upgrade changed in them is carried back, too",
                o.inserted, o.updated, o.deleted
            )),
            _ => None,
        }
    }
}

/// Compares the large objects of both sides, content by content; which were written since nobody notes.
pub(super) async fn compared(
    former: &mut dyn Generation,
    new: &mut dyn Generation,
    before: &Catalog,
    now: &Catalog,
) -> Result<(Objects, Vec<(u32, bool)>), StepError> {
    let mut counts = Objects { former: before.large_objects, new: now.large_objects, ..Objects::default() };
    if counts.former + counts.new == 0 {
        return Ok((counts, Vec::new()));
    }
    let mut both = Vec::new();
    for of_new in [false, true] {
        let digests = if of_new { new.large_object_digests().await } else { former.large_object_digests().await };
        both.push(match digests {
            Ok(digests) => digests.into_iter().collect::<BTreeMap<u32, String>>(),
            Err(e) if e.kind == ErrorKind::Denied => return Ok((Objects { unread: true, ..counts }, Vec::new())),
            Err(e) => return Err(e.into()),
        });
    }
    let (aside, here) = (&both[0], &both[1]);
    let mut differ = Vec::new();
    for id in aside.keys().chain(here.keys()).collect::<BTreeSet<_>>() {
        let count = match (aside.get(id), here.get(id)) {
            (None, Some(_)) => &mut counts.inserted,
            (Some(_), None) => &mut counts.deleted,
            (a, b) if a != b => &mut counts.updated,
            _ => continue,
        };
        *count += 1;
        differ.push((*id, here.contains_key(id)));
    }
    Ok((counts, differ))
}

/// Gives the former side the large objects that differ, one by one: what was cut off is gone on with by comparing again.
pub(crate) async fn take_objects(former: &mut dyn Generation, new: &mut dyn Generation, compared: &Compared) -> Result<(), StepError> {
    for (id, stands) in &compared.objects {
        let done = match stands {
            true => former.take_large_object(*id, new).await,
            false => former.remove_large_object(*id).await,
        };
        done.map_err(|e| {
            let mut f = failure_of(&e);
            if !matches!(e.kind, ErrorKind::Lost | ErrorKind::Full) {
                f.code = "GR0785".into();
                f.message = format!("could not carry a large object back into the former production: {e}");
                f.hint = Some("Greenroom's login has to own the object, or be a member of the role that does".into());
            }
            StepError::from(f)
        })?;
    }
    Ok(())
}
