//! Step: the application's files go along with a production that moves: what is new or changed since the last pass, now that nobody writes any more. Does not own how they
//! are copied (`trees`).

use super::{Execution, RunError, StepError, failure};
use crate::ports::Notice;
use crate::trees::{self, Choice, Tree, TreeError, TreeReport};
use greenroom_model::plan::StepKey;
use greenroom_model::run::{Body, Failure, Outcome};

impl Execution {
    pub(super) async fn copy_files(&mut self) -> Result<Outcome, StepError> {
        let setup = self.setup.clone();
        let (mut copied, mut bytes, mut removed) = (0, 0, 0);
        let mut outcome = Outcome::default();
        for tree in setup.program.files.iter().map(|t| Tree::of(t, &setup.folder)) {
            let name = tree.name.clone();
            let lock = setup
                .workspace
                .lock(&format!("files.{name}"))
                .map_err(|source| RunError::Scratch { path: setup.folder.clone(), source })?;
            let Some(_lock) = lock else {
                let mut f = failure("GR0723", format!("another Greenroom is working on the files `{name}`"));
                f.hint = Some("wait for it, or stop it; then resume".into());
                return Err(f.into());
            };
            let report = self.pass(tree).await?;
            if let Some(manifest) = report.manifest {
                let body =
                    Body::FilesCopied { tree: name.clone(), files: report.files, bytes: report.bytes, manifest, wrong: report.wrongs };
                self.log.beside(Some(&setup.fencing.actor), body).map_err(RunError::from)?;
            }
            if !report.is_good() {
                return Err(incomplete(&report).into());
            }
            copied += report.copied;
            bytes += report.copied_bytes;
            removed += report.removed;
            outcome
                .notes
                .push(format!("{name}: {} files, of which {} were copied now, {} had gone", report.files, report.copied, report.removed));
        }
        outcome.rows = Some(copied + removed);
        outcome.bytes = Some(bytes);
        Ok(outcome)
    }

    /// One pass over a tree, on a thread of its own; it stops when nobody waits for it any more.
    async fn pass(&mut self, tree: Tree) -> Result<TreeReport, StepError> {
        let stop = self.setup.cancel.child_token();
        let _stopped_with_us = stop.clone().drop_guard();
        let (observer, manifest) = (self.setup.observer.clone(), self.setup.workspace.manifest(&tree.name));
        let step = self.performing.clone().unwrap_or_else(|| StepKey("files".into()));
        let name = tree.name.clone();
        let work = move || {
            let mut tell = |bytes| observer.notice(Notice::Rows { step: step.clone(), rows: 0, bytes });
            trees::copy(&tree, &manifest, Choice { delete: true, overwrite: false, thorough: false }, &mut tell, &|| stop.is_cancelled())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(TreeError::Stopped)) => Err(StepError::Stopped),
            Ok(Err(e)) => {
                let mut f = failure("GR0751", format!("files `{name}`: {e}"));
                f.hint =
                    Some("see that both places can be read and written and have room, then resume: it goes on; or `greenroom undo`".into());
                Err(f.into())
            }
            Err(e) => Err(failure("GR0710", format!("the thread that copies files died: {e}")).into()),
        }
    }
}

fn incomplete(report: &TreeReport) -> Failure {
    let mut f = failure("GR0750", format!("{} files of `{}` are not at their new place as they should be", report.wrongs, report.tree));
    f.details = report.wrong.iter().map(|(path, what)| format!("{path}: {what}")).collect();
    f.hint = Some("mend that and resume, or `greenroom undo`: what others put or changed at the new place is moved away by hand, or replaced by `greenroom files copy --overwrite`".into());
    f
}
