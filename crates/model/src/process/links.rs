//! Links by which somebody hands over a file once: who may make one, whether it can be used still, what is recorded when it is. Knows of the token in a link nothing but its hash.
//! Does not own the listener that takes the file, nor where links point to the outside.

use super::gates::{Refused, Sight, known, refused};
use super::{Fact, Held, Kind, Stored};
use crate::hash::Hash;
use jiff::Timestamp;
use serde::Serialize;

/// A link that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Number of the event: the link's id.
    pub id: u64,
    /// For which artefact.
    pub artefact: String,
    /// BLAKE3 of its token.
    #[serde(skip)]
    pub of: Hash,
    /// For whom: who hands over what comes by it.
    pub person: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub made: Timestamp,
    /// What is handed over has to begin before.
    pub until: Timestamp,
    /// Number of the event as which a file was received by it.
    pub used: Option<u64>,
    /// When it was withdrawn.
    pub withdrawn: Option<Timestamp>,
}

/// Whether a link can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStands {
    /// It can.
    Open,
    /// A file came by it.
    Used,
    /// Its time is over.
    Expired,
    /// Somebody withdrew it.
    Withdrawn,
    /// What it is for is not waited for any more.
    Idle,
}

/// A link as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkLine {
    /// What was made.
    #[serde(flatten)]
    pub link: Link,
    /// See [`LinkStands`].
    pub stands: LinkStands,
    /// Why it is idle.
    pub why: Option<String>,
    /// What people call the artefact.
    pub title: String,
    /// What people call the stages whose gates ask for it.
    pub stages: Vec<String>,
    /// The name of whom it is for.
    pub name: String,
}

/// What came by a link: its sums, and what was stored of it.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// Bytes of the plain file.
    pub bytes: u64,
    /// BLAKE3 of the plain file.
    pub blake3: Hash,
    /// SHA-256 of the plain file: hexadecimal digits.
    pub sha256: String,
    /// What was stored.
    pub stored: Stored,
}

/// Whether a base address of links can be used: `https://…`, or `http://` on this machine itself. In the form in which a link begins with it.
///
/// # Errors
/// What is wrong with it.
pub fn base_address(text: &str) -> Result<String, &'static str> {
    let (rest, plain) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return Err("it begins neither with `https://` nor with `http://`"),
    };
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '"' | '<' | '>' | '\\')) {
        return Err("it is to be scheme, host, port and path only: no login, nothing after `?` or `#`");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(six) => six.split_once(']').unwrap_or_default(),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if !port.is_empty() && port.strip_prefix(':').is_none_or(|p| p.parse::<u16>().is_err()) {
        return Err("what follows its host is no port");
    }
    if plain && !matches!(host, "127.0.0.1" | "::1" | "localhost") {
        return Err("with `http://` whoever is on the way reads link and file: it is taken for this machine itself only");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

impl Sight<'_> {
    /// Why nothing may be handed over of an artefact by link.
    fn not_by_link(&self, name: &str) -> Result<(), Refused> {
        self.expects(name)?;
        if self.process.artefacts.get(name).is_none_or(|a| a.recipients.is_empty()) {
            return refused(
                format!("`{name}` would not be stored: `[artefact.{name}]` names no recipients, and what comes by a link is nowhere else"),
                "`recipients = [\"age1…\"]` says who can read it: `age-keygen` makes a key and prints its recipient",
            );
        }
        let asking = self.asking(name);
        if !asking.is_empty() && asking.iter().all(|s| self.state.stage(s).is_over()) {
            return refused(
                format!("nobody waits for `{name}` any more: {} ended well", asking.join(", ")),
                "`greenroom gate receive NAME FILE` takes a file all the same",
            );
        }
        Ok(())
    }

    /// Stages whose gates ask for an artefact, in their order.
    fn asking(&self, name: &str) -> Vec<&str> {
        let asks = |stage: &String| {
            let gates = self.process.gates.values().filter(|g| g.stage == *stage);
            gates.into_iter().any(|g| matches!(&g.kind, Kind::Artefacts { names } if names.iter().any(|n| n == name)))
        };
        self.process.order.iter().filter(|s| asks(s)).map(String::as_str).collect()
    }

    /// Makes a link. `of`: BLAKE3 of its token; `person`: who hands over what comes by it, whoever makes it without one.
    ///
    /// # Errors
    /// When nobody waits for the artefact, it would not be stored, nobody is called so, or the time is past.
    pub fn make_link(&self, artefact: &str, of: Hash, until: Timestamp, person: Option<&str>, by: Option<&str>) -> Result<Fact, Refused> {
        let by = known(by)?;
        self.not_by_link(artefact)?;
        let person = person.unwrap_or(by);
        if !self.process.persons.contains_key(person) {
            let all: Vec<&str> = self.process.persons.keys().map(String::as_str).collect();
            return refused(format!("there is no person `{person}`"), format!("those of process.toml: {}", all.join(", ")));
        }
        if until <= self.now {
            return refused(format!("{} is past", self.day(until)), "give a time to come, `--until \"2 days\"` for example");
        }
        Ok(Fact::LinkMade { artefact: artefact.to_owned(), of, until, person: person.to_owned() })
    }

    /// Withdraws a link that could still be used.
    ///
    /// # Errors
    /// When there is none of this number, it was used or withdrawn, or its time is over.
    pub fn withdraw_link(&self, id: u64, by: Option<&str>) -> Result<Fact, Refused> {
        known(by)?;
        let hint = "`greenroom artefact links` lists those that were made";
        let Some(line) = self.state.links.get(&id).map(|l| self.line(l)) else {
            return refused(format!("there is no link {id}"), hint);
        };
        match line.stands {
            LinkStands::Open | LinkStands::Idle => Ok(Fact::LinkWithdrawn { link: id }),
            LinkStands::Used => refused(format!("a file came by link {id} already, and it cannot be used again"), hint),
            LinkStands::Expired => refused(format!("the time of link {id} is over, and it cannot be used"), hint),
            LinkStands::Withdrawn => refused(format!("link {id} was withdrawn already"), hint),
        }
    }

    fn line(&self, link: &Link) -> LinkLine {
        let written = self.process.persons.get(&link.person);
        let idle = match self.not_by_link(&link.artefact) {
            Err(why) => Some(why.message),
            Ok(()) if written.is_none() => Some(format!("process.toml names nobody `{}` any more", link.person)),
            Ok(()) => None,
        };
        let stands = match (link.used, link.withdrawn, &idle) {
            (Some(_), ..) => LinkStands::Used,
            (_, Some(_), _) => LinkStands::Withdrawn,
            _ if link.until <= self.now => LinkStands::Expired,
            (_, _, Some(_)) => LinkStands::Idle,
            _ => LinkStands::Open,
        };
        let title = |id: &str| self.process.stages.get(id).map_or_else(|| id.to_owned(), |s| s.title.clone());
        LinkLine {
            stands,
            why: idle.filter(|_| stands == LinkStands::Idle),
            title: self.process.artefacts.get(&link.artefact).map_or_else(|| link.artefact.clone(), |a| a.title.clone()),
            stages: self.asking(&link.artefact).into_iter().map(title).collect(),
            name: written.map_or_else(|| link.person.clone(), |p| p.name.clone()),
            link: link.clone(),
        }
    }

    /// Every link that was made, in order.
    pub fn links(&self) -> Vec<LinkLine> {
        self.state.links.values().map(|l| self.line(l)).collect()
    }

    /// The link whose token has this hash, where it can be used. Why it cannot is nobody's business who holds it.
    pub fn open_link(&self, of: Hash) -> Option<LinkLine> {
        let link = self.state.links.values().find(|l| l.of == of)?;
        Some(self.line(link)).filter(|l| l.stands == LinkStands::Open)
    }

    /// Takes what came by a link: who handed it over, and what is recorded. `began`: when it began to come; that was in time even where it took long. None where the link could not be
    /// used then, or cannot any more.
    pub fn receive_by_link(&self, of: Hash, began: Timestamp, what: HandedOver) -> Option<(String, Fact)> {
        let then = Sight { now: began.min(self.now), ..*self };
        let LinkLine { link, .. } = then.open_link(of)?;
        let HandedOver { bytes, blake3, sha256, stored } = what;
        Some((link.person, Fact::Received { name: link.artefact, bytes, blake3, sha256, stored: Some(stored), link: Some(link.id) }))
    }
}

impl super::State {
    /// Folds facts about links.
    pub(super) fn linked(&mut self, at: Timestamp, by: &str, fact: &Fact) {
        match fact {
            Fact::LinkMade { artefact, of, until, person } => {
                let (artefact, person, by) = (artefact.clone(), person.clone(), by.to_owned());
                let link = Link { id: self.event, artefact, of: *of, person, by, made: at, until: *until, used: None, withdrawn: None };
                self.links.insert(self.event, link);
            }
            Fact::LinkWithdrawn { link } => self.links.get_mut(link).into_iter().for_each(|l| l.withdrawn = Some(at)),
            Fact::Received { link: Some(link), .. } => {
                let event = self.event;
                self.links.get_mut(link).into_iter().for_each(|l| l.used = Some(event));
            }
            _ => {}
        }
    }
}

impl Held {
    /// By whom, as a table shows it.
    pub fn by_whom(&self) -> String {
        let by_link = if self.link.is_some() { ", by link" } else { "" };
        format!("{} ({}{by_link})", self.by, self.event)
    }
}
