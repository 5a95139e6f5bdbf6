//! Requests as clients send them, good and bad, to a desk that keeps files in memory.

use crate::{Desk, Heard, Limits, Listener, Offer, Receipt, Uploads};
use greenroom_model::hash::Hash;
use greenroom_model::process::Fact;
use greenroom_runner::session::{Recorded, SessionError, Unreceived};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

const LINK: &str = "abcdefghijklmnopqrstuvwxyz234567";

/// One link, and what came by it.
#[derive(Default)]
struct Memory {
    came: Mutex<Option<Vec<u8>>>,
    receiving: AtomicBool,
    broken: bool,
    /// The largest file for which there is room.
    room: Option<u64>,
}

impl Desk for Memory {
    fn offer(&self, token: &str) -> Result<Option<Offer>, SessionError> {
        if self.broken {
            return Err(SessionError::Secret("the journal cannot be read".into()));
        }
        let open = token == LINK && self.came.lock().unwrap().is_none();
        let text = |t: &str| t.to_owned();
        Ok(open.then(|| Offer {
            link: 7,
            artefact: text("backup"),
            title: text("Backup <of> \"all\""),
            stages: vec![text("Audit & more")],
            person: text("Anna Nowak"),
            program: text("clinic"),
            until: text("Tue 2027-02-09 18:00 (Europe/Warsaw)"),
        }))
    }

    fn no_room_for(&self, bytes: u64) -> Option<String> {
        self.room.filter(|room| bytes > *room).map(|room| format!("{room} bytes are free"))
    }

    fn receive(&self, token: &str, from: &mut dyn Read) -> Result<Receipt, Unreceived> {
        if token != LINK || self.came.lock().unwrap().is_some() {
            return Err(Unreceived::Gone);
        }
        if self.receiving.swap(true, Ordering::SeqCst) {
            return Err(Unreceived::Busy);
        }
        let mut content = Vec::new();
        let read = from.read_to_end(&mut content);
        self.receiving.store(false, Ordering::SeqCst);
        read.map_err(|_| Unreceived::Torn)?;
        if content.is_empty() {
            return Err(Unreceived::Empty);
        }
        let (bytes, blake3) = (content.len() as u64, Hash::of(&content));
        *self.came.lock().unwrap() = Some(content);
        let recorded = Recorded { seq: 9, by: None, fact: Fact::LinkWithdrawn { link: 7 } };
        Ok(Receipt { bytes, blake3, sha256: "5ha".into(), recorded })
    }
}

/// A listener that ends with the test.
struct House {
    at: SocketAddr,
    desk: Arc<Memory>,
    stop: CancellationToken,
    heard: UnboundedReceiver<Heard>,
    serving: tokio::task::JoinHandle<()>,
    runtime: Runtime,
}

impl House {
    fn new() -> House {
        House::with(Memory::default(), Limits::default(), None)
    }

    fn with(desk: Memory, limits: Limits, url: Option<&str>) -> House {
        let runtime = Runtime::new().unwrap();
        let (desk, stop) = (Arc::new(desk), CancellationToken::new());
        let (tell, heard) = unbounded_channel();
        let uploads = Uploads::new(desk.clone(), limits, url, tell, stop.clone());
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0".parse().unwrap(), None)).unwrap();
        let at = listener.address().unwrap();
        let serving = runtime.spawn(listener.serve(uploads, stop.clone()));
        House { at, desk, stop, heard, serving, runtime }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        // A listener that says nothing fails the test.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends this, and reads what is answered.
    fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        answered(&mut stream)
    }

    /// Sends this and hangs up.
    fn cut(&self, request: impl AsRef<[u8]>) {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }

    /// Waits until a file comes.
    fn receiving(&self) {
        while !self.desk.receiving.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    fn told(&mut self) -> Heard {
        self.runtime.block_on(self.heard.recv()).unwrap()
    }

    /// Why something was not received.
    fn broken(&mut self) -> String {
        match self.told() {
            Heard::Broken { link: 7, why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    fn came(&self) -> Option<Vec<u8>> {
        self.desk.came.lock().unwrap().clone()
    }
}

fn answered(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: anything\r\n\r\n")
}

fn put(content: &str) -> String {
    format!("PUT /{LINK} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

/// A form as browsers send it. `parts`: what stands after `form-data`, and the content.
fn form(parts: &[(&[u8], &str)]) -> Vec<u8> {
    let mut body: Vec<u8> = Vec::new();
    for (what, content) in parts {
        body.extend(b"--XX\r\nContent-Disposition: form-data");
        body.extend(*what);
        body.extend(b"\r\nContent-Type: application/octet-stream\r\n\r\n");
        body.extend(content.as_bytes());
        body.extend(b"\r\n");
    }
    body.extend(b"--XX--\r\n");
    let mut request = format!(
        "POST /{LINK} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request
}

fn without_date(answer: &str) -> String {
    answer.lines().filter(|l| !l.starts_with("date:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_is_plain_and_closed_to_everything_else() {
    let house = House::new();
    let page = house.ask(get(&format!("/{LINK}")));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for part in [
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "<html lang=\"en\">",
        "width=device-width",
        "<label for=\"file\">",
        "method=\"post\" enctype=\"multipart/form-data\"",
        "Backup &lt;of&gt; &quot;all&quot;",
        "Audit &amp; more",
        "Tue 2027-02-09 18:00 (Europe/Warsaw)",
        "64 GB",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("http:"), "{page}");
    assert!(!page.contains(LINK), "a page that is saved holds no link");
    let head = house.ask(get(&format!("/{LINK}")).replace("GET", "HEAD"));
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn what_cannot_be_used_is_answered_alike() {
    let house = House::new();
    let unknown = without_date(&house.ask(get("/bbcdefghijklmnopqrstuvwxyz234567")));
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("There is nothing here"), "{unknown}");
    let others =
        ["/", "/x", "/favicon.ico", "/../../etc/passwd", "/%2e%2e/x", &format!("/in/{LINK}"), &format!("/{LINK}/"), &format!("//{LINK}")];
    for path in others {
        assert_eq!(without_date(&house.ask(get(path))), unknown, "{path}");
    }
    for method in ["DELETE", "OPTIONS", "PATCH", "BREW"] {
        assert_eq!(without_date(&house.ask(get(&format!("/{LINK}")).replace("GET", method))), unknown, "{method}");
    }
    // Used up, it is as if it had never been; for programs too.
    let nobody = without_date(&house.ask(put("abc").replace(LINK, "bbcdefghijklmnopqrstuvwxyz234567")));
    assert!(nobody.starts_with("HTTP/1.1 404") && nobody.contains("text/plain"), "{nobody}");
    let received = house.ask(put("abc"));
    assert!(received.starts_with("HTTP/1.1 200") && received.contains(&format!("blake3 {}", Hash::of(b"abc"))), "{received}");
    assert_eq!(without_date(&house.ask(get(&format!("/{LINK}")))), unknown);
    assert_eq!(without_date(&house.ask(put("def"))), nobody);
    assert_eq!(without_date(&house.ask(form(&[(b"; name=\"file\"; filename=\"x\"", "def")]))), unknown);
    assert_eq!(house.came().unwrap(), b"abc");
}

#[test]
fn a_form_brings_its_file_whatever_that_is_called() {
    let names: [&[u8]; 8] = [
        b"; name=\"file\"; filename=\"clinic.bak\"",
        b"; name=\"file\"; filename=\"../../../etc/passwd\"",
        b"; name=\"file\"; filename=\"C:\\\\in\\\\a.bak\"",
        "; name=\"file\"; filename=\"żółć 🗄 \u{202e}kab.txt\"".as_bytes(),
        b"; name=\"file\"; filename=\"%22%0d%0aX: y\"",
        b"; name=\"file\"; filename=\"caf\xe9.bak\"",
        b"; name=\"file\"; filename=\"\"",
        b"; name=\"anything\"; filename*=UTF-8''%e2%82%ac",
    ];
    for name in names {
        let mut house = House::new();
        let shown = String::from_utf8_lossy(name);
        let page = house.ask(form(&[(name, "line\r\n--X\r\n\0end")]));
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("The file was received"), "{shown}: {page}");
        assert!(page.contains(&Hash::of(b"line\r\n--X\r\n\0end").to_string()) && page.contains("15 bytes"), "{shown}: {page}");
        assert_eq!(house.came().unwrap(), b"line\r\n--X\r\n\0end", "{shown}");
        assert!(matches!(house.told(), Heard::Received(r) if r.bytes == 15));
    }
}

#[test]
fn what_is_no_whole_file_uses_nothing_up() {
    let file: &[u8] = b"; name=\"file\"; filename=\"x\"";
    let mut house = House::new();
    let refused = |house: &House, request: &[u8], status: &str, words: &str| {
        let answer = house.ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words), "{answer}");
        assert!(answer.contains("The link can be used still"), "{answer}");
        assert!(house.came().is_none());
    };
    refused(&house, put("").as_bytes(), "400", "The file is empty");
    assert_eq!(house.broken(), "it was empty");
    refused(&house, &form(&[(file, "")]), "400", "The file is empty");
    house.broken();
    refused(&house, &form(&[]), "400", "The file is empty");
    house.broken();
    refused(&house, &form(&[(file, "one"), (file, "two")]), "400", "One file is taken");
    assert_eq!(house.broken(), "the form held more than one file");
    refused(&house, put("a=b").replace("PUT", "POST").as_bytes(), "415", "no form");
    let endless = String::from_utf8(form(&[(file, "abc")])).unwrap().replace("--XX--\r\n", "--XX-X\r\n");
    refused(&house, endless.as_bytes(), "400", "did not come whole");
    assert_eq!(house.broken(), "it broke off");

    // The connection is lost: in the file, between the pieces of one, before the form's end.
    house.cut(put("abcdef").strip_suffix("def").unwrap());
    assert_eq!(house.broken(), "it broke off");
    house.cut(format!("PUT /{LINK} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
    assert_eq!(house.broken(), "it broke off");
    let whole = form(&[(file, "abcdefghijkl")]);
    for end in [12, 8, 4, 2] {
        house.cut(&whole[..whole.len() - end - 6]);
        assert_eq!(house.broken(), "it broke off", "{end}");
    }
    assert!(house.came().is_none());
    house.ask(&whole);
    assert_eq!(house.came().unwrap(), b"abcdefghijkl");
}

#[test]
fn what_is_too_large_is_told_so_even_while_it_is_sent() {
    let limits = Limits { bytes: 1000, ..Limits::default() };
    let mut house = House::with(Memory::default(), limits, None);
    let large = "x".repeat(3 << 20);
    let announced = house.ask(put(&large));
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("1000 bytes"), "{announced}");
    let pieces = format!("PUT /{LINK} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let unannounced = house.ask(pieces);
    assert!(unannounced.starts_with("HTTP/1.1 413"), "{unannounced}");
    assert_eq!(house.broken(), "it is larger than what is taken (`--max-size`)");
    let in_a_form = house.ask(form(&[(b"; name=\"file\"; filename=\"x\"", &"y".repeat(1001))]));
    assert!(in_a_form.starts_with("HTTP/1.1 413"), "{in_a_form}");
    assert!(house.came().is_none());
    let fits = house.ask(form(&[(b"; name=\"file\"; filename=\"x\"", &"y".repeat(1000))]));
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
}

#[test]
fn that_there_is_no_room_is_said_before_anything_is_sent() {
    let mut house = House::with(Memory { room: Some(9), ..Memory::default() }, Limits::default(), None);
    let head = put("").replace("Content-Length: 0", "Content-Length: 10");
    let answer = house.ask(head);
    assert!(answer.starts_with("HTTP/1.1 507") && answer.contains("The link can be used still"), "{answer}");
    assert_eq!(house.broken(), "there is no room for it: 9 bytes are free");
    assert!(house.ask(put("123456789")).starts_with("HTTP/1.1 200"));
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let short = Duration::from_millis(50);
    let limits = Limits { silence: short, greeting: short, ..Limits::default() };
    let mut house = House::with(Memory::default(), limits, None);
    let answer = house.ask(put("abcdef").strip_suffix("def").unwrap());
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("For too long nothing came"), "{answer}");
    assert_eq!(house.broken(), "for too long nothing came");
    assert!(house.came().is_none());
    // The connection ends although the client would wait longer.
    house.ask("GET / HTTP/1.1\r\nHost: x\r\nX: ");
    house.ask("");
}

#[test]
fn one_of_two_at_once_counts() {
    let house = House::new();
    let mut first = house.connect();
    let request = put("abcdef");
    first.write_all(request.strip_suffix("def").unwrap().as_bytes()).unwrap();
    // Until the first holds the place, another might be first.
    house.receiving();
    let second = house.ask(put("second"));
    assert!(second.starts_with("HTTP/1.1 409") && second.contains("is coming already"), "{second}");
    assert!(house.ask(get(&format!("/{LINK}"))).starts_with("HTTP/1.1 200"), "the first may break off yet");
    first.write_all(b"def").unwrap();
    assert!(answered(&mut first).starts_with("HTTP/1.1 200"));
    assert_eq!(house.came().unwrap(), b"abcdef");
}

#[test]
fn the_end_of_the_listener_leaves_nothing_half_done() {
    let house = House::new();
    let mut under_way = house.connect();
    under_way.write_all(put("abcdef").strip_suffix("def").unwrap().as_bytes()).unwrap();
    house.receiving();
    let idle = house.connect();
    house.stop.cancel();
    let answer = answered(&mut under_way);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("was closed while the file came"), "{answer}");
    drop((under_way, idle));
    let House { runtime, serving, desk, heard: mut told, at, .. } = house;
    runtime.block_on(serving).unwrap();
    assert!(matches!(runtime.block_on(told.recv()), Some(Heard::Broken { why, .. }) if why == "this command ended"));
    assert!(runtime.block_on(told.recv()).is_none() && desk.came.lock().unwrap().is_none());
    assert!(TcpStream::connect(at).is_err());
}

#[test]
fn a_web_server_may_pass_requests_on_under_a_path() {
    let house = House::with(Memory::default(), Limits::default(), Some("https://files.example.org/hand/over"));
    for path in [format!("/hand/over/{LINK}"), format!("/{LINK}")] {
        assert!(house.ask(get(&path)).starts_with("HTTP/1.1 200"), "{path}");
    }
    for path in ["/hand/over", "/hand/over/", "/hand/x", &format!("/hand/{LINK}"), &format!("/hand/over{LINK}")] {
        assert!(house.ask(get(path)).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn what_is_wrong_here_says_nothing_about_the_link() {
    let mut house = House::with(Memory { broken: true, ..Memory::default() }, Limits::default(), None);
    let answer = house.ask(get(&format!("/{LINK}")));
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Not now") && !answer.contains("journal"), "{answer}");
    assert!(matches!(house.told(), Heard::Failed(_)));
}

#[test]
fn without_a_certificate_only_this_machine_is_listened_to() {
    let runtime = Runtime::new().unwrap();
    for (address, fits) in [("0.0.0.0:0", false), ("[::]:0", false), ("192.0.2.1:0", false), ("127.0.0.1:0", true)] {
        let bound = runtime.block_on(Listener::bind(address.parse().unwrap(), None));
        match bound {
            Ok(_) => assert!(fits, "{address}"),
            Err(SessionError::Refused { code: "GR0860", hint, .. }) => {
                assert!(!fits && hint.contains("--tls-certificate"), "{address}: {hint}")
            }
            Err(e) => panic!("{address}: {e}"),
        }
    }
    let taken = runtime.block_on(async {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        Listener::bind(first.address().unwrap(), None).await.err()
    });
    assert!(matches!(&taken, Some(SessionError::Refused { code: "GR0860", hint, .. }) if hint.contains("another program")), "{taken:?}");
}
