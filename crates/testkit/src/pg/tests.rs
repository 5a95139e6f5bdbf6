//! The servers themselves.

use super::*;
use crate::proc::wait_until;
use std::time::Duration;

#[test]
fn databases_of_the_shared_server_are_apart_and_take_odd_names() {
    let server = crate::postgres!();
    let (a, b) = (server.database("Büro \"1\""), server.database("b"));
    a.run("create table t (name text); insert into t values ('Zoë'), ('a|b')");
    assert_eq!(a.query("select * from t"), "Zoë\na|b");
    assert!(b.try_run("select * from t").unwrap_err().contains("does not exist"));
    assert_eq!(a.query("select current_database()"), a.name());
}

#[test]
fn roles_come_in_through_tcp_only_with_their_password() {
    let server = crate::postgres!();
    server.role("Wärter", "s'e:c@ret", "createdb");
    let attempt = |password: &str| {
        let url = server.maintenance().tcp_url("Wärter", password);
        server.binaries().command("psql").args(["-X", "-A", "-t", "-c", "select current_user", &url]).output().unwrap()
    };
    assert_eq!(String::from_utf8_lossy(&attempt("s'e:c@ret").stdout).trim(), "Wärter");
    assert!(!attempt("wrong").status.success());
}

#[test]
fn a_dropped_server_leaves_no_folder_and_takes_settings() {
    let Ok(binaries) = Binaries::find() else { crate::skip!("{Missing}") };
    let server = Server::start(&binaries, &[("max_connections", "7")]);
    assert_eq!(server.maintenance().query("show max_connections"), "7");
    let folder = server.socket().to_owned();
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn a_server_ends_with_the_process_that_started_it_even_when_that_is_killed() {
    const NAME: &str = "pg::tests::a_server_ends_with_the_process_that_started_it_even_when_that_is_killed";
    if Binaries::find().is_err() {
        crate::skip!("{Missing}");
    }
    // The same test again as a child: it starts a server, tells its folder and hangs until it is killed.
    if std::env::var_os("GREENROOM_TESTKIT_HANG").is_some() {
        let server = shared().unwrap();
        println!("\nfolder={}", server.socket().display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let child =
        crate::proc::Run::new(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]).env("GREENROOM_TESTKIT_HANG", "1");
    let ended = child.kill_at_line(|line| line.starts_with("folder="));
    assert_eq!(ended.signal, Some(9));
    let folder = ended.stdout.lines().find_map(|l| l.strip_prefix("folder=")).unwrap().to_owned();
    wait_until("the server's folder is gone", Duration::from_secs(30), || !std::path::Path::new(&folder).exists());
}
