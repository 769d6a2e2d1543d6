//! Snapshots of what a filter meets and nothing else: its entries, and the packets of their connections.

use std::sync::Arc;

use futures::StreamExt;
use lanternfish_api::{EngineError, PacketScope};
use lanternfish_columns::Builders;
use lanternfish_filter::Filter;
use lanternfish_query::{Order, Query, Window};
use lanternfish_store::{Draft, NewSnapshot, Snapshot, Store};
use tokio::runtime::Handle;

use super::blocking;
use super::locate::Source;
use super::scope::{Wanted, wanted};
use super::snapshots::refused;

/// Makes a snapshot of the entries that a filter meets in the window of `new`.
pub(crate) async fn sift(
    store: &Arc<Store>,
    query: &Query,
    filter: &Filter,
    new: NewSnapshot,
) -> Result<Snapshot, EngineError> {
    check(filter)?;
    let window = Window { from: Some(new.from), to: Some(new.to) };
    let mut meant = match new.has_packets {
        true => {
            let scope = PacketScope::Matching { filter: filter.clone(), window, is_whole_connection: true };
            wanted(query, &scope).await?
        }
        false => Wanted::default(),
    };
    let mut entries = Box::pin(query.stream(filter, window, Order::Oldest, None));
    let (store, handle) = (Arc::clone(store), Handle::current());
    blocking::run(move |waiting| {
        let mut draft = store.snapshots().begin(new).map_err(refused)?;
        let mut builders = Builders::new(Arc::clone(store.tables()));
        while let Some(portion) = handle.block_on(entries.next()) {
            waiting.check()?;
            for entry in portion? {
                builders.push(&entry);
                // Far less than a store takes at once.
                if builders.is_full() {
                    hand_over(&mut builders, &mut draft)?;
                }
            }
            hand_over(&mut builders, &mut draft)?;
        }
        let source = Source::of(&store);
        let located = source.locate(&mut meant, waiting)?;
        let mut packets = source.packets(&located.runs);
        while let Some(packet) = packets.next(waiting)? {
            draft.packet(&packet).map_err(refused)?;
        }
        draft.finish().map_err(refused)
    })
    .await
}

fn hand_over(builders: &mut Builders, draft: &mut Draft<'_>) -> Result<(), EngineError> {
    let batches = builders.finish().map_err(|error| EngineError::Failed(error.to_string()))?;
    draft.entries(batches).map_err(refused)
}

/// Refuses filters that do not choose entries alone.
fn check(filter: &Filter) -> Result<(), EngineError> {
    let invalid = |message: &str| Err(EngineError::Invalid { parameter: "filter".into(), message: message.into() });
    if filter.query().trim().is_empty() {
        return invalid("a snapshot of what a filter meets needs a filter");
    }
    if filter.limit().is_some() || !filter.redactions().is_empty() {
        return invalid("limit() and redact() choose no entries: a snapshot can't be made by them");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lanternfish_model::Timestamp;
    use lanternfish_store::Config;
    use lanternfish_testkit::TcpConversation;

    use super::*;
    use crate::instance::fixture::{Fixture, START, filter, shop};

    fn plan(query: &str) -> NewSnapshot {
        NewSnapshot {
            name: String::new(),
            from: Timestamp::MIN,
            to: START + 3_600_000_000_000,
            filter: query.to_owned(),
            is_filtered: true,
            has_packets: true,
        }
    }

    #[tokio::test]
    async fn a_snapshot_of_a_filter_has_its_entries_and_their_packets() {
        let fixture = Fixture::new(&shop());
        let all = fixture.store.ring().range().unwrap().last;
        let query = "http && path == \"/three\"";
        let made = sift(&fixture.store, fixture.queried.query(), &filter(query), plan(query)).await.unwrap();
        assert_eq!((made.rows, made.is_filtered), (1, true));
        let snapshots = fixture.store.snapshots();
        assert_eq!(snapshots.list().unwrap(), std::slice::from_ref(&made));
        let path = snapshots.path(&made.id).unwrap();
        let frozen = Arc::new(Store::read(&path, Arc::clone(fixture.store.tables())).unwrap());
        assert_eq!((frozen.status().rows, frozen.status().problem.is_some()), (1, true));
        let packets: Vec<_> = frozen.ring().packets(&[], Timestamp::MIN, Timestamp::MAX).map(Result::unwrap).collect();
        let bytes: u64 = packets.iter().map(|packet| packet.bytes.len() as u64).sum();
        assert_eq!((made.packets, made.packet_bytes), (Some(packets.len() as u64), bytes));
        assert!(packets.len() > 3 && (packets.len() as u64) < all, "{} of {all}", packets.len());
        // Numbers and bytes are those of the ring, so that entries still lead to their packets.
        let original: Vec<_> =
            fixture.store.ring().packets(&[], Timestamp::MIN, Timestamp::MAX).map(Result::unwrap).collect();
        for packet in &packets {
            let known = original.iter().find(|known| known.number == packet.number).unwrap();
            assert_eq!((known.time, &known.bytes, &known.interface), (packet.time, &packet.bytes, &packet.interface));
        }
        assert!(made.bytes < 1 << 20, "{} bytes", made.bytes);
    }

    /// More than a store takes at once: bodies of 20 kB are nothing unusual.
    #[tokio::test]
    async fn large_bodies_come_in_parts() {
        const CALLS: usize = 900;
        let body = "x".repeat(20_000);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut conversation = TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80").handshake();
        for number in 0..CALLS {
            let asked = format!("GET /{number} HTTP/1.1\r\nHost: shop\r\n\r\n");
            conversation = conversation.to_server(asked.as_bytes()).to_client(answer.as_bytes());
        }
        let fixture = Fixture::with(&conversation.fin().capture(), Config { ring_bytes: 0, ..Config::default() });
        assert!(fixture.store.seal(Duration::from_secs(20)));
        let mut builders = Builders::new(Arc::clone(fixture.store.tables()));
        for mut entry in fixture.entries("http").await {
            entry.id += 1 << 40;
            builders.push(&entry);
        }
        fixture.store.append(builders.finish().unwrap());
        assert!(fixture.store.flush(Duration::from_secs(20)));
        let new = NewSnapshot { has_packets: false, ..plan("http") };
        let made = sift(&fixture.store, fixture.queried.query(), &filter("http"), new).await.unwrap();
        assert_eq!(made.rows, 2 * CALLS as u64);
    }

    #[tokio::test]
    async fn what_is_no_choice_is_refused_and_leaves_nothing() {
        let fixture = Fixture::new(&shop());
        for query in ["", " ", "http && limit(3)", "redact(\"request.headers\")"] {
            let made = sift(&fixture.store, fixture.queried.query(), &filter(query), plan(query)).await;
            assert!(matches!(made, Err(EngineError::Invalid { .. })), "{query}");
        }
        let none = sift(&fixture.store, fixture.queried.query(), &filter("redis"), plan("redis")).await.unwrap();
        assert_eq!((none.rows, none.packets), (0, Some(0)));
        fixture.store.snapshots().delete(&none.id).unwrap();
        assert_eq!(std::fs::read_dir(fixture.store.path().join("snapshots")).unwrap().count(), 0);
    }
}
