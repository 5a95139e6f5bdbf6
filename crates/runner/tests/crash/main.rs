//! Every cut of every step, tried exhaustively over the fake engine and a journal in memory (P32): a process dies at its n-th effect; then
//! `resume` finishes the run, or `undo` restores the former state, or either is killed too.

#![allow(clippy::unwrap_used, reason = "tests")]

mod machine;
mod process;
mod retirement;
mod rollback;
mod switch;
mod trial;

use greenroom_engine::fake::{Cuts, FakeEncoding};
use greenroom_model::run::{Body, RunId, RunState};
use greenroom_runner::execute::Ended;
use greenroom_runner::journal::{Journal, Lease};
use machine::{Machine, PILOT, cuts_of, dead_at, extremes, variants};
use process::Act;

#[test]
fn a_run_killed_at_any_cut_is_finished_by_resume() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed after cut {n}"));
        }
    }
}

#[test]
fn a_run_killed_at_any_cut_is_undone_by_undo() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let ended = m.process(Act::Undo, &Cuts::never());
            assert!(matches!(ended, Ok(Ended::Undone)), "cut {n}: {ended:?}");
            m.undone(&initial, &format!("undone after cut {n}"));
        }
    }
}

#[test]
fn an_undo_killed_at_any_cut_is_finished_by_another_undo() {
    for v in extremes() {
        // Every first cut, and for each every third second one; the spread moves.
        for n in 0..cuts_of(v) {
            for k in (n % 3..).step_by(3) {
                let (m, initial) = dead_at(v, n);
                let cuts = Cuts::at(k);
                let _ = m.process(Act::Undo, &cuts);
                m.always(&initial, &format!("undo dead at {k} after cut {n}"));
                let ended = m.process(Act::Undo, &Cuts::never());
                assert!(matches!(ended, Ok(Ended::Undone)), "cuts {n}, {k}: {ended:?}");
                m.undone(&initial, &format!("undone after cuts {n}, {k}"));
                if !cuts.is_dead() {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_resume_killed_at_any_cut_is_finished_by_resume_or_undone() {
    for v in extremes() {
        // Every first cut, and for each a spread of second cuts; the spread moves, so that over all first cuts every second is met.
        for n in 0..cuts_of(v) {
            let mut k = n % 11;
            loop {
                let (m, initial) = dead_at(v, n);
                let cuts = Cuts::at(k);
                let _ = m.process(Act::Resume, &cuts);
                m.always(&initial, &format!("resume dead at {k} after cut {n}"));
                if k % 2 == 0 {
                    assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cuts {n}, {k}");
                    m.finished(&initial, &format!("resumed after cuts {n}, {k}"));
                } else {
                    assert!(matches!(m.process(Act::Undo, &Cuts::never()), Ok(Ended::Undone)), "cuts {n}, {k}");
                    m.undone(&initial, &format!("undone after cuts {n}, {k}"));
                }
                if !cuts.is_dead() {
                    break;
                }
                k += 11;
            }
        }
    }
}

#[test]
fn a_resume_under_a_writer_ends_in_the_state_of_the_final_snapshot() {
    for v in variants() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let copying = m.state().is_none_or(|s| s.next(true) != greenroom_model::run::Todo::Finish && !past_the_copy(&s));
            if !copying {
                continue;
            }
            m.world.write(i64::try_from(n).unwrap());
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed under a writer after cut {n}"));
        }
    }
}

/// Whether the run needs the source no more: what is written there afterwards is of the next generation.
fn past_the_copy(s: &RunState) -> bool {
    s.plan.steps.iter().filter(|p| p.action.needs_snapshot()).all(|p| s.outcome(&p.key).is_some())
}

#[test]
fn a_failing_script_leaves_the_former_pilot_and_can_be_mended_by_resume() {
    for v in variants().into_iter().filter(|v| !v.what.follows()) {
        let m = Machine::new(v);
        let initial = m.databases();
        m.world.inner().failing = vec!["update client set a = 1".into()];
        let Ended::Failed(step, failure) = m.process(Act::Start, &Cuts::never()).unwrap() else { panic!("it must fail") };
        assert_eq!(step.0, "upgrade:1");
        assert!(failure.message.contains("line 2"), "{}", failure.message);
        m.always(&initial, "failed");
        m.world.inner().failing.clear();
        assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished);
        m.finished(&initial, "mended");
    }
}

#[test]
fn a_finished_run_is_undone_to_the_former_pilot() {
    for v in variants() {
        let m = Machine::new(v);
        let initial = m.databases();
        assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
        assert_eq!(m.process(Act::Undo, &Cuts::never()).unwrap(), Ended::Undone);
        m.undone(&initial, "undone after the end");
    }
}

#[test]
fn a_pilot_that_somebody_replaced_since_is_neither_renamed_nor_dropped() {
    for v in [variants()[0], variants()[2]] {
        let mut met = 0;
        for n in 0..cuts_of(v) {
            for (act, same_id) in [(Act::Resume, true), (Act::Resume, false), (Act::Undo, true), (Act::Undo, false)] {
                let (m, _) = dead_at(v, n);
                {
                    let mut world = m.world.inner();
                    let fresh = world.next_id;
                    let noted = m.disk.path().join("scratch/rehearsal-2/former.json").exists();
                    // Only while the pilot has not been put aside yet, and the run has noted what stands there.
                    let Some(pilot) = world.databases.get_mut(PILOT).filter(|p| noted && p.marker.as_ref().unwrap().nonce == "before")
                    else {
                        continue;
                    };
                    // Another program's, under the same name; engines use identities (inodes) again.
                    pilot.marker.as_mut().unwrap().nonce = "another".into();
                    pilot.marker.as_mut().unwrap().program = "somebody".into();
                    if !same_id {
                        pilot.id = fresh;
                        world.next_id += 1;
                    }
                }
                met += 1;
                let theirs = m.databases()[PILOT].clone();
                let ended = m.process(act, &Cuts::never());
                assert!(!matches!(ended, Ok(Ended::Finished)), "cut {n}: {ended:?}");
                assert_eq!(m.databases().get(PILOT), Some(&theirs), "cut {n}: somebody else's database was touched");
            }
        }
        assert!(met >= 4, "no cut was between the note and the swap: {met}");
    }
}

#[test]
fn a_predecessor_that_wakes_up_can_write_nothing_any_more() {
    let m = Machine::new(variants()[0]);
    let id = RunId("r".into());
    let mut first = m.journal.clone();
    let lease = |epoch| Lease { run: id.clone(), epoch };
    first.append(Some(&lease(1)), None, Body::LeaseTaken { owner: "first".into() }).unwrap();
    first.append(Some(&lease(2)), None, Body::LeaseTaken { owner: "second".into() }).unwrap();
    assert!(first.append(Some(&lease(1)), None, Body::SnapshotHeld).is_err());
    assert!(first.append(Some(&lease(1)), None, Body::LeaseTaken { owner: "first".into() }).is_err());
    assert!(first.append(Some(&lease(2)), None, Body::SnapshotHeld).is_ok());
}

#[test]
fn the_fake_encoding_gives_back_what_it_was_given() {
    let row = FakeEncoding::row(7, &["a".into(), String::new()]);
    let mut rest = &row[..];
    let mut fields = Vec::new();
    use greenroom_engine::batch::Encoding;
    assert!(FakeEncoding.next_row(&mut rest, &mut fields).unwrap());
    assert_eq!(fields, [Some(&b"7"[..]), Some(b"a"), Some(b"")]);
    assert!(!FakeEncoding.next_row(&mut rest, &mut fields).unwrap());
}
