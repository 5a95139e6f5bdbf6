//! `greenroom engine-test`: what it says, what it leaves, what it refuses. The promises themselves are tried by the engines' own tests.

use crate::clinic::Clinic;
use insta::assert_snapshot;

#[test]
fn it_says_what_it_will_make_and_leaves_nothing() {
    let c = Clinic::ready();
    let before = std::fs::read_dir(c.path("..")).unwrap().count();
    let (code, out, err) = c.raw(&["engine-test", "sqlite:.", "--only", "lock"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.starts_with("2 tests on SQLite; it makes the folder `"), "{err}");
    assert!(err.contains("[1/2] "), "{err}");
    assert!(out.contains("one session holds the lock of a pilot"), "{out}");
    assert!(out.contains("ok: 2 kept, 0 broken, 0 not applicable on SQLite 3."), "{out}");
    assert!(out.ends_with("every scratch database is gone again\n"), "{out}");
    assert_eq!(std::fs::read_dir(c.path("..")).unwrap().count(), before);
}

#[test]
fn what_does_not_apply_comes_with_its_consequence_also_as_json() {
    let c = Clinic::ready();
    let (code, out, _) = c.raw(&["engine-test", "sqlite:.", "--only", "several readers", "--json"]);
    assert_eq!(code, 0, "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["engine"], "sqlite");
    assert_eq!(report["tests"][0]["verdict"], "not_applicable");
    assert_eq!(report["tests"][0]["lacks"], "shared_snapshot");
    assert_eq!(report["left_behind"], serde_json::json!([]));
}

#[test]
fn addresses_that_cannot_be_are_refused_before_anything_is_made() {
    let c = Clinic::ready();
    assert_snapshot!(c.run(&["engine-test", "postgres://ann:hunter2@db.example"]), @r##"
    exit 2
    --- err
    error: a password does not belong into a URL, where process lists and histories show it
    hint: as in `sqlite:/var/tmp` or `postgres://greenroom@db.example --password-env PILOT_PW`
    "##);
    assert_snapshot!(c.run(&["engine-test", "sqlite:prod.db"]), @r##"
    exit 1
    --- err
    error: `prod.db` is no folder
    hint: name a folder in which a scratch folder may be made, as in `sqlite:/var/tmp`
    "##);
    assert_snapshot!(c.run(&["engine-test", "oracle:x"]), @r##"
    exit 2
    --- err
    error: the engine is none of `sqlite`, `postgres`, `mysql` and `mssql`
    hint: as in `sqlite:/var/tmp` or `postgres://greenroom@db.example --password-env PILOT_PW`
    "##);
    assert_snapshot!(c.run(&["engine-test", "sqlite:.", "--only", "nonsense"]), @r##"
    exit 2
    --- err
    error: no test's theme or sentence contains that
    hint: `greenroom engine-test --list` shows them
    "##);
}
