//! What is put on record about the process. Names people by their ids in `process.toml`; what they said in their own words is kept outside the chain.

use super::Stored;
use super::audits::{Look, Weight};
use super::cases::{Attachment, Outcome, Tested};
use super::changes::Note;
use super::integrations::End;
use super::keys::KeySignature;
use crate::finding::Noticed;
use crate::hash::Hash;
use serde::{Deserialize, Serialize};

/// A recorded fact. Meanings never change; new variants are added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A stage was entered.
    StageEntered {
        /// Which.
        stage: String,
        /// Recommended gates that were not met.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    /// A stage was left.
    StageLeft {
        /// Which.
        stage: String,
        /// With a good result; a stage that was not may be entered again.
        good: bool,
        /// Recommended gates that were not met.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    /// The date of a stage was agreed upon.
    DateAgreed {
        /// Which stage.
        stage: String,
        /// When it is to begin.
        at: jiff::Timestamp,
        /// What recommends another: gates and the like, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    /// Somebody asks for approval.
    Asked {
        /// The gate.
        gate: String,
        /// Hash of what is to be approved, as it stands.
        of: Hash,
    },
    /// Somebody approved or rejected.
    Signed {
        /// The gate.
        gate: String,
        /// Which of the two.
        approve: bool,
        /// Hash of what they were shown.
        of: Hash,
        /// The signature, where it was made with a key; by login only without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeySignature>,
    },
    /// An item of a checklist is as it should be, or is not any more.
    Ticked {
        /// The gate.
        gate: String,
        /// The item.
        item: String,
        /// Whether it is.
        done: bool,
    },
    /// A file was received.
    Received {
        /// What it is: a name out of a gate's artefacts.
        name: String,
        /// Its bytes.
        bytes: u64,
        /// BLAKE3 of its content.
        blake3: Hash,
        /// SHA-256 of its content, for those who check with other tools: hexadecimal digits.
        sha256: String,
        /// What was stored of it; without, it was left where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Stored>,
        /// The link by which it came: number of the event as which that was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<u64>,
    },
    /// Somebody with the right to do so lets a gate pass.
    Waived {
        /// The gate.
        gate: String,
    },
    /// Somebody has begun a task.
    TaskStarted {
        /// Which.
        task: String,
    },
    /// It is done.
    TaskDone {
        /// Which.
        task: String,
    },
    /// It could not be done; somebody may begin it again.
    TaskFailed {
        /// Which.
        task: String,
    },
    /// Another person goes on with it.
    TaskHandedOver {
        /// Which.
        task: String,
        /// Whose it is now.
        to: String,
    },
    /// What a task does by itself was begun once more: nobody knows whether the time before ran to its end.
    TaskTriedAgain {
        /// Which.
        task: String,
    },
    /// What a task does by itself has ended: it is done, or has failed.
    TaskRan {
        /// Which.
        task: String,
        /// What it does: `command`, `http`.
        does: String,
        /// It went well: the task is done.
        good: bool,
        /// What came of it, in a few words without secrets.
        outcome: String,
        /// How long it took.
        millis: u64,
        /// Hash of what it gave out, where that is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Hash>,
    },
    /// A person says that a task is done which something else decides over.
    TaskDoneByHand {
        /// Which.
        task: String,
    },
    /// Another rehearsal of a stage's runbook began.
    RehearsalBegan {
        /// The stage.
        stage: String,
        /// The how manieth.
        number: u32,
    },
    /// Something that was done in a rehearsal of a stage's runbook.
    Rehearsed {
        /// The stage.
        stage: String,
        /// The how manieth rehearsal of it.
        number: u32,
        /// What.
        what: Box<Fact>,
    },
    /// A side of an integration was looked at.
    IntegrationProbed {
        /// Which.
        integration: String,
        /// Which side.
        end: End,
        /// It was as expected.
        good: bool,
        /// What was seen, in a few words without secrets.
        outcome: String,
        /// How long it took.
        millis: u64,
    },
    /// A side of an integration was switched on or off.
    IntegrationTurned {
        /// Which.
        integration: String,
        /// Which side.
        end: End,
        /// On, or off.
        on: bool,
        /// What its probe found wrong, where somebody went on all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite: Option<String>,
    },
    /// It was looked whether a requirement is met.
    RequirementChecked {
        /// Which.
        requirement: String,
        /// It is.
        good: bool,
        /// What was seen, in a few words without secrets.
        outcome: String,
        /// How long it took.
        millis: u64,
    },
    /// What was stored of an artefact is removed: its time is over.
    ArtefactRemoved {
        /// Which.
        name: String,
        /// Number of the event as which it was received.
        received: u64,
    },
    /// What stood beside the chain about people was erased.
    Erased {
        /// Numbers of the events that it belonged to.
        events: Vec<u64>,
    },
    /// Somebody says how a case of the test plan came out.
    CaseJudged {
        /// Which.
        case: String,
        /// How.
        outcome: Outcome,
        /// On which pilot; of its tables those that the case names.
        on: Tested,
        /// Files, which stay where they are.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attached: Vec<Attachment>,
    },
    /// A link was made by which a file can be handed over once.
    LinkMade {
        /// Which artefact.
        artefact: String,
        /// BLAKE3 of the link's token, which is nowhere on record.
        of: Hash,
        /// The file has to begin to come before.
        until: jiff::Timestamp,
        /// Who hands over what comes by it.
        person: String,
    },
    /// A link was withdrawn before a file came by it.
    LinkWithdrawn {
        /// Number of the event as which it was made.
        link: u64,
    },
    /// Somebody says that changes of the pilot's configuration are theirs.
    ChangesNoted {
        /// Which, in numbers and by a digest.
        note: Note,
    },
    /// A point of an audit was looked at.
    AuditPoint {
        /// The audit.
        audit: String,
        /// The point.
        point: String,
        /// How it was seen.
        look: Look,
    },
    /// An audit found something; what, in words, is beside the chain.
    FindingFound {
        /// The audit.
        audit: String,
        /// The finding's id: `AUDIT/1`.
        finding: String,
        /// How much it weighs.
        weight: Weight,
        /// The person who mends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The role whose holders mend it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// The day until which it is to be mended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<jiff::civil::Date>,
    },
    /// Somebody says that a finding is mended.
    FindingMended {
        /// Which.
        finding: String,
    },
    /// An auditor has looked whether it is.
    FindingVerified {
        /// Which.
        finding: String,
        /// It is; otherwise it is open again.
        good: bool,
    },
    /// Somebody with the right to do so lets a finding stay as it is.
    FindingAccepted {
        /// Which.
        finding: String,
    },
    /// An audit was concluded.
    AuditConcluded {
        /// Which.
        audit: String,
        /// All is well; otherwise the next try of its stage begins it anew.
        positive: bool,
    },
    /// The program was held against its databases.
    ProgramChecked {
        /// Hash of the program.
        of: Hash,
        /// What was found.
        found: Vec<Noticed>,
    },
}
