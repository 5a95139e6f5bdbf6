//! The listener: where it may be bound, how many connections it has at a time, how long each may take to say something, and its end. One request a connection, so that nothing is left open.

use crate::linger::Lingering;
use crate::tls::Certified;
use crate::uploads::Uploads;
use axum::Router;
use greenroom_runner::session::SessionError;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Bytes of a request's head, and of what is read at a time.
const BUFFER: usize = 64 << 10;
/// Pause after a connection could not be taken: the process has no more files to open, mostly.
const PAUSE: Duration = Duration::from_millis(200);

/// What one client can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; others wait in line.
    pub connections: usize,
    /// How long greeting (TLS) and head of a request may take, each.
    pub greeting: Duration,
    /// How long nothing may come of a file.
    pub silence: Duration,
    /// How long the end of a connection may take.
    pub parting: Duration,
    /// Bytes of a file.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 64,
            greeting: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            parting: Duration::from_secs(5),
            bytes: 64 << 30,
        }
    }
}

/// A bound listener.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds an address: any with a certificate, one of this machine itself without.
    ///
    /// # Errors
    /// GR0860 when it may not, or cannot.
    pub async fn bind(address: SocketAddr, certified: Option<Certified>) -> Result<Listener, SessionError> {
        let unfit = |message: String, hint: String| SessionError::Refused { code: "GR0860", message, hint };
        if certified.is_none() && !address.ip().is_loopback() {
            return Err(unfit(
                format!("{address} would be listened on without a certificate: link and file could be read along the way"),
                format!(
                    "`--tls-certificate FILE --tls-key FILE`; or `--address 127.0.0.1:{}` behind a web server of this machine, whose address is `--url https://…`",
                    address.port()
                ),
            ));
        }
        let tcp = TcpListener::bind(address).await.map_err(|e| {
            let hint = match e.kind() {
                io::ErrorKind::AddrInUse => "another program listens there, perhaps this command: `--address` takes another port",
                io::ErrorKind::PermissionDenied => "ports below 1024 are for administrators: `--address` takes another port",
                _ => "`--address` takes an address of this machine and a port",
            };
            unfit(format!("{address} cannot be listened on: {}", e.kind()), hint.to_owned())
        })?;
        Ok(Listener { tcp, tls: certified.map(|c| TlsAcceptor::from(c.0)) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// With a certificate.
    pub fn is_private(&self) -> bool {
        self.tls.is_some()
    }

    /// Answers until it is told to stop; files that are on their way then are given up, and everything of them is gone when this ends.
    pub async fn serve(self, uploads: Uploads, stop: CancellationToken) {
        let limits = uploads.limits();
        let (tasks, rooms) = (uploads.tasks(), Arc::new(Semaphore::new(limits.connections)));
        let router = uploads.router();
        loop {
            let taken = async {
                // One who waits for a place waits in the operating system's line.
                let place = rooms.clone().acquire_owned().await;
                (place, self.tcp.accept().await)
            };
            let (place, taken) = tokio::select! {
                () = stop.cancelled() => break,
                taken = taken => taken,
            };
            let Ok((tcp, _)) = taken else {
                sleep(PAUSE).await;
                continue;
            };
            let (tls, router, stop) = (self.tls.clone(), router.clone(), stop.clone());
            tasks.spawn(async move {
                greeted(tcp, tls, router, limits, stop).await;
                drop(place);
            });
        }
        drop((self.tcp, router));
        tasks.close();
        tasks.wait().await;
    }
}

async fn greeted(tcp: TcpStream, tls: Option<TlsAcceptor>, router: Router, limits: Limits, stop: CancellationToken) {
    // Answers are small, and sent whole.
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else { return answered(tcp, router, limits, stop).await };
    let greeting = tokio::select! {
        () = stop.cancelled() => return,
        greeting = timeout(limits.greeting, tls.accept(tcp)) => greeting,
    };
    if let Ok(Ok(stream)) = greeting {
        answered(stream, router, limits, stop).await;
    }
}

async fn answered<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(io: T, router: Router, limits: Limits, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.greeting).keep_alive(false).max_buf_size(BUFFER);
    let io = TokioIo::new(Lingering::new(io, limits.parting));
    let connection = http.serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(connection);
    // A client that goes away is no error of ours.
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => {}
    }
    // What is on its way is answered still: that it was given up, or that it was just received.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.parting, connection).await;
}
