//! Reads a program's folder and the kits it extends into layers. Owns walking, size limits and hashing of what is no text; does not own
//! what the files mean (`model::program`).

use greenroom_model::finding::{Finding, Place};
use greenroom_model::hash::Hash;
use greenroom_model::program::{Layer, extends, pilot_layer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A text file larger than this is refused: a script of that size is data, not a program.
const MOST_BYTES: u64 = 256 << 20;

/// The layers of a program, base first, as far as they could be read.
#[derive(Debug)]
pub struct Loaded {
    /// The program's folder, absolute.
    pub folder: PathBuf,
    /// Layers, base first; the last is the program itself.
    pub layers: Vec<Layer>,
    /// What stood in the way.
    pub findings: Vec<Finding>,
}

/// Reads a program's folder and its kits; for one of several pilots also the folder of its own, if there is one.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn load(folder: &Path, pilot: Option<&str>) -> io::Result<Loaded> {
    let folder = fs::canonicalize(folder)?;
    let mut findings = Vec::new();
    let mut layers = Vec::new();
    let mut seen = vec![folder.clone()];
    let mut next = Some((folder.clone(), "program".to_owned()));
    while let Some((dir, name)) = next.take() {
        let layer = read_layer(&dir, name, &mut findings)?;
        let place = |file: &Layer| {
            let file = if file.name == "program" { "greenroom.toml".to_owned() } else { format!("{}/greenroom.toml", file.name) };
            Place { file, span: 0..0 }
        };
        if let Some(kit) = layer.files.get("greenroom.toml").and_then(|t| extends(t)) {
            match fs::canonicalize(dir.join(&kit)) {
                Err(e) => findings.push(
                    Finding::error("GR0102", format!("the kit `{kit}` cannot be read: {e}"))
                        .at(place(&layer))
                        .hint("`extends` names a folder, relative to the folder of the file that says so"),
                ),
                Ok(path) if seen.contains(&path) => findings.push(
                    Finding::error("GR0103", format!("the kit `{kit}` extends itself, directly or through others"))
                        .at(place(&layer))
                        .hint("remove `extends` from one of them"),
                ),
                Ok(path) => {
                    let name = path.file_name().map_or_else(|| "kit".into(), |n| n.to_string_lossy().into_owned());
                    seen.push(path.clone());
                    next = Some((path, name));
                }
            }
        }
        layers.push(layer);
    }
    layers.reverse();
    // A name with a slash or dots in it is no pilot's; saying so is the parser's.
    if let Some(name) = pilot.map(pilot_layer).filter(|n| n.matches(['/', '\\']).count() == 1 && !n.contains("..")) {
        let dir = folder.join(&name);
        if dir.is_dir() {
            layers.push(read_layer(&dir, name, &mut findings)?);
        }
    }
    Ok(Loaded { folder, layers, findings })
}

/// The folders of a layer that are looked into; anything else in it (documents, databases) is left alone.
const FOLDERS: [&str; 4] = ["packs", "upgrade", "verify", "dictionaries"];

/// Names of the folders below `pilots/`: each belongs to a further pilot.
///
/// # Errors
/// When the folder cannot be read.
pub fn pilot_folders(program: &Path) -> io::Result<Vec<String>> {
    let dir = program.join(pilot_layer(""));
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn read_layer(dir: &Path, name: String, findings: &mut Vec<Finding>) -> io::Result<Layer> {
    let mut layer = Layer { name, ..Layer::default() };
    for file in ["greenroom.toml", "columns.toml", greenroom_model::process::PROCESS] {
        let path = dir.join(file);
        if path.is_file() {
            read_file(&path, file, &mut layer, findings)?;
        }
    }
    read_calendars(dir, &mut layer, findings)?;
    for folder in FOLDERS {
        let path = dir.join(folder);
        if path.is_dir() {
            walk(&path, folder, &mut layer, findings, 0)?;
        }
    }
    Ok(layer)
}

/// Calendar files, which lie beside `process.toml`.
fn read_calendars(dir: &Path, layer: &mut Layer, findings: &mut Vec<Finding>) -> io::Result<()> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') && name.to_lowercase().ends_with(".ics") && entry.path().is_file() {
            names.push(name);
        }
    }
    names.sort();
    names.iter().try_for_each(|name| read_file(&dir.join(name), name, layer, findings))
}

fn walk(dir: &Path, prefix: &str, layer: &mut Layer, findings: &mut Vec<Finding>, depth: u32) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            findings.push(Finding::error("GR0105", format!("a file name in `{prefix}` is not UTF-8")).hint("rename the file"));
            continue;
        };
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let relative = format!("{prefix}/{name}");
        let path = entry.path();
        // Links are followed to files only: a link to a folder could lead anywhere, even back.
        if entry.file_type()?.is_dir() {
            if depth < 16 {
                walk(&path, &relative, layer, findings, depth + 1)?;
            }
        } else if path.is_file() {
            read_file(&path, &relative, layer, findings)?;
        }
    }
    Ok(())
}

fn read_file(path: &Path, relative: &str, layer: &mut Layer, findings: &mut Vec<Finding>) -> io::Result<()> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        findings.push(
            Finding::error("GR0105", format!("`{relative}` is larger than 256 MiB"))
                .hint("load data of that size outside the upgrade scripts"),
        );
        return Ok(());
    }
    let bytes = fs::read(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    match text(bytes) {
        Ok(text) => layer.files.insert(relative.to_owned(), text).map_or((), drop),
        Err(bytes) => layer.opaque.insert(relative.to_owned(), Hash::of(&bytes)).map_or((), drop),
    }
    Ok(())
}

/// The text of a file: UTF-8, or UTF-16 behind a byte-order mark, as tools on Windows (SSMS, PowerShell) write it. Otherwise the bytes again.
fn text(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2) {
        Some([0xff, 0xfe]) => u16::from_le_bytes,
        Some([0xfe, 0xff]) => u16::from_be_bytes,
        _ => return String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes),
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let whole =
        if rest.is_empty() { char::decode_utf16(pairs.iter().skip(1).map(|p| unit(*p))).collect::<Result<String, _>>().ok() } else { None };
    whole.ok_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::text;

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
    }

    #[test]
    fn utf_16_behind_its_mark_is_read_in_either_order() {
        let script = "PRINT N'zażółć 🦆'\r\nGO\r\n";
        assert_eq!(text(utf16(script, u16::to_le_bytes)).as_deref(), Ok(script));
        assert_eq!(text(utf16(script, u16::to_be_bytes)).as_deref(), Ok(script));
        assert_eq!(text(script.as_bytes().to_vec()).as_deref(), Ok(script));
        assert_eq!(text(vec![0xff, 0xfe]).as_deref(), Ok(""));
    }

    #[test]
    fn what_is_no_text_stays_bytes() {
        for bytes in [&b"\xff\xfeG"[..], b"\xff\xfe\x00\xd8", b"\xff\xfe\x00\xdc\x41\x00", b"caf\xe9"] {
            assert_eq!(text(bytes.to_vec()), Err(bytes.to_vec()));
        }
    }
}
