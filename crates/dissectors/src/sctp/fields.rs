//! The fields of SCTP connections and flows.
//!
//! `outcome` as for TCP: an ABORT is its reset.

crate::transport::transport_fields! {
    CHECKSUM = int("sctp_checksum").doc("The checksum of the first packet as it stands there; never verified.").example("3735928559");
    LENGTH = int("sctp_length").unit("bytes").doc("The length of the first packet, header included.").example("96");
    CHUNK_TYPE = text("sctp_chunk_type").doc("The name of the type of the first chunk; `sctp_chunk_types` has all that were seen.").example("INIT");
    CHUNK_TYPES = list("sctp_chunk_types").doc("The names of the chunk types seen, by number.").example("INIT");
    CHUNK_TYPE_NUMBER = list("sctp_chunk_type_number").doc("The numbers of the chunk types seen.").example("1");
}
