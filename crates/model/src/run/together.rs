//! Several switches in one window: what may be done next with all of them, so that users are let into all new productions or into none. Owns the decision; each switch is a run of
//! its own with its own journal, and nothing else remembers where they stand.

use super::{Phase, RunState, StepState};
use crate::plan::Action;
use serde::Serialize;

/// Where one of the switches stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Nothing of this window has been begun.
    NotBegun,
    /// Under way, and production is open as ever.
    Preparing,
    /// It waits for the window.
    Window,
    /// Production is shut, and nobody is asked.
    Shut,
    /// Testers are asked.
    Accept,
    /// Testers have accepted; users can be let in.
    Hold,
    /// Users are to be let in, and are not yet.
    Told,
    /// Users may be in.
    Opening,
    /// Users are in.
    Live,
    /// It is being taken back.
    GoingBack,
    /// Production is what it was.
    Back,
}

impl Place {
    /// Of a switch; none: not begun.
    pub fn of(run: Option<&RunState>) -> Place {
        let Some(run) = run else { return Place::NotBegun };
        match run.phase {
            Phase::Finished => return Place::Live,
            Phase::Undone => return Place::Back,
            Phase::Undoing => return Place::GoingBack,
            Phase::Running => {}
        }
        if run.promoted() {
            return Place::Opening;
        }
        let held = run.plan.steps.iter().find(|s| s.action == Action::Hold).and_then(|s| run.steps.get(&s.key));
        match held {
            Some(StepState::Answered { choice }) if choice == "go" => return Place::Told,
            Some(StepState::Finished { .. }) => return Place::Told,
            _ => {}
        }
        let asked = run.plan.steps.iter().find(|s| matches!(run.steps.get(&s.key), Some(StepState::Waiting { .. })));
        match asked.map(|s| &s.action) {
            Some(Action::Window) => Place::Window,
            Some(Action::Accept) => Place::Accept,
            Some(Action::Hold) => Place::Hold,
            _ if run.fences() => Place::Shut,
            _ => Place::Preparing,
        }
    }

    /// Users may be in, so that there is no way back any more.
    pub fn is_out(self) -> bool {
        matches!(self, Place::Opening | Place::Live)
    }

    /// It went back, or is about to.
    pub fn is_back(self) -> bool {
        matches!(self, Place::GoingBack | Place::Back)
    }
}

/// What a person wants of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Copy what can be copied while people work.
    Prepare,
    /// The window is open; or, once testers have accepted everywhere, let users in.
    Go,
    /// Testers have accepted all of them.
    Accept,
    /// Everything goes back.
    Back,
    /// Go on with what was begun: after a crash, or where one went back by itself.
    On,
}

/// What is done with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Plan and start it.
    Start,
    /// Answer what it asks with a word, and go on.
    Answer(&'static str),
    /// Go on.
    Resume,
    /// Take it back.
    Undo,
}

/// What is to be done, by the number of the switch. Deeds of one answer may be done at the same time, but for those that take back: in their order, one after the other. Nothing
/// where all is as the person wants it.
///
/// # Errors
/// Why this cannot be done now, in a sentence.
pub fn next(places: &[Place], word: Word) -> Result<Vec<(usize, Deed)>, &'static str> {
    let (out, back) = (places.iter().any(|p| p.is_out()), places.iter().any(|p| p.is_back()));
    if out && back {
        return Err("users are in one of the new productions, and another one went back: a person has to decide which of them is right");
    }
    let each =
        |deed: fn(Place) -> Option<Deed>| Ok(places.iter().enumerate().filter_map(|(n, p)| Some((n, deed(*p)?))).collect::<Vec<_>>());
    let take_back = || {
        // What was shut first is opened last: on some engines one lock serves several databases.
        let under_way = |p: Place| !matches!(p, Place::NotBegun | Place::Back);
        Ok(places.iter().enumerate().rev().filter(|(_, p)| under_way(**p)).map(|(n, _)| (n, Deed::Undo)).collect())
    };
    let let_in = |p: Place| match p {
        Place::Hold => Some(Deed::Answer("go")),
        Place::Told | Place::Opening => Some(Deed::Resume),
        _ => None,
    };
    // Whether users may be let into all that are not live yet, and whether somebody has said so.
    let accepted = places.iter().all(|p| *p >= Place::Hold && !p.is_back());
    let told = out || places.contains(&Place::Told);
    match word {
        Word::Back if out => Err("users may be in one of the new productions: from here on there is only forward"),
        Word::Back => take_back(),
        Word::On if back => take_back(),
        Word::On | Word::Go if told && accepted => each(let_in),
        _ if out => Err("users may be in one of the new productions, and not all of the others are accepted: a person has to look at each"),
        _ if back => Err("one of them went back: all have to"),
        Word::Prepare => each(|p| match p {
            Place::NotBegun => Some(Deed::Start),
            Place::Preparing => Some(Deed::Resume),
            _ => None,
        }),
        Word::Go if accepted => each(let_in),
        Word::Go if places.iter().any(|p| *p < Place::Window) => Err("not all of them are prepared"),
        Word::Go => each(|p| match p {
            Place::Window => Some(Deed::Answer("go")),
            Place::Shut => Some(Deed::Resume),
            _ => None,
        }),
        Word::Accept if places.iter().any(|p| *p < Place::Accept) => Err("not all of them wait for the testers' word"),
        Word::Accept => each(|p| (p == Place::Accept).then_some(Deed::Answer("accept"))),
        Word::On => each(|p| match p {
            Place::Preparing | Place::Shut => Some(Deed::Resume),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;

    /// What comes of a deed: all went well, it rested somewhere before, or its time was up.
    fn after(place: Place, deed: Deed, luck: u8) -> Place {
        let good = match (place, deed) {
            (Place::NotBegun, Deed::Start) | (Place::Preparing, Deed::Resume) => Place::Window,
            (Place::Window, Deed::Answer("go")) | (Place::Shut, Deed::Resume) => Place::Accept,
            (Place::Accept, Deed::Answer("accept")) => Place::Hold,
            (Place::Hold, Deed::Answer("go")) | (Place::Told | Place::Opening, Deed::Resume) => Place::Live,
            (_, Deed::Undo) => Place::Back,
            other => panic!("{other:?} makes no sense"),
        };
        match (luck % 4, good) {
            (0, Place::Window) => Place::Preparing,
            (0, Place::Accept) => Place::Shut,
            (0, Place::Hold) => Place::Accept,
            (0, Place::Live) if luck >= 128 && place == Place::Hold => Place::Told,
            (0, Place::Live) => Place::Opening,
            (0, Place::Back) => Place::GoingBack,
            // Its time was up, and users are not in.
            (1, Place::Accept | Place::Hold) => Place::Back,
            (_, good) => good,
        }
    }

    fn word() -> impl Strategy<Value = Word> {
        prop_oneof![Just(Word::Prepare), Just(Word::Go), Just(Word::Accept), Just(Word::Back), Just(Word::On)]
    }

    proptest! {
        /// Whatever people say, whatever dies, however often: users are let in where all are accepted, and nothing is taken back once they may be.
        #[test]
        fn users_are_let_into_all_or_none(count in 1..5usize, said in prop::collection::vec((word(), any::<[u8; 5]>()), 0..40)) {
            let mut places = vec![Place::NotBegun; count];
            for (word, luck) in said {
                let Ok(deeds) = next(&places, word) else { continue };
                let before = places.clone();
                for (n, deed) in deeds {
                    if deed == Deed::Answer("go") && before[n] == Place::Hold {
                        prop_assert!(before.iter().all(|p| matches!(p, Place::Hold | Place::Told) || p.is_out()), "{before:?}");
                    }
                    prop_assert!(deed != Deed::Undo || !before.iter().any(|p| p.is_out()), "{before:?}");
                    places[n] = after(before[n], deed, luck[n]);
                }
                prop_assert!(!places.iter().any(|p| p.is_out()) || !places.iter().any(|p| p.is_back()), "{before:?} to {places:?}");
            }
        }

        /// From wherever they are, going on, or back, ends somewhere: all live, all back, or all asked the same.
        #[test]
        fn they_can_always_be_ended(count in 1..5usize, said in prop::collection::vec((word(), any::<[u8; 5]>()), 0..20)) {
            let mut places = vec![Place::NotBegun; count];
            let run = |places: &mut Vec<Place>, word, luck: [u8; 5]| {
                let deeds = next(places, word).unwrap_or_default();
                deeds.iter().for_each(|(n, deed)| places[*n] = after(places[*n], *deed, luck[*n]));
            };
            said.into_iter().for_each(|(word, luck)| run(&mut places, word, luck));
            let word = if places.iter().any(|p| p.is_out()) { Word::On } else { Word::Back };
            run(&mut places, word, [3; 5]);
            let ended = if word == Word::On { Place::Live } else { Place::Back };
            prop_assert!(places.iter().all(|p| *p == ended || (ended == Place::Back && *p == Place::NotBegun)), "{places:?}");
        }
    }

    #[test]
    fn what_was_shut_first_is_opened_last() {
        let places = [Place::Accept, Place::Shut, Place::NotBegun, Place::Window];
        let wanted = vec![(3, Deed::Undo), (1, Deed::Undo), (0, Deed::Undo)];
        assert_eq!(next(&places, Word::Back), Ok(wanted));
        assert!(next(&places, Word::Go).is_err() && next(&places, Word::Accept).is_err());
        assert_eq!(next(&places, Word::On), Ok(vec![(1, Deed::Resume)]));
    }

    #[test]
    fn a_window_that_is_split_is_said_to_be() {
        for word in [Word::Prepare, Word::Go, Word::Accept, Word::Back, Word::On] {
            assert!(next(&[Place::Live, Place::Back], word).is_err());
        }
    }
}
