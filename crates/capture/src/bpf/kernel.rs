//! The program that goes to the kernel: loopback copies, interfaces and link types first, then the filter of the link type.
//!
//! One socket sees packets of many interfaces, and those without an Ethernet header need a filter of their own. The kernel
//! offers these facts of a packet as ancillary data (`SKF_AD_PKTTYPE`, `SKF_AD_IFINDEX`, `SKF_AD_HATYPE`, linux/filter.h).

use super::program::{BpfProgram, Instruction, JA, JEQ_K, LD_W_ABS, RET_K};
use crate::FilterError;
use crate::live::{ARPHRD_LOOPBACK, PACKET_OUTGOING};

/// What a program does with loopback packets on their way out, each of which comes in a moment later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopbackCopies {
    /// It leaves them out.
    LeftOut,
    /// It takes nothing else.
    Alone,
}

/// The filter for one link type.
pub(crate) struct Branch<'a> {
    /// The hardware types (`ARPHRD_…`) it is for.
    pub hardware_types: &'a [u16],
    /// The filter, or nothing where no packet of the link type can match.
    pub program: Option<&'a BpfProgram>,
}

/// Builds the program for a socket: what is done with `copies` on loopback, `interfaces` by index (all where `None`),
/// `branches` by link type (no filter where empty), and at most `snaplen` bytes of each packet.
pub(crate) fn kernel_program(
    copies: LoopbackCopies,
    interfaces: Option<&[u32]>,
    branches: &[Branch<'_>],
    snaplen: u32,
) -> Result<Vec<Instruction>, FilterError> {
    let mut program = copies.program();
    if let Some(interfaces) = interfaces {
        program.push(Instruction::statement(LD_W_ABS, AD_INTERFACE));
        for (position, index) in interfaces.iter().enumerate() {
            program.push(Instruction::jump(JEQ_K, *index, 0, 1));
            // Over the pairs of instructions that follow, and over the return.
            let pairs = interfaces.len().saturating_sub(position).saturating_sub(1) as u32;
            program.push(Instruction::statement(JA, pairs.saturating_mul(2).saturating_add(1)));
        }
        program.push(Instruction::statement(RET_K, 0));
    }
    if branches.is_empty() {
        program.push(Instruction::statement(RET_K, snaplen));
        return limited(program);
    }
    program.push(Instruction::statement(LD_W_ABS, AD_HARDWARE_TYPE));
    let tests: usize = branches.iter().map(|branch| branch.hardware_types.len()).sum();
    let mut tests_left = tests;
    let mut body_before = 0usize;
    for branch in branches {
        for hardware_type in branch.hardware_types {
            tests_left = tests_left.saturating_sub(1);
            program.push(Instruction::jump(JEQ_K, u32::from(*hardware_type), 0, 1));
            let distance = tests_left.saturating_mul(2).saturating_add(1).saturating_add(body_before);
            program.push(Instruction::statement(JA, distance as u32));
        }
        body_before = body_before.saturating_add(branch.program.map_or(1, |body| body.instructions().len()));
    }
    program.push(Instruction::statement(RET_K, 0));
    for branch in branches {
        match branch.program {
            Some(body) => program.extend_from_slice(body.instructions()),
            None => program.push(Instruction::statement(RET_K, 0)),
        }
    }
    limited(program)
}

impl LoopbackCopies {
    /// The instructions that come first.
    fn program(self) -> Vec<Instruction> {
        let load_way = Instruction::statement(LD_W_ABS, AD_PACKET_TYPE);
        let load_type = Instruction::statement(LD_W_ABS, AD_HARDWARE_TYPE);
        let refuse = Instruction::statement(RET_K, 0);
        let is_out = |yes, no| Instruction::jump(JEQ_K, PACKET_OUTGOING, yes, no);
        let is_loopback = |yes, no| Instruction::jump(JEQ_K, u32::from(ARPHRD_LOOPBACK), yes, no);
        match self {
            LoopbackCopies::LeftOut => vec![load_way, is_out(0, 3), load_type, is_loopback(0, 1), refuse],
            LoopbackCopies::Alone => vec![load_way, is_out(0, 2), load_type, is_loopback(1, 0), refuse],
        }
    }
}

fn limited(program: Vec<Instruction>) -> Result<Vec<Instruction>, FilterError> {
    let count = program.len();
    if count > BpfProgram::MAX_INSTRUCTIONS {
        return Err(FilterError::TooLong { count, limit: BpfProgram::MAX_INSTRUCTIONS });
    }
    Ok(program)
}

/// `SKF_AD_OFF`, -0x1000: where the kernel's ancillary data begins.
const AD_OFFSET: u32 = 0xffff_f000;
const AD_PACKET_TYPE: u32 = AD_OFFSET + 4;
const AD_INTERFACE: u32 = AD_OFFSET + 8;
const AD_HARDWARE_TYPE: u32 = AD_OFFSET + 28;
