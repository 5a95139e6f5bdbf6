//! Every cut of a switch: before users are let in, `resume` goes on and `undo` gives production back; afterwards there is only forward. What production
//! acknowledged is in the new one, once.

use crate::machine::{Machine, What, cuts_of, dead_at, switches};
use crate::process::Act;
use greenroom_engine::fake::Cuts;
use greenroom_runner::execute::Ended;

/// Undoes, or goes on where users may be in already.
fn ended_anyhow(m: &Machine, what: &str) -> Ended {
    let promoted = m.state().is_some_and(|s| s.promoted());
    let act = if promoted { Act::Resume } else { Act::Undo };
    let ended = m.process(act, &Cuts::never()).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(ended, if promoted { Ended::Finished } else { Ended::Undone }, "{what}");
    ended
}

fn check(m: &Machine, ended: &Ended, initial: &std::collections::BTreeMap<String, greenroom_engine::fake::Database>, what: &str) {
    match ended {
        Ended::Finished => m.finished(initial, what),
        _ => m.undone(initial, what),
    }
}

#[test]
fn a_switch_killed_at_any_cut_is_finished_by_resume() {
    for v in switches(What::Switch) {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed after cut {n}"));
        }
    }
}

#[test]
fn a_switch_killed_at_any_cut_is_undone_until_users_are_let_in() {
    for v in switches(What::Switch) {
        let (mut undone, mut finished) = (0, 0);
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            let what = format!("cut {n}");
            let ended = ended_anyhow(&m, &what);
            check(&m, &ended, &initial, &what);
            *(if ended == Ended::Undone { &mut undone } else { &mut finished }) += 1;
        }
        assert!(undone > 20 && finished > 3, "undone {undone}, finished {finished}");
    }
}

#[test]
fn production_goes_on_until_the_fence_and_nothing_it_acknowledged_is_missing() {
    for v in switches(What::Switch) {
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            // Refused once it is fenced.
            m.world.write(i64::try_from(n).unwrap());
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Finished, "cut {n}");
            m.finished(&initial, &format!("resumed under a writer after cut {n}"));
        }
    }
}

#[test]
fn an_undo_or_a_resume_of_a_switch_that_is_killed_can_still_be_ended() {
    for v in switches(What::Switch) {
        for n in (0..cuts_of(v)).step_by(5) {
            for act in [Act::Undo, Act::Resume] {
                let mut k = n % 11;
                loop {
                    let (m, initial) = dead_at(v, n);
                    let what = format!("cuts {n}, {k}");
                    let act = if m.state().is_some_and(|s| s.promoted()) { Act::Resume } else { act };
                    let cuts = Cuts::at(k);
                    let _ = m.process(act, &cuts);
                    m.always(&initial, &what);
                    let ended = ended_anyhow(&m, &what);
                    check(&m, &ended, &initial, &what);
                    if !cuts.is_dead() {
                        break;
                    }
                    k += 11;
                }
            }
        }
    }
}

#[test]
fn a_switch_whose_time_is_up_goes_back_by_itself() {
    for v in switches(What::Late) {
        let m = Machine::new(v);
        let initial = m.databases();
        let cuts = Cuts::never();
        assert_eq!(m.process(Act::Start, &cuts).unwrap(), Ended::Undone);
        m.undone(&initial, "in time");
        for n in 0..cuts.passed() {
            let m = Machine::new(v);
            let initial = m.databases();
            let _ = m.process(Act::Start, &Cuts::at(n));
            m.always(&initial, &format!("late, dead at {n}"));
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Undone, "cut {n}");
            m.undone(&initial, &format!("late after cut {n}"));
        }
    }
}

#[test]
fn a_finished_switch_is_not_undone() {
    for v in switches(What::Switch) {
        let m = Machine::new(v);
        let initial = m.databases();
        assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
        let Ok(Ended::UndoFailed(refused)) = m.process(Act::Undo, &Cuts::never()) else { panic!("users may have written") };
        assert_eq!(refused.code, "GR0764");
        m.finished(&initial, "finished");
    }
}

#[test]
fn what_is_written_at_the_last_moment_before_the_fence_is_not_lost() {
    for v in switches(What::Switch) {
        let m = Machine::new(v);
        let initial = m.databases();
        m.world.inner().late_writer = true;
        let before = m.world.inner().source.clone();
        assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
        assert_ne!(m.world.inner().source, before, "nobody wrote");
        m.finished(&initial, "written at the last moment");
    }
}

#[test]
fn a_switch_that_testers_refuse_goes_back_whatever_is_killed() {
    for v in switches(What::Switch) {
        for n in 0.. {
            let mut m = Machine::new(v);
            m.answer = "refuse";
            let initial = m.databases();
            let cuts = Cuts::at(n);
            let _ = m.process(Act::Start, &cuts);
            m.always(&initial, &format!("refused, dead at {n}"));
            assert_eq!(m.process(Act::Resume, &Cuts::never()).unwrap(), Ended::Undone, "cut {n}");
            m.undone(&initial, &format!("refused after cut {n}"));
            if !cuts.is_dead() {
                break;
            }
        }
    }
}

#[test]
fn a_production_that_somebody_opened_meanwhile_is_not_switched_away() {
    for v in switches(What::Switch) {
        let mut met = 0;
        for n in 0..cuts_of(v) {
            let (m, initial) = dead_at(v, n);
            if !m.is_shut() || m.state().is_some_and(|s| s.promoted()) {
                continue;
            }
            met += 1;
            // By hand, beside us.
            m.open_by_hand();
            m.world.write(3);
            let ended = m.process(Act::Resume, &Cuts::never()).unwrap();
            let new_is_open = m.databases().values().any(|d| !initial.values().any(|b| b.id == d.id) && m.is_open(d));
            match ended {
                // It was fenced and read once more: nothing is missing.
                Ended::Finished => m.finished(&initial, &format!("opened after cut {n}")),
                ended => {
                    assert!(!new_is_open, "cut {n}: users are in two productions: {ended:?}");
                    assert_eq!(m.process(Act::Undo, &Cuts::never()).unwrap(), Ended::Undone, "cut {n}");
                    m.undone(&initial, &format!("opened after cut {n}"));
                }
            }
        }
        assert!(met > 10, "{met}");
    }
}
