//! Any text as a journal, one stored event a line: no panic, and what is accepted has the recorded hashes and is a chain. A first line of
//! four numbers changes one field of the golden journal instead: it must not replay then.
#![no_main]

use greenroom_model::hash::Hash;
use greenroom_model::run::{Stored, decode_all, event_hash};
use libfuzzer_sys::fuzz_target;

const GOLDEN: &str = include_str!("../../crates/runner/tests/journals/0001.jsonl");

fn altered(numbers: &[i64], text: &str) {
    let mut all: Vec<Stored> = GOLDEN.lines().map(|l| serde_json::from_str(l).expect("the golden journal is well-formed")).collect();
    let at = usize::try_from(numbers[0].unsigned_abs()).unwrap_or(0) % all.len();
    let before = all[at].clone();
    let event = &mut all[at];
    match numbers[1].rem_euclid(8) {
        0 => event.seq = numbers[2],
        1 => event.run = (numbers[3] != 0).then(|| text.to_owned()),
        2 => event.epoch = numbers[2],
        3 => event.at = text.to_owned(),
        4 => event.personal = text.to_owned(),
        5 => event.prev = text.to_owned(),
        6 => event.body = text.to_owned(),
        _ => event.hash = text.to_owned(),
    }
    assert!(all[at] == before || decode_all(&all).is_err(), "event {} was altered and still replays", at + 1);
}

fuzz_target!(|text: &str| {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let numbers: Vec<i64> = first.split(' ').map_while(|n| n.parse().ok()).collect();
    if numbers.len() == 4 {
        return altered(&numbers, rest);
    }
    let stored: Vec<Stored> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let Ok(events) = decode_all(&stored) else { return };
    let mut prev = Hash::ZERO;
    for (event, stored) in events.iter().zip(&stored) {
        assert_eq!(event.prev, prev, "event {} does not continue the one before", event.seq);
        let hash = event_hash(event.seq, event.run.as_ref(), event.epoch, &stored.at, &stored.personal, prev, &stored.body);
        assert_eq!(hash, event.hash, "event {} has another hash than was recorded", event.seq);
        prev = hash;
    }
});
