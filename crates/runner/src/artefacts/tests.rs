//! What is stored is whole, encrypted, and opened by its key only; what fails leaves nothing.

use super::*;
use crate::ports::SystemRandom;
use age::secrecy::ExposeSecret;
use std::io::Cursor;

fn identity() -> (String, String) {
    let key = age::x25519::Identity::generate();
    (key.to_string().expose_secret().to_owned(), key.to_public().to_string())
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// Gives some bytes, then fails.
struct Torn(Cursor<Vec<u8>>);

impl Read for Torn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            n => Ok(n),
        }
    }
}

#[test]
fn only_its_key_opens_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let ((own, to), (foreign, _)) = (identity(), identity());
    let content: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).take(2_500_001).collect();
    let (sums, stored) = store(&mut Cursor::new(&content), at, "backup", &SystemRandom, &[to]).unwrap();
    assert_eq!((sums.bytes, sums.blake3), (2_500_001, Hash::of(&content)));
    let bytes = fs::read(at.join(&stored.file)).unwrap();
    assert_eq!((stored.bytes, stored.blake3), (bytes.len() as u64, Hash::of(&bytes)));
    assert!(bytes.windows(64).all(|w| w != &content[1_000_000..1_000_064]), "plain text is stored");
    assert_eq!(names(at), std::slice::from_ref(&stored.file));
    assert_eq!(compare(at, &stored).unwrap(), None);
    let out = at.join("out.bak");
    let plain = (sums.bytes, sums.blake3);
    assert!(matches!(open(at, &stored, &foreign, &out, plain), Err(ArtefactError::Key(_))));
    assert!(matches!(open(at, &stored, "no key", &out, plain), Err(ArtefactError::Key(_))));
    assert!(matches!(open(at, &stored, &own, &out, (sums.bytes, Hash::of(b"else"))), Err(ArtefactError::Changed(_))));
    assert_eq!(names(at), std::slice::from_ref(&stored.file), "nothing plain is left of what failed");
    open(at, &stored, &own, &out, plain).unwrap();
    assert!(fs::read(&out).unwrap() == content);
    assert!(matches!(open(at, &stored, &own, &out, plain), Err(ArtefactError::Write(_))), "nothing is written over");

    // A changed bit anywhere, a missing end, or no file at all.
    for bit in (0..bytes.len() * 8).step_by(bytes.len() * 8 / 40) {
        let mut other = bytes.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        fs::write(at.join(&stored.file), &other).unwrap();
        assert_eq!(compare(at, &stored).unwrap(), Some("it is not what was stored"), "bit {bit}");
        assert!(open(at, &stored, &own, &at.join("again"), plain).is_err(), "bit {bit}");
        assert!(!at.join("again").exists() && !at.join("again.part").exists());
    }
    fs::write(at.join(&stored.file), &bytes[..bytes.len() - 1]).unwrap();
    assert!(open(at, &stored, &own, &at.join("again"), plain).is_err());
    remove(at, &stored.file).unwrap();
    remove(at, &stored.file).unwrap();
    assert_eq!(compare(at, &stored).unwrap(), Some("it is not there"));
}

#[test]
fn what_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (_, to) = identity();
    let torn = store(&mut Torn(Cursor::new(vec![7; 2 << 20])), at, "backup", &SystemRandom, std::slice::from_ref(&to));
    assert!(matches!(&torn, Err(e @ ArtefactError::Read(_)) if !e.is_full()), "{torn:?}");
    assert!(store(&mut Cursor::new(b"x"), at, "backup", &SystemRandom, &["age1nobody".into()]).is_err());
    store(&mut io::empty(), at, "backup", &SystemRandom, std::slice::from_ref(&to)).unwrap();
    assert!(names(at).is_empty(), "{:?}", names(at));
    for full in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge] {
        assert!(ArtefactError::Write(full.into()).is_full());
    }
    assert!(!ArtefactError::Write(io::ErrorKind::PermissionDenied.into()).is_full());
}

#[test]
fn only_what_is_half_written_of_the_same_artefact_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["backup.abcdefgh.part", "backup.abcdefgh.age", "backup.x.abcdefgh.part", "key.abcdefgh.part", "backup.part"];
    all.iter().for_each(|n| fs::write(folder.path().join(n), "x").unwrap());
    sweep(folder.path(), "backup").unwrap();
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["backup.abcdefgh.age", "backup.part", "backup.x.abcdefgh.part", "key.abcdefgh.part"]);
    assert_eq!(stored_files(folder.path()).unwrap(), ["backup.abcdefgh.age"]);
}
