//! What is handed over: the page and the JSON say what the record says, in both languages, and hold nothing that is no business of theirs.
// covers F3

use super::Scene;
use crate::ground::Ground;
use std::fs;

#[test]
fn the_evidence_says_what_is_on_record_in_both_languages() {
    let s = Scene::new();
    s.done("jan", &["stage", "enter", "readiness"]);
    s.done("jan", &["gate", "tick", "prepared", "1"]);
    s.done("jan", &["gate", "tick", "prepared", "2"]);
    let program = s.ground.folder().join("program");
    fs::write(program.join("in.bak"), "abc").unwrap();
    s.done("anna", &["gate", "receive", "backup", "in.bak"]);
    s.done("anna", &["gate", "waive", "files-here", "--reason", "the key comes by courier <b>tonight</b>"]);
    s.done("jan", &["stage", "leave", "readiness"]);
    for (lang, words) in [
        ("en", ["Evidence", "Acceptance protocol", "by login: an indication"]),
        ("pl", ["Dokumentacja", "Protokół odbioru", "tylko wskazówka"]),
    ] {
        s.done("anna", &["evidence", "e.html", "--lang", lang]);
        let page = fs::read_to_string(program.join("e.html")).unwrap();
        for word in words {
            assert!(page.contains(word), "{word}: {page}");
        }
        assert!(page.contains("Anna Nowak") && page.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{page}");
        // Own words, telephone numbers and links are no part of it.
        assert!(!page.contains("courier") && !page.contains("+48") && !page.contains("<script") && !page.contains("http"), "{page}");
    }
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(program.join("e.json")).unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_str(&s.done("anna", &["record", "verify", "--json"])).unwrap();
    assert_eq!(json["head"], record["head"], "{record}");
    assert_eq!(json["simulated"], false);
    assert_eq!(json["sign_offs"][0]["waived"], true, "{json}");
    assert_eq!(json["ticks"].as_array().unwrap().len(), 2);
    let stage = json["stages"].as_array().unwrap().iter().find(|s| s["stage"] == "readiness").unwrap();
    assert_eq!(stage["good"], true);
    // A page that would write over its own JSON is refused.
    let ended = s.by("anna", &["evidence", "e.json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
