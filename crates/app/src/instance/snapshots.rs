//! The stores that can be asked: the one that is written, and its snapshots.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use lanternfish_api::dto::{Snapshot, SnapshotState};
use lanternfish_api::{ByteStream, EngineError, Queried, SnapshotPlan, time};
use lanternfish_model::Timestamp;
use lanternfish_query::Query;
use lanternfish_store::{NewSnapshot, Store, StoreError};

use super::sift::sift;
use super::{blocking, queried};
use crate::verbs::capture::now;

/// A store and the queries over it.
pub(crate) type Opened = (Arc<Store>, Arc<Queried>);

/// The stores that can be asked.
pub(crate) struct OpenStores {
    main: Opened,
    /// Snapshots that were asked for last, the newest first.
    snapshots: Mutex<VecDeque<(String, Opened)>>,
}

impl OpenStores {
    /// Those of a store that is written.
    pub(crate) fn new(store: Arc<Store>) -> Result<OpenStores, EngineError> {
        let asked = Arc::new(queried(&store)?);
        Ok(OpenStores { main: (store, asked), snapshots: Mutex::default() })
    }

    /// The store that is written.
    pub(crate) fn main(&self) -> &Arc<Store> {
        &self.main.0
    }

    /// The main store, or a snapshot by its id.
    pub(crate) fn get(&self, snapshot: Option<&str>) -> Result<Opened, EngineError> {
        let Some(id) = snapshot else { return Ok(self.main.clone()) };
        let path = self.main().snapshots().path(id).map_err(refused)?;
        let mut open = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = open.iter().position(|(known, _)| known == id)
            && let Some(found) = open.remove(position)
        {
            let opened = found.1.clone();
            open.push_front(found);
            return Ok(opened);
        }
        let store = Arc::new(Store::read(&path, Arc::clone(self.main().tables())).map_err(refused)?);
        let opened = (Arc::clone(&store), Arc::new(queried(&store)?));
        open.push_front((id.to_owned(), opened.clone()));
        open.truncate(MAX_OPEN);
        Ok(opened)
    }

    /// All snapshots, the newest first.
    pub(crate) fn list(&self) -> Result<Vec<Snapshot>, EngineError> {
        let mut list: Vec<Snapshot> = self.main().snapshots().list().map_err(refused)?.iter().map(shown).collect();
        list.reverse();
        Ok(list)
    }

    /// Freezes a window, or what a filter meets in it.
    pub(crate) async fn create(&self, plan: SnapshotPlan) -> Result<Snapshot, EngineError> {
        Ok(shown(&create(self.main(), self.main.1.query(), plan).await?))
    }

    /// Deletes a snapshot.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), EngineError> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != id);
        let (store, id) = (Arc::clone(self.main()), id.to_owned());
        blocking::run(move |_| store.snapshots().delete(&id).map_err(refused)).await
    }

    /// A snapshot as a tar file that is made while it is sent.
    pub(crate) async fn archive(&self, id: &str) -> Result<ByteStream, EngineError> {
        self.main().snapshots().find(id).map_err(refused)?;
        let (store, id) = (Arc::clone(self.main()), id.to_owned());
        blocking::write(move |output, _| store.snapshots().export(&id, output).map_err(refused)).await
    }
}

/// Freezes a window of a store, or what a filter meets in it.
pub(crate) async fn create(
    store: &Arc<Store>,
    query: &Query,
    plan: SnapshotPlan,
) -> Result<lanternfish_store::Snapshot, EngineError> {
    let SnapshotPlan { name, filter, is_filtered, window, has_packets } = plan;
    let filter_text = filter.query().to_owned();
    let written = Arc::clone(store);
    let ready = blocking::run(move |_| {
        // What came until now shall be in it.
        written.flush(std::time::Duration::from_secs(2));
        Ok(written.status().from)
    });
    let from = window.from.or(ready.await?).unwrap_or(Timestamp::MIN);
    let to = window.to.unwrap_or_else(now);
    let new = NewSnapshot { name, from, to, filter: filter_text, is_filtered, has_packets };
    if is_filtered {
        return sift(store, query, &filter, new).await;
    }
    let store = Arc::clone(store);
    blocking::run(move |_| store.snapshots().create(&new).map_err(refused)).await
}

/// What the machine interface says of a snapshot.
pub(crate) fn shown(snapshot: &lanternfish_store::Snapshot) -> Snapshot {
    Snapshot {
        id: snapshot.id.clone(),
        name: snapshot.name.clone(),
        created: time::text(snapshot.created),
        from: Some(time::text(snapshot.from)),
        to: Some(time::text(snapshot.to)),
        filter: snapshot.filter.clone(),
        entries: snapshot.rows,
        is_filtered: snapshot.is_filtered,
        // One of an earlier version did not count them, and one whose window had none has none.
        has_packets: snapshot.has_packets && snapshot.packets != Some(0),
        packets: snapshot.packets.unwrap_or(0),
        packet_bytes: snapshot.packet_bytes,
        bytes: snapshot.bytes,
        state: SnapshotState::Ready,
        note: String::new(),
    }
}

/// What the machine interface says of an error of the store.
pub(crate) fn refused(error: StoreError) -> EngineError {
    match error {
        StoreError::NoSnapshot(_) => EngineError::NotFound(error.to_string()),
        StoreError::ReadOnly(_) => EngineError::Unavailable(error.to_string()),
        _ => EngineError::Failed(error.to_string()),
    }
}

/// The most snapshots that stay open.
const MAX_OPEN: usize = 4;
