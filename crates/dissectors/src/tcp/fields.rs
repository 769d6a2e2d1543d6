//! The fields of TCP connections and flows.
//!
//! `outcome`: `failed` for a refused, unreachable or unanswered connection and for a reset before data went both ways;
//! `open` while it stands; else `ok`.

crate::transport::transport_fields! {
    METHOD = text("tcp_method").doc("How the connection ended or stands: `open`, `fin`, `rst`, `timeout`, `refused`.").example("fin");
    ERROR_TYPE = text("tcp_error_type").doc("What went wrong: `refused`, `reset`, `timeout`, `unreachable`; empty where nothing did.").example("refused");
    ERROR_MESSAGE = text("tcp_error_message").doc("What went wrong, in words.").example("the server refused the connection");
    PAYLOAD = bytes("tcp_payload").may_hold_secrets().doc("The first bytes of a connection whose protocol is not known.").example("SSH-2.0-OpenSSH_9.2");
    RETRANSMISSIONS = int("tcp_retransmissions").unit("segments").doc("Segments that brought only bytes seen before, of both sides.").example("0");
    OUT_OF_ORDER = int("tcp_out_of_order").unit("segments").doc("Segments that came before an earlier one, of both sides.").example("0");
    ZERO_WINDOWS = int("tcp_zero_windows").unit("segments").doc("Segments with a closed receive window, of both sides.").example("0");
    KEEP_ALIVES = int("tcp_keep_alives").unit("segments").doc("Keep-alive segments of both sides.").example("0");
    GAP_BYTES = int("tcp_gap_bytes").unit("bytes").doc("Bytes that never came, of both sides.").example("0");
    OVERLAP_CONFLICT_BYTES = int("tcp_overlap_conflict_bytes").unit("bytes").doc("Retransmitted bytes that differ from the first ones, which were kept.").example("0");
    HANDSHAKE_RTT = int("tcp_handshake_rtt").unit("µs").doc("From the SYN to the client's first acknowledgement.").example("412");
    RTT = int("tcp_rtt").unit("µs").doc("The smoothed round-trip time (RFC 6298).").example("380");
    JITTER = int("tcp_jitter").unit("µs").doc("The mean deviation of the round-trip time (RFC 6298).").example("25");
    FLOW_RETRANSMISSIONS = int("tcp_flow_retransmissions").unit("segments").doc("Retransmitted segments over all connections.").example("3");
    FLOW_ZERO_WINDOWS = int("tcp_flow_zero_windows").unit("segments").doc("Segments with a closed receive window over all connections.").example("0");
    FLOW_RESETS = int("tcp_flow_resets").unit("connections").doc("Connections that ended in a RST.").example("1");
    FLOW_REFUSED = int("tcp_flow_refused").unit("connections").doc("Connections that the server refused.").example("0");
    FLOW_UNANSWERED = int("tcp_flow_unanswered").unit("connections").doc("Connections that nobody answered.").example("0");
    FLOW_RTT_MIN = int("tcp_flow_rtt_min").unit("µs").doc("The shortest handshake.").example("310");
    FLOW_RTT_MEAN = int("tcp_flow_rtt_mean").unit("µs").doc("The mean handshake.").example("402");
    FLOW_RTT_MAX = int("tcp_flow_rtt_max").unit("µs").doc("The longest handshake.").example("1730");
}
