//! The quarantine: declared or not there, completed from the target, never with a password that belongs elsewhere.

use super::{SMALL, good, layer, render};
use crate::program::{Program, SecretRef, parse};

const SERVER: &str = "[program]\nname = 'c'\n[source]\nengine = 'postgres'\nhost = 'db.example'\ndatabase = 'clinic'\nuser = 'reader'\n\
                      [target]\nhost = 'test.example'\nport = 6000\nuser = 'builder'\npassword = { env = 'BUILDER' }\n[pilot]\nname = 'p'\n";

fn program(text: &str) -> Program {
    good(&[layer("program", &[("greenroom.toml", text)])])
}

fn found(text: &str) -> String {
    let layers = [layer("program", &[("greenroom.toml", text)])];
    let (program, findings) = parse(&layers);
    assert!(program.is_none());
    render(&layers, &findings)
}

#[test]
fn without_a_declaration_there_is_none() {
    assert_eq!(program(SERVER).quarantine, None);
}

#[test]
fn an_empty_one_is_the_targets_server_and_a_short_time() {
    let q = program(&format!("{SERVER}[quarantine]\n")).quarantine.unwrap();
    let a = &q.address;
    assert_eq!((a.host.as_deref(), a.port, a.user.as_deref(), q.expires_days), (Some("test.example"), Some(6000), Some("builder"), 3));
    assert_eq!(a.password, Some(SecretRef::Env("BUILDER".into())));
}

#[test]
fn another_host_or_login_takes_no_password_from_the_target() {
    let q = program(&format!("{SERVER}[quarantine]\nhost = 'q.example'\n")).quarantine.unwrap().address;
    assert_eq!((q.host.as_deref(), q.port, q.user, q.password), (Some("q.example"), None, None, None));
    let q = program(&format!("{SERVER}[quarantine]\nuser = 'restorer'\n")).quarantine.unwrap().address;
    assert_eq!((q.host.as_deref(), q.user.as_deref(), q.password), (Some("test.example"), Some("restorer"), None));
}

#[test]
fn a_file_engine_needs_a_folder_and_a_server_none() {
    assert!(found(&format!("{SMALL}[quarantine]\n")).contains("`quarantine.path` is not set"));
    assert!(found(&format!("{SMALL}[quarantine]\npath = 'q'\nhost = 'x'\n")).contains("`quarantine.host` means nothing for SQLite"));
    assert!(found(&format!("{SERVER}[quarantine]\npath = 'q'\n")).contains("`quarantine.path` means nothing for PostgreSQL"));
    let q = program(&format!("{SMALL}[quarantine]\npath = 'q'\nexpires_days = 0\n")).quarantine.unwrap();
    assert_eq!((q.address.path.as_deref(), q.expires_days), (Some("q"), 0));
}

#[test]
fn raw_copies_are_not_kept_for_long() {
    assert!(found(&format!("{SERVER}[quarantine]\nexpires_days = 400\n")).contains("takes 0 to 90"));
}

#[test]
fn sql_server_may_see_backups_in_a_folder_of_its_own() {
    let sql_server = SERVER.replace("'postgres'", "'mssql'");
    let q = program(&format!("{sql_server}[quarantine]\npath = '\\\\nas\\backups'\n")).quarantine.unwrap();
    assert_eq!(q.address.path.as_deref(), Some(r"\\nas\backups"));
}
