//! Functions of the pilot that its packs switched off: switched on again for a test, on record and until a date, and off again (E5). The next generation has them off by itself.
//! Does not own what a pack says (`model::program`).

use super::error::refused;
use super::{Session, SessionError};
use crate::execute::assertion_sql;
use crate::journal::{Actor, Journal, SwitchedOn};
use greenroom_model::hash::Hash;
use greenroom_model::program::{Pack, Reopen, Shape};
use greenroom_model::run::Body;
use greenroom_model::upgrade::Statement;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A pack, and whether its functions are on.
#[derive(Clone, Debug, Serialize)]
pub struct Function {
    /// The pack.
    pub pack: String,
    /// What people call it.
    pub title: String,
    /// Whether they may be switched on again.
    pub reopen: Reopen,
    /// Until when they are on; none where they are off.
    pub until: Option<Timestamp>,
    /// That time is over.
    pub overdue: bool,
    /// Since when they are on.
    pub since: Option<Timestamp>,
    /// Who switched them on: the person whom process.toml names, else the operating system's user, where that was not erased.
    pub by: Option<String>,
    /// Integrations of process.toml that the pack switches on or off on the pilot.
    pub integrations: Vec<String>,
}

impl Session {
    /// Packs of a generation that are switched on again: until when, and whether that is over.
    pub(super) fn reopened(&self, nonce: &str) -> Result<BTreeMap<String, (Timestamp, bool)>, SessionError> {
        let now = self.clock.now();
        let all = self.whole_history()?.functions.into_iter().filter(|((of, _), _)| of == nonce);
        Ok(all.map(|((_, pack), on)| (pack, (on.until, on.until <= now))).collect())
    }

    /// The pilot's functions. Without a pilot all of them are off.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn functions(&self) -> Result<Vec<Function>, SessionError> {
        let history = self.history()?;
        let nonce = history.runs.iter().rev().find(|r| r.phase == greenroom_model::run::Phase::Finished && r.plan.kind.makes_pilot());
        let nonce = nonce.map(|r| r.plan.names.nonce.clone());
        let reopened = |pack: &str| nonce.as_ref().and_then(|n| history.functions.get(&(n.clone(), pack.to_owned())));
        let now = self.clock.now();
        // Asked for only where something is on: it is read from another table.
        let any = self.program.packs.iter().any(|p| reopened(&p.name).is_some());
        let actors = if any { self.actors()? } else { BTreeMap::new() };
        let who = |on: &SwitchedOn| {
            let user = &on.by.iter().find_map(|h| actors.get(h))?.os_user;
            let person = self.process.as_ref().and_then(|p| p.by_login(user));
            Some(person.unwrap_or(user).to_owned())
        };
        let line = |p: &Pack| {
            let on = reopened(&p.name);
            Function {
                pack: p.name.clone(),
                title: p.title.clone(),
                reopen: p.reopen,
                until: on.map(|on| on.until),
                overdue: on.is_some_and(|on| on.until <= now),
                since: on.map(|on| on.since),
                by: on.and_then(who),
                integrations: self.process.iter().flat_map(|process| process.switched_by(&p.name)).map(|(id, ..)| id.clone()).collect(),
            }
        };
        Ok(self.program.packs.iter().map(line).collect())
    }

    /// Switches a pack's functions on again on the pilot, and with them integrations of process.toml, which are returned.
    ///
    /// # Errors
    /// GR0852 when one of these never is on on a pilot; GR0850 when the pack is never reopened, says no statements for it, or the time is past; and when a statement fails, after which everything is as it was.
    pub async fn reopen(&self, pack: &str, until: Timestamp, reason: &str) -> Result<Vec<String>, SessionError> {
        let found = self.pack(pack)?;
        let no = |message: String, hint: &str| Err(refused("GR0850", message, hint));
        if found.reopen == Reopen::Never {
            return no(format!("`{pack}` is never switched on again on a pilot"), "the pack says so: `reopen = \"never\"`, the default");
        }
        if found.open.is_empty() {
            return no(
                format!("the pack `{pack}` does not say how it is switched on again"),
                "give it `[on_request]` with `open` and `close`",
            );
        }
        if until <= self.clock.now() {
            return no(format!("{until} is past"), "give a time to come");
        }
        let integrations = match &self.process {
            Some(process) => process.may_reopen(pack).map_err(|r| refused("GR0852", r.message, r.hint))?,
            None => Vec::new(),
        };
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        let nonce = run.plan.names.nonce.clone();
        let actor = Actor { words: Some(reason.to_owned()), ..self.actor.clone() };
        // Intent first: what may be on is never off the record.
        let event =
            self.journal()?.append(None, Some(&actor), Body::FunctionOpened { pack: pack.to_owned(), nonce: nonce.clone(), until })?;
        let mut inside = target.enter(&self.program.pilot.name).await?;
        let key = format!("reopen:{pack}/{}", event.seq);
        if let Err(e) = inside.script(&key, &hash(&found.open), &statements(&found.open), 0).await {
            // The statements are one transaction where the engine has such; where not, closing sees to it that all is off.
            let _ = inside.leave().await;
            let shut = self.shut(&found, &nonce).await;
            // What failed first is what people have to know; while it is not shut it stays on record as switched on.
            let e = match shut {
                Ok(()) => e,
                Err(_) => e.hint(format!("`greenroom reopen {pack} --close` first: some of it may be on")),
            };
            return Err(e.into());
        }
        inside.leave().await?;
        Ok(integrations)
    }

    /// Switches a pack's functions off again, and asks its assertions.
    ///
    /// # Errors
    /// GR0850 when they are not on, or the assertions do not hold afterwards.
    pub async fn close_function(&self, pack: &str) -> Result<(), SessionError> {
        let found = self.pack(pack)?;
        let _lock = self.lock()?;
        let mut target = self.engines.target().await?;
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        let nonce = run.plan.names.nonce.clone();
        if !self.reopened(&nonce)?.contains_key(pack) {
            return Err(refused("GR0850", format!("`{pack}` is not switched on"), "`greenroom reopen` lists what is"));
        }
        self.shut(&found, &nonce).await
    }

    /// Switches off whatever is on in a pilot before its configuration is read: what a test needed is no configuration.
    pub(super) async fn shut_all(&self, nonce: &str) -> Result<(), SessionError> {
        for pack in self.reopened(nonce)?.into_keys() {
            self.shut(&self.pack(&pack)?, nonce).await?;
        }
        Ok(())
    }

    async fn shut(&self, pack: &Pack, nonce: &str) -> Result<(), SessionError> {
        let mut target = self.engines.target().await?;
        // Under the pilot's name may stand another one by now, to which nothing of this was done.
        let (run, _) = self.pilot_run(target.as_mut()).await?;
        if run.plan.names.nonce != nonce {
            let message = format!("`{}` is not the pilot on which `{}` was switched on", self.program.pilot.name, pack.name);
            return Err(refused("GR0850", message, "`greenroom status` says what stands there; plan again"));
        }
        let mut inside = target.enter(&self.program.pilot.name).await?;
        let key = format!("close:{}/{}", pack.name, self.journal()?.tip()?.map_or(0, |(seq, _)| seq));
        inside.script(&key, &hash(&pack.close), &statements(&pack.close), 0).await?;
        let catalog = inside.inspect().await?;
        let mut open = Vec::new();
        for rule in pack.rules.iter().filter(|r| r.shape != Shape::Before) {
            let Some(sql) = assertion_sql(rule, &catalog, true) else { continue };
            if inside.query(&sql).await?.rows > 0 {
                open.push(rule.id.clone());
            }
        }
        inside.leave().await?;
        if !open.is_empty() {
            let message = format!("the statements under `close` have run, and `{}` is not off: {}", pack.name, open.join(", "));
            return Err(refused(
                "GR0850",
                message,
                "mend them in the pack, then close it again; the next generation has it off in any case",
            ));
        }
        self.journal()?.append(None, Some(&self.actor), Body::FunctionClosed { pack: pack.name.clone(), nonce: nonce.to_owned() })?;
        Ok(())
    }

    fn pack(&self, name: &str) -> Result<Pack, SessionError> {
        let found = self.program.packs.iter().find(|p| p.name == name).cloned();
        found.ok_or_else(|| {
            let all: Vec<&str> = self.program.packs.iter().map(|p| p.name.as_str()).collect();
            refused("GR0850", format!("the program has no pack `{name}`"), format!("its packs: {}", all.join(", ")))
        })
    }
}

fn statements(texts: &[String]) -> Vec<Statement> {
    (1..).zip(texts).map(|(line, sql)| Statement { sql: sql.clone(), line, copy_data: None }).collect()
}

fn hash(texts: &[String]) -> Hash {
    Hash::of_json(&texts)
}
