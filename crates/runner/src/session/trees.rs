//! Trees of files: copied, compared, listed; what was done goes into the journal. Does not own how (`trees`).

use super::error::refused;
use super::{Session, SessionError};
use crate::journal::{Journal, TreeState};
use crate::trees::{self, Choice, Manifest, Tree, TreeError, TreeReport};
use greenroom_model::run::Body;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// One of the program's trees.
#[derive(Clone, Debug, Serialize)]
pub struct KnownTree {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub from: String,
    /// Where it is copied to.
    pub to: String,
    /// What is on record.
    #[serde(flatten)]
    pub state: TreeState,
}

impl Session {
    /// The program's trees, and what is on record of each.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn trees(&self) -> Result<Vec<KnownTree>, SessionError> {
        let known = self.whole_history()?.files;
        let tree = |t: &greenroom_model::program::FileTree| KnownTree {
            name: t.name.clone(),
            from: t.from.clone(),
            to: t.to.clone(),
            state: known.get(&t.name).copied().unwrap_or_default(),
        };
        Ok(self.program.files.iter().map(tree).collect())
    }

    /// Those that are named; all without a name.
    fn chosen(&self, names: &[String]) -> Result<Vec<Tree>, SessionError> {
        let known: Vec<&str> = self.program.files.iter().map(|t| t.name.as_str()).collect();
        if known.is_empty() {
            let hint = "write a section `[files.reports]` with `from` and `to` into greenroom.toml";
            return Err(refused("GR0751", "the program names no trees of files", hint));
        }
        if let Some(strange) = names.iter().find(|n| !known.contains(&n.as_str())) {
            let hint = format!("those of the program: {}", known.join(", "));
            return Err(refused("GR0751", format!("the program names no tree of files `{strange}`"), hint));
        }
        let wanted = self.program.files.iter().filter(|t| names.is_empty() || names.contains(&t.name));
        Ok(wanted.map(|t| Tree::of(t, &self.folder)).collect())
    }

    fn tree_lock(&self, tree: &Tree) -> Result<crate::workspace::RunLock, SessionError> {
        let busy = || refused("GR0723", format!("another Greenroom is working on the files `{}`", tree.name), "wait for it, or stop it");
        self.workspace.lock(&format!("files.{}", tree.name))?.ok_or_else(busy)
    }

    /// Copies trees, one after another. `tell` gets a tree's name and bytes as they are copied.
    ///
    /// # Errors
    /// When a tree cannot be worked on at all, or somebody stops it; what is wrong with single files is in the reports.
    pub fn copy_files(&self, names: &[String], choice: Choice, tell: &mut dyn FnMut(&str, u64)) -> Result<Vec<TreeReport>, SessionError> {
        let mut reports = Vec::new();
        for tree in self.chosen(names)? {
            let _lock = self.tree_lock(&tree)?;
            let manifest = self.workspace.manifest(&tree.name);
            let stop = || self.cancel.is_cancelled();
            let report =
                trees::copy(&tree, &manifest, choice, &mut |bytes| tell(&tree.name, bytes), &stop).map_err(|e| refusal(&tree, e))?;
            if let Some(manifest) = report.manifest {
                let (files, bytes, wrong) = (report.files, report.bytes, report.wrongs);
                let body = Body::FilesCopied { tree: tree.name.clone(), files, bytes, manifest, wrong };
                self.journal()?.append(None, Some(&self.actor), body)?;
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Compares trees with their copies, reading every file of both.
    ///
    /// # Errors
    /// As [`Session::copy_files`].
    pub fn verify_files(&self, names: &[String], tell: &mut dyn FnMut(&str, u64)) -> Result<Vec<TreeReport>, SessionError> {
        let mut reports = Vec::new();
        for tree in self.chosen(names)? {
            let _lock = self.tree_lock(&tree)?;
            let stop = || self.cancel.is_cancelled();
            let report = trees::verify(&tree, &mut |bytes| tell(&tree.name, bytes), &stop).map_err(|e| refusal(&tree, e))?;
            let (files, bytes, wrong) = (report.files, report.bytes, report.wrongs);
            self.journal()?.append(None, Some(&self.actor), Body::FilesVerified { tree: tree.name.clone(), files, bytes, wrong })?;
            reports.push(report);
        }
        Ok(reports)
    }

    /// Writes what was copied of a tree, as `b3sum --check` reads it: for whoever holds the other end. Returns the number of files.
    ///
    /// # Errors
    /// When the tree was never copied, or the file cannot be written.
    pub fn write_manifest(&self, name: &str, out: &mut dyn Write) -> Result<u64, SessionError> {
        let tree = self.chosen(&[name.to_owned()])?.remove(0);
        let path = self.workspace.manifest(name);
        if !path.exists() {
            return Err(refused("GR0751", format!("the files `{name}` were never copied"), "`greenroom files copy` copies them"));
        }
        let _lock = self.tree_lock(&tree)?;
        let manifest = Manifest::open_to_read(&path).map_err(|e| refusal(&tree, e))?;
        let (mut files, mut failed) = (0, None);
        manifest
            .each(|path, hash| {
                files += 1;
                if let Err(e) = line(out, path, &hash.to_string()) {
                    failed.get_or_insert(e);
                }
            })
            .map_err(|e| refusal(&tree, e))?;
        failed.map_or(Ok(files), |e| Err(e.into()))
    }
}

/// One line as b3sum writes it: names with a backslash or an end of line are escaped, and say so.
fn line(out: &mut dyn Write, path: &Path, hash: &str) -> std::io::Result<()> {
    let shown = path.to_string_lossy();
    if shown.contains(['\\', '\n', '\r']) {
        let escaped = shown.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        return writeln!(out, "\\{hash}  {escaped}");
    }
    writeln!(out, "{hash}  {shown}")
}

fn refusal(tree: &Tree, e: TreeError) -> SessionError {
    let hint = match &e {
        TreeError::Place(_) => "correct `from` and `to` under `[files]`; nothing was changed",
        TreeError::Stopped => "`greenroom files copy` goes on where it stopped",
        TreeError::Io { .. } | TreeError::Manifest { .. } => {
            "see that both places can be read and written and have room; then copy again: it goes on"
        }
    };
    refused("GR0751", format!("files `{}`: {e}", tree.name), hint)
}
