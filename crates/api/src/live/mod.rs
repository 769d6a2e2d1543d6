//! Entries as they come, for clients that listen: matched and written where they are made, sent by the server.

mod publish;
mod queue;
pub(crate) mod socket;
mod text;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

pub(crate) use publish::Subscription;
pub use publish::{LiveEntries, Publisher};
pub(crate) use text::TextEntries;

use crate::dto::{
    LiveChange, LiveEntriesMessage, LiveLossMessage, LiveMapMessage, LiveMessage, LiveStatsMessage, LiveTopic,
};

/// The schemas of what goes over the WebSocket, which no route names.
pub(crate) fn messages() -> Vec<(String, RefOr<Schema>)> {
    fn of<T: PartialSchema + ToSchema>() -> (String, RefOr<Schema>) {
        (T::name().into_owned(), T::schema())
    }
    vec![
        of::<LiveChange>(),
        of::<LiveTopic>(),
        of::<LiveMessage>(),
        of::<LiveEntriesMessage>(),
        of::<LiveMapMessage>(),
        of::<LiveStatsMessage>(),
        of::<LiveLossMessage>(),
    ]
}
