//! Work that blocks, on threads of its own; it ends early where nobody waits for it any more.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt, stream};
use lanternfish_api::{ByteStream, EngineError};
use tokio::sync::mpsc;

/// Tells work that blocks whether somebody still waits for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Fails where nobody waits any more.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        if self.0.load(Ordering::Relaxed) { Err(cancelled()) } else { Ok(()) }
    }

    fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ends the waiting when it is dropped.
struct Guard(Waiting);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Runs work that blocks; dropping the future lets it end at its next check.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Waiting) -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let guard = Guard(Waiting::default());
    let waiting = guard.0.clone();
    match tokio::task::spawn_blocking(move || work(&waiting)).await {
        Ok(result) => result,
        Err(error) => Err(EngineError::Failed(format!("a thread of the request ended: {error}"))),
    }
}

/// Runs work that writes a file, and gives what it writes; dropping the stream ends it at its next write or check.
///
/// An error before the first bytes is that of this function; a later one ends the stream.
pub(super) async fn write(
    work: impl FnOnce(&mut Pipe, &Waiting) -> Result<(), EngineError> + Send + 'static,
) -> Result<ByteStream, EngineError> {
    let (sender, mut parts) = mpsc::channel(PARTS_UNDER_WAY);
    let guard = Guard(Waiting::default());
    let waiting = guard.0.clone();
    tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe { buffer: Vec::with_capacity(PART_BYTES), sender };
        let done = work(&mut pipe, &waiting).and_then(|()| pipe.flush().map_err(|error| failed("write", &error)));
        if let Err(error) = done {
            // Nobody may be there to hear it.
            let _ = pipe.sender.blocking_send(Err(error));
        }
    });
    match parts.recv().await {
        None => Ok(Box::pin(stream::empty())),
        Some(Err(error)) => Err(error),
        Some(Ok(first)) => {
            let rest = stream::unfold((parts, guard), |(mut parts, guard)| async move {
                Some((parts.recv().await?, (parts, guard)))
            });
            Ok(Box::pin(stream::once(async move { Ok(first) }).chain(rest)))
        }
    }
}

/// Where work writes to: what is written goes to the reader of the stream in parts.
pub(super) struct Pipe {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Result<Bytes, EngineError>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES));
        self.sender.blocking_send(Ok(part.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The error of work that nobody waits for.
pub(super) fn cancelled() -> EngineError {
    EngineError::Query(lanternfish_query::QueryError::Cancelled)
}

/// The error of something that the operating system refused.
pub(super) fn failed(what: &str, error: &io::Error) -> EngineError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        cancelled()
    } else {
        EngineError::Failed(format!("cannot {what}: {error}"))
    }
}

/// The length of a part of a file on its way.
const PART_BYTES: usize = 64 << 10;
/// The most parts that wait for their reader.
const PARTS_UNDER_WAY: usize = 4;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    async fn is_soon(is_so: impl Fn() -> bool) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_so() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        is_so()
    }

    #[tokio::test]
    async fn a_file_comes_in_parts_and_an_early_error_is_that_of_the_request() {
        let file = write(|pipe, _| pipe.write_all(&vec![7; 1 << 20]).map_err(|error| failed("write", &error))).await;
        let parts: Vec<_> = file.unwrap().collect().await;
        assert_eq!(parts.iter().map(|part| part.as_ref().unwrap().len()).sum::<usize>(), 1 << 20);
        let file = write(|_, _| Err(EngineError::Gone("gone".to_owned()))).await;
        assert!(matches!(file, Err(EngineError::Gone(_))));
        assert_eq!(write(|_, _| Ok(())).await.unwrap().count().await, 0);
        let late = |pipe: &mut Pipe, _: &Waiting| {
            pipe.write_all(&vec![7; PART_BYTES]).map_err(|error| failed("write", &error))?;
            Err(EngineError::Failed("later".to_owned()))
        };
        let parts: Vec<_> = write(late).await.unwrap().collect().await;
        assert!(matches!(parts.as_slice(), [Ok(_), Err(EngineError::Failed(_))]));
    }

    #[tokio::test]
    async fn work_ends_when_nobody_waits_any_more() {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let endless = move |pipe: &mut Pipe, _: &Waiting| {
            let error = loop {
                if let Err(error) = pipe.write_all(&[7; 4096]) {
                    break error;
                }
            };
            told.store(true, Ordering::SeqCst);
            Err(failed("write", &error))
        };
        let mut file = write(endless).await.unwrap();
        assert!(file.next().await.unwrap().is_ok() && !ended.load(Ordering::SeqCst));
        drop(file);
        assert!(is_soon(|| ended.load(Ordering::SeqCst)).await);

        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let silent = run(move |waiting| {
            while waiting.check().is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            told.store(true, Ordering::SeqCst);
            Ok(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), silent).await.is_err());
        assert!(is_soon(|| ended.load(Ordering::SeqCst)).await);
    }
}
