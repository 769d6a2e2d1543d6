//! A snapshot that gets its entries and packets one by one, so that it holds no others.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use lanternfish_model::{Loss, ProtocolIndex};

use crate::ring::{RingPacket, RingWriter};
use crate::snapshot::{Contents, Snapshots};
use crate::{Config, NewSnapshot, Snapshot, Store, StoreError};

/// A snapshot under way; one that is not finished leaves nothing.
#[derive(Debug)]
pub struct Draft<'a> {
    snapshots: Snapshots<'a>,
    new: NewSnapshot,
    id: String,
    path: PathBuf,
    /// The directory that is filled; none once it is full.
    store: Option<Store>,
    ring: Option<RingWriter>,
    /// Names and link types, in the order of their numbers.
    interfaces: Vec<(Arc<str>, u16)>,
    contents: Contents,
    /// Bytes of packets that may not be on the disk yet.
    waiting_bytes: usize,
}

impl<'a> Draft<'a> {
    pub(crate) fn begin(
        snapshots: Snapshots<'a>,
        new: NewSnapshot,
        id: String,
        path: PathBuf,
    ) -> Result<Self, StoreError> {
        let config = Config { ring_bytes: if new.has_packets { u64::MAX } else { 0 }, ..Config::for_good() };
        let store = Store::open(&path, config, Arc::clone(snapshots.store().tables()))?;
        Ok(Draft {
            ring: store.take_ring_writer(),
            store: Some(store),
            snapshots,
            new,
            id,
            path,
            interfaces: Vec::new(),
            contents: Contents::default(),
            waiting_bytes: 0,
        })
    }

    /// Adds entries.
    pub fn entries(&mut self, batches: Vec<(ProtocolIndex, RecordBatch)>) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let rows: u64 = batches.iter().map(|(_, batch)| batch.num_rows() as u64).sum();
        store.append(batches);
        self.contents.rows = self.contents.rows.saturating_add(rows);
        // What comes faster than it is written would be lost.
        let until = Instant::now() + PATIENCE;
        let is_written = store.flush(PATIENCE);
        while store.status().tail_bytes > store.shared().config.tail_bytes / 2 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        if is_written && is_nothing(&store.own_loss()) {
            Ok(())
        } else {
            Err(self.failed("its entries could not be written"))
        }
    }

    /// Adds a packet; the numbers of packets rise.
    pub fn packet(&mut self, packet: &RingPacket) -> Result<(), StoreError> {
        let Some(ring) = &mut self.ring else { return Ok(()) };
        let key = (Arc::clone(&packet.interface), packet.link);
        let number = match self.interfaces.iter().position(|known| *known == key) {
            Some(number) => number as u32,
            None => {
                let number = self.interfaces.len() as u32;
                ring.name_interface(number, packet.link, &packet.interface);
                self.interfaces.push(key);
                number
            }
        };
        ring.push(packet.number, packet.time, number, packet.link, packet.wire_len, &packet.bytes);
        self.contents.packets += 1;
        self.contents.packet_bytes = self.contents.packet_bytes.saturating_add(packet.bytes.len() as u64);
        self.waiting_bytes += packet.bytes.len();
        if self.waiting_bytes < WAIT_AFTER_BYTES {
            return Ok(());
        }
        self.waiting_bytes = 0;
        ring.flush();
        let is_written = self.store.as_ref().is_some_and(|store| store.ring().wait_for(packet.number, PATIENCE));
        if is_written { Ok(()) } else { Err(self.failed("its packets could not be written")) }
    }

    /// Ends it: from now on it is one of the snapshots.
    pub fn finish(mut self) -> Result<Snapshot, StoreError> {
        drop(self.ring.take());
        let Some(store) = self.store.take() else { return Err(self.failed("it is ended")) };
        let is_whole = store.seal(PATIENCE) && is_nothing(&store.own_loss()) && store.ring().lost() == 0;
        drop(store);
        if !is_whole {
            return Err(self.failed("not all of it could be written"));
        }
        self.snapshots.conclude(&self.path, &self.new, &self.id, self.contents)
    }

    fn failed(&self, why: &str) -> StoreError {
        StoreError::Io { what: "make the snapshot", path: self.path.clone(), error: io::Error::other(why.to_owned()) }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        drop(self.ring.take());
        drop(self.store.take());
        // One that was finished is not there any more.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn is_nothing(loss: &Loss) -> bool {
    loss.iter().all(|(_, count)| count == 0)
}

/// How long the disk may take for a part.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so many bytes of packets the disk is waited for: it takes a few blocks at once.
const WAIT_AFTER_BYTES: usize = 1 << 20;
