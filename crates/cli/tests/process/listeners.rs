//! Somebody who listens on a free port of this machine: pages, names, bare connections. They end with the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Answers every request with the same page.
pub struct Pages {
    pub at: SocketAddr,
    status: Arc<AtomicU16>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Pages {
    pub fn new(body: &'static str) -> Pages {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (status, asked) = (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let (answers, notes) = (status.clone(), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut first = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let _ = reader.read_line(&mut first);
                // A connection that is only tried asks for nothing.
                if first.is_empty() {
                    continue;
                }
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    line.clear();
                }
                notes.lock().unwrap().push(first.trim().to_owned());
                let status = answers.load(Ordering::SeqCst);
                let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            }
        });
        Pages { at, status, asked }
    }

    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// First lines of what was asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A port on which nobody listens, and nobody else can while the test runs: it is bound.
pub struct Closed {
    pub port: u16,
    _held: tokio::net::TcpSocket,
}

impl Closed {
    pub fn new() -> Closed {
        let held = tokio::net::TcpSocket::new_v4().unwrap();
        held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Closed { port: held.local_addr().unwrap().port(), _held: held }
    }
}

/// A server of names that knows one: `crm.example` is 10.0.0.7.
pub fn names() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0u8; 1500];
        while let Ok((n, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..n]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    at
}

/// RFC 1035, section 4: the header, the question again, and the address if it is asked for.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*query.get(end)?);
        end += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(end..end + length)?).to_lowercase());
        end += length;
    }
    let kind = query.get(end..end + 2)?;
    let known = labels.join(".") == "crm.example";
    let found = known && kind == [0, 1];
    let mut out = query.get(..2)?.to_vec();
    // An answer, recursion available; the name is not known, or it is.
    out.extend([0x85, if known { 0x80 } else { 0x83 }]);
    out.extend([0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    out.extend(query.get(12..end + 4)?);
    if found {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7]);
    }
    Some(out)
}
