//! Files that were received, encrypted in the workspace (age). Owns writing them whole or not at all, reading them back, and their checksums; what is on record of them and how long
//! they are kept is the model's. Plain bytes are never written here.

#[cfg(test)]
mod tests;

use crate::ports::Random;
use greenroom_model::hash::Hash;
use greenroom_model::process::Stored;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// What the names of stored files end with.
const STORED: &str = "age";
/// And of those that are being written.
const PART: &str = "part";

/// Size and checksums of what went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3.
    pub blake3: Hash,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Counts and sums what is read or written through it.
struct Summing<T> {
    inner: T,
    blake: blake3::Hasher,
    sha: Sha256,
    bytes: u64,
}

impl<T> Summing<T> {
    fn new(inner: T) -> Summing<T> {
        Summing { inner, blake: blake3::Hasher::new(), sha: Sha256::new(), bytes: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.blake.update(bytes);
        self.sha.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn end(self) -> (T, Sums) {
        let sums =
            Sums { bytes: self.bytes, blake3: Hash(*self.blake.finalize().as_bytes()), sha256: crate::proof::hex(&self.sha.finalize()) };
        (self.inner, sums)
    }
}

impl<T: Read> Read for Summing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.add(&buffer[..n]);
        Ok(n)
    }
}

impl<T: Write> Write for Summing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.add(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Why a file could not be stored, or read back.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// What is received could not be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// The workspace could not be written.
    #[error("{0}")]
    Write(io::Error),
    /// A recipient or an identity cannot be used.
    #[error("{0}")]
    Key(String),
    /// What is stored is not what was stored.
    #[error("{0}")]
    Changed(String),
}

impl ArtefactError {
    /// There is no room where it was written.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, ArtefactError::Write(e) if matches!(e.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}

/// A file that is being written: removed unless it is kept.
struct Part {
    path: PathBuf,
    file: Option<File>,
}

impl Part {
    fn new(path: PathBuf) -> io::Result<Part> {
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
        Ok(Part { path, file: Some(file) })
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file is closed"))
    }

    /// Gives it its name, durably.
    fn keep(mut self, name: &Path) -> io::Result<()> {
        self.file()?.sync_all()?;
        fs::rename(&self.path, name)?;
        self.file = None;
        let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // It is swept away later where this fails.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Copies until the end.
fn pour(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), ArtefactError> {
    let mut buffer = vec![0u8; CHUNK];
    loop {
        let n = match from.read(&mut buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(ArtefactError::Read)?,
        };
        if n == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..n]).map_err(ArtefactError::Write)?;
    }
}

/// Sums a file up.
///
/// # Errors
/// When it cannot be read.
pub fn sums(from: &mut dyn Read) -> Result<Sums, ArtefactError> {
    let mut sink = Summing::new(io::sink());
    pour(from, &mut sink)?;
    Ok(sink.end().1)
}

/// Reads a file to its end and stores it in `folder`, encrypted to the recipients. Sums of the plain file, and what was stored.
///
/// # Errors
/// See [`ArtefactError`]; nothing is stored then.
pub fn store(
    from: &mut dyn Read,
    folder: &Path,
    name: &str,
    random: &dyn Random,
    recipients: &[String],
) -> Result<(Sums, Stored), ArtefactError> {
    let key = |r: &String| {
        r.parse::<age::x25519::Recipient>().map_err(|e| ArtefactError::Key(format!("the recipient `{r}` cannot be used: {e}")))
    };
    let keys = recipients.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let encryptor =
        age::Encryptor::with_recipients(keys.iter().map(|k| k as &dyn age::Recipient)).map_err(|e| ArtefactError::Key(e.to_string()))?;
    let file = format!("{name}.{}", random.name(8));
    let mut part = Part::new(folder.join(format!("{file}.{PART}"))).map_err(ArtefactError::Write)?;
    let out = Summing::new(part.file().map_err(ArtefactError::Write)?);
    let mut sealed = encryptor.wrap_output(out).map_err(ArtefactError::Write)?;
    let mut plain = Summing::new(from);
    pour(&mut plain, &mut sealed)?;
    let (_, stored) = sealed.finish().map_err(ArtefactError::Write)?.end();
    let file = format!("{file}.{STORED}");
    if plain.bytes > 0 {
        part.keep(&folder.join(&file)).map_err(ArtefactError::Write)?;
    }
    Ok((plain.end().1, Stored { file, bytes: stored.bytes, blake3: stored.blake3, sha256: stored.sha256 }))
}

/// Decrypts what was stored into a file that is not there yet, for its owner only. `plain`: what it has to be.
///
/// # Errors
/// See [`ArtefactError`]; the file is not written then.
pub fn open(folder: &Path, stored: &Stored, identity: &str, out: &Path, plain: (u64, Hash)) -> Result<(), ArtefactError> {
    let unusable = "holds no age identity that can be used: `AGE-SECRET-KEY-…`, without a passphrase";
    let keys = age::IdentityFile::from_buffer(identity.as_bytes()).map_err(|_| ArtefactError::Key(unusable.into()))?;
    let keys = keys.into_identities().map_err(|_| ArtefactError::Key(unusable.into()))?;
    if out.exists() {
        return Err(ArtefactError::Write(io::ErrorKind::AlreadyExists.into()));
    }
    let changed = || ArtefactError::Changed("what is stored is not what was stored: it was changed since".into());
    let from = Summing::new(File::open(folder.join(&stored.file)).map_err(ArtefactError::Read)?);
    let decryptor = age::Decryptor::new_buffered(BufReader::with_capacity(CHUNK, from)).map_err(|_| changed())?;
    let mut opened = decryptor.decrypt(keys.iter().map(|k| k.as_ref() as &dyn age::Identity)).map_err(|e| match e {
        age::DecryptError::NoMatchingKeys => ArtefactError::Key("holds no key that opens it: it was encrypted to others".into()),
        _ => changed(),
    })?;
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".{PART}"));
    let mut part = Part::new(PathBuf::from(name)).map_err(ArtefactError::Write)?;
    let mut to = Summing::new(part.file().map_err(ArtefactError::Write)?);
    // Every part of the stream is authenticated by itself; the whole is compared with what is on record.
    pour(&mut opened, &mut to).map_err(|e| match e {
        ArtefactError::Read(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => changed(),
        other => other,
    })?;
    let (_, sums) = to.end();
    if (sums.bytes, sums.blake3) != plain {
        return Err(changed());
    }
    part.keep(out).map_err(ArtefactError::Write)
}

/// How a stored file is.
///
/// # Errors
/// When it cannot be read although it is there.
pub fn compare(folder: &Path, stored: &Stored) -> Result<Option<&'static str>, ArtefactError> {
    let mut file = match File::open(folder.join(&stored.file)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Some("it is not there")),
        file => file.map_err(ArtefactError::Read)?,
    };
    let now = sums(&mut file)?;
    let same = now.bytes == stored.bytes && now.blake3 == stored.blake3 && now.sha256 == stored.sha256;
    Ok(if same { None } else { Some("it is not what was stored") })
}

/// Removes a stored file, durably. It may be gone already.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(folder: &Path, file: &str) -> io::Result<()> {
    match fs::remove_file(folder.join(file)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => File::open(folder)?.sync_all(),
    }
}

/// Names of the files that are stored.
///
/// # Errors
/// When the folder cannot be read.
pub fn stored_files(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<String> = names.into_iter().filter(|n| n.ends_with(&format!(".{STORED}"))).collect();
    names.sort();
    Ok(names)
}

/// Removes what an earlier process left half-written of an artefact. Whoever calls it holds the artefact's lock.
///
/// # Errors
/// When the folder cannot be read.
pub fn sweep(folder: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        // NAME.RANDOM.part: a name may have points in it.
        let mut parts = file.rsplitn(3, '.');
        if parts.next() == Some(PART) && parts.next().is_some() && parts.next() == Some(name) {
            remove(folder, &file)?;
        }
    }
    Ok(())
}
