//! Folders of a test, and the search for planted secrets in every byte of them. Does not know what a secret is: the test plants and names it.

use aho_corasick::AhoCorasick;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

pub use tempfile::TempDir;

/// A fresh folder that goes away with the value.
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("greenroom-test-").tempdir().unwrap_or_else(|e| panic!("make a temporary folder: {e}"))
}

/// Writes a file below `folder`, with the folders it lies in. Returns its path.
pub fn write(folder: &Path, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(relative);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).unwrap_or_else(|e| panic!("make the folder {}: {e}", parent.display()));
    fs::write(&path, content).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    path
}

/// Every regular file below `folder`, sorted. Links are not followed; sockets and pipes are left out. What vanishes while we look (a
/// server at work deletes files) is left out too.
pub fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !open.is_empty() => continue,
            Err(e) => panic!("list {}: {e}", folder.display()),
        };
        for entry in entries {
            let entry = entry.unwrap_or_else(|e| panic!("list {}: {e}", folder.display()));
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// A needle that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file.
    pub path: PathBuf,
    /// Byte offset of the first byte.
    pub offset: usize,
    /// The needle as given, made printable.
    pub needle: String,
    /// The text was found as UTF-16LE.
    pub utf16: bool,
}

/// Searches every byte of `root` (a folder's whole tree, or one file) for the needles: as they are, and as UTF-16LE where they are text.
/// Names of files are searched as well, with offset 0. Of needles that overlap in a file only one may be reported.
///
/// # Panics
/// On an empty list or needles below four bytes, which would prove nothing or be found everywhere, and on files that cannot be read.
pub fn find_bytes<N: AsRef<[u8]>>(root: &Path, needles: &[N]) -> Vec<Hit> {
    assert!(!needles.is_empty(), "a search for no needle proves nothing");
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    let mut owners: Vec<(usize, bool)> = Vec::new();
    for (i, needle) in needles.iter().map(AsRef::as_ref).enumerate() {
        assert!(needle.len() >= 4, "needle {i} has fewer than four bytes and would be found by chance");
        patterns.push(needle.to_vec());
        owners.push((i, false));
        if let Ok(text) = str::from_utf8(needle) {
            patterns.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
            owners.push((i, true));
        }
    }
    let search = AhoCorasick::new(&patterns).unwrap_or_else(|e| panic!("build the search: {e}"));
    let hit = |path: &Path, offset: usize, pattern: usize| {
        let (owner, utf16) = owners[pattern];
        Hit { path: path.to_owned(), offset, needle: String::from_utf8_lossy(needles[owner].as_ref()).into_owned(), utf16 }
    };
    let files = if root.is_file() { vec![root.to_owned()] } else { tree(root) };
    let mut hits = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes().to_owned();
        hits.extend(search.find_iter(&name).map(|m| hit(&path, 0, m.pattern().as_usize())));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => panic!("open {}: {e}", path.display()),
        };
        for found in search.stream_find_iter(BufReader::new(file)) {
            let found = found.unwrap_or_else(|e| panic!("read {}: {e}", path.display()));
            hits.push(hit(&path, found.start(), found.pattern().as_usize()));
        }
    }
    hits
}

/// Fails the test when one of the needles is found, naming file, offset and needle of the first hits.
pub fn assert_nowhere<N: AsRef<[u8]>>(root: &Path, needles: &[N]) {
    let hits = find_bytes(root, needles);
    let shown: Vec<String> = hits.iter().take(10).map(|h| format!("{:?} at byte {} of {}", h.needle, h.offset, h.path.display())).collect();
    assert!(hits.is_empty(), "{} planted secrets found:\n{}", hits.len(), shown.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_bytes_are_found_in_both_encodings_and_across_buffers() {
        let folder = folder();
        let mut big = vec![b'.'; 200_000];
        big[65_530..65_541].copy_from_slice("Zoë Müller".as_bytes().get(..11).unwrap());
        write(folder.path(), "deep/er/big.bin", &big);
        let utf16: Vec<u8> = "x Łukasz".encode_utf16().flat_map(u16::to_le_bytes).collect();
        write(folder.path(), "utf16.txt", utf16);
        let hits = find_bytes(folder.path(), &["Zoë Mülle", "Łukasz"]);
        let seen: Vec<(usize, &str, bool)> = hits.iter().map(|h| (h.offset, h.needle.as_str(), h.utf16)).collect();
        assert_eq!(seen, [(65_530, "Zoë Mülle", false), (4, "Łukasz", true)]);
    }

    #[test]
    fn names_of_files_count_and_absent_needles_do_not() {
        let folder = folder();
        write(folder.path(), "export-of-Zelda.txt", "nothing in here");
        assert_eq!(find_bytes(folder.path(), &["Zelda"]).len(), 1);
        assert_nowhere(folder.path(), &["Ganon"]);
    }

    #[test]
    #[should_panic(expected = "planted secrets found")]
    fn a_planted_secret_fails_the_assertion() {
        let folder = folder();
        write(folder.path(), "pilot.db", "… Zelda …");
        assert_nowhere(folder.path(), &["Zelda"]);
    }
}
