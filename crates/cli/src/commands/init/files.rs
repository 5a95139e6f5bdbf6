//! Writes a program's files: all or none, never over something that is there.

use crate::error::CliError;
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::write::NewProgram;
use std::fs;
use std::io::Write;
use std::path::Path;

/// The files that a new program consists of.
const FILES: [&str; 6] =
    ["greenroom.toml", "columns.toml", "process.toml", "packs/example.toml", "upgrade/README.md", "verify/example.sql"];

/// Refuses a folder in which a program stands already, before anything else is asked or done.
pub(super) fn none_there(folder: &Path) -> Result<(), CliError> {
    match FILES.iter().find(|f| folder.join(f).symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(there) => Err(CliError::missing(
            format!("{} has a `{there}` already; nothing was written", folder.display()),
            "`-C DIR` names another folder; for an existing program `greenroom columns` shows what is undecided",
        )),
    }
}

/// Writes all files under another name first and gives them their names at the end, `greenroom.toml` last: a folder with that file has a
/// whole program.
pub(super) fn write(folder: &Path, texts: &[(String, String)]) -> Result<(), CliError> {
    let stage = folder.join(".greenroom-init");
    // Left over from an init that was killed.
    if stage.exists() {
        fs::remove_dir_all(&stage).map_err(CliError::io(format!("remove {}", stage.display())))?;
    }
    let mut named: Vec<&str> = Vec::new();
    let done = staged(folder, &stage, texts, &mut named);
    if done.is_err() {
        // What this call wrote, and nothing else.
        named.iter().for_each(|path| drop(fs::remove_file(folder.join(path))));
    }
    let cleaned = fs::remove_dir_all(&stage).map_err(CliError::io(format!("remove {}", stage.display())));
    done.and(cleaned)
}

fn staged<'t>(folder: &Path, stage: &Path, texts: &'t [(String, String)], named: &mut Vec<&'t str>) -> Result<(), CliError> {
    let failed = |path: &Path| CliError::io(format!("write {}", path.display()));
    for (path, text) in texts {
        let at = stage.join(path);
        let parent = at.parent().unwrap_or(stage);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create_new(&at)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed(&at))?;
    }
    for (path, _) in texts.iter().rev() {
        let to = folder.join(path);
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        // A link never replaces what is there.
        fs::hard_link(stage.join(path), &to).map_err(failed(&to))?;
        named.push(path);
    }
    Ok(())
}

/// Keeps the workspace (and a SQLite pilot) out of version control.
pub(super) fn ignore(folder: &Path, new: &NewProgram<'_>) -> Result<(), CliError> {
    let path = folder.join(".gitignore");
    let failed = || CliError::io(format!("write {}", path.display()));
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(failed()(e)),
    };
    let mut wanted = vec![".greenroom/".to_owned()];
    if new.source.engine == EngineKind::Sqlite && !new.pilot.starts_with(['/', '.']) {
        let (dir, file) = new.pilot.rsplit_once('/').map_or((String::new(), new.pilot.as_str()), |(d, f)| (format!("{d}/"), f));
        wanted.extend([format!("/{dir}{file}*"), format!("/{dir}.{file}.*")]);
    }
    wanted.retain(|line| !text.lines().any(|l| l.trim() == line));
    if wanted.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    wanted.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    fs::write(&path, text).map_err(failed())
}
