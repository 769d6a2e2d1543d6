//! Flows: all connections between a client and a server's port, folded from the summaries of connections.

use lanternfish_model::{ConnectionFacts, ConnectionKey, Endpoint};

/// The id of the flow that a connection belongs to: a hash of its transport, scope, client address and server, so that
/// it does not depend on what else was seen; below 2^53.
pub fn flow_id(facts: &ConnectionFacts) -> u64 {
    let client = Endpoint::new(facts.client.ip, 0);
    let key = ConnectionKey::new(client, facts.server, facts.transport, facts.scope);
    let is_turned = u64::from(key.low != client);
    key.hash64(FLOW_SEED ^ is_turned) >> 11
}

const FLOW_SEED: u64 = 0x6c61_6e74_6572_6e66;
