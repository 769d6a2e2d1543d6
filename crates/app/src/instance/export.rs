//! Files of entries.

use lanternfish_api::{ByteStream, EngineError, ExportRequest};
use lanternfish_query::Query;

pub(crate) async fn export(_: &Query, _: ExportRequest) -> Result<ByteStream, EngineError> {
    Err(EngineError::NotPossible("this format can't be exported yet".to_owned()))
}
