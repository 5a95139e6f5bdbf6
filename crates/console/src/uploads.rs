//! Requests by links: the page with the form, a file as a form sends it, a file as `curl -T` sends it. A file goes in pieces to a thread that encrypts and stores it; it counts once its end
//! was seen, and what breaks off leaves nothing. Everything that cannot be used is answered alike.

use crate::desk::{Desk, Offer, Receipt};
use crate::listen::Limits;
use crate::page::Pages;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::response::Response;
use bytes::Bytes;
use greenroom_runner::session::{SessionError, Unreceived};
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE};
use hyper::{Method, StatusCode};
use std::fmt::Display;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pieces of a file that wait to be stored.
const WAITING: usize = 4;
/// What a form has around its file, at most: its head is sent by browsers, its end too.
const AROUND: u64 = 16 << 10;

/// So many bytes come before it is asked again whether there is room.
const ASK_AGAIN: u64 = 64 << 20;
/// So much of a form may wait in memory: one that never comes to its file would fill it.
const AHEAD: u64 = 64 << 20;

/// What is told of the links to whoever listens. Never a token, and nothing of who sends.
#[derive(Debug)]
pub enum Heard {
    /// A file came.
    Received(Box<Receipt>),
    /// One did not.
    Broken {
        /// The link's id.
        link: u64,
        /// The artefact.
        artefact: String,
        /// Why, in a few words.
        why: String,
    },
    /// It cannot be found out which links there are.
    Failed(SessionError),
}

/// What is needed to answer.
#[derive(Clone)]
pub struct Uploads(Arc<Room>);

struct Room {
    desk: Arc<dyn Desk>,
    limits: Limits,
    /// Path under which a web server passes requests on; empty without.
    base: String,
    pages: Pages,
    heard: UnboundedSender<Heard>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A piece of a file, or its end.
enum Piece {
    Bytes(Bytes),
    End(Came),
}

/// A file that comes.
enum Source {
    /// As it is.
    Raw(Body),
    /// In a form.
    Form(Multipart, Arc<AtomicU64>),
}

/// How a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// Whole.
    Whole,
    /// It broke off, or is no form.
    Torn,
    /// It has more bytes than are taken.
    TooBig,
    /// There is no room for more of it.
    NoRoom,
    /// For too long nothing came.
    Silent,
    /// The listener ends.
    Stopped,
    /// The form has more than a file.
    Several,
    /// Who stores it wants no more, and says why.
    Unwanted,
}

/// What is answered, for people and for programs.
pub(crate) enum Answer {
    /// The page with the form.
    Form(Offer),
    /// A file was received.
    Received(Receipt),
    /// Nothing was; the link can be tried again.
    Not(StatusCode, String),
    /// The link cannot be used, if it is one.
    Gone,
    /// Whether it can cannot be told now.
    Later,
}

impl Uploads {
    /// Requests to this desk. `url`: what links begin with, whose path counts; `heard` is told what comes; once `stop` is set nothing more is taken.
    pub fn new(desk: Arc<dyn Desk>, limits: Limits, url: Option<&str>, heard: UnboundedSender<Heard>, stop: CancellationToken) -> Uploads {
        let path = url.and_then(|u| u.split_once("://")).and_then(|(_, rest)| rest.split_once('/'));
        let path = path.map(|(_, path)| path.trim_matches('/')).filter(|path| !path.is_empty());
        let base = path.map_or_else(String::new, |path| format!("/{path}"));
        Uploads(Arc::new(Room { desk, limits, base, pages: Pages::new(limits.bytes), heard, stop, tasks: TaskTracker::new() }))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    pub(crate) fn tasks(&self) -> TaskTracker {
        self.0.tasks.clone()
    }

    pub(crate) fn router(self) -> Router {
        // A file's size is counted where its bytes are.
        Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(self.0)
    }
}

async fn answer(State(room): State<Arc<Room>>, request: Request) -> Response {
    let plain = *request.method() == Method::PUT;
    let answer = room.answer(request).await;
    room.pages.response(answer, plain)
}

fn refuse(status: StatusCode, said: impl Into<String>) -> Answer {
    Answer::Not(status, said.into())
}

impl Room {
    fn token<'r>(&self, path: &'r str) -> Option<&'r str> {
        let path = path.strip_prefix(self.base.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        path.strip_prefix('/').filter(|token| !token.is_empty() && !token.contains('/'))
    }

    async fn answer(self: &Arc<Room>, request: Request) -> Answer {
        let method = request.method().clone();
        let known = matches!(method, Method::GET | Method::HEAD | Method::PUT | Method::POST);
        let Some(token) = self.token(request.uri().path()).filter(|_| known).map(str::to_owned) else { return Answer::Gone };
        let (desk, asked) = (self.desk.clone(), token.clone());
        let offer = match self.tasks.spawn_blocking(move || desk.offer(&asked)).await {
            Ok(Ok(Some(offer))) => offer,
            Ok(Ok(None)) => return Answer::Gone,
            Ok(Err(e)) => {
                let _ = self.heard.send(Heard::Failed(e));
                return Answer::Later;
            }
            Err(_) => return Answer::Later,
        };
        if !matches!(method, Method::PUT | Method::POST) {
            return Answer::Form(offer);
        }
        // Going on where an earlier one broke off would store the end as the whole (RFC 9110, section 14.5).
        if request.headers().contains_key(CONTENT_RANGE) {
            return refuse(
                StatusCode::BAD_REQUEST,
                "Part of a file is not taken: send all of it again, without going on where it broke off.",
            );
        }
        let around = if method == Method::POST { AROUND } else { 0 };
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|n| n > self.limits.bytes.saturating_add(around)) {
            return self.too_big();
        }
        let desk = self.desk.clone();
        // Said before hours go into sending it.
        if let Ok(Some(short)) = self.tasks.spawn_blocking(move || desk.no_room_for(announced.unwrap_or_default())).await {
            let why = format!("there is no room for it: {short}");
            let _ = self.heard.send(Heard::Broken { link: offer.link, artefact: offer.artefact, why });
            return refuse(StatusCode::INSUFFICIENT_STORAGE, NO_ROOM);
        }
        if method == Method::PUT {
            return self.take(token, offer, Source::Raw(request.into_body())).await;
        }
        let taken = Arc::new(AtomicU64::new(0));
        let request = request.map(|body| Body::new(Ahead { body, came: 0, taken: taken.clone() }));
        match Multipart::from_request(request, &()).await {
            Ok(form) => self.take(token, offer, Source::Form(form, taken)).await,
            Err(_) => refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "That is no form with a file. Programs send the file itself, by PUT."),
        }
    }

    fn too_big(&self) -> Answer {
        refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("The file is larger than what is taken here: {}.", self.pages.most()))
    }

    /// Lets a file come, and stores it.
    async fn take(self: &Arc<Room>, token: String, offer: Offer, source: Source) -> Answer {
        let (send, pieces) = channel(WAITING);
        let room = self.clone();
        // What became of it is told by the thread: who sends may be gone before it is known.
        let storing = self.tasks.spawn_blocking(move || {
            let mut pieces = Pieces { pieces, now: Bytes::new(), ended: None };
            let (heard, answer) = match room.desk.receive(&token, &mut pieces) {
                Ok(receipt) => (Heard::Received(Box::new(receipt.clone())), Answer::Received(receipt)),
                Err(why) => {
                    let (answer, why) = room.unreceived(&why, pieces.ended.unwrap_or(Came::Torn));
                    (Heard::Broken { link: offer.link, artefact: offer.artefact, why }, answer)
                }
            };
            let _ = room.heard.send(heard);
            answer
        });
        let mut sink = Sink { send: &send, room: self, bytes: 0, asked: 0, taken: None };
        let came = match source {
            Source::Raw(mut body) => sink.raw(&mut body).await,
            Source::Form(mut form, taken) => {
                sink.taken = Some(taken);
                sink.form(&mut form).await
            }
        };
        // Nobody may take it any more: then it is known why.
        let _ = send.send(Piece::End(came)).await;
        storing.await.unwrap_or(Answer::Later)
    }

    /// What is answered to who sends, and what is told here.
    fn unreceived(&self, why: &Unreceived, came: Came) -> (Answer, String) {
        let here = |words: &str| words.to_owned();
        match (why, came) {
            (Unreceived::Gone, _) => (Answer::Gone, here("the link cannot be used any more")),
            (Unreceived::Busy, _) => {
                let said = "A file for this is coming already. Wait for it; if it breaks off, send yours again in a minute.";
                (refuse(StatusCode::CONFLICT, said), here("another file for it is coming this moment"))
            }
            (Unreceived::Empty, _) => (refuse(StatusCode::BAD_REQUEST, "The file is empty, or none was chosen."), here("it was empty")),
            (Unreceived::Full(e), _) => (refuse(StatusCode::INSUFFICIENT_STORAGE, NO_ROOM), failed(e)),
            (Unreceived::Failed(e), _) => (refuse(StatusCode::INTERNAL_SERVER_ERROR, FAILED), failed(e)),
            (Unreceived::Torn, Came::TooBig) => (self.too_big(), here("it is larger than what is taken (`--max-size`)")),
            (Unreceived::Torn, Came::NoRoom) => {
                (refuse(StatusCode::INSUFFICIENT_STORAGE, NO_ROOM), here("there is no room for more of it"))
            }
            (Unreceived::Torn, Came::Silent) => {
                (refuse(StatusCode::REQUEST_TIMEOUT, "For too long nothing came."), here("for too long nothing came"))
            }
            (Unreceived::Torn, Came::Stopped) => {
                (refuse(StatusCode::SERVICE_UNAVAILABLE, "This place was closed while the file came."), here("this command ended"))
            }
            (Unreceived::Torn, Came::Several) => {
                (refuse(StatusCode::BAD_REQUEST, "One file is taken, and nothing beside it."), here("the form held more than one file"))
            }
            (Unreceived::Torn, _) => (refuse(StatusCode::BAD_REQUEST, "The file did not come whole."), here("it broke off")),
        }
    }
}

const NO_ROOM: &str = "There is no room for it here. Tell who gave you the link.";
const FAILED: &str = "It could not be stored here. Tell who gave you the link.";

fn failed(e: &dyn Display) -> String {
    format!("it could not be stored: {e}")
}

/// Where a file goes while it comes.
struct Sink<'r> {
    send: &'r Sender<Piece>,
    room: &'r Room,
    bytes: u64,
    /// Its bytes when it was last asked whether there is room.
    asked: u64,
    /// The same for whoever reads the form.
    taken: Option<Arc<AtomicU64>>,
}

impl Sink<'_> {
    /// Waits for what comes next, as long as may be.
    async fn next<T>(&self, coming: impl Future<Output = T>) -> Result<T, Came> {
        tokio::select! {
            () = self.room.stop.cancelled() => Err(Came::Stopped),
            came = timeout(self.room.limits.silence, coming) => came.map_err(|_| Came::Silent),
        }
    }

    async fn put(&mut self, bytes: Bytes) -> Result<(), Came> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.room.limits.bytes {
            return Err(Came::TooBig);
        }
        if let Some(taken) = &self.taken {
            taken.store(self.bytes, Ordering::Relaxed);
        }
        // Others fill the disk, too, and not every file's size is known beforehand.
        if self.bytes - self.asked >= ASK_AGAIN {
            self.asked = self.bytes;
            let desk = self.room.desk.clone();
            if let Ok(Some(_)) = self.room.tasks.spawn_blocking(move || desk.no_room_for(0)).await {
                return Err(Came::NoRoom);
            }
        }
        self.send.send(Piece::Bytes(bytes)).await.map_err(|_| Came::Unwanted)
    }

    async fn raw(&mut self, body: &mut Body) -> Came {
        loop {
            let frame = match self.next(body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Came::Whole,
                Ok(Some(Err(_))) => return Came::Torn,
                Err(came) => return came,
            };
            // Trailers are nothing of the file.
            let Ok(bytes) = frame.into_data() else { continue };
            if let Err(came) = self.put(bytes).await {
                return came;
            }
        }
    }

    /// The first field's content, whatever it is called: the file's own name is nobody's business here. What comes after it has to be the form's end.
    async fn form(&mut self, form: &mut Multipart) -> Came {
        match self.next(form.next_field()).await {
            Ok(Ok(Some(field))) => {
                let came = self.field(field).await;
                if came != Came::Whole {
                    return came;
                }
            }
            Ok(Ok(None)) => return Came::Whole,
            Ok(Err(_)) => return Came::Torn,
            Err(came) => return came,
        }
        match self.next(form.next_field()).await {
            Ok(Ok(None)) => Came::Whole,
            Ok(Ok(Some(_))) => Came::Several,
            Ok(Err(_)) => Came::Torn,
            Err(came) => came,
        }
    }

    async fn field(&mut self, mut field: Field<'_>) -> Came {
        loop {
            match self.next(field.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    if let Err(came) = self.put(bytes).await {
                        return came;
                    }
                }
                Ok(Ok(None)) => return Came::Whole,
                Ok(Err(_)) => return Came::Torn,
                Err(came) => return came,
            }
        }
    }
}

/// A form's body, which ends when more of it waits in memory than may.
struct Ahead {
    body: Body,
    came: u64,
    /// Bytes of the file that were passed on.
    taken: Arc<AtomicU64>,
}

impl HttpBody for Ahead {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.came += frame.data_ref().map_or(0, |data| data.len() as u64);
            if self.came.saturating_sub(self.taken.load(Ordering::Relaxed)) > AHEAD + AROUND {
                return Poll::Ready(Some(Err(axum::Error::new(io::Error::from(io::ErrorKind::InvalidData)))));
            }
        }
        polled
    }
}

/// The pieces of a file, read by the thread that stores it.
struct Pieces {
    pieces: Receiver<Piece>,
    now: Bytes,
    ended: Option<Came>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() && self.ended.is_none() {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.now = bytes,
                Some(Piece::End(came)) => self.ended = Some(came),
                // Whoever sent is gone.
                None => self.ended = Some(Came::Torn),
            }
        }
        if self.now.is_empty() && self.ended != Some(Came::Whole) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let n = self.now.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.now.split_to(n));
        Ok(n)
    }
}
