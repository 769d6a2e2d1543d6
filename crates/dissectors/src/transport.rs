//! Entries for connections: the fields that TCP, UDP and SCTP share, and how a summary becomes a message.
//!
//! Flows are in `flow.rs`. Nothing is dissected here: reassembly counted it all.

use lanternfish_model::{
    CloseReason, ConnectionSummary, Direction, FieldIndex, LocalSide, Message, Outcome, PairKey, ProtocolIndex, Role,
    Side, Transport, Values, Wants,
};

use crate::{sctp, tcp, udp};

/// Declares the fields that all transports share, and then those of one; the shared ones have the same index everywhere.
macro_rules! transport_fields {
    ($($own:tt)*) => {
        lanternfish_model::fields! {
            CONN_STATE = text("conn_state").summary().doc("How the connection stands: `open`, `in_progress`, `closed`.").example("closed");
            CONN_LOCAL_PKTS = int("conn_local_pkts").unit("packets").doc("Packets that the local end sent.").example("12");
            CONN_LOCAL_BYTES = int("conn_local_bytes").unit("bytes").doc("Bytes that the local end sent, from the network header on.").example("4096");
            CONN_REMOTE_PKTS = int("conn_remote_pkts").unit("packets").doc("Packets that the remote end sent.").example("10");
            CONN_REMOTE_BYTES = int("conn_remote_bytes").unit("bytes").doc("Bytes that the remote end sent, from the network header on.").example("65536");
            CONN_LOCAL_PAYLOAD_BYTES = int("conn_local_payload_bytes").unit("bytes").doc("Payload that the local end sent, without retransmissions.").example("3072");
            CONN_REMOTE_PAYLOAD_BYTES = int("conn_remote_payload_bytes").unit("bytes").doc("Payload that the remote end sent, without retransmissions.").example("64000");
            CONN_GROUP_ID = int("conn_group_id").doc("The same for all views of one connection; today the `conn_id`.").example("26");
            CONN_L7_DETECTED = list("conn_l7_detected").caseless().summary().doc("The protocols found inside the connection.").example("HTTP");
            CONN_DUPLICATE_VIEWS = int("conn_duplicate_views").unit("packets").doc("Copies of its packets that were seen on other interfaces.").example("0");
            CONN_REVISION = int("conn_revision").doc("The running number of this summary of the connection, from 0.").example("0");
            FLOW_STATE = text("flow_state").summary().doc("How the flow stands: `open`, `in_progress`, `closed`.").example("in_progress");
            FLOW_LOCAL_PKTS = int("flow_local_pkts").unit("packets").doc("Packets that the local end sent, over all connections.").example("1200");
            FLOW_LOCAL_BYTES = int("flow_local_bytes").unit("bytes").doc("Bytes that the local end sent, over all connections.").example("409600");
            FLOW_REMOTE_PKTS = int("flow_remote_pkts").unit("packets").doc("Packets that the remote end sent, over all connections.").example("1000");
            FLOW_REMOTE_BYTES = int("flow_remote_bytes").unit("bytes").doc("Bytes that the remote end sent, over all connections.").example("6553600");
            FLOW_LOCAL_PPS = int("flow_local_pps").unit("packets/s").doc("Packets a second from the local end, over the 10 seconds up to the last packet.").example("120");
            FLOW_LOCAL_BPS = int("flow_local_bps").unit("bytes/s").doc("Bytes a second from the local end, over the 10 seconds up to the last packet.").example("40960");
            FLOW_REMOTE_PPS = int("flow_remote_pps").unit("packets/s").doc("Packets a second from the remote end, over the 10 seconds up to the last packet.").example("100");
            FLOW_REMOTE_BPS = int("flow_remote_bps").unit("bytes/s").doc("Bytes a second from the remote end, over the 10 seconds up to the last packet.").example("655360");
            FLOW_GROUP_ID = int("flow_group_id").doc("The same for all views of one flow; today the `flow_id`.").example("4611");
            FLOW_L7_DETECTED = list("flow_l7_detected").caseless().summary().doc("The protocols found inside the connections of the flow.").example("HTTP");
            FLOW_CONNECTIONS = int("flow_connections").unit("connections").doc("Connections of the flow so far.").example("40");
            FLOW_OPEN_CONNECTIONS = int("flow_open_connections").unit("connections").doc("Connections of the flow that still stand.").example("2");
            FLOW_REVISION = int("flow_revision").doc("The running number of this summary of the flow, from 0.").example("3");
            $($own)*
        }
    };
}
pub(crate) use transport_fields;

/// The shared fields; their indexes hold for `tcp`, `udp` and `sctp` alike.
pub mod shared {
    super::transport_fields! {}
}

/// Fills the message of a connection entry. `protocols` are the titles of the protocols found inside, in upper case.
pub fn connection(
    summary: &ConnectionSummary,
    local: LocalSide,
    protocols: &[&str],
    wants: &Wants,
    protocol: ProtocolIndex,
    message: &mut Message,
) {
    let (near, far) = sides(local, &summary.to_server, &summary.to_client);
    begin(message, protocol, near, far);
    message.first = summary.facts.first;
    message.last = summary.last;
    message.outcome = outcome(summary);
    if let Some(note) = note(summary) {
        message.note(note);
    }
    let values = &mut message.values;
    let is_new = summary.revision == 0 && is_unanswered(summary) && !summary.facts.is_midstream;
    values.name(shared::CONN_STATE, state(summary.close == CloseReason::Open, is_new));
    values.int(shared::CONN_LOCAL_PKTS, int(near.packets));
    values.int(shared::CONN_LOCAL_BYTES, int(near.bytes));
    values.int(shared::CONN_REMOTE_PKTS, int(far.packets));
    values.int(shared::CONN_REMOTE_BYTES, int(far.bytes));
    values.int(shared::CONN_LOCAL_PAYLOAD_BYTES, int(near.payload_bytes));
    values.int(shared::CONN_REMOTE_PAYLOAD_BYTES, int(far.payload_bytes));
    values.int(shared::CONN_GROUP_ID, int(summary.facts.id));
    values.int(shared::CONN_REVISION, i64::from(summary.revision));
    if summary.duplicate_views > 0 {
        values.int(shared::CONN_DUPLICATE_VIEWS, int(summary.duplicate_views));
    }
    list(values, shared::CONN_L7_DETECTED, protocols);
    let has_unknown_payload = protocols.is_empty() && !summary.head.is_empty();
    match summary.facts.transport {
        Transport::Tcp => {
            tcp::fill(summary, has_unknown_payload && wants.field(protocol, tcp::fields::PAYLOAD), values)
        }
        Transport::Udp => {
            udp::fill(summary, has_unknown_payload && wants.field(protocol, udp::fields::PAYLOAD), values)
        }
        Transport::Sctp => sctp::fill(summary, values),
        Transport::Icmp => {}
    }
}

/// Makes a message one that stands alone, with the bytes of both sides.
pub(crate) fn begin(message: &mut Message, protocol: ProtocolIndex, near: &Side, far: &Side) {
    message.protocol = protocol;
    message.role = Role::OneWay;
    message.direction = Direction::ToServer;
    message.pairing = PairKey::Alone;
    message.wire_bytes = near.bytes.saturating_add(far.bytes);
}

/// The local and the remote end's side.
pub(crate) fn sides<'a>(local: LocalSide, to_server: &'a Side, to_client: &'a Side) -> (&'a Side, &'a Side) {
    match local {
        LocalSide::Client => (to_server, to_client),
        LocalSide::Server => (to_client, to_server),
    }
}

/// The value of `conn_state` and `flow_state`.
pub(crate) const fn state(is_open: bool, is_new: bool) -> &'static str {
    match (is_open, is_new) {
        (false, _) => "closed",
        (true, true) => "open",
        (true, false) => "in_progress",
    }
}

pub(crate) fn list(values: &mut Values, field: FieldIndex, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let mut list = values.list(field);
    names.iter().for_each(|name| list.push(name.as_bytes()));
    list.finish();
}

/// A counter as the value of a field.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether the peer never said anything.
pub(crate) fn is_unanswered(summary: &ConnectionSummary) -> bool {
    summary.to_client.packets == 0 || summary.to_server.packets == 0
}

/// Whether data went both ways before a RST, or one side had finished: then the RST is only a short way to close.
pub(crate) fn is_late_reset(summary: &ConnectionSummary) -> bool {
    let has_fin = summary.to_server.has_fin || summary.to_client.has_fin;
    has_fin || (summary.to_server.payload_bytes > 0 && summary.to_client.payload_bytes > 0)
}

fn outcome(summary: &ConnectionSummary) -> Outcome {
    let is_tcp_like = summary.facts.transport != Transport::Udp;
    match summary.close {
        CloseReason::Open => Outcome::Open,
        CloseReason::Finished => Outcome::Ok,
        CloseReason::Refused | CloseReason::Unreachable => Outcome::Failed,
        CloseReason::Reset if is_late_reset(summary) => Outcome::Ok,
        CloseReason::Reset => Outcome::Failed,
        CloseReason::Timeout if is_tcp_like && is_unanswered(summary) => Outcome::Failed,
        CloseReason::Timeout => Outcome::Ok,
        CloseReason::Evicted => Outcome::Open,
    }
}

fn note(summary: &ConnectionSummary) -> Option<&'static str> {
    match summary.close {
        CloseReason::Reset if is_late_reset(summary) => {
            Some("closed by a reset after data went both ways or one side had finished")
        }
        CloseReason::Evicted => Some("dropped from the table of connections for its limit"),
        _ => None,
    }
}
