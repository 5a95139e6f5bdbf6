//! A connection that is closed in peace: what was answered before everything was read reaches who still sends. A socket that is closed with something unread in it is reset, and takes the
//! answer with it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes that are read to be forgotten at a time.
const SCRATCH: usize = 16 << 10;

/// See the module.
pub(crate) struct Lingering<T> {
    inner: T,
    /// How long is waited for the other side's end.
    parting: Duration,
    closing: Option<Pin<Box<Sleep>>>,
    /// Our end is said.
    said: bool,
}

impl<T> Lingering<T> {
    pub(crate) fn new(inner: T, parting: Duration) -> Lingering<T> {
        Lingering { inner, parting, closing: None, said: false }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lingering<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let parting = this.parting;
        let over = this.closing.get_or_insert_with(|| Box::pin(sleep(parting)));
        if over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !this.said {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.said = true;
        }
        let mut scratch = [0u8; SCRATCH];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                // The other side has ended, too, in whatever way.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}
