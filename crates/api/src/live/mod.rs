//! Entries as they come, for clients that listen: matched and written where they are made, sent by the server.

mod publish;
mod queue;
pub(crate) mod socket;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

pub use publish::{LiveEntries, Publisher};

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
