//! Capture files that are shown: read one after the other, browsable while they are read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use futures::StreamExt;
use lanternfish_api::dto::{FileInfo, FileState, FilesAnswer};
use lanternfish_api::{ByteStream, EngineError, LiveEntries};
use lanternfish_capture::privileges::Standing;
use lanternfish_pipeline::files::{PacketFilter, Start};
use lanternfish_pipeline::{EntrySink, RawPacket, Settings, files};
use lanternfish_store::{RingWriter, Store};
use lanternfish_telemetry::Ledger;

use super::books::Books;
use super::known_files::{Contents, Known, KnownFiles};
use super::observer::LossSince;
use super::recorder::Recorder;
use crate::input::Input;
use crate::terminal::tell;
use crate::verbs::capture::now;

/// The files that are shown.
pub(crate) struct Shelf {
    files: Mutex<Vec<FileInfo>>,
    to_read: Mutex<Option<Sender<(usize, PathBuf)>>>,
    read_bytes: Mutex<Option<(usize, Arc<AtomicU64>)>>,
    uploads: PathBuf,
}

/// Reads files on a thread of its own; it ends when it is dropped.
pub(crate) struct Reading {
    shelf: Arc<Shelf>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread that reads needs.
pub(crate) struct Desk {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Arc<Store>,
    pub(crate) live: LiveEntries,
    pub(crate) books: Arc<Books>,
    pub(crate) standing: Standing,
}

impl Shelf {
    /// An empty shelf; files that are sent go to a directory.
    pub(crate) fn new(uploads: PathBuf) -> Shelf {
        Shelf { files: Mutex::default(), to_read: Mutex::default(), read_bytes: Mutex::default(), uploads }
    }

    fn files(&self) -> MutexGuard<'_, Vec<FileInfo>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file on the shelf, to be read behind the others.
    pub(crate) fn add(&self, path: &Path, name: String) -> FileInfo {
        let bytes = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
        let info = FileInfo {
            name,
            state: FileState::Waiting,
            bytes,
            read_bytes: 0,
            packets: 0,
            entries: 0,
            note: String::new(),
        };
        let position = {
            let mut files = self.files();
            files.push(info.clone());
            files.len() - 1
        };
        if let Some(to_read) = self.to_read.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let _ = to_read.send((position, path.to_owned()));
        }
        info
    }

    /// Whether a file waits or is read.
    pub(crate) fn is_reading(&self) -> bool {
        self.files().iter().any(|file| matches!(file.state, FileState::Waiting | FileState::Reading))
    }

    /// The files as they stand.
    pub(crate) fn answer(&self) -> FilesAnswer {
        let mut files = self.files().clone();
        if let Some((position, bytes)) = self.read_bytes.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && let Some(file) = files.get_mut(*position)
        {
            file.read_bytes = bytes.load(Ordering::Relaxed);
        }
        FilesAnswer { files, is_upload_possible: true, upload_limit_bytes: lanternfish_api::limits::UPLOAD_BYTES }
    }

    /// Keeps a file that is sent, and reads it.
    pub(crate) async fn upload(&self, name: &str, mut bytes: ByteStream) -> Result<FileInfo, EngineError> {
        let failed = |error: std::io::Error| EngineError::Failed(format!("cannot keep the file: {error}"));
        let is_full = self.files().len() >= MAX_FILES;
        if is_full {
            return Err(EngineError::Unavailable(format!("there are {MAX_FILES} files already")));
        }
        let mut file = tempfile::Builder::new().suffix(".capture").tempfile_in(&self.uploads).map_err(failed)?;
        let mut sum = 0u64;
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            sum = sum.saturating_add(piece.len() as u64);
            // The pieces are small, and a file in memory or on the disk takes them at once.
            std::io::Write::write_all(&mut file, &piece).map_err(failed)?;
        }
        if sum == 0 {
            return Err(EngineError::Invalid { parameter: "body".to_owned(), message: "the file is empty".to_owned() });
        }
        let (_, path) = file.keep().map_err(|error| failed(error.error))?;
        Ok(self.add(&path, name.to_owned()))
    }

    fn change(&self, position: usize, change: impl FnOnce(&mut FileInfo)) {
        if let Some(file) = self.files().get_mut(position) {
            change(file);
        }
    }
}

impl Reading {
    /// Begins to read what is put on a shelf.
    pub(crate) fn start(shelf: Arc<Shelf>, desk: Desk) -> std::io::Result<Reading> {
        let (to_read, files) = channel();
        *shelf.to_read.lock().unwrap_or_else(PoisonError::into_inner) = Some(to_read);
        let shared = Arc::clone(&shelf);
        let thread = std::thread::Builder::new().name("read".to_owned()).spawn(move || run(&shared, desk, &files))?;
        Ok(Reading { shelf, thread: Some(thread) })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *self.shelf.to_read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // A thread that is in the middle of a long file is not waited for.
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn run(shelf: &Shelf, desk: Desk, files: &Receiver<(usize, PathBuf)>) {
    let ring = Rc::new(RefCell::new(desk.store.take_ring_writer()));
    let mut number = desk.store.next_packet_number().saturating_sub(1);
    let mut ledger = Ledger::default();
    let mut losses = LossSince::default();
    let mut known_files = KnownFiles::open(desk.store.path());
    while let Ok((position, path)) = files.recv() {
        let contents = Contents::of(&path);
        let known = contents.as_ref().and_then(|contents| known_files.find(contents));
        if let Some(known) = known.filter(|known| known.is_whole) {
            shelf.change(position, |file| {
                file.state = FileState::Done;
                (file.packets, file.entries) = (known.packets, known.entries);
                file.note = READ_BEFORE.to_owned();
                tell(&format!("lanternfish: {}: {READ_BEFORE}", file.name.escape_debug()));
            });
            continue;
        }
        let mut note = |known: Known| {
            if let Some(contents) = &contents
                && let Err(error) = known_files.note(contents.clone(), known)
            {
                tell(&format!("lanternfish: the list of files that were read can't be written: {error}"));
            }
        };
        note(Known::default());
        let read_bytes = Arc::new(AtomicU64::new(0));
        *shelf.read_bytes.lock().unwrap_or_else(PoisonError::into_inner) = Some((position, Arc::clone(&read_bytes)));
        shelf.change(position, |file| file.state = FileState::Reading);
        let before = desk.books.recorded.load(Ordering::Relaxed);
        let outcome = read(shelf, position, &desk, &ring, number, &path, &read_bytes);
        let entries = desk.books.recorded.load(Ordering::Relaxed).saturating_sub(before);
        match outcome {
            Ok(report) => {
                ledger.merge(&report.ledger);
                let packets = report.packets.saturating_sub(number);
                number = report.packets;
                note(Known { is_whole: true, packets, entries });
                let in_part = known.map(|_| READ_IN_PART.to_owned());
                let notes: Vec<String> = in_part.into_iter().chain(report.notes).collect();
                shelf.change(position, |file| {
                    file.state = FileState::Done;
                    (file.packets, file.entries) = (packets, entries);
                    file.note = notes.join("; ");
                });
            }
            Err(error) => shelf.change(position, |file| {
                (file.state, file.entries) = (FileState::Failed, entries);
                file.note = format!("{error:#}");
                // The name may come from the page, and the terminal is somebody's.
                tell(&format!("lanternfish: {} can't be shown: {}", file.name.escape_debug(), file.note));
            }),
        }
        shelf.change(position, |file| file.read_bytes = read_bytes.load(Ordering::Relaxed));
        desk.store.note_packet_number(number);
        desk.store.append_loss(ledger.window().map_or_else(now, |(_, to)| to), &losses.more(ledger.loss()));
        desk.books.tell(ledger.clone());
    }
}

/// Reads one file, and keeps its packets in the ring.
fn read(
    shelf: &Shelf,
    position: usize,
    desk: &Desk,
    ring: &Rc<RefCell<Option<RingWriter>>>,
    number: u64,
    path: &Path,
    read_bytes: &Arc<AtomicU64>,
) -> anyhow::Result<files::Report> {
    let input = Input::new(path, false)?.open(&desk.standing, read_bytes)?;
    let kept = Rc::clone(ring);
    let mut keep: PacketFilter = Box::new(move |raw: &RawPacket<'_>| {
        if let Some(ring) = kept.borrow_mut().as_mut() {
            let packet = raw.packet;
            ring.push(packet.number, packet.time, raw.interface, raw.link.0, raw.wire_bytes, raw.bytes);
            if packet.number.is_multiple_of(TICK_PACKETS) {
                ring.tick(Instant::now());
            }
        }
        true
    });
    let mut sink = || -> Box<dyn EntrySink> {
        Box::new(Recorder::new(Arc::clone(&desk.store), &desk.live, Arc::clone(&desk.books.recorded), None))
    };
    let begun = desk.books.recorded.load(Ordering::Relaxed);
    let mut progress = |packets: u64| {
        let entries = desk.books.recorded.load(Ordering::Relaxed).saturating_sub(begun);
        shelf.change(position, |file| {
            (file.packets, file.entries) = (packets.saturating_sub(number), entries);
        });
    };
    let start = Start {
        threads: 1,
        sink: &mut sink,
        first_packet: number,
        packet_filter: Some(&mut keep),
        output: &mut |_| true,
        progress: &mut progress,
    };
    let report = files::run(Arc::clone(&desk.settings), input, start)?;
    if let Some(ring) = ring.borrow_mut().as_mut() {
        ring.flush();
    }
    Ok(report)
}

const READ_BEFORE: &str = "read before: its entries are in this data directory and are not read again";
const READ_IN_PART: &str = "read before, but not to its end: entries of then are there twice";
/// The most files on a shelf.
const MAX_FILES: usize = 1000;
/// Packets between two looks at the clock.
const TICK_PACKETS: u64 = 256;
