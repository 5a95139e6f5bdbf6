//! `--json`: one document on standard output, whatever happens.

use crate::clinic::Clinic;
use serde_json::Value;

fn json(c: &Clinic, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = c.raw(&[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}\n{out}\n{err}")))
}

#[test]
fn every_command_prints_one_document() {
    let c = Clinic::ready();
    let (code, plan) = json(&c, &["plan"]);
    assert_eq!((code, plan["plan"]["program"].as_str()), (0, Some("clinic")));
    let short = plan["short"].as_str().unwrap();
    let (code, run) = json(&c, &["rehearse", "--plan", short]);
    assert_eq!((code, run["standing"].as_str(), run["plan"].as_str()), (0, Some("finished"), plan["hash"].as_str()));
    for arguments in [
        &["check"][..],
        &["check", "--offline"],
        &["columns", "--all"],
        &["status"],
        &["runs"],
        &["run", "show"],
        &["run", "show", "--events"],
        &["verify"],
        &["open", "--to", "all"],
        &["seal"],
        &["mask", "list"],
        &["explain"],
        &["schema"],
        &["drop", "--expired"],
        &["undo"],
    ] {
        let (code, _) = json(&c, arguments);
        assert_eq!(code, 0, "{arguments:?}");
    }
}

#[test]
fn errors_have_code_message_hints_and_findings() {
    let c = Clinic::ready();
    let (code, e) = json(&c, &["resume"]);
    assert_eq!((code, e["error"]["code"].as_str()), (1, Some("GR0722")));
    c.edit("columns.toml", |t| t.replacen("\"first_name\"", "\"frist_name\"", 1));
    let (code, e) = json(&c, &["check"]);
    assert_eq!((code, e["error"]["findings"][0]["code"].as_str()), (1, Some("GR0117")));
    assert!(e["error"]["hints"].is_array() && e["error"]["causes"].is_array());
}
