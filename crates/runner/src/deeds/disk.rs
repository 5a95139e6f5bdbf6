//! Room on disks: of a folder of this machine, or where the target keeps its data.

use super::{Ground, Seen};
use greenroom_model::process::deed::bytes_in_words;
use std::path::Path;

/// Compares what is free with what is needed.
pub(super) async fn room(ground: &Ground, path: Option<&str>, needed: u64) -> Seen {
    let (place, free) = match path {
        Some(path) => (format!("`{path}`"), of_folder(&ground.folder.join(path))),
        None => ("where the target keeps its data".to_owned(), of_target(ground).await),
    };
    let (needed_words, free) = (
        bytes_in_words(needed),
        match free {
            Ok(free) => free,
            Err(why) => return Seen::bad(format!("{place}: the room is not known: {why}")),
        },
    );
    let words = format!("{place}: {} free, {needed_words} needed", bytes_in_words(free));
    if free >= needed { Seen::good(words) } else { Seen::bad(words) }
}

fn of_folder(path: &Path) -> Result<u64, String> {
    let found = rustix::fs::statvfs(path).map_err(|e| e.kind().to_string())?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

async fn of_target(ground: &Ground) -> Result<u64, String> {
    let mut target = ground.engines.target().await.map_err(|e| e.to_string())?;
    let room = target.room().await.map_err(|e| e.to_string())?;
    room.free.ok_or_else(|| "the server does not tell; name a folder with `path`, or look by a `command`".to_owned())
}
