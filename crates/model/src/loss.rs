//! The loss ledger's words: what was not seen or kept, by stage and cause.

/// The stage that lost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Packets before they reached us, and those of the capture file.
    Capture,
    /// Link, network and transport headers.
    Wire,
    /// Fragments, connections and streams.
    Reassembly,
    /// Protocols.
    Dissect,
    /// Requests and responses.
    Pairing,
    /// Processes, names.
    Identity,
    /// Stored entries and packets.
    Store,
    /// Entries on their way to a file or screen.
    Output,
}

impl Stage {
    /// The name in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Capture => "capture",
            Stage::Wire => "wire",
            Stage::Reassembly => "reassembly",
            Stage::Dissect => "dissect",
            Stage::Pairing => "pairing",
            Stage::Identity => "identity",
            Stage::Store => "store",
            Stage::Output => "output",
        }
    }
}

macro_rules! causes {
    ($($variant:ident, $stage:ident, $unit:literal, $is_packet:literal, $name:literal, $doc:literal;)*) => {
        /// Why something was not seen or kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $( #[doc = $doc] $variant, )* }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Cause] = &[ $( Cause::$variant, )* ];
            /// The stage it belongs to.
            pub const fn stage(self) -> Stage { match self { $( Cause::$variant => Stage::$stage, )* } }
            /// The name in the ledger.
            pub const fn name(self) -> &'static str { match self { $( Cause::$variant => $name, )* } }
            /// What is counted: packets, bytes, messages, ...
            pub const fn unit(self) -> &'static str { match self { $( Cause::$variant => $unit, )* } }
            /// What it means, in a sentence.
            pub const fn doc(self) -> &'static str { match self { $( Cause::$variant => $doc, )* } }
            /// Whether it is the one fate of a packet, so that the books of packets balance with it.
            pub const fn is_packet_fate(self) -> bool { match self { $( Cause::$variant => $is_packet, )* } }
        }
    };
}

causes! {
    KernelDrop, Capture, "packets", true, "kernel drop", "The kernel dropped packets because the capture ring was full.";
    CaptureOff, Capture, "milliseconds", false, "capture off", "Time in which capture was switched off.";
    FileCorrupt, Capture, "bytes", false, "corrupt file", "Bytes of a capture file that could not be read as packets.";
    UnknownLinkType, Wire, "packets", true, "unknown link type", "Packets of a link type that is not dissected.";
    NotIp, Wire, "packets", true, "not IP", "Frames of a network protocol that is not dissected (ARP, STP, LLDP).";
    UnknownTransport, Wire, "packets", true, "unknown transport", "IP packets of a transport protocol that is not dissected.";
    MalformedHeader, Wire, "packets", true, "malformed header", "Packets whose link, network or transport header could not be read.";
    TunnelTooDeep, Wire, "packets", true, "tunnel too deep", "Packets with more headers within each other than the limit.";
    SnaplenCut, Wire, "bytes", false, "cut by snaplen", "Bytes of packets that the capture did not keep.";
    FragmentIncomplete, Reassembly, "packets", true, "fragment incomplete", "IP fragments whose datagram never became whole.";
    FragmentTableFull, Reassembly, "packets", true, "fragment table full", "IP fragments that were dropped for the memory limit.";
    ConnectionTableFull, Reassembly, "connections", false, "connection table full", "Connections that were dropped from the table for its limit, or for that of what is held for them.";
    StreamGap, Reassembly, "bytes", false, "gap", "Bytes of TCP streams that never came.";
    StreamBufferFull, Reassembly, "bytes", false, "stream buffer full", "Out-of-order bytes that were given up for a memory limit.";
    OverlapConflict, Reassembly, "bytes", false, "overlap conflict", "Retransmitted bytes that differ from the first ones, which were kept.";
    OverlapUnchecked, Reassembly, "bytes", false, "overlap unchecked", "Retransmitted bytes that could not be compared with the first ones.";
    Resync, Dissect, "bytes", false, "resync", "Bytes skipped until a message boundary was found again.";
    LimitReached, Dissect, "messages", false, "limit reached", "Messages of which a part was not kept for a named limit.";
    HeldBytesFull, Dissect, "messages", false, "held bytes full", "Messages of which a part was given up because too much was held of messages under way.";
    UnknownProtocol, Dissect, "bytes", false, "unknown protocol", "Payload bytes of connections whose protocol is not known.";
    Retracted, Dissect, "connections", false, "protocol retracted", "Connections that were taken for a protocol and turned out to be another.";
    PairTimeout, Pairing, "messages", false, "no answer in time", "Requests that were given up waiting for their response.";
    PairLimit, Pairing, "messages", false, "pairing limit", "Messages that were not paired because too many were waiting.";
    ProcessEnded, Identity, "endpoints", false, "process ended", "Local endpoints whose process was gone before it could be looked up.";
    IdentityUnavailable, Identity, "endpoints", false, "identity unavailable", "Local endpoints that could not be looked up.";
    StoreFull, Store, "entries", false, "disk full", "Entries that were not stored because the disk is full.";
    StoreBehind, Store, "entries", false, "disk too slow", "Entries that were not stored because the disk did not keep up.";
    StoreFailed, Store, "entries", false, "not stored", "Entries that were not stored because the data directory cannot be written.";
    TailTorn, Store, "bytes", false, "torn tail", "Bytes of entries whose writing a crash or a loss of power broke off.";
    SegmentUnreadable, Store, "entries", false, "unreadable segment", "Stored entries in files that can no longer be read.";
    RingBehind, Store, "packets", false, "ring behind", "Packets that are not in the raw ring because the disk was full or did not keep up.";
    FlowTableFull, Output, "flows", false, "flow table full", "Flows that were closed early for the limit of the table.";
}

/// Counters of everything that was not seen or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    counts: [u64; Cause::ALL.len()],
}

impl Default for Loss {
    fn default() -> Self {
        Loss { counts: [0; Cause::ALL.len()] }
    }
}

impl Loss {
    /// Counts `amount` more of a cause.
    pub fn add(&mut self, cause: Cause, amount: u64) {
        if let Some(count) = self.counts.get_mut(cause as usize) {
            *count = count.saturating_add(amount);
        }
    }

    /// Adds all counters of another ledger.
    pub fn merge(&mut self, other: &Loss) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The count of a cause.
    pub fn count(&self, cause: Cause) -> u64 {
        self.counts.get(cause as usize).copied().unwrap_or(0)
    }

    /// The causes that have a count.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::ALL.iter().map(|&cause| (cause, self.count(cause))).filter(|&(_, count)| count > 0)
    }

    /// Packets lost, by the causes that are a packet's one fate.
    pub fn packets(&self) -> u64 {
        self.iter().filter(|(cause, _)| cause.is_packet_fate()).map(|(_, count)| count).sum()
    }
}
