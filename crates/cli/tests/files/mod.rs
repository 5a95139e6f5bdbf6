//! `greenroom files` over the real binary: trees with everything that trees have, copied in passes, killed, changed at both ends.

use crate::ground::{Ground, Sqlite};
use greenroom_testkit::proc::Ended;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

struct Scene {
    ground: Sqlite,
    from: PathBuf,
    to: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let ground = Sqlite::new();
        ground.fill("create table t (a)");
        let program = ground.folder().join("program");
        fs::create_dir_all(&program).unwrap();
        let (from, to) = (ground.folder().join("old"), ground.folder().join("new"));
        let text = format!("{}[files.reports]\nfrom = \"../old\"\nto = \"../new\"\nleave_out = [\"*.tmp\"]\n", ground.databases());
        fs::write(program.join("greenroom.toml"), text).unwrap();
        fs::create_dir(&from).unwrap();
        Scene { ground, from, to }
    }

    fn files(&self, arguments: &[&str]) -> Ended {
        self.ground.greenroom().arg("files").args(arguments).finish()
    }

    fn report(&self, arguments: &[&str], code: i32) -> serde_json::Value {
        let ended = self.files(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        let mut all: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        all["files"][0].take()
    }

    fn put(&self, path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.from.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

/// What is at each path below a folder: kind, mode, time and content.
fn seen(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if meta.is_dir() {
                todo.push(path.clone());
                String::new()
            } else if meta.is_file() {
                format!("{:?}", fs::read(&path).unwrap())
            } else {
                "special".to_owned()
            };
            let said = format!("{:o} {}.{} {content}", meta.mode(), meta.mtime(), meta.mtime_nsec());
            all.insert(path.strip_prefix(root).unwrap().to_owned(), said);
        }
    }
    all
}

fn wrong(report: &serde_json::Value) -> Vec<String> {
    report["wrong"].as_array().unwrap().iter().map(|w| format!("{}: {}", w[0].as_str().unwrap(), w[1].as_str().unwrap())).collect()
}

fn aged(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH + Duration::new(1_000_000_007, 123_456_789)).unwrap();
}

#[test]
fn a_tree_is_copied_complete_and_unchanged_and_again_where_it_changed() {
    let scene = Scene::new();
    scene.put("empty", b"");
    aged(&scene.put("deep/er/Müller & Söhne.pdf", b"pdf"), 0o640);
    aged(&scene.put(OsStr::from_bytes(b"latin\xe9\n.txt"), b"latin"), 0o4755);
    scene.put("big", &vec![7u8; 3_000_000]);
    scene.put("half.tmp", b"left out");
    fs::create_dir(scene.from.join("nothing in it")).unwrap();
    symlink("er/../er/Müller & Söhne.pdf", scene.from.join("deep/link")).unwrap();
    symlink("../../etc/passwd", scene.from.join("deep/out")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, scene.from.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    aged(&scene.from.join("deep/er"), 0o750);

    // What cannot be copied is named; everything else is there, to the nanosecond.
    let report = scene.report(&["copy"], 4);
    let said = wrong(&report);
    assert!(
        said.len() == 2 && said[0].starts_with("deep/out: a link that leads out") && said[1].starts_with("pipe: neither file"),
        "{said:?}"
    );
    fs::remove_file(scene.from.join("deep/out")).unwrap();
    fs::remove_file(scene.from.join("pipe")).unwrap();
    let report = scene.report(&["copy"], 0);
    assert_eq!((&report["files"], &report["copied"]), (&4.into(), &0.into()), "nothing has changed: {report}");
    let mut wanted = seen(&scene.from);
    wanted.remove(Path::new("half.tmp"));
    assert_eq!(seen(&scene.to), wanted);
    let report = scene.report(&["copy", "--thorough"], 0);
    assert_eq!(report["copied"], 0, "everything was read, and nothing has changed: {report}");
    scene.report(&["verify"], 0);
    let listed = scene.files(&[]);
    assert!(listed.stdout.contains("all as it should be"), "{listed:?}");
    let manifest = scene.files(&["manifest", "reports"]);
    let lines: Vec<&str> = manifest.stdout.lines().collect();
    assert!(lines.len() == 4 && lines.iter().all(|l| l.trim_start_matches('\\').find("  ") == Some(64)), "{manifest:?}");

    // A change that keeps size and time is found; one file is copied.
    let pdf = scene.put("deep/er/Müller & Söhne.pdf", b"PDF");
    aged(&pdf, 0o640);
    let report = scene.report(&["copy"], 0);
    assert_eq!(report["copied"], 1, "{report}");
    assert_eq!(fs::read(scene.to.join("deep/er/Müller & Söhne.pdf")).unwrap(), b"PDF");

    // What somebody did at the new place is neither overwritten nor removed unasked.
    fs::remove_file(scene.from.join("big")).unwrap();
    fs::remove_file(scene.from.join("empty")).unwrap();
    fs::write(scene.to.join("empty"), b"theirs").unwrap();
    aged(&scene.put("deep/er/Müller & Söhne.pdf", b"pdf again"), 0o640);
    fs::write(scene.to.join("deep/er/Müller & Söhne.pdf"), b"edited").unwrap();
    let said = wrong(&scene.report(&["copy"], 4));
    assert!(
        said.iter().any(|w| w.contains("it was changed at the new place")) && said.iter().any(|w| w.contains("`--delete` removes it")),
        "{said:?}"
    );
    assert_eq!(fs::read(scene.to.join("deep/er/Müller & Söhne.pdf")).unwrap(), b"edited");
    let report = scene.report(&["copy", "--delete", "--overwrite"], 4);
    let said = wrong(&report);
    assert!(said.len() == 1 && said[0].starts_with("empty: it has gone at the source and was changed"), "{said:?}");
    assert_eq!((&report["copied"], &report["removed"]), (&1.into(), &1.into()));
    assert_eq!(fs::read(scene.to.join("empty")).unwrap(), b"theirs");
    fs::remove_file(scene.to.join("empty")).unwrap();
    scene.report(&["copy"], 0);
    scene.report(&["verify"], 0);

    // A byte that rotted under the same size and time is found by reading.
    let copy = scene.to.join("deep/er/Müller & Söhne.pdf");
    fs::write(&copy, b"pdf AGAIN").unwrap();
    aged(&copy, 0o640);
    let said = wrong(&scene.report(&["verify"], 4));
    assert_eq!(said, ["deep/er/Müller & Söhne.pdf: its content is another at the new place"]);
}

#[test]
fn nothing_is_written_beside_the_new_place() {
    let scene = Scene::new();
    scene.put("sub/file", b"new");
    // Somebody put a link where a folder is to stand, and another file where one is to be copied.
    let outside = scene.ground.folder().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&scene.to).unwrap();
    symlink(&outside, scene.to.join("sub")).unwrap();
    scene.put("same", b"same");
    scene.put("other", b"ours");
    fs::write(scene.to.join("same"), b"same").unwrap();
    fs::write(scene.to.join("other"), b"theirs").unwrap();
    let report = scene.report(&["copy"], 4);
    let said = wrong(&report);
    assert!(said.iter().any(|w| w.starts_with("sub: the folder cannot be made: something else")), "{said:?}");
    assert!(said.iter().any(|w| w.starts_with("other: another file stands at the new place")), "{said:?}");
    assert_eq!(report["found"], 1, "{report}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "written through a link");
    assert_eq!(fs::read(scene.to.join("other")).unwrap(), b"theirs");

    let program = scene.ground.folder().join("program/greenroom.toml");
    let text = fs::read_to_string(&program).unwrap();
    for (from, to, words) in [
        ("../old", "../old/inside", "lie within each other"),
        ("../old", "../nowhere/new", "cannot be read"),
        ("../gone", "../new", "where the tree stands, cannot be read"),
        ("../program", "../new", "before; give another one another name"),
    ] {
        fs::write(&program, text.replace("\"../old\"", &format!("{from:?}")).replace("\"../new\"", &format!("{to:?}"))).unwrap();
        let ended = scene.files(&["copy"]);
        assert!(ended.code == Some(1) && ended.stderr.contains("GR0751") && ended.stderr.contains(words), "{words}: {ended:?}");
    }
    let ended = scene.files(&["copy", "nonsense"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no tree of files `nonsense`"), "{ended:?}");
}

#[test]
fn a_copy_that_is_killed_is_finished_by_the_next() {
    let scene = Scene::new();
    for n in 0..400 {
        scene.put(format!("d{}/f{n}", n % 7), &vec![u8::try_from(n % 251).unwrap(); 2000 + n * 37]);
    }
    for n in 0..8u64 {
        scene.ground.greenroom().args(["files", "copy"]).kill_after(Duration::from_millis(20 + 35 * n));
        // A file half a copy of which may lie there goes away meanwhile, another changes.
        scene.put(format!("d0/f{}", n * 7), b"changed meanwhile");
    }
    let report = scene.report(&["copy", "--overwrite"], 0);
    assert_eq!(report["files"], 400, "{report}");
    assert_eq!(seen(&scene.to), seen(&scene.from));
    scene.report(&["verify"], 0);
}
