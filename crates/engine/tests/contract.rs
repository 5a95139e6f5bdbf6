//! The seam's contract, on every engine that can be had here; a test for each theme, so that they run beside each other.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failing unwrap is a failing test; what is printed is shown when one fails")]

use greenroom_engine::contract::{self, NextTest, Report, Test, Verdict};
use greenroom_engine::secret::{NoSecrets, Secrets};
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::{Address, SecretRef};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn address(engine: EngineKind) -> Address {
    Address { engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None }
}

/// Every promise of a theme that applies is kept, and those that do not are the expected ones.
async fn kept(address: Address, base: &Path, nonce: &str, theme: &str, lacks: &[&str]) {
    let report = report(address, &NoSecrets, base, nonce, theme).await;
    let broken: Vec<_> = report.tests.iter().filter(|t| matches!(t.verdict, Verdict::Failed { .. })).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(report.left_behind, [] as [String; 0]);
    assert!(report.kept() && report.version.is_some());
    let lacking = report.tests.iter().filter_map(|t| match &t.verdict {
        Verdict::NotApplicable { lacks, .. } => Some(lacks.as_str()),
        _ => None,
    });
    assert_eq!(lacking.collect::<Vec<_>>(), lacks);
}

/// Runs a theme's tests; `cargo xtask engines` gathers what they report.
async fn report(address: Address, secrets: &dyn Secrets, base: &Path, nonce: &str, theme: &str) -> Report {
    let ground = greenroom_engine::ground(&address, secrets, base, nonce).await.unwrap();
    let tests: Vec<Test> = contract::all().into_iter().filter(|t| t.theme == theme).collect();
    let report = contract::run(ground, &tests, &AtomicBool::new(false), |next| {
        if let NextTest::Ended { ended, .. } = next {
            println!("{:>6} ms  {}: {}: {:?}", ended.milliseconds, ended.theme, ended.test, ended.verdict);
        }
    })
    .await;
    if let Some(folder) = std::env::var_os("GREENROOM_CONTRACT_OUT") {
        let file = Path::new(&folder).join(format!("{:?}-{theme}.json", address.engine));
        std::fs::write(file, serde_json::to_vec_pretty(&report).unwrap()).unwrap();
    }
    report
}

async fn on_sqlite(theme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let lacks: &[&str] = if theme == "snapshot" { &["shared_snapshot"] } else { &[] };
    kept(address(EngineKind::Sqlite), folder.path(), &format!("sqlite{theme}"), theme, lacks).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left in the folder");
}

async fn on_postgres(theme: &str) {
    let server = greenroom_testkit::postgres!();
    let postgres = Address {
        host: Some(server.socket().display().to_string()),
        port: Some(server.port()),
        user: Some("postgres".to_owned()),
        ..address(EngineKind::Postgres)
    };
    let nonce = format!("test{theme}");
    kept(postgres, Path::new("/"), &nonce, theme, &[]).await;
    let left = server.maintenance().query(&format!("select datname from pg_database where datname like '%{nonce}%'"));
    assert_eq!(left, "");
}

macro_rules! themes {
    ($($theme:ident),+ $(,)?) => {
        const THEMES: &[&str] = &[$(stringify!($theme)),+];
        mod sqlite_keeps_what_it_promises_about {
            $(#[tokio::test]
            async fn $theme() {
                super::on_sqlite(stringify!($theme)).await;
            })+
        }
        mod postgres_keeps_what_it_promises_about {
            $(#[tokio::test]
            async fn $theme() {
                super::on_postgres(stringify!($theme)).await;
            })+
        }
    };
}

themes!(snapshot, ranges, rows, types, progress, schema, queries, scripts, carry, capture, place, swap, lock);

#[test]
fn no_theme_is_left_out_and_every_promise_is_a_sentence_of_its_own() {
    let all = contract::all();
    assert_eq!(all.iter().map(|t| t.theme).collect::<BTreeSet<_>>(), THEMES.iter().copied().collect());
    assert_eq!(all.iter().map(Test::sentence).collect::<BTreeSet<_>>().len(), all.len());
}

/// One server for all themes: it takes longer to start than most of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_keeps_what_it_promises() {
    let server = greenroom_testkit::mariadb!();
    let mariadb =
        Address { host: Some(server.socket().display().to_string()), user: Some("root".to_owned()), ..address(EngineKind::Mysql) };
    let databases = "select group_concat(schema_name order by schema_name) from information_schema.schemata";
    let before = server.maintenance().query(databases);
    let only = std::env::var("GREENROOM_TEST_THEME").ok();
    for theme in THEMES.iter().filter(|t| only.as_ref().is_none_or(|only| only == *t)) {
        let lacks: &[&str] = match *theme {
            "capture" => &["the noting of touched rows"],
            "carry" => &["right to keep foreign keys quiet"],
            _ => &[],
        };
        kept(mariadb.clone(), Path::new("/"), &format!("maria{theme}"), theme, lacks).await;
    }
    assert_eq!(server.maintenance().query(databases), before);
}

/// Passwords out of the environment.
struct Environment;

impl Secrets for Environment {
    fn resolve(&self, reference: &SecretRef) -> Result<secrecy::SecretString, String> {
        match reference {
            SecretRef::Env(name) => std::env::var(name).map(secrecy::SecretString::from).map_err(|_| format!("`{name}` is not set")),
            _ => Err("only the environment is asked".to_owned()),
        }
    }
}

/// Whatever speaks TDS and is named by the environment. What Babelfish lacks is named in docs/engines.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_speaks_tds_keeps_what_it_promises() {
    let url = greenroom_testkit::mssql!();
    let mut address = Address::from_url(&url).unwrap();
    address.password = Some(SecretRef::Env(greenroom_testkit::tds::PASSWORD.to_owned()));
    let mut broken = Vec::new();
    // One theme at a time can be asked for: sessions of some servers take a second each to open.
    let only = std::env::var("GREENROOM_TEST_THEME").ok();
    assert!(only.as_ref().is_none_or(|only| THEMES.contains(&only.as_str())), "there is no such theme");
    for theme in THEMES.iter().filter(|t| only.as_ref().is_none_or(|only| only == *t)) {
        let report = report(address.clone(), &Environment, Path::new("/"), &format!("tds{theme}00"), theme).await;
        broken.extend(report.tests.into_iter().filter(|t| matches!(t.verdict, Verdict::Failed { .. })));
        assert_eq!(report.left_behind, [] as [String; 0]);
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
