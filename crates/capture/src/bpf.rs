//! Packet filters: classic BPF programs, compiled from tcpdump's syntax, checked, and run here or in the kernel.
//!
//! The machine is the one of McCanne and Jacobson, "The BSD Packet Filter" (1993), with the instructions that
//! libpcap and Linux agree on. The ancillary data of Linux is left to the kernel's own programs.

mod compile;
mod kernel;
mod program;
mod run;
#[cfg(test)]
mod tests;

pub use compile::{compile, is_libpcap_present};
pub(crate) use kernel::{Branch, LoopbackCopies, kernel_program};
pub use program::{BpfProgram, Instruction};
