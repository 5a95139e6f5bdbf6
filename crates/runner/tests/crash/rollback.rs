//! Every cut of a rollback after users were let in and wrote: until they are let into the former production again, `undo` opens the new one as it was; `resume` goes on, and
//! what they wrote is in what they work with, once.

use crate::machine::{Machine, cuts_of, dead_at, rollbacks};
use crate::process::Act;
use greenroom_engine::fake::Cuts;
use greenroom_runner::execute::Ended;

#[test]
fn a_rollback_killed_at_any_cut_is_finished_by_resume() {
    for v in rollbacks() {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            // People write as long as they may.
            m.world.write_to_the_new(40 + i64::try_from(n).unwrap());
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed after cut {n}"));
        }
    }
}

#[test]
fn a_rollback_killed_at_any_cut_is_undone_until_users_are_let_in() {
    for v in rollbacks() {
        let (mut undone, mut finished) = (0, 0);
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let what = format!("cut {n}");
            if m.state().is_some_and(|s| s.promoted()) {
                finished += 1;
                assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "{what}");
                m.finished(&initial, &what);
                continue;
            }
            undone += 1;
            assert_eq!(m.process(Act::Undo, &Cuts::never()).unwrap(), Ended::Undone, "{what}");
            m.undone(&initial, &what);
        }
        assert!(undone > 20 && finished > 2, "undone {undone}, finished {finished}");
    }
}

#[test]
fn an_undo_or_a_resume_of_a_rollback_that_is_killed_can_still_be_ended() {
    for v in rollbacks() {
        for n in (0..cuts_of(v)).step_by(5) {
            for act in [Act::Undo, Act::Resume] {
                let mut k = n % 7;
                loop {
                    let (m, initial) = dead_at(v, n);
                    let what = format!("cuts {n}, {k}");
                    let act = if m.state().is_some_and(|s| s.promoted()) { Act::Resume } else { act };
                    let cuts = Cuts::at(k);
                    let _ = m.process(act, &cuts);
                    m.always(&initial, &what);
                    let promoted = m.state().is_some_and(|s| s.promoted());
                    let (act, wanted) = if promoted { (Act::Resume, Ended::Finished) } else { (Act::Undo, Ended::Undone) };
                    assert_eq!(m.process(act, &Cuts::never()).unwrap(), wanted, "{what}");
                    match promoted {
                        true => m.finished(&initial, &what),
                        false => m.undone(&initial, &what),
                    }
                    if !cuts.is_dead() {
                        break;
                    }
                    k += 7;
                }
            }
        }
    }
}

#[test]
fn what_is_written_at_the_last_moment_before_the_fence_is_carried_back() {
    for v in rollbacks() {
        let m = Machine::new(v);
        let initial = m.databases();
        m.world.inner().late_writer = true;
        let before = m.databases();
        assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
        assert_ne!(m.databases()["production_former_back"].tables, before[crate::machine::PRODUCTION_NAME].tables, "nobody wrote");
        m.finished(&initial, "written at the last moment");
    }
}

#[test]
fn a_new_production_that_somebody_opened_meanwhile_is_not_taken_back() {
    for v in rollbacks() {
        let mut met = 0;
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let promoted = m.state().is_some_and(|s| s.promoted());
            let opened = {
                let mut inner = m.world.inner();
                let new = inner.databases.values_mut().find(|d| d.captured.is_some()).unwrap();
                std::mem::replace(&mut new.fenced, false) && !promoted
            };
            if !opened {
                continue;
            }
            met += 1;
            m.world.write_to_the_new(3);
            match m.process(Act::Resume, &Cuts::never()).unwrap() {
                // It was fenced and compared once more: nothing is missing.
                Ended::Finished => m.finished(&initial, &format!("opened after cut {n}")),
                _ => {
                    assert!(m.world.inner().fenced, "cut {n}: users are in two productions");
                    assert_eq!(m.process(Act::Undo, &Cuts::never()).unwrap(), Ended::Undone, "cut {n}");
                    m.undone(&initial, &format!("opened after cut {n}"));
                }
            }
        }
        assert!(met > 10, "{met}");
    }
}
