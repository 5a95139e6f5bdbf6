//! Notices as `process.toml` writes them: `[notices]` and `[notice.NAME]`.

use super::super::notices::{Hook, MailTls, Notices, Rule, Smtp, TRIES, To, Topic, Vouch};
use super::super::words::Language;
use super::super::{Lapse, LapseUnit, Party, Person};
use super::raw::RawProcess;
use super::{Entry, PROCESS, Reader, value};
use crate::finding::{Finding, Place};
use crate::program::SecretRef;
use crate::program::file::File;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The word for those whom something concerns.
const CONCERNED: &str = "concerned";

/// How notices leave the machine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotices {
    /// The sender's mail address.
    pub(super) from: Option<At<String>>,
    /// The mail server: `smtp = { host = "mail.clinic.example", user = "greenroom", password = { env = "MAIL_PASSWORD" } }`.
    pub(super) smtp: Option<RawSmtp>,
    /// A folder, relative to the program's, into which mails (`.eml`) and posts (`.json`) are written instead of being sent.
    pub(super) folder: Option<At<String>>,
    /// How often sending a notice is tried, with growing pauses; 8 by default.
    pub(super) tries: Option<At<u32>>,
    /// The language of whoever has no `language` of their own, and of posts: `en` by default, or `pl`.
    pub(super) language: Option<At<Language>>,
}

/// A mail server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSmtp {
    /// Host name or address.
    pub(super) host: At<String>,
    /// TCP port; 587, 465 or 25 by default, as `tls` says.
    pub(super) port: Option<At<u16>>,
    /// `starttls` by default, `implicit`, or `none` for a mail server on this very machine.
    pub(super) tls: Option<At<MailTls>>,
    /// Who logs in; nobody does without.
    pub(super) user: Option<At<String>>,
    /// Where the password comes from.
    pub(super) password: Option<SecretRef>,
}

/// Who is told of what: `[notice.turns]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotice {
    /// Of what.
    #[serde(default)]
    pub(super) on: Vec<At<Topic>>,
    /// Persons, parties and roles; `concerned` is whose turn it is or who waits for it, which is also meant where neither `to` nor `webhook` is given.
    #[serde(default)]
    pub(super) to: Vec<At<String>>,
    /// An address to which the notice is posted as JSON.
    pub(super) webhook: Option<At<String>>,
    /// Where the secret comes from that signs what is posted.
    pub(super) secret: Option<SecretRef>,
    /// `date-near`, `due-near`: how long before: `["5 business days", "1 day"]`; one business day by default.
    #[serde(default)]
    pub(super) before: Vec<At<String>>,
    /// `head`: how often a head of the record goes, beside the ends of stages and the go-live: `1 week`.
    pub(super) every: Option<At<String>>,
    /// `head`: the private key that signs it (ed25519, as OpenSSH keeps it), relative to the program's folder.
    pub(super) key: Option<At<String>>,
    /// `head`: where the passphrase of `key` comes from, where it has one.
    pub(super) passphrase: Option<SecretRef>,
    /// `head`: true where heads go without a signature.
    pub(super) unsigned: Option<At<bool>>,
}

/// Who may be named by `to`.
pub(super) struct Known<'k> {
    pub(super) persons: &'k BTreeMap<String, Person>,
    pub(super) parties: &'k BTreeMap<String, Party>,
    pub(super) roles: &'k BTreeSet<String>,
}

impl Reader<'_> {
    fn amiss(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding::error("GR0137", message).at(place).hint(hint));
    }

    pub(super) fn notices(
        &mut self,
        raws: &[(File<'_>, RawProcess)],
        rules: &BTreeMap<String, Entry<'_, RawNotice>>,
        known: &Known<'_>,
    ) -> Option<Notices> {
        let Some((file, raw)) = raws.iter().rev().find_map(|(file, r)| Some((file, r.notices.as_ref()?))) else {
            if let Some((file, id, _)) = rules.values().next() {
                let hint = "write `[notices]` with `from` and `smtp`, or with `folder`";
                self.amiss(file.place(id.span.clone()), format!("`[notice.{}]` says who is told, but nothing says how", id.value), hint);
            }
            return None;
        };
        let nowhere = || Place { file: PROCESS.into(), span: 0..0 };
        let from = value(&raw.from);
        if let Some(at) = raw.from.as_ref().filter(|at| !is_address(&at.value)) {
            self.amiss(file.place(at.span.clone()), format!("`{}` is no mail address", at.value), "write it as `greenroom@clinic.example`");
        }
        let folder = value(&raw.folder);
        let smtp = raw.smtp.as_ref().map(|s| self.smtp(file, s));
        if let (Some(at), Some(_)) = (&raw.folder, &smtp) {
            let hint = "with `folder` nothing is sent; take one of the two out";
            self.amiss(file.place(at.span.clone()), "`[notices]` has both `smtp` and `folder`", hint);
        }
        let mut read = BTreeMap::new();
        let mut mails = false;
        for (id, (file, at, raw)) in rules {
            let rule = self.rule(id, file, file.place(at.span.clone()), raw, known);
            mails |= !rule.to.is_empty();
            read.insert(id.clone(), rule);
        }
        if mails && smtp.is_none() && folder.is_none() {
            self.amiss(
                nowhere(),
                "`[notices]` says nothing about how mails are sent",
                "`smtp = { host = \"…\" }`, or `folder = \"outbox\"`",
            );
        }
        if mails && from.is_none() {
            self.amiss(nowhere(), "`[notices]` lacks `from`", "the sender's address: `from = \"greenroom@clinic.example\"`");
        }
        let tries = raw.tries.as_ref().map_or(TRIES, |t| t.value.clamp(1, 100));
        let language = raw.language.as_ref().map(|l| l.value).unwrap_or_default();
        Some(Notices { from: from.unwrap_or_default(), smtp, folder, tries, language, rules: read })
    }

    fn smtp(&mut self, file: &File<'_>, raw: &RawSmtp) -> Smtp {
        let tls = raw.tls.as_ref().map(|t| t.value).unwrap_or_default();
        if tls == MailTls::None && !is_here(&raw.host.value) {
            let hint = "`tls = \"starttls\"` or `\"implicit\"`; `none` is for a mail server on this very machine";
            self.amiss(file.place(raw.host.span.clone()), format!("mails to `{}` would travel in clear", raw.host.value), hint);
        }
        if let Some(user) = raw.user.as_ref().filter(|_| raw.password.is_none()) {
            let hint = "`password = { env = \"MAIL_PASSWORD\" }`";
            self.amiss(file.place(user.span.clone()), "`smtp` has a `user` and no `password`", hint);
        }
        if matches!(raw.password, Some(SecretRef::Prompt(_))) {
            self.amiss(file.place(raw.host.span.clone()), "nobody can be asked for the mail server's password", NOT_ASKED);
        }
        Smtp {
            host: raw.host.value.clone(),
            port: raw.port.as_ref().map_or(tls.port(), |p| p.value),
            tls,
            user: value(&raw.user),
            password: raw.password.clone(),
        }
    }

    fn rule(&mut self, id: &str, file: &File<'_>, place: Place, raw: &RawNotice, known: &Known<'_>) -> Rule {
        if raw.on.is_empty() {
            self.amiss(
                place.clone(),
                format!("`[notice.{id}]` lacks `on`"),
                "of what somebody is told: `on = [\"asked\", \"task-ready\"]`",
            );
        }
        let mut to: BTreeSet<To> = raw.to.iter().filter_map(|at| self.to(file, at, known)).collect();
        if raw.to.is_empty() && raw.webhook.is_none() {
            to.insert(To::Concerned);
        }
        for person in to.iter().filter_map(|t| if let To::Person(id) = t { Some(id) } else { None }) {
            if known.persons.get(person).is_some_and(|p| p.mail.is_none()) {
                let finding = Finding::warning("GR0138", format!("`{person}` is told by mail and has no address"));
                self.findings.push(finding.at(place.clone()).hint(format!("give `[person.{person}]` a `mail`")));
            }
        }
        if let Some(at) = raw.to.iter().find(|_| known.persons.values().all(|p| p.mail.is_none())) {
            let finding = Finding::warning("GR0138", "nobody in process.toml has a mail address".to_owned());
            self.findings.push(finding.at(file.place(at.span.clone())).hint("give those who are told a `mail`"));
        }
        let webhook = raw.webhook.as_ref().and_then(|at| self.hook(id, file, at, raw.secret.as_ref()));
        let (before, every, vouch) = self.by_time(id, file, &place, raw);
        if raw.webhook.is_none() && raw.secret.is_some() {
            self.amiss(
                place,
                format!("`[notice.{id}]` has a `secret` and no `webhook`"),
                "the secret signs what is posted to the address in `webhook`",
            );
        }
        Rule { on: raw.on.iter().map(|t| t.value).collect(), to, webhook, before, every, vouch }
    }

    /// What a rule says about reminders and heads.
    fn by_time(&mut self, id: &str, file: &File<'_>, place: &Place, raw: &RawNotice) -> (Vec<Lapse>, Option<Lapse>, Option<Vouch>) {
        let on = |topics: &[Topic]| raw.on.iter().any(|t| topics.contains(&t.value));
        let (near, heads) = (on(&[Topic::DateNear, Topic::DueNear]), on(&[Topic::Head]));
        let mut before = Vec::new();
        for at in &raw.before {
            match Lapse::parse(&at.value) {
                Ok(lapse) if !matches!(lapse.unit, LapseUnit::NextBusinessDay | LapseUnit::BusinessHours) => before.push(lapse),
                Ok(_) => {
                    let hint = "write `36 hours`, `10 days`, `2 business days`, `4 weeks` or `1 month`";
                    self.amiss(file.place(at.span.clone()), format!("`{}` cannot be counted back from a date", at.value), hint);
                }
                Err(why) => self.amiss(file.place(at.span.clone()), format!("`{}` is no time before a date", at.value), why),
            }
        }
        if near && raw.before.is_empty() {
            before.push(Lapse { count: 1, unit: LapseUnit::BusinessDays });
        }
        if let Some(at) = raw.before.first().filter(|_| !near) {
            let hint = "it is for `date-near` and `due-near`: name one of them in `on`";
            self.amiss(file.place(at.span.clone()), format!("`[notice.{id}]` has `before` and reminds of no date"), hint);
        }
        let every = raw.every.as_ref().and_then(|at| match Lapse::parse(&at.value) {
            Ok(lapse) if lapse.count > 0 => Some(lapse),
            Ok(_) => {
                self.amiss(file.place(at.span.clone()), format!("`{}` is no time between two heads", at.value), "write `1 week`");
                None
            }
            Err(why) => {
                self.amiss(file.place(at.span.clone()), format!("`{}` is no time between two heads", at.value), why);
                None
            }
        });
        let unsigned = raw.unsigned.as_ref().is_some_and(|u| u.value);
        let vouch = match (value(&raw.key), unsigned) {
            (Some(file), false) => Some(Vouch::Key { file, passphrase: raw.passphrase.clone() }),
            (None, true) => Some(Vouch::Nobody),
            _ => None,
        };
        if matches!(raw.passphrase, Some(SecretRef::Prompt(_))) {
            self.amiss(place.clone(), format!("nobody can be asked for the passphrase of `[notice.{id}]`"), NOT_ASKED);
        }
        if !heads && (every.is_some() || vouch.is_some() || raw.passphrase.is_some()) {
            let hint = "`every`, `key`, `passphrase` and `unsigned` are for heads of the record: name `head` in `on`";
            self.amiss(place.clone(), format!("`[notice.{id}]` says how heads go, and sends none"), hint);
        } else if heads && vouch.is_none() {
            let message = match unsigned {
                true => format!("heads of `[notice.{id}]` are to be signed with a key, and to go unsigned"),
                false => format!("nothing says who vouches for the heads of `[notice.{id}]`"),
            };
            let hint = "`key = \"FILE\"` signs them; `unsigned = true` lets them go without a signature";
            self.findings.push(Finding::error("GR0838", message).at(place.clone()).hint(hint));
        }
        (before, every, vouch.filter(|_| heads))
    }

    fn to(&mut self, file: &File<'_>, at: &At<String>, known: &Known<'_>) -> Option<To> {
        let word = at.value.as_str();
        let (person, party, role) = (known.persons.contains_key(word), known.parties.contains_key(word), known.roles.contains(word));
        let place = || file.place(at.span.clone());
        match (word, person, party, role) {
            (CONCERNED, ..) => Some(To::Concerned),
            (_, true, false, false) => Some(To::Person(word.to_owned())),
            (_, false, true, false) => Some(To::Party(word.to_owned())),
            (_, false, false, true) => Some(To::Role(word.to_owned())),
            (_, false, false, false) => {
                let all = known.persons.keys().chain(known.parties.keys()).chain(known.roles).map(String::as_str).chain([CONCERNED]);
                let near = crate::program::text::nearest(word, all).map(|n| format!("did you mean `{n}`?"));
                let hint = near.unwrap_or_else(|| "name a person, a party or a role of this file, or `concerned`".into());
                self.amiss(place(), format!("`{word}` is no person, party or role"), hint);
                None
            }
            _ => {
                let hint = "persons, parties and roles are named in one list: give them different names, or name the persons";
                self.amiss(place(), format!("`{word}` is more than one of: a person, a party, a role"), hint);
                None
            }
        }
    }

    fn hook(&mut self, id: &str, file: &File<'_>, at: &At<String>, secret: Option<&SecretRef>) -> Option<Hook> {
        let place = || file.place(at.span.clone());
        let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let fits = match (at.value.strip_prefix("https://"), at.value.strip_prefix("http://")) {
            (Some(rest), _) => !host(rest).is_empty() && !host(rest).contains('@'),
            (_, Some(rest)) => is_here(host(rest).rsplit_once(':').map_or(host(rest).as_str(), |(h, _)| h)),
            _ => false,
        };
        if !fits || at.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let hint = "write `https://…` without a password in it; plain `http://` is for this very machine";
            self.amiss(place(), format!("`[notice.{id}]` cannot post to this address"), hint);
        }
        match secret {
            None => {
                let hint = "what is posted is signed: `secret = { env = \"HOOK_SECRET\" }`";
                self.amiss(place(), format!("`[notice.{id}]` lacks `secret`"), hint);
                None
            }
            Some(SecretRef::Prompt(_)) => {
                self.amiss(place(), format!("nobody can be asked for the secret of `[notice.{id}]`"), NOT_ASKED);
                None
            }
            Some(secret) => Some(Hook { url: at.value.clone(), secret: secret.clone() }),
        }
    }
}

const NOT_ASKED: &str = "notices are sent while nobody sits there: `{ env = \"NAME\" }`, `{ file = \"…\" }` or `{ credential = \"…\" }`";

/// Whether a host is this very machine.
fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}

/// Whether a text can be a mail address: what stands on both sides of an `@`, without what would end it.
fn is_address(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@')) && !text.chars().any(odd)
}
