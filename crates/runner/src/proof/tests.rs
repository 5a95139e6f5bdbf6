//! One flipped bit anywhere in a record is found, in the journal and in its file for others; so are cuts and rewrites.

use super::*;
use crate::journal::{Actor, Journal, SqliteJournal};
use crate::ports::{SystemClock, SystemRandom};
use greenroom_model::process::keys::KeySignature;
use greenroom_model::run::{Head, NotContained, write_lines};
use rusqlite::Connection;
use ssh_key::{HashAlg, LineEnding, PrivateKey, private::Ed25519Keypair};
use std::path::Path;
use std::sync::Arc;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn signed(key: &PrivateKey, namespace: &str, text: &str) -> KeySignature {
    let signature = key.sign(namespace, HashAlg::Sha512, text.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap();
    KeySignature { key: key.public_key().to_openssh().unwrap().trim().to_owned(), signature }
}

fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path, Arc::new(SystemClock::default()), Arc::new(SystemRandom)).unwrap()
}

fn process(by: &str, fact: Fact) -> Body {
    Body::Process { by: Some(by.into()), fact }
}

/// A record with people, words and a signature. `key` signs; `over` changes what it signs.
fn written(path: &Path, with: &PrivateKey, over: impl Fn(String) -> String) -> SqliteJournal {
    let mut journal = open(path);
    let first =
        journal.append(None, None, Body::WorkspaceCreated { program: "clinic".into(), tool: "1".into(), simulated: false }).unwrap();
    let actor = |name: &str| Actor { os_user: name.into(), words: Some(format!("said by {name} ✓")) };
    let of = Hash::of(b"as it stands");
    let asked = journal.append(None, Some(&actor("jan")), process("jan", Fact::Asked { gate: "agreed".into(), of })).unwrap();
    let origin = greenroom_model::process::keys::Origin { program: "clinic".into(), workspace: first.hash };
    let statement = Statement { origin, gate: "agreed".into(), person: "anna".into(), approve: true, of, asked: asked.seq };
    let made = signed(with, ssh::NAMESPACE, &over(statement.text()));
    let fact = Fact::Signed { gate: "agreed".into(), approve: true, of, key: Some(made) };
    journal.append(None, Some(&actor("anna")), process("anna", fact)).unwrap();
    journal.append(None, Some(&actor("jan")), process("jan", Fact::StageEntered { stage: "go".into(), despite: vec![] })).unwrap();
    journal
}

fn exported(journal: &SqliteJournal) -> Vec<u8> {
    let events = journal.replay().unwrap();
    let rows = journal.beside().unwrap();
    let mut beside: BTreeMap<i64, Vec<Beside>> = BTreeMap::new();
    for (c, salt, data) in rows {
        let commitment = Hash::parse(&c).unwrap();
        let seq = events.iter().find(|e| e.personal.contains(&commitment)).unwrap().seq;
        beside.entry(seq as i64).or_default().push(Beside { commitment, salt: hex(&salt), data });
    }
    write_lines(&journal.stored().unwrap(), beside).into_bytes()
}

#[test]
fn every_flipped_bit_of_an_exported_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let journal = written(&folder.path().join("j.db"), &key(1), |t| t);
    let bytes = exported(&journal);
    let (read, all) = read_file(&bytes).unwrap();
    assert_eq!((read.events.len(), read.beside.len(), all.len()), (4, 3, 1));
    let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).collect();
    for bit in 0..bytes.len() * 8 {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let broken = read_file(&other).err().unwrap_or_else(|| panic!("bit {} of byte {} goes unnoticed", bit % 8, bit / 8));
        let line = ends.iter().filter(|end| **end < bit / 8).count() as u64;
        // A flip in the first line shows where the file does not keep what that announces.
        assert!(broken.seq == line || line == 0, "byte {} is in line {line}, named is {broken:?}", bit / 8);
    }
    for cut in [ends[3] + 1, ends[3], ends[1] + 1, 10, 0] {
        assert!(read_file(&bytes[..cut]).is_err(), "cut off at {cut}");
    }
    let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(
        read_file(&[lines[0], lines[1], lines[3], lines[2], lines[4]].concat()).unwrap_err().seq,
        2,
        "two lines in each other's place"
    );
    assert!(read_file(&[&bytes[..], lines[4]].concat()).is_err(), "a line twice");
}

#[test]
fn every_flipped_bit_of_the_journals_texts_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.db");
    drop(written(&path, &key(1), |t| t));
    let whole = || -> Result<(), String> {
        let journal = open(&path);
        let events = journal.replay().map_err(|e| e.to_string())?;
        let rows = journal.beside().map_err(|e| e.to_string())?;
        people(&events, &rows).map(drop).map_err(|e| e.to_string())
    };
    whole().unwrap();
    let db = Connection::open(&path).unwrap();
    let mut tried = 0;
    let columns = ["at", "personal", "prev", "body", "hash"].map(|c| ("event", c, "text", "seq"));
    let beside = [("commitment", "text", "salt"), ("salt", "blob", "commitment"), ("data", "text", "commitment")];
    for (table, column, kind, key) in columns.into_iter().chain(beside.map(|(c, kind, key)| ("personal", c, kind, key))) {
        let rows: Vec<(rusqlite::types::Value, Vec<u8>)> = {
            let mut q = db.prepare(&format!("select {key}, cast({column} as blob) from {table}")).unwrap();
            let all = q.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
            all.collect::<Result<_, _>>().unwrap()
        };
        for (row, was) in rows {
            let set = |bytes: &[u8]| {
                let set = format!("update {table} set {column} = cast(?1 as {kind}) where {key} = ?2");
                assert_eq!(db.execute(&set, rusqlite::params![bytes, row]).unwrap(), 1);
            };
            for bit in (0..was.len() * 8).step_by((was.len() * 8 / 9).max(1) | 1) {
                let mut other = was.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                set(&other);
                assert!(whole().is_err(), "bit {bit} of {column} at {row:?} of {table} goes unnoticed");
                tried += 1;
            }
            set(&was);
            whole().unwrap();
        }
    }
    assert!(tried > 200, "{tried}");
    for (change, back) in [("epoch = 1", "epoch = 0"), ("seq = 9", "seq = 4"), ("run = 'r'", "run = null")] {
        let row = |c: &str| if c.starts_with("seq") { "seq in (4, 9)" } else { "seq = 4" };
        db.execute(&format!("update event set {change} where {}", row(change)), []).unwrap();
        assert!(whole().is_err(), "{change}");
        db.execute(&format!("update event set {back} where {}", row(back)), []).unwrap();
        whole().unwrap();
    }
}

#[test]
fn a_signature_over_something_else_breaks_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let at = |n: &str| folder.path().join(n);
    let good = written(&at("good"), &key(1), |t| t).replay().unwrap();
    let all = signatures(&good).unwrap();
    assert_eq!((all[0].by.as_str(), all[0].key.is_some()), ("anna", true));
    for (n, over) in [("reject", ("approve", "reject")), ("person", ("anna", "ola")), ("event", ("event 2", "event 1"))] {
        let broken = written(&at(n), &key(1), |t| t.replace(over.0, over.1)).replay().unwrap_err().to_string();
        assert!(broken.contains("broken at event 3") && broken.contains("over another text"), "{n}: {broken}");
    }
    let text = "some text\n";
    let (made, foreign) = (signed(&key(1), ssh::NAMESPACE, text), signed(&key(2), ssh::NAMESPACE, text));
    assert_eq!(ssh::check(&made, text), Ok(()));
    assert!(ssh::check(&KeySignature { key: foreign.key.clone(), ..made.clone() }, text).unwrap_err().contains("another key"));
    assert!(ssh::check(&signed(&key(1), "file", text), text).unwrap_err().contains("made for `file`"));
    assert!(ssh::check(&made, "some text").is_err());
}

#[test]
fn a_head_tells_a_record_that_was_rewritten_from_one_that_went_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = written(&folder.path().join("a"), &key(1), |t| t);
    let events = journal.replay().unwrap();
    let mut head = Head::of(&events, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((head.seq, head.within(&events)), (4, Ok(())));
    head.signature = Some(signed(&key(1), ssh::NAMESPACE, &head.text()));
    let again: Head = serde_json::from_str(&serde_json::to_string(&head).unwrap()).unwrap();
    assert_eq!(ssh::check(again.signature.as_ref().unwrap(), &again.text()), Ok(()));
    assert!(ssh::check(head.signature.as_ref().unwrap(), &Head { seq: 3, ..head.clone() }.text()).is_err());
    journal.append(None, None, process("jan", Fact::StageLeft { stage: "go".into(), good: true, despite: vec![] })).unwrap();
    assert_eq!(head.within(&journal.replay().unwrap()), Ok(()), "it went on");
    assert_eq!(head.within(&events[..3]), Err(NotContained::Shorter { seq: 4, latest: 3 }));
    // Its administrator writes a whole and consistent one that says something else.
    let other = written(&folder.path().join("b"), &key(2), |t| t).replay().unwrap();
    assert_eq!(head.within(&other), Err(NotContained::Other));
    let mut forged = other.clone();
    forged[0] = events[0].clone();
    assert_eq!(head.within(&forged), Err(NotContained::Rewritten { seq: 4 }));
}
