//! The fence around production: what is open before it goes up, who it shuts out, and what is known of it from the journal (P22–P24).
//!
//! Owns the data. Does not own how an engine shuts people out (`engine`), nor when that is done.

use crate::hash::Hash;
use serde::{Deserialize, Serialize};

/// One way in. Both statements can be run again without harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Who or what comes in: a role, an account, an event, a table that can be written to.
    pub who: String,
    /// What the engine knows it by, unquoted.
    pub key: Vec<String>,
    /// Shuts it.
    pub shut: String,
    /// Opens it exactly as it was.
    pub open: String,
}

/// Something that must be gone before a fence goes up, since it would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What it is.
    pub what: String,
    /// How to get it out of the way.
    pub way_out: String,
}

/// How production stands open before a fence goes up. Read before the first change and kept until the fence is down: what a fence took away
/// cannot be read back from the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doors {
    /// The database's name.
    pub database: String,
    /// Its identity as the engine has it: names prove nothing.
    pub engine_id: String,
    /// How the statements are typed by hand, as in `psql -d postgres`.
    pub client: String,
    /// In the order in which they are shut; they are opened the other way round.
    pub doors: Vec<Door>,
    /// Among them are doors of the database itself, which keep everybody from writing to it while those of accounts stand open: for a production that stays beside the
    /// new one on the same server, where an account leads to both.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// Greenroom's own logins, which stay in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<String>,
    /// Statements that give a database in production's place what production has beside its doors: its owner, rights on the database as a whole,
    /// how it keeps its journal. They can be run again without harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<String>,
    /// Who or what no fence keeps out on this engine, and why.
    pub gaps: Vec<String>,
    /// See [`Obstacle`].
    pub obstacles: Vec<Obstacle>,
    /// What a fence can stand beside, but another database in production's place cannot: it would be ended, or lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Obstacle>,
}

impl Doors {
    /// Identity of what was read: of the fence, wherever its file lies.
    pub fn hash(&self) -> Hash {
        Hash::of_json(self)
    }

    /// The statements that give production back, in their order.
    pub fn opening(&self) -> impl Iterator<Item = &str> {
        self.doors.iter().rev().map(|d| d.open.as_str())
    }
}

/// How much of a fence stands, as the database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stands", rename_all = "lowercase")]
pub enum Stands {
    /// Nothing of it.
    Down,
    /// Some doors are shut: whoever raised or lifted it was cut off, or somebody else opened one.
    Part {
        /// Doors that are shut.
        shut: usize,
        /// Of so many.
        of: usize,
    },
    /// All of it.
    Up,
}

impl Stands {
    /// Over all doors that there are: whether each is shut.
    pub fn of(doors: impl IntoIterator<Item = bool>) -> Stands {
        let (mut shut, mut of) = (0, 0);
        for is_shut in doors {
            of += 1;
            shut += usize::from(is_shut);
        }
        match shut {
            0 => Stands::Down,
            n if n == of => Stands::Up,
            shut => Stands::Part { shut, of },
        }
    }
}

/// How far a fence got, as the journal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// It was begun; nobody wrote down that it stood.
    Raising,
    /// It stood, and nobody else was in.
    Raised,
    /// Lifting was begun.
    Lifting,
}

/// A fence that the journal knows and that is not lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Of the [`Doors`] that it shuts.
    pub doors: Hash,
    /// When it was begun.
    pub since: jiff::Timestamp,
    /// When production must be given back.
    pub until: jiff::Timestamp,
    /// Why, in somebody's words.
    pub reason: Option<String>,
    /// See [`Progress`].
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_stands_when_every_door_is_shut_and_opens_the_other_way_round() {
        let door = |n: u32| Door { who: format!("r{n}"), key: Vec::new(), shut: format!("shut {n}"), open: format!("open {n}") };
        let of = |doors: Vec<Door>| Doors {
            database: "d".into(),
            engine_id: "1".into(),
            client: "c".into(),
            doors,
            apart: false,
            spared: Vec::new(),
            besides: Vec::new(),
            gaps: Vec::new(),
            obstacles: Vec::new(),
            hazards: Vec::new(),
        };
        let two = of(vec![door(1), door(2)]);
        assert_eq!(Stands::of([false, false]), Stands::Down);
        assert_eq!(Stands::of([true, false]), Stands::Part { shut: 1, of: 2 });
        assert_eq!(Stands::of([true, true]), Stands::Up);
        assert_eq!(two.opening().collect::<Vec<_>>(), ["open 2", "open 1"]);
        // Where nobody can come in anyway nothing is shut, which is no fence.
        assert_eq!(Stands::of([]), Stands::Down);
    }
}
