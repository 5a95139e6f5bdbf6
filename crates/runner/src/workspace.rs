//! The workspace: the folder `.greenroom` beside a program, with journal, key, locks and the runs' scratch folders.
//!
//! Owns paths, file modes and the lock that says which process drives a run. Journal, plans and schemas hold no row values; the bases of
//! generations and what a carry-over keeps in its run's folder hold values of configuration, for their owner only. The key never leaves it.

use crate::ports::Random;
use greenroom_model::catalog::Catalog;
use greenroom_model::hash::Hash;
use greenroom_model::mask::MaskKey;
use greenroom_model::run::RunId;
use greenroom_model::verify::DigestKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A workspace folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

/// Reads a file that [`write_json`] wrote; `None` when it is not there.
///
/// # Errors
/// When it cannot be read, or is not what we wrote.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// What names of files with rows to be imported end with.
pub(crate) const IMPORT_FILE: &str = ".import.json";

/// Writes a file whole or not at all, for its owner only.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_whole(path, &serde_json::to_vec(value)?)
}

/// As [`write_json`], of bytes. It is there after a power cut, too.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Held while a process drives a run; the operating system lets go of it when the process dies.
pub struct RunLock {
    _file: File,
}

impl Workspace {
    /// Opens or creates `.greenroom` in the program's folder, readable by its owner only.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(program: &Path) -> io::Result<Workspace> {
        let root = program.join(".greenroom");
        for dir in [
            root.clone(),
            root.join("locks"),
            root.join("runs"),
            root.join("plans"),
            root.join("schemas"),
            root.join("bases"),
            root.join("fence"),
            root.join("files"),
            root.join("tasks"),
            root.join("artefacts"),
            root.join("changes"),
        ] {
            private_dir(&dir)?;
        }
        Ok(Workspace { root })
    }

    /// Whether a program's folder has a workspace.
    pub fn exists(program: &Path) -> bool {
        program.join(".greenroom").join("journal.db").is_file()
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.db")
    }

    /// Where it is written down what a fence around production takes away, and how a person gives it back.
    pub fn fence(&self) -> PathBuf {
        self.root.join("fence")
    }

    /// Where it is kept, by hashes, which rows a note about changes of the pilot is about.
    pub fn noted(&self, digest: Hash) -> PathBuf {
        self.root.join("changes").join(format!("{digest}.json"))
    }

    /// Where received files are kept, encrypted.
    pub fn artefacts(&self) -> PathBuf {
        self.root.join("artefacts")
    }

    /// What was copied of a tree of files.
    pub fn manifest(&self, tree: &str) -> PathBuf {
        self.root.join("files").join(format!("{tree}.db"))
    }

    /// Where it is kept what an automated task or a probe gave out.
    pub fn task_output(&self, name: &str) -> PathBuf {
        self.root.join("tasks").join(name)
    }

    /// Where the schema that a plan was made for is kept, to tell later what drifted.
    pub fn planned_schema(&self, plan: Hash) -> PathBuf {
        self.root.join("plans").join(format!("{plan}.json"))
    }

    /// Where the rows of files are kept that a run brings in.
    pub fn import(&self, hash: Hash) -> PathBuf {
        self.imports().join(format!("{hash}{IMPORT_FILE}"))
    }

    /// The folder of [`Workspace::import`], which holds other files too.
    pub fn imports(&self) -> PathBuf {
        self.root.join("plans")
    }

    /// Where the bases of generations are kept: what later carry-overs compare with.
    pub fn bases(&self) -> PathBuf {
        self.root.join("bases")
    }

    /// The schema whose columns have this fingerprint, if this workspace has seen it: to tell later which columns were retyped.
    pub fn seen_schema(&self, columns: Hash) -> Option<Catalog> {
        read_json(&self.root.join("schemas").join(format!("{columns}.json"))).ok()?
    }

    /// Remembers a schema for [`Workspace::seen_schema`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember_schema(&self, catalog: &Catalog) -> io::Result<()> {
        let path = self.root.join("schemas").join(format!("{}.json", catalog.columns_fingerprint()));
        if path.exists() {
            return Ok(());
        }
        write_json(&path, catalog)
    }

    /// A folder for files of one run: schema archives, output of programs. Private, removed with the run's generation.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn scratch(&self, run: &RunId) -> io::Result<PathBuf> {
        let dir = self.root.join("runs").join(&run.0);
        private_dir(&dir)?;
        Ok(dir)
    }

    /// Takes the right to drive a run; `None` when another process on this machine has it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn lock(&self, name: &str) -> io::Result<Option<RunLock>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.root.join("locks").join(format!("{name}.lock")))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(RunLock { _file: file })),
            Err(e) if e == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// The workspace's root key, made at first use.
    ///
    /// # Errors
    /// When the file cannot be read or written, or others can read it.
    pub fn root_key(&self, random: &dyn Random) -> io::Result<[u8; 32]> {
        let path = self.root.join("key");
        if !path.exists() {
            // Written whole under another name first: a crash leaves either no key or a whole one.
            let part = self.root.join(format!("key.{}", random.name(8)));
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part)?;
            file.write_all(&random.key())?;
            file.sync_all()?;
            match fs::hard_link(&part, &path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                _ => fs::remove_file(&part)?,
            }
        }
        if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other(format!("{} can be read by others: chmod 600 it", path.display())));
        }
        fs::read(&path)?.try_into().map_err(|_| io::Error::other(format!("{} is not a key of 32 bytes", path.display())))
    }
}

/// Creates a folder that only its owner can enter.
fn private_dir(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// The keys of one run, derived from the program's key: the same after a crash, different in every generation unless pseudonyms are stable.
#[derive(Clone, Debug)]
pub struct RunKeys {
    /// For masks.
    pub masks: MaskKey,
    /// For row digests and comparisons of values.
    pub digests: DigestKey,
    /// For hashes of single values (residual scan, assertions compared with the source).
    pub values: [u8; 32],
}

impl RunKeys {
    /// Derives the keys. `nonce` is the generation's.
    pub fn derive(root: &[u8; 32], program: &str, nonce: &str, stable: bool) -> RunKeys {
        let key = |purpose: &str, varying: &str| -> [u8; 32] {
            let mut h = blake3::Hasher::new_keyed(root);
            for part in ["greenroom key v1", purpose, program, varying] {
                h.update(&(part.len() as u64).to_le_bytes());
                h.update(part.as_bytes());
            }
            *h.finalize().as_bytes()
        };
        RunKeys {
            masks: MaskKey::new(key("masks", if stable { "" } else { nonce })),
            digests: DigestKey::new(&key("digests", nonce)),
            values: key("values", nonce),
        }
    }
}
