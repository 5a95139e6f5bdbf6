//! Every cut of the retirement of a former production: it is whole or gone, nothing else is touched, and in the end the record says so once.

use crate::machine::{Machine, PRODUCTION_NAME, What, switches};
use crate::process::{Act, block};
use greenroom_engine::fake::{Cuts, Database};
use greenroom_engine::{Admission, Target};
use greenroom_runner::execute::Ended;
use greenroom_runner::journal::{Journal, Projection};
use greenroom_runner::session::{SessionError, drop_former};
use std::collections::BTreeMap;

const FORMER: &str = "production_former_nonce";

/// A machine whose switch is finished, and the identity of what was production.
fn switched(v: crate::machine::Variant) -> (Machine, String) {
    let m = Machine::new(v);
    assert_eq!(m.process(Act::Start, &Cuts::never()).unwrap(), Ended::Finished);
    let id = m.databases()[FORMER].id.to_string();
    (m, id)
}

fn retire(m: &Machine, id: &str, cuts: &Cuts) -> Result<(), SessionError> {
    let mut journal = m.journal.reopen(cuts.clone());
    let mut target = m.world.target(cuts);
    block(drop_former(&mut journal, target.as_mut() as &mut dyn Target, None, FORMER, id))
}

fn recorded(m: &Machine, id: &str) -> bool {
    let history = Projection::of(&m.journal.replay().unwrap()).unwrap();
    history.dropped.iter().any(|d| d.1 == id && d.2)
}

fn check(m: &Machine, before: &BTreeMap<String, Database>, what: &str) {
    let now = m.databases();
    for (name, d) in before {
        match now.get(name) {
            Some(there) => assert_eq!(there, d, "{what}: `{name}` was changed"),
            None => assert_eq!(name, FORMER, "{what}: `{name}` is gone"),
        }
    }
    assert!(now.keys().all(|name| before.contains_key(name)), "{what}: something new stands");
}

/// Machines whose production is put aside: elsewhere nothing is the target's to drop.
fn put_aside() -> Vec<crate::machine::Variant> {
    switches(What::Switch).into_iter().filter(|v| v.former && v.what != What::Beside).collect()
}

#[test]
fn a_retirement_killed_at_any_cut_is_ended_by_another_one() {
    let all = put_aside();
    assert!(!all.is_empty());
    for v in all {
        let mut gone_unrecorded = 0;
        for n in 0.. {
            let (m, id) = switched(v);
            let before = m.databases();
            let cuts = Cuts::at(n);
            let ended = retire(&m, &id, &cuts);
            assert_eq!(ended.is_err(), cuts.is_dead(), "cut {n}: {ended:?}");
            check(&m, &before, &format!("cut {n}"));
            let gone = !m.databases().contains_key(FORMER);
            assert!(gone || !recorded(&m, &id), "cut {n}: on record as gone, and it stands");
            gone_unrecorded += u32::from(gone && !recorded(&m, &id));
            if !cuts.is_dead() {
                assert!(gone && recorded(&m, &id));
                break;
            }
            // Killed once more, each time a little later, until it gets through.
            (0..).map(Cuts::at).find(|cuts| retire(&m, &id, cuts).is_ok() || !cuts.is_dead()).unwrap();
            check(&m, &before, &format!("again after cut {n}"));
            assert!(!m.databases().contains_key(FORMER) && recorded(&m, &id), "cut {n}: not ended");
        }
        assert!(gone_unrecorded > 0, "no cut fell between the effect and the record");
    }
}

#[test]
fn what_bears_the_name_of_a_former_production_afterwards_is_not_touched() {
    for v in put_aside() {
        let (m, id) = switched(v);
        m.world.inner().databases.remove(FORMER);
        m.world.stand(FORMER, None, Admission::Everybody { mode: 0o600 });
        let before = m.databases();
        retire(&m, &id, &Cuts::never()).unwrap();
        assert_eq!(m.databases(), before);
        assert!(recorded(&m, &id) && before.contains_key(PRODUCTION_NAME));
    }
}

#[test]
fn the_name_of_a_former_production_does_not_let_another_one_be_dropped() {
    for v in put_aside() {
        let (m, _) = switched(v);
        let before = m.databases();
        let mut target = m.world.target(&Cuts::never());
        let refused = block(target.drop_former(FORMER, "4711"));
        assert!(refused.is_err_and(|e| e.message.contains("another database")));
        assert_eq!(m.databases(), before);
    }
}
