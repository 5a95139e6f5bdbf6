//! `process.toml` as it is written, before anything in it means something.

use super::super::integrations::IntegrationsWanted;
use super::super::keys::Asks;
use super::super::{Level, Proof, Side};
use super::artefact::RawArtefact;
use super::audit::{Of, RawAudit};
use super::cases::RawCase;
use super::dates::{RawCalendar, RawEvent};
use super::deed::RawDeed;
use super::integration::RawIntegration;
use super::notices::{RawNotice, RawNotices};
use super::requirement::RawRequirement;
use crate::program::raw::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The people, stages, gates and tasks around the runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProcess {
    /// Settings of the whole.
    pub(super) process: Option<RawSettings>,
    /// Companies that take part: `[party.clinic]`.
    #[serde(default)]
    pub(super) party: BTreeMap<At<String>, RawParty>,
    /// People: `[person.anna]`.
    #[serde(default)]
    pub(super) person: BTreeMap<At<String>, RawPerson>,
    /// Parts of the way: `[stage.audit-1]`.
    #[serde(default)]
    pub(super) stage: BTreeMap<At<String>, RawStage>,
    /// What has to be so when a stage is entered or left: `[gate.audit-1-wait]`.
    #[serde(default)]
    pub(super) gate: BTreeMap<At<String>, RawGate>,
    /// What somebody does: `[task.stop-services]`.
    #[serde(default)]
    pub(super) task: BTreeMap<At<String>, RawTask>,
    /// Calendar files with holidays or blackouts: `[calendar.holidays]`.
    #[serde(default)]
    pub(super) calendar: BTreeMap<At<String>, RawCalendar>,
    /// What is on elsewhere, so that no stage is to take place: `[event.fair]`.
    #[serde(default)]
    pub(super) event: BTreeMap<At<String>, RawEvent>,
    /// Something that production talks to: `[integration.crm]`.
    #[serde(default)]
    pub(super) integration: BTreeMap<At<String>, RawIntegration>,
    /// What a server has to have: `[requirement.disk]`.
    #[serde(default)]
    pub(super) requirement: BTreeMap<At<String>, RawRequirement>,
    /// Files that are received: `[artefact.backup]`.
    #[serde(default)]
    pub(super) artefact: BTreeMap<At<String>, RawArtefact>,
    /// How people are told of what is recorded.
    pub(super) notices: Option<RawNotices>,
    /// Who is told of what: `[notice.turns]`.
    #[serde(default)]
    pub(super) notice: BTreeMap<At<String>, RawNotice>,
    /// What testers try: `[case.invoice-prints]`.
    #[serde(default)]
    pub(super) case: BTreeMap<At<String>, RawCase>,
    /// Somebody looks at something and says whether it is good: `[audit.audit-1]`.
    #[serde(default)]
    pub(super) audit: BTreeMap<At<String>, RawAudit>,
}

/// Settings of the whole.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSettings {
    /// Time zone whose days and hours are meant, `Europe/Warsaw`; UTC by default.
    pub(super) timezone: Option<At<String>>,
    /// Days on which people work: `["mon", "tue", "wed", "thu", "fri"]` by default.
    pub(super) weekdays: Option<At<Vec<String>>>,
    /// Days on which they do not: `["2026-12-25"]`.
    pub(super) holidays: Option<At<Vec<String>>>,
    /// The stage in which `greenroom switch` may begin, or a list of such. Without it the switch asks nothing of the process.
    pub(super) go_live: Option<At<OneOrMore>>,
    /// Roles whose holders may waive a gate. Nobody by default.
    pub(super) waivers: Option<At<Vec<String>>>,
    /// The working day: `08:00-16:00`; `09:00-17:00` by default. Business hours are counted in it, and stages without a window begin in it.
    pub(super) hours: Option<At<String>>,
    /// Integrations that may not be: ids, kinds or products.
    pub(super) forbidden_integrations: Option<At<Vec<String>>>,
    /// By kind of integration: the only products that may be used: `{ payment-gateway = ["stripe"] }`.
    #[serde(default)]
    pub(super) allowed_integrations: BTreeMap<At<String>, Vec<String>>,
    /// What links for handing over files begin with, as it is reached from outside: `https://files.example.org/in`.
    pub(super) upload_url: Option<At<String>>,
}

/// A word, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// The words.
    pub(super) fn words(&self) -> &[String] {
        match self {
            OneOrMore::One(word) => std::slice::from_ref(word),
            OneOrMore::More(words) => words,
        }
    }
}

/// A company that takes part.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParty {
    /// What people call it.
    pub(super) title: Option<At<String>>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPerson {
    /// Their name.
    pub(super) name: Option<At<String>>,
    /// Whom they work for: the id of a party.
    pub(super) party: Option<At<String>>,
    /// What they may do: words that gates and tasks name.
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// Where they are reached on the night.
    pub(super) telephone: Option<At<String>>,
    /// Mail address.
    pub(super) mail: Option<At<String>>,
    /// The operating system's user by which the command line knows them: an indication, no signature.
    pub(super) login: Option<At<String>>,
    /// Who acts in their place: the id of a person.
    pub(super) substitute: Option<At<String>>,
    /// When they are away: `["2026-12-20 to 2027-01-03", "2027-02-12"]`; both days are meant.
    #[serde(default)]
    pub(super) leave: Vec<At<String>>,
    /// Public keys with which they sign, as OpenSSH writes them: `ssh-ed25519 AAAA… anna@laptop`.
    #[serde(default)]
    pub(super) keys: Vec<At<String>>,
}

/// A part of the way.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStage {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// Stages that must have ended well before.
    #[serde(default)]
    pub(super) after: Vec<At<String>>,
    /// Ids of requirements that it meets, of whatever list was agreed: `greenroom record covered` tells by which event.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    /// Days of the week on which it had better begin: `["mon", "tue"]`. Whoever agrees upon another is warned.
    pub(super) prefer: Option<At<Vec<String>>>,
    /// What its date has to leave beside the quoted minutes of its tasks: `2 hours`.
    pub(super) buffer: Option<At<String>>,
}

/// What a gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KindWord {
    /// Time must have passed since something: `since`, `at_least`, `at_most`.
    Wait,
    /// The stage's date is agreed early enough: `at_least`.
    LeadTime,
    /// Hours of certain days: `days`, `from`, `until`, `away_from_holidays`, `away_from_long_weekends`.
    Window,
    /// People approve: `roles`, `of`.
    SignOff,
    /// Items are ticked: `items`, `roles`.
    Checklist,
    /// Files are received: `names`.
    Artefacts,
    /// Every task of the stage is done.
    Tasks,
    /// A run has proved something: `what`.
    Run,
    /// Integrations are off, connected again, or allowed: `state`, `names`.
    Integrations,
    /// Every task of the stage was done once in a rehearsal of the runbook.
    RunbookRehearsed,
    /// Requirements were looked at last with a good result: `names`.
    Requirements,
    /// Cases of the test plan passed on the pilot that stands: `cases`.
    TestPlan,
    /// An audit was concluded positive, and nothing came to light since: `audit`.
    Audit,
    /// Nothing heavier is open of what audits, checks and runs found: `of`, `at_most`, `accepted`.
    Findings,
}

/// What has to be so when a stage is entered, or left with a good result.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGate {
    /// What people call it.
    pub(super) title: Option<At<String>>,
    /// The stage.
    pub(super) stage: Option<At<String>>,
    /// `entry` or `exit`.
    pub(super) at: Option<At<Side>>,
    /// `require` by default, or `recommend`: whoever passes is warned, and that is on record.
    pub(super) level: Option<At<Level>>,
    /// What it asks.
    pub(super) kind: Option<At<KindWord>>,
    /// `wait`: since when: `STAGE` (ended well), `STAGE entered`, `task NAME`, `audit NAME` (concluded positive).
    pub(super) since: Option<At<String>>,
    /// `wait`, `lead-time`: the least time: `4 weeks`, `2 business days`, `36 hours`, `8 business hours`, `1 month`.
    pub(super) at_least: Option<At<String>>,
    /// `wait`: the most; `run`: how long ago it may have been proved; `findings`: the heaviest that may be open: `none`, `minor` (by default; notes are minor), `important` (warnings are).
    pub(super) at_most: Option<At<String>>,
    /// `window`: days on which it begins; all by default.
    pub(super) days: Option<At<Vec<String>>>,
    /// `window`: when it begins: `18:00`.
    pub(super) from: Option<At<String>>,
    /// `window`: when it ends, on the next day where that is earlier.
    pub(super) until: Option<At<String>>,
    /// `window`: not on a holiday, nor on the day before one.
    pub(super) away_from_holidays: Option<At<bool>>,
    /// `window`: not in a long weekend, nor on the day before one: three days or more on which nobody works, a holiday among them.
    pub(super) away_from_long_weekends: Option<At<bool>>,
    /// `sign-off`, `checklist`: who may.
    pub(super) roles: Option<At<Vec<String>>>,
    /// `sign-off`: how many have to approve; one by default. `findings`: whose: `["audits", "audit NAME", "check", "rehearsal", "dress-rehearsal"]`.
    pub(super) of: Option<At<Of>>,
    /// `checklist`: what is ticked.
    pub(super) items: Option<At<Vec<String>>>,
    /// `artefacts`: what is received. `integrations`, `requirements`: which; all by default.
    pub(super) names: Option<At<Vec<String>>>,
    /// `run`: what has to be proved.
    pub(super) what: Option<At<Proof>>,
    /// Ids of requirements that it meets, of whatever list was agreed: `greenroom record covered` tells by which event.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    /// `integrations`: `off` (the old side), `on` (the new side), or `allowed`.
    pub(super) state: Option<At<IntegrationsWanted>>,
    /// `sign-off`: `key` where a signature by login only does not count; `login` by default.
    pub(super) signature: Option<At<Asks>>,
    /// `test-plan`: which cases; all of the stage by default.
    pub(super) cases: Option<At<Vec<String>>>,
    /// `audit`: which.
    pub(super) audit: Option<At<String>>,
    /// `findings`: codes of Greenroom's own that are accepted, and why: `{ GR0510 = "nobody writes at night" }`.
    pub(super) accepted: Option<BTreeMap<At<String>, At<String>>>,
}

/// Something that somebody does.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTask {
    /// What is done.
    pub(super) title: Option<At<String>>,
    /// The stage that it belongs to.
    pub(super) stage: Option<At<String>>,
    /// Who does it: a role.
    pub(super) role: Option<At<String>>,
    /// Whose it is, where several parties have people with the role.
    pub(super) party: Option<At<String>>,
    /// Minutes quoted for it.
    pub(super) minutes: Option<At<u32>>,
    /// What an hour costs, in hundredths of the agreed currency; not charged without it.
    pub(super) rate: Option<At<u64>>,
    /// Tasks that must be done before.
    #[serde(default)]
    pub(super) after: Vec<At<String>>,
    /// Exit gates of the stage that have to be met before it is begun: go, or no go.
    #[serde(default)]
    pub(super) gates: Vec<At<String>>,
    /// What a person does, in words.
    pub(super) instruction: Option<At<String>>,
    /// From here on there is no way back by itself.
    #[serde(default)]
    pub(super) point_of_no_return: bool,
    /// Ids of requirements that it meets, of whatever list was agreed: `greenroom record covered` tells by which event.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    /// What it does by itself; `greenroom task run` begins it. A person does it without.
    pub(super) does: Option<At<RawDeed>>,
}
