//! Any text as a program of one layer: no panic, findings whose codes are explained and whose spans lie in the file, and no refusal
//! without a reason. A line `=== path` begins another file; what stands before the first is `greenroom.toml`.
#![no_main]

use greenroom_model::finding::{any_error, explain};
use greenroom_model::program::{Layer, parse};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    let mut files = BTreeMap::new();
    let mut pieces = text.split("\n=== ");
    files.insert("greenroom.toml".to_owned(), pieces.next().unwrap_or_default().to_owned());
    files.extend(pieces.map(|piece| piece.split_once('\n').unwrap_or((piece, ""))).map(|(path, text)| (path.to_owned(), text.to_owned())));
    let layer = Layer { name: "program".to_owned(), files, opaque: BTreeMap::new() };
    let (program, findings) = parse(std::slice::from_ref(&layer));
    assert!(program.is_some() || any_error(&findings), "a program was refused and nothing says why");
    for finding in &findings {
        assert!(explain(finding.code).is_some(), "{} is not explained", finding.code);
        let Some(place) = &finding.place else { continue };
        let Some(file) = layer.files.get(&place.file) else { continue };
        assert!(file.get(place.span.clone()).is_some(), "{}: {:?} is not a span of {}", finding.code, place.span, place.file);
    }
});
