//! What a file or folder is, by its content. Reads all of it once, for its hash.

use super::{Backup, Format, cut_off, refused};
use crate::error::{EngineError, ErrorKind, Result};
use greenroom_model::hash::Hash;
use std::fs::File;
use std::io::{ErrorKind as Io, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes looked at from the beginning and from the end.
const LOOK: usize = 8 << 10;

/// Beginnings of files that hold something else around the backup, or are no backup of ours: what it is and what to do.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "it is packed (gzip)", "unpack it first: `gunzip`"),
    (b"BZh", "it is packed (bzip2)", "unpack it first: `bunzip2`"),
    (b"\xfd7zXZ\0", "it is packed (xz)", "unpack it first: `unxz`"),
    (b"\x28\xb5\x2f\xfd", "it is packed (zstd)", "unpack it first: `unzstd`"),
    (b"\x04\x22\x4d\x18", "it is packed (lz4)", "unpack it first: `unlz4`"),
    (b"PK\x03\x04", "it is packed (zip)", "unpack it first: `unzip`"),
    (b"7z\xbc\xaf", "it is packed (7z)", "unpack it first: `7z x`"),
    (b"Salted__", "it is encrypted (openssl)", "decrypt it first, into a place that only you can read"),
    (b"age-encryption.org", "it is encrypted (age)", "decrypt it first, into a place that only you can read"),
    (b"-----BEGIN PGP", "it is encrypted (PGP)", "decrypt it first, into a place that only you can read"),
    (
        b"XBSTCK01",
        "it is a physical backup (mariabackup, xtrabackup)",
        "make a dump instead: `mariadb-dump --single-transaction --routines --triggers --events DATABASE`",
    ),
];

/// Recognises a backup by its content and hashes it.
///
/// # Errors
/// [`ErrorKind::Unusable`] or [`ErrorKind::Denied`], saying what it is instead and what to do.
pub fn recognise(path: &Path) -> Result<Backup> {
    let path = std::path::absolute(path).map_err(|e| reading(path, &e))?;
    let meta = std::fs::metadata(&path).map_err(|e| reading(&path, &e))?;
    if meta.is_dir() {
        return folder(&path);
    }
    if !meta.is_file() {
        return Err(refused(&path, "it is no plain file").hint("give a backup file"));
    }
    if meta.len() == 0 {
        return Err(refused(&path, "it is empty").hint("take the backup again; an empty file is what a failed one leaves"));
    }
    let mut file = File::open(&path).map_err(|e| reading(&path, &e))?;
    let (head, tail) = (ends(&mut file, 0), ends(&mut file, meta.len().saturating_sub(LOOK as u64)));
    let (head, tail) = (head.map_err(|e| reading(&path, &e))?, tail.map_err(|e| reading(&path, &e))?);
    let format = of_bytes(&path, &head, &tail)?;
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(0)).map_err(|e| reading(&path, &e))?;
    let bytes = hash_into(&mut hasher, &mut file).map_err(|e| reading(&path, &e))?;
    Ok(Backup { format, bytes, hash: Hash(*hasher.finalize().as_bytes()), path })
}

fn reading(path: &Path, e: &std::io::Error) -> EngineError {
    let doing = format!("read the backup `{}`", path.display());
    match e.kind() {
        Io::NotFound | Io::NotADirectory => {
            EngineError::new(ErrorKind::Unusable, doing, "there is no such file").hint("see whether the path is right")
        }
        Io::PermissionDenied => EngineError::new(ErrorKind::Denied, doing, "it may not be read")
            .hint(format!("let us read it: `setfacl -m u:{}:r FILE`", rustix::process::geteuid().as_raw())),
        _ => EngineError::other(doing, e.kind().to_string()),
    }
}

fn ends(file: &mut File, from: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOOK as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn hash_into(hasher: &mut blake3::Hasher, file: &mut File) -> std::io::Result<u64> {
    let mut buffer = vec![0u8; 1 << 18];
    let mut bytes = 0u64;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(bytes);
        }
        hasher.update(&buffer[..n]);
        bytes += n as u64;
    }
}

/// A folder: pg_dump's directory format, or a mistake.
fn folder(path: &Path) -> Result<Backup> {
    let mut names: Vec<_> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|e| e.map(|e| e.file_name())).collect::<std::io::Result<Vec<_>>>())
        .map_err(|e| reading(path, &e))?;
    names.sort();
    let has = |name: &str| names.iter().any(|n| n == name);
    if has("PG_VERSION") && has("base") {
        return Err(refused(path, "it is a data directory of PostgreSQL, not a dump").hint("make a dump: `pg_dump -Fc DATABASE > FILE`"));
    }
    if has("ibdata1") || has("xtrabackup_checkpoints") || has("mariadb_backup_checkpoints") {
        return Err(
            refused(path, "it is a physical backup of MariaDB or MySQL, not a dump").hint("make a dump: `mariadb-dump DATABASE > FILE`")
        );
    }
    if !has("toc.dat") {
        return Err(refused(path, "it is a folder, and no archive of pg_dump").hint("give the backup file in it"));
    }
    let mut head = Vec::new();
    let toc = File::open(path.join("toc.dat")).and_then(|f| f.take(8).read_to_end(&mut head));
    toc.map_err(|e| reading(path, &e))?;
    if !head.starts_with(b"PGDMP") {
        return Err(refused(path, "its `toc.dat` is no table of contents of pg_dump"));
    }
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    for name in names {
        let file = path.join(&name);
        let meta = std::fs::symlink_metadata(&file).map_err(|e| reading(&file, &e))?;
        if !meta.is_file() {
            return Err(refused(&file, "a directory archive holds plain files only"));
        }
        let name = name.to_string_lossy().into_owned();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&meta.len().to_le_bytes());
        bytes += hash_into(&mut hasher, &mut File::open(&file).map_err(|e| reading(&file, &e))?).map_err(|e| reading(&file, &e))?;
    }
    Ok(Backup { path: path.to_owned(), format: Format::PgDirectory, bytes, hash: Hash(*hasher.finalize().as_bytes()) })
}

fn of_bytes(path: &Path, head: &[u8], tail: &[u8]) -> Result<Format> {
    if head.starts_with(b"SQLite format 3\0") {
        return Ok(Format::SqliteFile);
    }
    if head.starts_with(b"PGDMP") {
        return Ok(Format::PgCustom);
    }
    if head.starts_with(b"TAPE") || head.starts_with(b"MSSQLBAK") {
        return Ok(Format::MssqlBak);
    }
    if head.get(257..262) == Some(b"ustar") || head.starts_with(b"toc.dat\0") {
        if head.starts_with(b"toc.dat\0") {
            return Ok(Format::PgTar);
        }
        return Err(refused(path, "it is a tar archive, and none of pg_dump").hint("unpack it first"));
    }
    if let Some((_, what, hint)) = FOREIGN.iter().find(|(sign, _, _)| head.starts_with(sign)) {
        return Err(refused(path, *what).hint(*hint));
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || (head.len() > 3 && head[1] == 0 && head[3] == 0) {
        return Err(refused(path, "it is UTF-16 text, as PowerShell's `>` writes it: values are damaged in it")
            .hint("let the tool write the file itself: `pg_dump -f FILE`, `mariadb-dump --result-file=FILE`"));
    }
    of_text(path, head, tail)
}

fn of_text(path: &Path, head: &[u8], tail: &[u8]) -> Result<Format> {
    let unknown = || {
        refused(path, "it is nothing that is known here: perhaps encrypted, packed or damaged")
            .hint("known are: SQLite files and `.dump` text, archives and text of pg_dump, text of mysqldump and mariadb-dump, backups of SQL Server")
    };
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.contains(&0) {
        return Err(unknown());
    }
    let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
    // Binary files without a zero in their first bytes exist; text has few other control characters.
    let odd = head.chars().filter(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || *c == '\u{fffd}').count();
    if odd * 20 > head.chars().count() {
        return Err(unknown());
    }
    let first = |words: &str| head.lines().take(12).any(|l| l.contains(words));
    if first("PostgreSQL database cluster dump") {
        return Err(refused(path, "it is a dump of a whole server (pg_dumpall), not of one database")
            .hint("make a dump of the one database: `pg_dump -Fc DATABASE > FILE`"));
    }
    if first("PostgreSQL database dump") {
        if !tail.contains("PostgreSQL database dump complete") {
            return Err(cut_off(path));
        }
        return Ok(Format::PgText);
    }
    if first("-- MySQL dump") || first("-- MariaDB dump") || first("enable the sandbox mode") {
        // `--skip-comments` and `--compact` write no last line; then nothing above would have been found either.
        let says = first("-- MySQL dump") || first("-- MariaDB dump");
        if says && !tail.contains("-- Dump completed") {
            return Err(cut_off(path));
        }
        return Ok(Format::MysqlText);
    }
    if head.trim_start().starts_with("PRAGMA foreign_keys=OFF;") {
        return Ok(Format::SqliteText);
    }
    if head.trim_start().starts_with("USE [master]") || head.lines().any(|l| l.trim().eq_ignore_ascii_case("go")) {
        return Err(refused(path, "it is a script for SQL Server"));
    }
    let begins = [
        "create ",
        "insert ",
        "set ",
        "drop ",
        "begin",
        "alter ",
        "use ",
        "select ",
        "pragma ",
        "start ",
        "copy ",
        "\\connect",
        "\\restrict",
        "/*!",
    ];
    let sql = head.lines().any(|l| begins.iter().any(|b| l.trim_start().to_ascii_lowercase().starts_with(b)));
    if sql { Ok(Format::Text) } else { Err(unknown()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> std::result::Result<Format, String> {
        let tail = &bytes[bytes.len().saturating_sub(LOOK)..];
        of_bytes(Path::new("b"), &bytes[..bytes.len().min(LOOK)], tail).map_err(|e| e.message)
    }

    #[test]
    fn the_content_says_what_a_backup_is() {
        assert_eq!(of(b"SQLite format 3\0rest"), Ok(Format::SqliteFile));
        assert_eq!(of(b"PGDMP\x01\x0e"), Ok(Format::PgCustom));
        assert_eq!(of(b"TAPE\0\0"), Ok(Format::MssqlBak));
        assert_eq!(of(b"--\n-- PostgreSQL database dump\n--\nSELECT 1;\n-- PostgreSQL database dump complete\n"), Ok(Format::PgText));
        assert_eq!(of(b"-- MariaDB dump 10.19\n-- Dump completed on 2026"), Ok(Format::MysqlText));
        assert_eq!(of(b"PRAGMA foreign_keys=OFF;\nBEGIN"), Ok(Format::SqliteText));
        assert_eq!(of(b"/* by hand */\nCREATE TABLE t(a int);\n"), Ok(Format::Text));
    }

    #[test]
    fn what_cannot_be_used_says_what_it_is() {
        let says = |bytes: &[u8], what: &str| assert!(of(bytes).unwrap_err().contains(what), "{:?}", of(bytes));
        says(b"\x1f\x8b\x08", "gzip");
        says(b"Salted__abc", "encrypted");
        says(b"\xff\xfeC\0R\0", "UTF-16");
        says(b"--\n-- PostgreSQL database cluster dump\n", "whole server");
        says(b"--\n-- PostgreSQL database dump\n--\nSELECT", "cut off");
        says(b"-- MySQL dump 10.13\nINSERT INTO", "cut off");
        says(b"\x9a\x01\xfe\x33\x81\x92\xa7", "nothing that is known");
        says(b"hello there\n", "nothing that is known");
    }
}
