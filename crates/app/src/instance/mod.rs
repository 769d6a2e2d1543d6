//! What a running instance, or a verb on a stored directory, answers from the store: packets, bytes of streams, files.

mod blocking;
pub(crate) mod export;
pub(crate) mod follow;
mod locate;
pub(crate) mod packets;
pub(crate) mod pcap;
mod scope;

#[cfg(test)]
mod fixture;
