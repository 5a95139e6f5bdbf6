//! Arbitrary text: no panic, and places within the file.

use super::{SMALL, layer};
use crate::program::{Layer, extends, parse};
use proptest::prelude::*;

/// Parses and checks what holds for any input: spans lie within the texts, findings without errors come with a program.
fn holds(layers: &[Layer]) {
    let (program, findings) = parse(layers);
    assert_eq!(program.is_none(), crate::finding::any_error(&findings));
    for place in findings.iter().filter_map(|f| f.place.as_ref()) {
        let text = layers.iter().find_map(|l| l.files.get(&place.file)).map_or("", String::as_str);
        assert!(text.get(place.span.clone()).is_some(), "{place:?}");
    }
    if let Some(program) = program {
        for decision in program.columns.values().flat_map(|c| c.values()) {
            assert!(layers[0].files["columns.toml"].get(decision.origin.span.0..decision.origin.span.1).is_some());
        }
    }
}

/// Lines that mostly make sense, in any order.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        prop::sample::select(vec![
            "[program]",
            "name = 'a'",
            "[source]",
            "engine = 'sqlite'",
            "path = 'x'",
            "[pilot]",
            "[tables]",
            "t = 'queue'",
            "[client]",
            "id = 'keep'",
            "m = { mask = 'x', params = { a = [1, {}] } }",
            "password = { env = 'X' }",
            "[[rule]]",
            "set = { a = '1' }",
            "[a.b]",
            "x = 1979-05-27",
            "'ż\"' = 'null'",
            "schema = 'é'",
            "empty = true",
            "when = '''",
            "\"\\u00e9\" = 1",
            "[copy]",
            "workers = 99999999999999999999",
        ])
        .prop_map(str::to_owned),
        "[ -~é]{0,12} = [ -~é]{0,12}",
    ];
    prop::collection::vec(line, 0..14).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_text_is_answered_with_findings_in_range(main in any::<String>(), columns in any::<String>(), pack in any::<String>(), sql in any::<String>()) {
        let _ = extends(&main);
        holds(&[layer("program", &[("greenroom.toml", &main), ("columns.toml", &columns), ("packs/a.toml", &pack), ("verify/a.sql", &sql)])]);
    }

    #[test]
    fn any_mixture_of_lines_is_answered_with_findings_in_range(main in lines(), columns in lines(), pack in lines(), sql in "[-'\";$a/* \n:éx]{0,60}") {
        let main = if main.len() % 2 == 0 { format!("{SMALL}{main}") } else { main };
        holds(&[layer("program", &[("greenroom.toml", &main), ("columns.toml", &columns), ("packs/a.toml", &pack), ("verify/a.sql", &sql)])]);
    }
}
