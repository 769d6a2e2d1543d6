//! Packets of entries and connections.

use std::sync::Arc;

use lanternfish_api::{ByteStream, EngineError, PacketsPart, PacketsRequest, PcapRequest, Queried};
use lanternfish_store::Store;

pub(crate) async fn packets(_: &Arc<Store>, _: &Arc<Queried>, _: &PacketsRequest) -> Result<PacketsPart, EngineError> {
    Err(EngineError::NotPossible("packets can't be shown yet".to_owned()))
}

pub(crate) async fn pcap(_: &Arc<Store>, _: &Arc<Queried>, _: &PcapRequest) -> Result<ByteStream, EngineError> {
    Err(EngineError::NotPossible("packets can't be exported yet".to_owned()))
}
