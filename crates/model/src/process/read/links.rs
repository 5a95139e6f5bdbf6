//! `[process] upload_url`: what links for handing over files begin with.

use super::Reader;
use super::raw::RawProcess;
use crate::finding::Finding;
use crate::process::links::base_address;
use crate::program::file::File;

impl Reader<'_> {
    pub(super) fn upload_url(&mut self, raws: &[(File<'_>, RawProcess)]) -> Option<String> {
        let (file, at) = raws.iter().rev().find_map(|(file, r)| Some((file, r.process.as_ref()?.upload_url.as_ref()?)))?;
        match base_address(&at.value) {
            Ok(base) => Some(base),
            Err(why) => {
                let finding = Finding::error("GR0862", format!("no link can begin with `{}`: {why}", at.value));
                self.findings.push(finding.at(file.place(at.span.clone())).hint("write `https://files.example.org/in`"));
                None
            }
        }
    }
}
