//! The seam's contract, on every engine that can be had here.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failing unwrap is a failing test; what is printed is shown when one fails")]

use greenroom_engine::contract::{self, NextTest, Verdict};
use greenroom_engine::secret::NoSecrets;
use greenroom_model::catalog::EngineKind;
use greenroom_model::program::Address;
use std::path::Path;

fn address(engine: EngineKind) -> Address {
    Address { engine, path: None, host: None, port: None, database: None, user: None, password: None, tls: None }
}

/// Every promise that applies is kept, and those that do not are the expected ones.
async fn keeps_the_contract(address: Address, base: &Path, lacks: &[&str]) {
    let nonce = format!("{:08x}", std::process::id());
    let ground = greenroom_engine::ground(&address, &NoSecrets, base, &nonce).await.unwrap();
    // One test while working on it: `GREENROOM_CONTRACT_ONLY=swap cargo test -p greenroom-engine --test contract`.
    let only = std::env::var("GREENROOM_CONTRACT_ONLY").unwrap_or_default();
    let tests: Vec<_> = contract::all().into_iter().filter(|t| t.theme.contains(&only) || t.name.contains(&only)).collect();
    let report = contract::run(ground, &tests, |next| {
        if let NextTest::Ended(ended) = next {
            println!("{:>6} ms  {}: {}: {:?}", ended.milliseconds, ended.theme, ended.test, ended.verdict);
        }
    })
    .await;
    let broken: Vec<_> = report.tests.iter().filter(|t| matches!(t.verdict, Verdict::Failed { .. })).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(report.left_behind, [] as [String; 0]);
    assert!(report.kept());
    let mut lacking: Vec<&str> = Vec::new();
    for test in &report.tests {
        if let Verdict::NotApplicable { lacks, .. } = &test.verdict {
            lacking.push(lacks);
        }
    }
    if only.is_empty() {
        assert_eq!(lacking, lacks);
    }
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    keeps_the_contract(address(EngineKind::Sqlite), folder.path(), &["shared_snapshot"]).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left in the folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    let server = greenroom_testkit::postgres!();
    let postgres = Address {
        host: Some(server.socket().display().to_string()),
        port: Some(server.port()),
        user: Some("postgres".to_owned()),
        ..address(EngineKind::Postgres)
    };
    let databases = "select string_agg(datname, ' ' order by datname) from pg_database";
    let before = server.maintenance().query(databases);
    keeps_the_contract(postgres, Path::new("/"), &[]).await;
    assert_eq!(server.maintenance().query(databases), before);
}
