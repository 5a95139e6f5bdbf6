//! Files that are handed over by links, to the real listener: once, whole, encrypted, by whom the link was made for, and nothing of what breaks off.
// covers A5, P15

use super::Scene;
use crate::ground::Ground;
use age::secrecy::ExposeSecret;
use greenroom_testkit::files::{assert_nowhere, find_bytes};
use greenroom_testkit::proc::wait_until;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long the listener is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

const PLAIN: &str = "row of the clinic's backup ";

struct Room {
    scene: Scene,
    program: PathBuf,
}

impl Room {
    fn new() -> Room {
        let scene = Scene::new();
        let program = scene.ground.folder().join("program");
        let identity = age::x25519::Identity::generate();
        let process = format!(
            r#"
[process]
upload_url = "https://files.example.org/in"
[party.clinic]
[party.vendor]
[person.anna]
name = "Anna Nowak"
party = "clinic"
login = "anna"
[person.jan]
party = "vendor"
login = "jan"
[stage.readiness]
title = "Everything is here"
[gate.here]
stage = "readiness"
at = "exit"
kind = "artefacts"
names = ["backup", "themes"]
[artefact.backup]
title = "Backup of the server"
recipients = ["{}"]
[artefact.themes]
"#,
            identity.to_public()
        );
        fs::write(program.join("process.toml"), process).unwrap();
        let mut key = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(program.join("backup.id")).unwrap();
        key.write_all(identity.to_string().expose_secret().as_bytes()).unwrap();
        Room { scene, program }
    }

    fn done(&self, login: &str, arguments: &[&str]) -> String {
        self.scene.done(login, arguments)
    }

    /// Makes a link for Anna: its number and its token.
    fn link(&self) -> (u64, String) {
        let made = self.done("jan", &["artefact", "link", "backup", "--for", "anna", "--until", "2 days", "--json"]);
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let token = made["url"].as_str().unwrap().strip_prefix("https://files.example.org/in/").unwrap().to_owned();
        assert!(token.len() == 32 && made["person"] == "anna", "{made}");
        (made["seq"].as_u64().unwrap(), token)
    }

    fn links(&self) -> Vec<(u64, String)> {
        let all: serde_json::Value = serde_json::from_str(&self.done("anna", &["artefact", "links", "--json"])).unwrap();
        all.as_array().unwrap().iter().map(|l| (l["id"].as_u64().unwrap(), l["stands"].as_str().unwrap().to_owned())).collect()
    }

    /// Names of what is stored, or being stored.
    fn stored(&self) -> Vec<String> {
        let names = fs::read_dir(self.program.join(".greenroom/artefacts")).unwrap();
        names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn refused(&self, arguments: &[&str], code: &str, words: &str) {
        let before = self.scene.events();
        let ended = self.scene.by("jan", arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains(code) && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
        assert_eq!(self.scene.events(), before, "{arguments:?}");
    }

    fn listen(&self, arguments: &[&str]) -> Listening {
        let mut child = Command::new(env!("CARGO_BIN_EXE_greenroom"))
            .current_dir(&self.program)
            .env("USER", "service")
            .env("NO_COLOR", "1")
            .args(["artefact", "listen", "--address", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, said) = channel();
        let pipes: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let send = send.clone();
            std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        }
        let mut listening = Listening { child, said, at: String::new() };
        let line = listening.until("taking files at ");
        let (_, at) = line.split_once("://").unwrap();
        listening.at = at.split([',', ' ']).next().unwrap().to_owned();
        listening
    }
}

/// A listener that ends with the test.
struct Listening {
    child: Child,
    said: Receiver<String>,
    at: String,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Listening {
    /// Waits for a line with these words.
    fn until(&self, words: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => seen.push(line),
                Err(e) => panic!("waited in vain for `{words}` ({e}): {seen:#?}"),
            }
        }
    }

    fn interrupt(&self) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for its end; everything that it said since.
    fn ended(mut self) -> Vec<String> {
        let said: Vec<String> = std::iter::from_fn(|| self.said.recv_timeout(PATIENCE).ok()).collect();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{said:#?}");
        said
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        answered(stream)
    }

    /// Begins to send a file of so many bytes and waits until something of it is stored.
    fn begin(&self, room: &Room, token: &str, bytes: usize, first: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "PUT /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n{first}").unwrap();
        wait_until("the file is being stored", PATIENCE, || room.stored().iter().any(|f| f.ends_with(".part")));
        stream
    }
}

fn answered(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// None where there is no curl.
fn curl(arguments: &[&str]) -> Option<Output> {
    Command::new("curl").args(["--silent", "--show-error", "--max-time", "120"]).args(arguments).stdin(Stdio::null()).output().ok()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_link_takes_one_file_which_is_stored_for_its_recipients_only() {
    let r = Room::new();
    let (id, token) = r.link();
    let listener = r.listen(&[]);
    let link = format!("http://{}/{token}", listener.at);
    let plain = PLAIN.repeat(150_000);
    fs::write(r.program.join("in.bak"), &plain).unwrap();
    let file = r.program.join("in.bak");
    let file = file.to_str().unwrap();
    let Some(page) = curl(&[&link]) else { greenroom_testkit::skip!("no curl") };
    let page = text(&page);
    assert!(
        page.contains("Hand over: Backup of the server") && page.contains("Everything is here") && page.contains("Anna Nowak"),
        "{page}"
    );
    assert_eq!(r.links(), [(id, "open".to_owned())], "a look uses nothing up");

    let answer = text(&curl(&["-T", file, &link]).unwrap());
    let received: serde_json::Value = serde_json::from_str(&r.done("anna", &["artefact", "list", "--json"])).unwrap();
    let received = received.as_array().unwrap().iter().find(|l| l["name"] == "backup").unwrap().clone();
    for (what, value) in [("blake3", &received["blake3"]), ("sha256", &received["sha256"])] {
        assert!(answer.contains(&format!("{what} {}", value.as_str().unwrap())), "{answer}");
    }
    assert!(received["by"] == "anna" && received["link"] == id && received["bytes"] == plain.len(), "{received}");
    listener.until("`backup` is received by link");
    assert_eq!(r.links(), [(id, "used".to_owned())]);

    // A second time, and with another token of the same look: the same answer.
    let again = text(&curl(&["-T", file, &link]).unwrap());
    let other = format!("http://{}/{}", listener.at, "a".repeat(32));
    assert!(again.starts_with("There is nothing here"), "{again}");
    assert_eq!(text(&curl(&["-T", file, &other]).unwrap()), again);
    let lists = ["artefact", "links", "record", "gate"].map(|c| match c {
        "links" => r.done("anna", &["artefact", "links"]),
        c => r.done("anna", &[c]),
    });
    assert!(lists[2].contains(&format!("link {id}")) && lists[0].contains(", by link)") && lists[1].contains("used (event"), "{lists:#?}");
    assert!(r.done("anna", &["record", "verify"]).contains("follow from one another"));

    // A browser's form; the name of the file leads nowhere and is kept nowhere.
    let (second, token) = r.link();
    let form = format!("file=@{file};filename=\"../../../../zażółć {}.bak\"", "x".repeat(40));
    let page = text(&curl(&["-F", &form, &format!("http://{}/{token}", listener.at)]).unwrap());
    assert!(page.contains("The file was received") && page.contains(received["blake3"].as_str().unwrap()), "{page}");
    assert_eq!(r.links(), [(id, "used".to_owned()), (second, "used".to_owned())]);
    assert!(r.stored().len() == 2 && r.stored().iter().all(|f| f.starts_with("backup.") && f.ends_with(".age")), "{:?}", r.stored());
    listener.interrupt();
    let said = listener.ended();
    assert!(said.iter().all(|l| !l.contains(&token)), "{said:#?}");
    let workspace = r.program.join(".greenroom");
    assert_nowhere(&workspace, &[token.as_str(), PLAIN, "zażółć", &plain[..27]]);
    assert!(!r.scene.ground.folder().join("zażółć").exists());
    r.done("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "out.bak"]);
    assert!(fs::read_to_string(r.program.join("out.bak")).unwrap() == plain);
}

#[test]
fn what_breaks_off_uses_nothing_up_and_one_of_two_counts() {
    let r = Room::new();
    let (id, token) = r.link();
    let listener = r.listen(&["--max-size", "40 MB"]);
    let half = PLAIN.repeat(100_000);
    let before = r.scene.events();
    let gone = |r: &Room| {
        wait_until("nothing half-written is left", PATIENCE, || r.stored().is_empty());
        assert_eq!((r.scene.events(), r.links()), (before, vec![(id, "open".to_owned())]));
    };

    // The connection is lost; meanwhile nothing stood plain on the disk.
    let sending = listener.begin(&r, &token, half.len() * 2, &half);
    wait_until("some of it is written", PATIENCE, || {
        let folder = fs::read_dir(r.program.join(".greenroom/artefacts")).unwrap();
        folder.map(|e| e.unwrap()).any(|e| e.metadata().is_ok_and(|m| m.len() > 1 << 20))
    });
    assert!(find_bytes(&r.program.join(".greenroom"), &[PLAIN, token.as_str()]).is_empty());
    drop(sending);
    listener.until("it broke off; nothing of it is kept");
    gone(&r);

    // Nothing at all, too much, and too much that is not announced.
    let empty = listener.ask(&format!("PUT /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
    assert!(empty.starts_with("HTTP/1.1 400") && empty.contains("The file is empty"), "{empty}");
    let large = listener.ask(&format!("PUT /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 41 << 20));
    assert!(large.starts_with("HTTP/1.1 413") && large.contains("40 MB"), "{large}");
    let mut endless = listener.connect();
    write!(endless, "PUT /{token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let piece = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    // The answer may come, and the connection end, before everything is sent.
    (0..42).take_while(|_| endless.write_all(piece.as_bytes()).is_ok()).count();
    listener.until("larger than what is taken");
    gone(&r);

    // Two at once.
    let mut first = listener.begin(&r, &token, half.len() * 2, &half);
    let second = listener.ask(&format!("PUT /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"));
    assert!(second.starts_with("HTTP/1.1 409") && second.contains("is coming already"), "{second}");
    first.write_all(half.as_bytes()).unwrap();
    let answer = answered(first);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!((r.scene.events(), r.links()), (before + 1, vec![(id, "used".to_owned())]));
    r.done("anna", &["artefact", "open", "backup", "--identity", "backup.id", "--out", "out.bak"]);
    assert!(fs::read_to_string(r.program.join("out.bak")).unwrap() == half.repeat(2));

    // Ctrl-C while a file comes.
    let (other, token) = r.link();
    let stopped = listener.begin(&r, &token, half.len() * 2, &half);
    listener.interrupt();
    let answer = answered(stopped);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("The link can be used still"), "{answer}");
    let said = listener.ended();
    assert!(
        said.iter().any(|l| l.contains("this command ended")) && said.iter().any(|l| l.contains("no more files are taken")),
        "{said:#?}"
    );
    assert_eq!(r.stored().len(), 1, "{:?}", r.stored());
    assert_eq!(r.links()[1], (other, "open".to_owned()));
    let listener = r.listen(&["--once", "--until", "8 hours"]);
    let answer = listener.ask(&format!("PUT /in/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"));
    // Of `abc`, as the standards of both print them.
    assert!(answer.contains("sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{answer}");
    assert!(answer.contains("blake3 6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"), "{answer}");
    assert!(listener.ended().iter().any(|l| l.contains("no more files are taken")));
}

#[test]
fn links_that_cannot_be_used_are_all_alike() {
    let r = Room::new();
    r.refused(&["artefact", "link", "photos", "--until", "2 days"], "GR0791", "no gate asks for an artefact `photos`");
    r.refused(&["artefact", "link", "themes", "--until", "2 days"], "GR0791", "names no recipients");
    r.refused(&["artefact", "link", "backup", "--until", "2020-01-01T08:00"], "GR0791", "is past");
    r.refused(&["artefact", "link", "backup", "--for", "ola", "--until", "2 days"], "GR0791", "there is no person `ola`");
    r.refused(&["artefact", "link", "backup", "--until", "2 days", "--url", "http://files.example.org"], "GR0862", "on the way");
    r.refused(&["artefact", "link", "--withdraw", "99"], "GR0791", "there is no link 99");
    let usage = r.scene.by("jan", &["artefact", "link", "backup"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
    let stranger = r.scene.by("mallory", &["artefact", "link", "backup", "--until", "2 days"]);
    assert!(stranger.code == Some(1) && stranger.stderr.contains("nobody in process.toml"), "{stranger:?}");

    // Withdrawn, and expired: seconds from now, more of them where the machine is slow.
    let (withdrawn, first) = r.link();
    let done = r.done("anna", &["artefact", "link", "--withdraw", &withdrawn.to_string()]);
    assert!(done.contains(&format!("link {withdrawn} is withdrawn")), "{done}");
    let made = [3, 10, 60].iter().find_map(|seconds| {
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(*seconds);
        let until = until.to_zoned(jiff::tz::TimeZone::UTC).datetime().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let made = r.scene.by("jan", &["artefact", "link", "backup", "--until", &until, "--url", "https://h.example"]);
        made.stdout.lines().next().filter(|_| made.code == Some(0)).map(|l| l.rsplit('/').next().unwrap_or_default().to_owned())
    });
    let second = made.unwrap();
    wait_until("it is expired", PATIENCE, || r.links()[1].1 == "expired");
    assert_eq!(r.links()[0].1, "withdrawn");
    let (_, third) = r.link();
    let listener = r.listen(&[]);
    let page = |token: &str| {
        let answer = listener.ask(&format!("GET /{token} HTTP/1.1\r\nHost: x\r\n\r\n"));
        answer.lines().filter(|l| !l.starts_with("date:")).collect::<Vec<_>>().join("\n")
    };
    let never = page(&"b".repeat(32));
    assert!(never.starts_with("HTTP/1.1 404") && !never.contains("backup"), "{never}");
    for token in [first.as_str(), &second, "", "favicon.ico", ".greenroom/journal.db"] {
        assert_eq!(page(token), never, "{token}");
    }
    assert!(page(&third).starts_with("HTTP/1.1 200"));
    // What ends the stage ends the link, while the listener runs.
    for (login, arguments) in [
        ("jan", ["stage", "enter", "readiness"].as_slice()),
        ("jan", &["gate", "receive", "backup", "columns.toml"]),
        ("jan", &["gate", "receive", "themes", "columns.toml"]),
        ("jan", &["stage", "leave", "readiness"]),
    ] {
        r.done(login, arguments);
    }
    assert_eq!(page(&third), never);
    assert_eq!(r.links()[2].1, "idle");
    assert!(r.done("jan", &["artefact", "links"]).contains("nobody waits for `backup` any more"));
    r.refused(&["artefact", "link", "backup", "--until", "2 days"], "GR0791", "nobody waits for `backup` any more");
}

#[test]
fn without_a_certificate_nobody_outside_is_listened_to() {
    let r = Room::new();
    r.refused(&["artefact", "listen", "--address", "0.0.0.0:0"], "GR0860", "without a certificate");
    r.refused(&["artefact", "listen", "--url", "ftp://files.example.org"], "GR0862", "begins neither");
    let wrong = r.scene.by("jan", &["artefact", "listen", "--max-size", "lots"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let past = r.scene.by("jan", &["artefact", "listen", "--until", "2020-01-01T08:00"]);
    assert_eq!(past.code, Some(2), "{past:?}");
    let (_, token) = r.link();
    let made = Command::new("openssl")
        .current_dir(&r.program)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.pem", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .output();
    let Ok(made) = made else { greenroom_testkit::skip!("no openssl to make a certificate with") };
    assert!(made.status.success(), "{made:?}");
    let tls = |certificate: &str, key: &str| {
        ["artefact", "listen", "--address", "0.0.0.0:0", "--tls-certificate", certificate, "--tls-key", key].map(str::to_owned)
    };
    let refused = |certificate: &str, key: &str, words: &str| {
        let arguments = tls(certificate, key);
        r.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "GR0861", words);
    };
    fs::set_permissions(r.program.join("tls.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    refused("tls.pem", "tls.key", "can be read by others");
    fs::set_permissions(r.program.join("tls.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    refused("none.pem", "tls.key", "cannot be read");
    refused("columns.toml", "tls.key", "holds no certificate");
    refused("tls.pem", "backup.id", "holds no private key");

    let listener = r.listen(&["--tls-certificate", "tls.pem", "--tls-key", "tls.key", "--once"]);
    let port = listener.at.rsplit(':').next().unwrap();
    let link = format!("https://localhost:{port}/{token}");
    let certificate = r.program.join("tls.pem");
    let Some(plain) = curl(&[&format!("http://localhost:{port}/{token}")]) else { greenroom_testkit::skip!("no curl") };
    assert!(!plain.status.success() || !String::from_utf8_lossy(&plain.stdout).contains("Backup"), "{plain:?}");
    let stranger = curl(&[&link]).unwrap();
    assert!(!stranger.status.success(), "nobody vouches for the certificate: {stranger:?}");
    let file = r.program.join("columns.toml");
    let answer = text(&curl(&["--cacert", certificate.to_str().unwrap(), "-T", file.to_str().unwrap(), &link]).unwrap());
    assert!(answer.contains("The file was received"), "{answer}");
    listener.ended();
}
