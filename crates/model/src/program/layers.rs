//! Reads the files of every layer into raw types. Owns which files are read at all; does not own what they mean together (`resolve`).

use super::file::File;
use super::raw::{At, RawColumns, RawGreenroom, RawPack};
use super::structure;
use super::text::nearest;
use crate::finding::Finding;
use crate::program::Layer;
use std::collections::{BTreeMap, BTreeSet};

/// The main file's name.
pub(super) const MAIN: &str = "greenroom.toml";
/// The decisions' file name.
pub(super) const COLUMNS: &str = "columns.toml";

/// One layer, parsed.
pub(super) struct Read<'a> {
    pub layer: &'a Layer,
    /// The program itself, not a kit.
    pub own: bool,
    pub main: RawGreenroom,
    pub columns: RawColumns,
    /// By pack name.
    pub packs: BTreeMap<String, RawPack>,
    /// Dotted paths of the main file that were taken out as faulty; the empty one stands for the whole file.
    broken: BTreeSet<String>,
}

impl<'a> Read<'a> {
    /// Parses the files of one layer.
    pub fn new(layer: &'a Layer, own: bool, findings: &mut Vec<Finding>) -> Read<'a> {
        let mut read = Read {
            layer,
            own,
            main: RawGreenroom::default(),
            columns: RawColumns::default(),
            packs: BTreeMap::new(),
            broken: BTreeSet::new(),
        };
        read.report_files(findings);
        if layer.files.contains_key(MAIN) {
            let (main, broken) = structure::read(read.file(MAIN), findings);
            read.main = main;
            read.broken.extend(broken);
        }
        if layer.files.contains_key(COLUMNS) {
            read.columns = structure::read(read.file(COLUMNS), findings).0;
        }
        for path in layer.files.keys() {
            if let Some(name) = name_in("packs", "toml", path) {
                let (pack, broken) = structure::read(read.file(path), findings);
                if broken.iter().all(|b| !b.is_empty()) {
                    read.packs.insert(name.to_owned(), pack);
                }
            }
        }
        read
    }

    /// A file of the layer, with an empty text if it does not exist.
    pub fn file<'p>(&self, path: &'p str) -> File<'p>
    where
        'a: 'p,
    {
        let text = self.layer.files.get(path).map_or("", String::as_str);
        File { layer: &self.layer.name, own: self.own, path, text }
    }

    /// Whether a setting of the main file (or something around it) was written but faulty, so that a finding exists already.
    pub fn is_broken(&self, path: &str) -> bool {
        self.broken.iter().any(|b| b.is_empty() || path == b || path.strip_prefix(b.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }

    fn report_files(&self, findings: &mut Vec<Finding>) {
        let whole = |path: &str| self.file(path).place(0..0);
        for path in self.layer.opaque.keys() {
            if !path.starts_with("upgrade/") && reading(path) == Reading::Yes {
                let finding = Finding::error("GR0105", format!("`{path}` is not UTF-8 text")).at(whole(path));
                findings.push(finding.hint("save the file as UTF-8"));
            }
        }
        for path in self.layer.files.keys().chain(self.layer.opaque.keys()) {
            if let Reading::No(hint) = reading(path) {
                findings.push(Finding::warning("GR0125", format!("`{path}` is not read")).at(whole(path)).hint(hint));
            }
        }
        if self.layer.files.contains_key(MAIN) || self.layer.opaque.contains_key(MAIN) {
            return;
        }
        if self.own {
            let finding = Finding::error("GR0101", format!("the program has no `{MAIN}`")).at(whole(MAIN));
            findings.push(finding.hint("run `greenroom init` to write one, or change into the program's folder"));
        } else if !self.layer.files.keys().chain(self.layer.opaque.keys()).any(|p| reading(p) == Reading::Yes) {
            let finding = Finding::error("GR0102", format!("the kit `{}` has no file of a program in it", self.layer.name));
            findings.push(finding.hint("check the path that `extends` names"));
        }
    }
}

/// The last layer's value of a setting that has one, with that layer.
pub(super) fn last<'r, 'a, T>(
    layers: &'r [Read<'a>],
    get: impl Fn(&'r RawGreenroom) -> Option<&'r At<T>>,
) -> Option<(&'r Read<'a>, &'r At<T>)> {
    layers.iter().rev().find_map(|l| get(&l.main).map(|v| (l, v)))
}

/// The `NAME` of `folder/NAME.ext`, directly in the folder.
pub(super) fn name_in<'p>(folder: &str, extension: &str, path: &'p str) -> Option<&'p str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(extension)?.strip_suffix('.')?;
    (!name.is_empty() && !name.contains('/') && !name.starts_with('.')).then_some(name)
}

#[derive(PartialEq, Eq)]
enum Reading {
    Yes,
    /// Not read, but looks as if it should be; the hint.
    No(String),
    /// None of Greenroom's business.
    Foreign,
}

fn reading(path: &str) -> Reading {
    let name = path.rsplit('/').next().unwrap_or(path);
    if path == MAIN || path == COLUMNS || path.starts_with("upgrade/") {
        return Reading::Yes;
    }
    let lower = name.to_lowercase();
    if name.starts_with('.') || name.ends_with('~') || lower.starts_with("readme") || lower.ends_with(".md") {
        return Reading::Foreign;
    }
    for (folder, extension) in [("packs", "toml"), ("verify", "sql"), ("dictionaries", "txt")] {
        if path.starts_with(folder) && path[folder.len()..].starts_with('/') {
            return match name_in(folder, extension, path) {
                Some(_) => Reading::Yes,
                None => Reading::No(format!("files of `{folder}/` are named `{folder}/NAME.{extension}`")),
            };
        }
    }
    match path.split_once('/') {
        None if path == crate::process::PROCESS || lower.ends_with(".ics") => Reading::Yes,
        None => nearest(path, [MAIN, COLUMNS, crate::process::PROCESS])
            .map_or(Reading::Foreign, |m| Reading::No(format!("did you mean `{m}`?"))),
        Some((folder, _)) => nearest(folder, ["packs", "verify", "dictionaries", "upgrade"])
            .map_or(Reading::Foreign, |m| Reading::No(format!("did you mean the folder `{m}`?"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_directly_in_their_folder_have_a_name() {
        assert_eq!(name_in("packs", "toml", "packs/mail.out.toml"), Some("mail.out"));
        assert_eq!(name_in("packs", "toml", "packs/old/mail.toml"), None);
        assert_eq!(name_in("packs", "toml", "packs/.toml"), None);
        assert_eq!(name_in("packs", "toml", "packsmail.toml"), None);
    }
}
