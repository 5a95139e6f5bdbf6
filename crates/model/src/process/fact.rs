//! What is put on record about the process. Names people by their ids in `process.toml`; what they said in their own words is kept outside the chain.

use super::cases::{Attachment, Outcome, Tested};
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
}
