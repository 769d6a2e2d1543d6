//! The limits of dissection: every buffer and loop that input feeds has its name here.

/// The named limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one direction that may wait for a message to become whole.
    pub pending_bytes: usize,
    /// Bytes of a direction that are looked at to find its protocol.
    pub probe_bytes: usize,
    /// Bytes of a message's head (HTTP request line and headers, a Redis command).
    pub head_bytes: usize,
    /// Bytes of a body that are kept, before and after decoding.
    pub body_bytes: usize,
    /// Bytes that decompression may produce, past which a body is cut.
    pub decoded_bytes: usize,
    /// Items of a list or map in a message (headers, records, arguments).
    pub items: usize,
    /// Levels of nesting in a message.
    pub depth: usize,
    /// Times that a connection may change its protocol.
    pub handoffs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            pending_bytes: 1 << 20,
            probe_bytes: 4 << 10,
            head_bytes: 64 << 10,
            body_bytes: 64 << 10,
            decoded_bytes: 64 << 10,
            items: 1024,
            depth: 32,
            handoffs: 8,
        }
    }
}
