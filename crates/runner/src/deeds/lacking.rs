//! What tasks and probes need and is not there: said when the program is checked, not on the night. Looks at names of files only.

use greenroom_model::finding::Finding;
use greenroom_model::process::Process;
use greenroom_model::process::deed::{Deed, Doing};
use greenroom_model::program::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Warnings for what is not there.
pub(crate) fn lacking(folder: &Path, program: Option<&Program>, process: &Process) -> Vec<Finding> {
    let tasks = process.tasks.iter().filter_map(|(id, t)| Some((format!("the task `{id}`"), t.does.as_ref()?)));
    let probes = process.integrations.iter().flat_map(|(id, i)| {
        let named = format!("the integration `{id}`");
        [&i.probe_old, &i.probe_new].into_iter().flatten().map(move |deed| (named.clone(), deed))
    });
    let requirements = process.requirements.iter().map(|(id, r)| (format!("the requirement `{id}`"), &r.needs));
    let mut said: Vec<Finding> = Vec::new();
    for (whose, deed) in tasks.chain(probes).chain(requirements) {
        for (message, hint) in of(folder, program, deed) {
            let message = format!("{whose} needs {message}");
            if said.iter().all(|f| f.message != message) {
                said.push(Finding::warning("GR0141", message).hint(hint));
            }
        }
    }
    for (id, integration) in &process.integrations {
        let Some((pack, program)) = integration.pack.as_ref().map(|(pack, _)| pack).zip(program) else { continue };
        if program.packs.iter().all(|p| p.name != *pack) {
            let message = format!("the integration `{id}` needs the pack `{pack}`, which the program does not use");
            let hint = "name the pack that switches it off on the pilot; `greenroom reopen` lists those of the program";
            said.push(Finding::warning("GR0141", message).hint(hint));
        }
    }
    said
}

fn of(folder: &Path, program: Option<&Program>, deed: &Deed) -> Vec<(String, &'static str)> {
    match &deed.doing {
        Doing::Sql { file, .. } if !folder.join(file).is_file() => {
            vec![(format!("`{file}`, which is not there"), "write the query into this file of the program's folder")]
        }
        Doing::Command { command, rehearsal, .. } => {
            let programs = command.first().into_iter().chain(rehearsal.iter().filter_map(|r| r.first()));
            programs.filter_map(|word| unfit(folder, word)).collect()
        }
        Doing::Copy { tree } if program.is_some_and(|p| p.files.iter().all(|f| f.name != *tree)) => {
            vec![(
                format!("the tree of files `{tree}`, which the program does not name"),
                "write a section `[files.NAME]` into greenroom.toml",
            )]
        }
        _ => Vec::new(),
    }
}

/// A word with a slash in it is a file; what has none is looked for by the machine, on the night's `PATH`.
fn unfit(folder: &Path, word: &str) -> Option<(String, &'static str)> {
    if !word.contains('/') {
        return None;
    }
    match std::fs::metadata(folder.join(word)) {
        Err(_) => Some((format!("`{word}`, which is not there"), "put the program into the program's folder, or give its whole path")),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => Some((format!("`{word}`, which cannot be run"), "`chmod +x` it")),
        Ok(_) => None,
    }
}
