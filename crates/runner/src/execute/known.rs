//! The source's masked values as keyed 64-bit hashes in a file: gathered by external sorting, looked up by one small read.
//!
//! Owns the file's form and its bounds in memory, whatever the number of values: 4 MiB per sort while gathering, 4 MiB per sort of prefilter and
//! one key in 512 (all of up to a quarter million) while looking up. Does not own what is a value (`residual`). The hashes say nothing without the run's key, and the values
//! themselves are in no file.

use super::residual::Sort;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file in the run's folder.
pub(crate) const KNOWN: &str = "known.bin";

const MAGIC: &[u8; 16] = b"greenroom known1";
/// All sorts, in the order of the file's sections.
const SORTS: [Sort; 4] = [Sort::NamePart, Sort::FullName, Sort::Mail, Sort::Phone];
const HEADER: usize = 16 + 8 * SORTS.len();
/// Keys sorted in memory at a time, per sort.
const BUFFER: usize = 512 * 1024;
/// Keys between two fences; one stretch is read for one lookup.
const STRETCH: usize = 512;
/// Up to so many keys are all kept in memory: parts of names are few, and found in every other text.
const FEW: u64 = 256 * 1024;
/// Most bits of a prefilter.
const BITS: u64 = 1 << 25;
/// Bytes that all runs of a merge are read through together.
const MERGE: usize = 8 << 20;

fn slot(sort: Sort) -> usize {
    SORTS.iter().position(|s| *s == sort).expect("all sorts are listed")
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o600).open(path)
}

/// Distinct keys of one sort, sorted in memory as far as they fit and else in runs of a scratch file.
struct Sorter {
    keys: Vec<u64>,
    path: PathBuf,
    runs: Option<BufWriter<File>>,
    lengths: Vec<u64>,
}

impl Sorter {
    fn add(&mut self, key: u64, most: usize) -> io::Result<()> {
        self.keys.push(key);
        if self.keys.len() < most {
            return Ok(());
        }
        self.settle();
        // The same names come again and again: what shrinks a lot is not worth a run yet.
        if self.keys.len() > most / 2 { self.spill() } else { Ok(()) }
    }

    fn settle(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.is_none() {
            self.runs = Some(BufWriter::new(private(&self.path)?));
        }
        let runs = self.runs.as_mut().expect("opened just above");
        self.lengths.push(self.keys.len() as u64);
        for key in self.keys.drain(..) {
            runs.write_all(&key.to_le_bytes())?;
        }
        Ok(())
    }

    /// Writes the keys in order, each once; returns how many.
    fn write(mut self, out: &mut impl Write) -> io::Result<u64> {
        self.settle();
        let Some(runs) = self.runs.take() else {
            self.keys.iter().try_for_each(|k| out.write_all(&k.to_le_bytes()))?;
            return Ok(self.keys.len() as u64);
        };
        self.runs = Some(runs);
        self.spill()?;
        let file = self.runs.take().expect("there are runs").into_inner().map_err(io::IntoInnerError::into_error)?;
        let piece = (MERGE / self.lengths.len() / 8).clamp(512, 8192);
        let mut at = 0;
        let mut runs = Vec::new();
        for length in &self.lengths {
            runs.push(Run { at, end: at + length * 8, keys: Vec::new().into_iter() });
            at += length * 8;
        }
        let mut heap = BinaryHeap::new();
        for (i, run) in runs.iter_mut().enumerate() {
            heap.extend(run.next(&file, piece)?.map(|k| Reverse((k, i))));
        }
        let (mut count, mut last) = (0, None);
        while let Some(Reverse((key, i))) = heap.pop() {
            if last != Some(key) {
                out.write_all(&key.to_le_bytes())?;
                count += 1;
                last = Some(key);
            }
            heap.extend(runs[i].next(&file, piece)?.map(|k| Reverse((k, i))));
        }
        std::fs::remove_file(&self.path)?;
        Ok(count)
    }
}

/// A sorted stretch of the scratch file, read piece by piece.
struct Run {
    at: u64,
    end: u64,
    keys: std::vec::IntoIter<u64>,
}

impl Run {
    fn next(&mut self, file: &File, piece: usize) -> io::Result<Option<u64>> {
        if self.keys.len() == 0 && self.at < self.end {
            let most = (piece as u64).min((self.end - self.at) / 8);
            let keys = read_keys(file, self.at, usize::try_from(most).unwrap_or(piece))?;
            self.at += most * 8;
            self.keys = keys.into_iter();
        }
        Ok(self.keys.next())
    }
}

fn read_keys(file: &File, at: u64, count: usize) -> io::Result<Vec<u64>> {
    let mut bytes = vec![0; count * 8];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().expect("chunks of eight bytes"))).collect())
}

/// Gathers hashes for a file.
pub(crate) struct Gatherer {
    folder: PathBuf,
    sorters: [Sorter; 4],
    most: usize,
}

impl Gatherer {
    /// For a file in `folder`, which also takes the scratch files meanwhile.
    pub fn new(folder: &Path) -> Gatherer {
        Gatherer::of(folder, BUFFER)
    }

    fn of(folder: &Path, most: usize) -> Gatherer {
        let sorter = |i| Sorter { keys: Vec::new(), path: folder.join(format!("known-{i}.part")), runs: None, lengths: Vec::new() };
        Gatherer { folder: folder.to_owned(), sorters: std::array::from_fn(sorter), most }
    }

    /// Adds one hash.
    ///
    /// # Errors
    /// When a scratch file cannot be written.
    pub fn add(&mut self, sort: Sort, hash: u64) -> io::Result<()> {
        self.sorters[slot(sort)].add(hash, self.most)
    }

    /// Writes the file, whole or not at all, and returns what can be looked up in it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn finish(self) -> io::Result<Known> {
        let part = self.folder.join(format!("{KNOWN}.part"));
        let mut out = BufWriter::new(private(&part)?);
        out.write_all(&[0; HEADER])?;
        let mut counts = [0; SORTS.len()];
        for (count, sorter) in counts.iter_mut().zip(self.sorters) {
            *count = sorter.write(&mut out)?;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(MAGIC)?;
        counts.iter().try_for_each(|c| file.write_all(&c.to_le_bytes()))?;
        file.sync_all()?;
        std::fs::rename(&part, self.folder.join(KNOWN))?;
        Known::read(file, FEW)
    }
}

/// The hashes of one sort: where they stand, every 512th of them (all of few), and a Bloom filter (Bloom 1970) over all, which lets most lookups end in memory.
struct Section {
    at: u64,
    count: u64,
    fences: Vec<u64>,
    bits: Vec<u64>,
}

impl Section {
    /// Four bits of the filter; the hash is uniform already, so its halves serve as two hashes (Kirsch and Mitzenmacher 2006).
    fn places(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mask = self.bits.len() as u64 * 64 - 1;
        let (a, b) = (hash & 0xffff_ffff, hash >> 32 | 1);
        (0..4).map(move |i| {
            let bit = a.wrapping_add(b.wrapping_mul(i)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20 & mask;
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }

    fn has(&self, file: &File, hash: u64) -> io::Result<bool> {
        if self.count == 0 || self.places(hash).any(|(word, bit)| self.bits[word] & bit == 0) {
            return Ok(false);
        }
        if self.fences.len() as u64 == self.count {
            return Ok(self.fences.binary_search(&hash).is_ok());
        }
        let stretch = self.fences.partition_point(|f| *f <= hash);
        if stretch == 0 {
            return Ok(false);
        }
        let first = (stretch - 1) * STRETCH;
        let length = usize::try_from(self.count).unwrap_or(usize::MAX).saturating_sub(first).min(STRETCH);
        Ok(read_keys(file, self.at + first as u64 * 8, length)?.binary_search(&hash).is_ok())
    }
}

/// Keyed hashes of the source's masked values, to be looked up. Clones share the file.
#[derive(Clone)]
pub(crate) struct Known {
    file: Arc<File>,
    sections: Arc<[Section; 4]>,
}

impl Known {
    /// Opens the file in a run's folder; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole.
    pub fn open(folder: &Path) -> io::Result<Option<Known>> {
        match File::open(folder.join(KNOWN)) {
            Ok(file) => Known::read(file, FEW).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn read(mut file: File, few: u64) -> io::Result<Known> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "it is not a whole file of known values");
        let whole = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(64 * 1024, &file);
        let mut magic = [0; 16];
        input.read_exact(&mut magic).map_err(|_| broken())?;
        let mut next = || -> io::Result<u64> {
            let mut bytes = [0; 8];
            input.read_exact(&mut bytes).map_err(|_| broken())?;
            Ok(u64::from_le_bytes(bytes))
        };
        let counts = [next()?, next()?, next()?, next()?];
        let total = counts.iter().try_fold(0u64, |sum, c| sum.checked_add(*c)).and_then(|n| n.checked_mul(8)).ok_or_else(broken)?;
        if magic != *MAGIC || whole.checked_sub(HEADER as u64) != Some(total) {
            return Err(broken());
        }
        let mut at = HEADER as u64;
        let mut sections = Vec::new();
        for count in counts {
            let bits = count.saturating_mul(12).next_power_of_two().clamp(64, BITS);
            let words = usize::try_from(bits / 64).map_err(|_| broken())?;
            let mut section = Section { at, count, fences: Vec::new(), bits: vec![0; words] };
            for i in 0..count {
                let key = next()?;
                if count <= few || i % STRETCH as u64 == 0 {
                    section.fences.push(key);
                }
                for (word, bit) in section.places(key) {
                    section.bits[word] |= bit;
                }
            }
            at += count * 8;
            sections.push(section);
        }
        let sections: [Section; 4] = sections.try_into().map_err(|_| broken())?;
        Ok(Known { file: Arc::new(file), sections: Arc::new(sections) })
    }

    /// How many values; parts of names alone are none.
    pub fn len(&self) -> u64 {
        SORTS.iter().zip(self.sections.iter()).filter(|(sort, _)| **sort != Sort::NamePart).map(|(_, s)| s.count).sum()
    }

    /// Whether there is any value of a sort.
    pub fn any(&self, sort: Sort) -> bool {
        self.sections[slot(sort)].count > 0
    }

    /// Whether a hash is among those of a sort.
    ///
    /// # Errors
    /// When the file cannot be read; then nothing is known.
    pub fn has(&self, sort: Sort, hash: u64) -> io::Result<bool> {
        self.sections[slot(sort)].has(&self.file, hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Uniform numbers from a counter (splitmix64, Steele et al. 2014).
    fn number(i: u64) -> u64 {
        let z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn what_was_gathered_is_found_and_nothing_else_whether_it_fits_in_memory_or_not() {
        for most in [100, 1_000_000] {
            let folder = tempfile::tempdir().unwrap();
            let mut gatherer = Gatherer::of(folder.path(), most);
            let mut all = BTreeSet::new();
            for i in 0..20_000 {
                let hash = number(i % 7_000);
                gatherer.add(Sort::Mail, hash).unwrap();
                gatherer.add(Sort::NamePart, number(i % 10)).unwrap();
                all.insert(hash);
            }
            gatherer.add(Sort::Phone, u64::MAX).unwrap();
            gatherer.add(Sort::Phone, 0).unwrap();
            let made = gatherer.finish().unwrap();
            let read = Known::open(folder.path()).unwrap().unwrap();
            let sparse = Known::read(File::open(folder.path().join(KNOWN)).unwrap(), 0).unwrap();
            for known in [made, read, sparse] {
                assert_eq!(known.len(), 7_002);
                assert!(all.iter().all(|h| known.has(Sort::Mail, *h).unwrap()), "{most}");
                assert!((7_000..30_000).all(|i| !known.has(Sort::Mail, number(i)).unwrap()), "{most}");
                assert!((0..10).all(|i| known.has(Sort::NamePart, number(i)).unwrap()));
                assert!(known.has(Sort::Phone, 0).unwrap() && known.has(Sort::Phone, u64::MAX).unwrap());
                assert!(!known.has(Sort::Phone, 1).unwrap() && !known.any(Sort::FullName));
            }
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, [KNOWN], "scratch files are removed");
        }
    }

    #[test]
    fn a_torn_file_is_refused_and_a_missing_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Known::open(folder.path()).unwrap().is_none());
        let mut gatherer = Gatherer::new(folder.path());
        gatherer.add(Sort::Mail, 7).unwrap();
        gatherer.finish().unwrap();
        let path = folder.path().join(KNOWN);
        let bytes = std::fs::read(&path).unwrap();
        for torn in [&bytes[..bytes.len() - 1], &bytes[..10], &[][..]] {
            std::fs::write(&path, torn).unwrap();
            assert!(Known::open(folder.path()).is_err());
        }
    }
}
