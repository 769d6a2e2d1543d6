//! The WebSocket of one live client: what it says changes the subscription, what it hears is sent as fast as it reads.
//!
//! While the client reads slowly nothing is taken from its queue, which counts what no longer fits; a client that reads
//! nothing at all is cut off by the connection's own limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::FutureExt;
use futures::future::BoxFuture;
use lanternfish_filter::Filter;
use lanternfish_model::Loss;
use lanternfish_query::GroupBy;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::publish::Subscription;
use crate::asked::object;
use crate::dto::{LiveChange, LiveLossMessage, LiveMapMessage, LiveStatsMessage, LiveTopic, LossAnswer};
use crate::error::ApiError;
use crate::limits::{LIVE_GATHER, LIVE_LAST_NS, LIVE_PING, LIVE_SHARE, LIVE_TICK, MAX_LIVE_CHANGES, MAX_SUBSCRIBERS};
use crate::params::LiveParams;
use crate::routes::{group, live_map, live_stats};
use crate::state::{App, duration, stopped};
use crate::writers::Projection;

/// What a client asked for when it connected.
#[derive(Debug)]
pub(crate) struct Start {
    filter: Result<Filter, ApiError>,
    projection: Projection,
    wants: Wants,
}

/// What is sent.
#[derive(Clone, Debug)]
struct Wants {
    has_entries: bool,
    has_map: bool,
    has_stats: bool,
    is_paused: bool,
    group: GroupBy,
    last_ns: i64,
    max_rate: Option<u32>,
}

impl Start {
    /// Checks the parameters; a filter that can't be used is told over the socket, where pages can read it.
    pub(crate) fn new(app: &App, params: &LiveParams) -> Result<Start, ApiError> {
        let everything = app.filter(None)?;
        let filter = app.filter(params.filter.as_deref());
        let of = filter.as_ref().unwrap_or(&everything);
        let projection = Projection::of(app.table, params.fields.as_deref(), params.bodies, of)?;
        let mut wants = Wants {
            has_entries: true,
            has_map: false,
            has_stats: false,
            is_paused: false,
            group: group(params.group.as_deref())?,
            last_ns: duration("last", params.last.as_deref())?.unwrap_or(LIVE_LAST_NS),
            max_rate: rate(params.max_rate)?,
        };
        if let Some(topics) = &params.subscribe {
            let topics = topics.split(',').map(str::trim).filter(|topic| !topic.is_empty());
            let of = |name: &str| match name {
                "entries" => Ok(LiveTopic::Entries),
                "map" => Ok(LiveTopic::Map),
                "stats" => Ok(LiveTopic::Stats),
                _ => Err(ApiError::parameter("subscribe", "there is no such topic").expected("entries, map, stats")),
            };
            wants.choose(&topics.map(of).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Start { filter, projection, wants })
    }
}

impl Wants {
    fn choose(&mut self, topics: &[LiveTopic]) {
        self.has_entries = topics.contains(&LiveTopic::Entries);
        self.has_map = topics.contains(&LiveTopic::Map);
        self.has_stats = topics.contains(&LiveTopic::Stats);
    }
}

fn rate(rate: Option<u32>) -> Result<Option<u32>, ApiError> {
    match rate {
        Some(0) => Err(ApiError::parameter("max_rate", "0 is out of range").expected("1 or more")),
        rate => Ok(rate),
    }
}

/// Serves a client until it goes.
pub(crate) async fn serve(app: App, socket: WebSocket, start: Start) {
    let counters = Arc::clone(&app.counters);
    let mut client = Client { socket, changes: Changes::default() };
    let Some(_counted) = counters.subscriber(MAX_SUBSCRIBERS as u64) else {
        let error = ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "busy", "too many live clients");
        let _ = client.say(&error.answer()).await;
        return client.close(close_code::AGAIN, "too many live clients").await;
    };
    let subscription = app.engine.live().subscribe();
    let filter = start.filter.as_ref().ok().cloned();
    let mut session = Session {
        app,
        subscription,
        filter,
        projection: start.projection,
        wants: start.wants,
        new_filter: None,
        loss: None,
    };
    session.subscription.queue.set_rate(session.wants.max_rate, Instant::now());
    session.listen();
    if let Err(error) = start.filter
        && client.say(&error.answer()).await.is_err()
    {
        return;
    }
    if let Err(Closing::Say(code, reason)) = run(&mut session, &mut client).await {
        client.close(code, reason).await;
    }
}

/// Why a session ends.
enum Closing {
    /// The client is gone.
    Gone,
    /// The server ends it, with a code and a reason.
    Say(u16, &'static str),
}

type Answer = Result<Vec<u8>, ApiError>;

async fn run(session: &mut Session, client: &mut Client) -> Result<(), Closing> {
    let mut tick = interval(LIVE_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ping = interval(LIVE_PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let queue = Arc::clone(&session.subscription.queue);
    let mut stopping = session.app.stopping.clone();
    let mut gathering: Option<BoxFuture<'static, ()>> = None;
    let mut figures: Option<BoxFuture<'static, Vec<Answer>>> = None;
    let (mut begun, mut not_before) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            message = client.socket.recv() => match message {
                Some(Ok(message)) => session.hear(client, message).await?,
                Some(Err(_)) | None => return Err(Closing::Gone),
            },
            () = queue.notify.notified(), if gathering.is_none() => {
                gathering = Some(sleep(LIVE_GATHER).boxed());
            }
            () = done(&mut gathering) => {
                gathering = None;
                session.send_entries(client).await?;
            }
            answers = done(&mut figures) => {
                figures = None;
                not_before = Instant::now() + begun.elapsed() * LIVE_SHARE;
                for answer in answers {
                    client.send_answer(answer).await?;
                }
            }
            _ = tick.tick() => {
                session.send_loss(client).await?;
                if figures.is_none() && Instant::now() >= not_before {
                    begun = Instant::now();
                    figures = session.figures();
                }
            }
            () = stopped(&mut stopping) => {
                return Err(Closing::Say(close_code::RESTART, "the server stops"));
            }
            _ = ping.tick() => client.send(Message::Ping(Bytes::new())).await?,
        }
    }
}

/// Waits for a future that may not be there.
async fn done<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

struct Session {
    app: App,
    subscription: Subscription,
    /// `None` where the client gave none that can be used.
    filter: Option<Filter>,
    projection: Projection,
    wants: Wants,
    /// The filter that the next message tells of.
    new_filter: Option<String>,
    loss: Option<Loss>,
}

impl Session {
    /// Makes the subscription what is wanted.
    fn listen(&mut self) {
        match &self.filter {
            Some(filter) if self.wants.has_entries => self.subscription.listen(filter, &self.projection),
            _ => self.subscription.stop(),
        }
    }

    async fn hear(&mut self, client: &mut Client, message: Message) -> Result<(), Closing> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(Closing::Gone),
            Message::Binary(_) => return Err(Closing::Say(close_code::UNSUPPORTED, "messages are JSON texts")),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        if !client.changes.count(Instant::now()) {
            return Err(Closing::Say(close_code::POLICY, "too many messages"));
        }
        match object(text.as_bytes()).and_then(|change| self.change(&change)) {
            Ok(()) => {}
            Err(error) => client.say(&error.answer()).await?,
        }
        if self.new_filter.is_some() {
            self.send_entries(client).await?;
        }
        Ok(())
    }

    /// Does what a client says, all of it or, where a part can't be used, nothing.
    fn change(&mut self, change: &LiveChange) -> Result<(), ApiError> {
        let mut wants = self.wants.clone();
        if let Some(topics) = &change.subscribe {
            wants.choose(topics);
        }
        if let Some(is_paused) = change.pause {
            wants.is_paused = is_paused;
        }
        if change.group.is_some() {
            wants.group = group(change.group.as_deref())?;
        }
        if let Some(last_ns) = duration("last", change.last.as_deref())? {
            wants.last_ns = last_ns;
        }
        if change.max_rate.is_some() {
            wants.max_rate = rate(change.max_rate)?;
        }
        let filter = change.filter.as_deref().map(|filter| self.app.filter(Some(filter))).transpose()?;
        if let (Some(filter), Projection::Fields(_)) = (&filter, &self.projection)
            && !filter.redactions().is_empty()
        {
            return Err(ApiError::parameter("filter", "redact() needs whole entries, without fields"));
        }
        let queue = &self.subscription.queue;
        if wants.max_rate != self.wants.max_rate {
            queue.set_rate(wants.max_rate, Instant::now());
        }
        if wants.is_paused != self.wants.is_paused {
            queue.pause(wants.is_paused);
            if !wants.is_paused {
                queue.notify.notify_one();
            }
        }
        let is_other = wants.has_entries != self.wants.has_entries || filter.is_some();
        self.wants = wants;
        if let Some(filter) = filter {
            self.new_filter = Some(filter.query().to_owned());
            self.filter = Some(filter);
        }
        if is_other {
            self.listen();
        }
        Ok(())
    }

    async fn send_entries(&mut self, client: &mut Client) -> Result<(), Closing> {
        if self.wants.is_paused && self.new_filter.is_none() {
            return Ok(());
        }
        let batch = self.subscription.queue.take(Instant::now());
        self.app.counters.dropped(batch.dropped);
        if batch.entries == 0 && batch.dropped == 0 && self.new_filter.is_none() {
            return Ok(());
        }
        let mut out = Vec::with_capacity(batch.json.len().saturating_add(64));
        out.extend_from_slice(b"{\"entries\":[");
        out.extend_from_slice(&batch.json);
        out.extend_from_slice(b"],\"dropped\":");
        out.extend_from_slice(batch.dropped.to_string().as_bytes());
        if let Some(filter) = self.new_filter.take() {
            out.extend_from_slice(b",\"filter\":");
            out.extend_from_slice(&serde_json::to_vec(&filter).unwrap_or_default());
        }
        out.push(b'}');
        client.send_json(out).await
    }

    async fn send_loss(&mut self, client: &mut Client) -> Result<(), Closing> {
        let ledger = self.app.engine.ledger();
        if self.loss.as_ref() == Some(ledger.loss()) {
            return Ok(());
        }
        self.loss = Some(ledger.loss().clone());
        client.say(&LiveLossMessage { loss: LossAnswer::from(ledger.loss()) }).await
    }

    /// The figures that are wanted, on their way.
    fn figures(&self) -> Option<BoxFuture<'static, Vec<Answer>>> {
        let Wants { has_map, has_stats, is_paused, group, last_ns, .. } = self.wants;
        let filter = self.filter.clone()?;
        if is_paused || !(has_map || has_stats) {
            return None;
        }
        let app = Arc::clone(&self.app);
        Some(
            async move {
                let mut answers = Vec::new();
                if has_map {
                    let map = live_map(&app, &filter, last_ns, group).await;
                    answers.push(map.map(|map| json(&LiveMapMessage { map })));
                }
                if has_stats {
                    let stats = live_stats(&app, &filter, last_ns).await;
                    answers.push(stats.map(|stats| json(&LiveStatsMessage { stats })));
                }
                answers
            }
            .boxed(),
        )
    }
}

struct Client {
    socket: WebSocket,
    changes: Changes,
}

impl Client {
    async fn send(&mut self, message: Message) -> Result<(), Closing> {
        self.socket.send(message).await.map_err(|_| Closing::Gone)
    }

    async fn send_json(&mut self, json: Vec<u8>) -> Result<(), Closing> {
        match Utf8Bytes::try_from(json) {
            Ok(text) => self.send(Message::Text(text)).await,
            // Our own JSON is always UTF-8.
            Err(_) => Err(Closing::Say(close_code::ERROR, "an entry could not be written")),
        }
    }

    async fn say(&mut self, message: &impl Serialize) -> Result<(), Closing> {
        self.send_json(json(message)).await
    }

    async fn send_answer(&mut self, answer: Answer) -> Result<(), Closing> {
        match answer {
            Ok(json) => self.send_json(json).await,
            Err(error) => self.say(&error.answer()).await,
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let _ = self.socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }
}

fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// Counts what a client says.
#[derive(Debug, Default)]
struct Changes {
    since: Option<Instant>,
    count: u32,
}

impl Changes {
    /// Counts a message; `false` where there are too many.
    fn count(&mut self, now: Instant) -> bool {
        match self.since {
            Some(since) if now.saturating_duration_since(since) < CHANGES_WINDOW => self.count += 1,
            _ => {
                self.since = Some(now);
                self.count = 1;
            }
        }
        self.count <= MAX_LIVE_CHANGES
    }
}

/// The time over which messages of a client are counted.
const CHANGES_WINDOW: Duration = Duration::from_secs(10);
