//! The bytes of a connection.

use std::sync::Arc;

use lanternfish_api::{EngineError, FollowPart, FollowRequest, Queried};
use lanternfish_store::Store;

pub(crate) async fn follow(_: &Arc<Store>, _: &Arc<Queried>, _: &FollowRequest) -> Result<FollowPart, EngineError> {
    Err(EngineError::NotPossible("streams can't be followed yet".to_owned()))
}
