//! Packets of this machine, filters in tcpdump's syntax, and the rights that both need.
//!
//! [`LiveSource`] reads packets from the kernel's packet ring, [`BpfProgram`] decides which packets are wanted, and
//! [`privileges`] gives up every right that is no longer needed. Capture files are read by `pcapfile`, whose reader is given on from here, and nothing here looks
//! into a packet: that is left to the stages that follow. `unsafe` code stands only in the modules that call the system.

pub mod background;
mod bpf;
mod error;
mod live;
pub mod privileges;

pub use lanternfish_pcapfile::{Item, ReadError, Reader};

pub use bpf::{BpfProgram, Instruction, compile, is_libpcap_present};
pub use error::{CaptureError, FilterError};
pub use live::{
    Block, FilterPlace, InterfaceCounters, InterfaceNames, LINKTYPE_UNKNOWN, LiveConfig, LiveFilter, LivePacket,
    LiveSource, LiveStats, Packets, interface_counters, link_type,
};
