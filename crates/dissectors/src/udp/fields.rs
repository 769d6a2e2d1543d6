//! The fields of UDP connections and flows.
//!
//! A connection is one 5-tuple until it falls silent. `outcome`: `failed` where an ICMP error said that the server could
//! not be reached; `open` while it stands; else `ok`.

crate::transport::transport_fields! {
    LENGTH = int("udp_length").unit("bytes").doc("The length of the first datagram, header included.").example("45");
    CHECKSUM = int("udp_checksum").doc("The checksum of the first datagram as it stands there; never verified.").example("7931");
    PAYLOAD = bytes("udp_payload").may_hold_secrets().doc("The first bytes of a connection whose protocol is not known.").example("M-SEARCH * HTTP/1.1");
}
