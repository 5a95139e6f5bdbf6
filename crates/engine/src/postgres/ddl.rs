//! The schema as pg_dump tells it, made harmless, and its execution in a generation.
//!
//! pg_dump writes an archive inside the held snapshot, pg_restore prints it section by section without what may not be carried; the
//! statements are then executed over our own sessions instead of by `pg_restore -d`. That keeps row values out of messages (pg_restore
//! prints DETAIL), lets a broken-off part go on exactly where it was (each statement commits together with its record), and needs no
//! password for the target in a child process. The archive is removed at once: functions and defaults may quote anything.

use super::capture::TRIGGER;
use super::connect::{Server, Session};
use super::error::{Doing, mapped};
use super::inspect::outbound;
use super::split::{label, statements};
use super::tool::{self, Scratch};
use super::{access, own, sql};
use crate::error::{EngineError, Result};
use crate::seam::{SchemaPart, SchemaScript};
use futures_util::future::try_join_all;
use greenroom_model::catalog::Catalog;
use greenroom_model::hash::Hash;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Mutex;

/// A foreign-data wrapper without handler: what hangs on it exists but reaches nowhere.
pub(crate) const DISABLED_WRAPPER: &str = "greenroom_disabled";

/// Dumps the schema inside a snapshot.
pub(crate) async fn dump(server: &Server, holder: &Session, snapshot: &str, catalog: &Catalog, parent: &Path) -> Result<SchemaScript> {
    let tool = tool::find(holder.version / 10_000).await?;
    let scratch = Scratch::new(parent)?;
    let archive = scratch.0.join("schema.dump");
    let mut command = tool.connected("pg_dump", server, &holder.login, &scratch)?;
    command
        .arg(format!("--snapshot={snapshot}"))
        .args(["--schema-only", "--format=custom", "--no-owner", "--no-acl", "--no-subscriptions", "--no-security-labels"])
        .args(["--no-tablespaces", "--no-password", "--lock-wait-timeout=10s", "--encoding=UTF8", "--exclude-schema=greenroom"])
        .arg("--file")
        .arg(&archive);
    tool::run(command, "dump the source's schema").await?;

    let mut command = tool.command("pg_restore", &scratch);
    command.arg("--list").arg(&archive);
    let list = String::from_utf8_lossy(&tool::run(command, "list the schema's archive").await?).into_owned();
    let kept: String = list.lines().map(|line| if left_out(line) { format!(";{line}\n") } else { format!("{line}\n") }).collect();
    let list = scratch.write("list", &kept)?;
    let mut sections = Vec::new();
    for section in ["pre-data", "post-data"] {
        let mut command = tool.command("pg_restore", &scratch);
        command.arg(format!("--section={section}")).arg("--use-list").arg(&list);
        command.args(["--no-owner", "--no-acl", "--file=-"]).arg(&archive);
        let text = tool::run(command, "read the schema's archive").await?;
        let text = String::from_utf8(text).map_err(|_| EngineError::other("read the schema's archive", "it is not UTF-8"))?;
        sections.push(statements(&text));
    }
    let mut post = sections.pop().unwrap_or_default();
    let mut pre: Vec<String> = Vec::new();
    if !catalog.objects.iter().any(|o| o.kind == "schema" && o.name == "public") {
        pre.push("DROP SCHEMA IF EXISTS public".to_owned());
    }
    let harmless: Vec<String> = sections.pop().unwrap_or_default().into_iter().map(without_reach).collect();
    if harmless.iter().any(|s| s.contains(DISABLED_WRAPPER)) {
        pre.push(format!("CREATE FOREIGN DATA WRAPPER {DISABLED_WRAPPER} NO HANDLER NO VALIDATOR"));
    }
    pre.extend(harmless);
    for object in catalog.objects.iter().filter(|o| o.kind == "materialized view (not populated)") {
        let name = object.name.split_once('.').unwrap_or(("", &object.name));
        post.push(format!(
            "INSERT INTO greenroom.left_unpopulated VALUES ({}, {}) ON CONFLICT DO NOTHING",
            sql::literal(name.0),
            sql::literal(name.1)
        ));
    }
    let disabled =
        catalog.outbound.iter().filter_map(|o| o.disabled_by.clone().map(|how| (format!("{} {}", o.kind, o.name), how))).collect();
    let hash = Some(Hash::of_json(&(&pre, &post)));
    let access = access::read(holder).await?;
    Ok(SchemaScript { pre, post, archive: None, disabled, not_carried: catalog.not_carried.clone(), hash, access })
}

/// Whether a line of the archive's list is not carried at all.
fn left_out(line: &str) -> bool {
    // `12; 1259 16385 DESC schema tag owner`
    let Some((_, rest)) = line.split_once("; ") else { return false };
    let mut words = rest.splitn(3, ' ');
    let what = words.nth(2).unwrap_or("");
    ["USER MAPPING ", "SUBSCRIPTION "].iter().any(|kind| what.starts_with(kind))
        // `TRIGGER schema table name owner`: what notes the keys of touched rows.
        || (what.starts_with("TRIGGER ") && [TRIGGER, &format!("{TRIGGER}_all")].iter().any(|t| what.contains(&format!(" {t} "))))
        || outbound::LEFT_OUT_EXTENSIONS
            .iter()
            .any(|name| what.starts_with(&format!("EXTENSION - {name} ")) || what.starts_with(&format!("COMMENT - EXTENSION {name} ")))
}

/// Hangs a foreign server on the wrapper that has no handler, without type, version and options.
fn without_reach(statement: String) -> String {
    let Some(rest) = statement.strip_prefix("CREATE SERVER ") else { return statement };
    let name = if rest.starts_with('"') {
        let mut end = 1;
        while let Some(at) = rest[end..].find('"') {
            end += at + 1;
            if !rest[end..].starts_with('"') {
                break;
            }
            end += 1;
        }
        &rest[..end]
    } else {
        rest.split_whitespace().next().unwrap_or("")
    };
    format!("CREATE SERVER {name} FOREIGN DATA WRAPPER {DISABLED_WRAPPER}")
}

/// What may run beside what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A setting of the session.
    Setting,
    /// Builds or checks something over a table's rows: runs in parallel with its neighbours.
    Build,
    /// A foreign key: runs in parallel with others, but needs the keys that stand before it.
    Reference,
    /// Comes after the builds around it.
    Comment,
    /// Runs alone, in order.
    Other,
}

fn class(statement: &str) -> Class {
    let line = statement.split_whitespace().take(64).collect::<Vec<_>>().join(" ");
    if line.starts_with("SET ") || line.starts_with("SELECT pg_catalog.set_config(") {
        Class::Setting
    } else if line.starts_with("ALTER TABLE ") && line.contains(" ADD CONSTRAINT ") && line.contains(" FOREIGN KEY") {
        Class::Reference
    } else if line.starts_with("CREATE INDEX ")
        || line.starts_with("CREATE UNIQUE INDEX ")
        || (line.starts_with("ALTER TABLE ") && line.contains(" ADD CONSTRAINT "))
    {
        Class::Build
    } else if line.starts_with("COMMENT ON ") {
        Class::Comment
    } else {
        Class::Other
    }
}

/// Applies a part of the schema; the first session also does what must run alone.
pub(crate) async fn apply(sessions: &[Session], part: SchemaPart, script: &SchemaScript) -> Result<()> {
    let [first, ..] = sessions else { return Ok(()) };
    match part {
        SchemaPart::Pre => apply_pre(first, script).await,
        SchemaPart::Post => apply_post(first, sessions, script).await,
    }
}

async fn apply_pre(session: &Session, script: &SchemaScript) -> Result<()> {
    let hash = Hash::of_json(&script.pre).to_string();
    if own::statements_done(session).await?.contains(&hash) {
        return Ok(());
    }
    session.client.batch_execute("begin").await.doing("create the schema")?;
    for statement in &script.pre {
        session
            .client
            .batch_execute(statement)
            .await
            .map_err(|e| explained(mapped(&e, format!("create the schema ({})", label(statement)))))?;
    }
    session.client.batch_execute(&format!("{}; commit", own::record_statement(&hash))).await.doing("create the schema")
}

async fn apply_post(first: &Session, sessions: &[Session], script: &SchemaScript) -> Result<()> {
    let done = own::statements_done(first).await?;
    for session in sessions {
        session
            .client
            .batch_execute("set maintenance_work_mem = '256MB'; set synchronous_commit = off")
            .await
            .doing("prepare the schema")?;
        for statement in script.post.iter().filter(|s| class(s) == Class::Setting) {
            session.client.batch_execute(statement).await.doing("prepare the schema")?;
        }
    }
    // At most one of the two holds something at any time.
    let (mut builds, mut references): (VecDeque<&String>, VecDeque<&String>) = Default::default();
    let mut comments: Vec<&String> = Vec::new();
    for statement in &script.post {
        match class(statement) {
            Class::Setting => {}
            Class::Build => {
                together(sessions, std::mem::take(&mut references), &done).await?;
                builds.push_back(statement);
            }
            Class::Reference => {
                together(sessions, std::mem::take(&mut builds), &done).await?;
                references.push_back(statement);
            }
            Class::Comment => comments.push(statement),
            Class::Other => {
                together(sessions, std::mem::take(&mut builds), &done).await?;
                together(sessions, std::mem::take(&mut references), &done).await?;
                for comment in comments.drain(..) {
                    once(first, comment, &done).await?;
                }
                once(first, statement, &done).await?;
            }
        }
    }
    together(sessions, builds, &done).await?;
    together(sessions, references, &done).await?;
    for comment in comments {
        once(first, comment, &done).await?;
    }
    Ok(())
}

/// Works a queue off with all sessions.
async fn together(sessions: &[Session], queue: VecDeque<&String>, done: &BTreeSet<String>) -> Result<()> {
    let queue = Mutex::new(queue);
    try_join_all(sessions.iter().map(|session| async {
        loop {
            let Some(statement) = queue.lock().ok().and_then(|mut q| q.pop_front()) else { return Ok(()) };
            once(session, statement, done).await?;
        }
    }))
    .await
    .map(drop)
}

/// Executes a statement together with its record, unless that stands already. Two foreign keys between the same tables can deadlock: the
/// loser tries again.
async fn once(session: &Session, statement: &str, done: &BTreeSet<String>) -> Result<()> {
    let hash = Hash::of(statement.as_bytes()).to_string();
    if done.contains(&hash) {
        return Ok(());
    }
    let whole = format!("begin; {statement}; {}; commit", own::record_statement(&hash));
    for left in (0..5).rev() {
        let Err(e) = session.client.batch_execute(&whole).await else { break };
        if !session.client.is_closed() {
            let _ = session.client.batch_execute("rollback").await;
        }
        if e.code() != Some(&tokio_postgres::error::SqlState::T_R_DEADLOCK_DETECTED) || left == 0 {
            return Err(explained(mapped(&e, format!("complete the schema ({})", label(statement)))));
        }
    }
    Ok(())
}

fn explained(e: EngineError) -> EngineError {
    match e.native_code.as_deref() {
        Some("58P01") => e.hint("install the extension's files on the target's server, in the source's version"),
        Some("42704") => e.hint("create what is named on the target's server first (roles are not carried), or leave the object out"),
        Some("42501") => {
            e.hint("grant the right to Greenroom's role on the target, or have an administrator create the object's extension")
        }
        _ => e,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_servers_keep_their_name_and_lose_their_reach() {
        let made = without_reach(
            "CREATE SERVER \"Od\"\"d one\" TYPE 'x' FOREIGN DATA WRAPPER postgres_fdw OPTIONS (\n    host 'prod'\n)".to_owned(),
        );
        assert_eq!(made, "CREATE SERVER \"Od\"\"d one\" FOREIGN DATA WRAPPER greenroom_disabled");
        let made = without_reach("CREATE SERVER s FOREIGN DATA WRAPPER file_fdw".to_owned());
        assert_eq!(made, "CREATE SERVER s FOREIGN DATA WRAPPER greenroom_disabled");
    }

    #[test]
    fn a_foreign_key_never_runs_beside_the_key_that_it_needs() {
        let kind = |sql: &str| class(sql);
        assert!(kind("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT \"a b\" PRIMARY KEY (id)") == Class::Build);
        assert!(
            kind("ALTER TABLE ONLY public.v\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.t(id) NOT VALID") == Class::Reference
        );
        assert!(kind("CREATE UNIQUE INDEX i ON public.t USING btree (a)") == Class::Build);
        assert!(kind("ALTER INDEX public.p ATTACH PARTITION public.c") == Class::Other);
    }

    #[test]
    fn user_mappings_and_cron_are_left_out_of_the_archive() {
        assert!(left_out("3; 1418 16400 USER MAPPING - USER MAPPING app SERVER s postgres"));
        assert!(left_out("4; 6100 16401 SUBSCRIPTION - sub postgres"));
        assert!(left_out("2; 3079 16388 EXTENSION - pg_cron "));
        assert!(!left_out("2; 3079 16388 EXTENSION - citext "));
        assert!(!left_out("9; 1259 16400 TABLE public USER MAPPING postgres"));
        assert!(!left_out("; Archive created at 2024-01-01; 1 2 USER MAPPING x"));
    }
}
