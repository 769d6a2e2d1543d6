//! A classic BPF program and the checks that it must pass before it may run.
//!
//! What passes always ends: jumps go forward only, every path reaches a return, and memory and divisors are in range.

use crate::FilterError;

/// One instruction as libpcap and the kernel lay it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation code.
    pub code: u16,
    /// How many instructions to skip where a condition holds.
    pub jump_true: u8,
    /// How many instructions to skip where it does not.
    pub jump_false: u8,
    /// The operand.
    pub k: u32,
}

impl Instruction {
    /// Makes an instruction that does not jump.
    pub const fn statement(code: u16, k: u32) -> Self {
        Instruction { code, jump_true: 0, jump_false: 0, k }
    }

    /// Makes a conditional jump.
    pub const fn jump(code: u16, k: u32, jump_true: u8, jump_false: u8) -> Self {
        Instruction { code, jump_true, jump_false, k }
    }
}

/// A program that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BpfProgram {
    pub(super) instructions: Box<[Instruction]>,
}

impl BpfProgram {
    /// The most instructions of a program: the kernel's own limit (`BPF_MAXINSNS`).
    pub const MAX_INSTRUCTIONS: usize = 4096;

    /// Checks a program.
    pub fn new(instructions: Vec<Instruction>) -> Result<BpfProgram, FilterError> {
        let count = instructions.len();
        if count > Self::MAX_INSTRUCTIONS {
            return Err(FilterError::TooLong { count, limit: Self::MAX_INSTRUCTIONS });
        }
        for (position, instruction) in instructions.iter().enumerate() {
            check(instruction, position, count).map_err(|reason| FilterError::Instruction {
                code: instruction.code,
                position,
                reason,
            })?;
        }
        match instructions.last() {
            Some(last) if last.code & CLASS == RET => Ok(BpfProgram { instructions: instructions.into() }),
            Some(last) => Err(FilterError::Instruction {
                code: last.code,
                position: count.saturating_sub(1),
                reason: "a program must end with a return",
            }),
            None => Err(FilterError::Instruction { code: 0, position: 0, reason: "a program must not be empty" }),
        }
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

fn check(instruction: &Instruction, position: usize, count: usize) -> Result<(), &'static str> {
    // Instructions that follow this one.
    let after = count.saturating_sub(position).saturating_sub(1);
    match instruction.code {
        ST | STX | LD_MEM | LDX_MEM if instruction.k >= MEMORY_WORDS as u32 => Err("memory word out of range"),
        ALU_DIV_K | ALU_MOD_K if instruction.k == 0 => Err("division by zero"),
        ALU_LSH_K | ALU_RSH_K if instruction.k >= 32 => Err("shift by more than 31 bits"),
        JA if instruction.k as usize >= after => Err("jump past the end"),
        JEQ_K | JGT_K | JGE_K | JSET_K | JEQ_X | JGT_X | JGE_X | JSET_X
            if usize::from(instruction.jump_true.max(instruction.jump_false)) >= after =>
        {
            Err("jump past the end")
        }
        LD_W_ABS | LD_H_ABS | LD_B_ABS | LD_W_IND | LD_H_IND | LD_B_IND | LD_IMM | LD_LEN | LD_MEM => Ok(()),
        LDX_IMM | LDX_LEN | LDX_MEM | LDX_MSH | ST | STX => Ok(()),
        ALU_ADD_K | ALU_SUB_K | ALU_MUL_K | ALU_DIV_K | ALU_OR_K | ALU_AND_K | ALU_LSH_K | ALU_RSH_K => Ok(()),
        ALU_MOD_K | ALU_XOR_K | ALU_NEG => Ok(()),
        ALU_ADD_X | ALU_SUB_X | ALU_MUL_X | ALU_DIV_X | ALU_OR_X | ALU_AND_X | ALU_LSH_X | ALU_RSH_X => Ok(()),
        ALU_MOD_X | ALU_XOR_X => Ok(()),
        JA | JEQ_K | JGT_K | JGE_K | JSET_K | JEQ_X | JGT_X | JGE_X | JSET_X => Ok(()),
        RET_K | RET_A | TAX | TXA => Ok(()),
        _ => Err("unknown operation"),
    }
}

/// The words of scratch memory.
pub(super) const MEMORY_WORDS: usize = 16;

const CLASS: u16 = 0x07;
const RET: u16 = 0x06;

pub(super) const LD_W_ABS: u16 = 0x20;
pub(super) const LD_H_ABS: u16 = 0x28;
pub(super) const LD_B_ABS: u16 = 0x30;
pub(super) const LD_W_IND: u16 = 0x40;
pub(super) const LD_H_IND: u16 = 0x48;
pub(super) const LD_B_IND: u16 = 0x50;
pub(super) const LD_IMM: u16 = 0x00;
pub(super) const LD_LEN: u16 = 0x80;
pub(super) const LD_MEM: u16 = 0x60;
pub(super) const LDX_IMM: u16 = 0x01;
pub(super) const LDX_LEN: u16 = 0x81;
pub(super) const LDX_MEM: u16 = 0x61;
pub(super) const LDX_MSH: u16 = 0xb1;
pub(super) const ST: u16 = 0x02;
pub(super) const STX: u16 = 0x03;
pub(super) const ALU_ADD_K: u16 = 0x04;
pub(super) const ALU_SUB_K: u16 = 0x14;
pub(super) const ALU_MUL_K: u16 = 0x24;
pub(super) const ALU_DIV_K: u16 = 0x34;
pub(super) const ALU_OR_K: u16 = 0x44;
pub(super) const ALU_AND_K: u16 = 0x54;
pub(super) const ALU_LSH_K: u16 = 0x64;
pub(super) const ALU_RSH_K: u16 = 0x74;
pub(super) const ALU_NEG: u16 = 0x84;
pub(super) const ALU_MOD_K: u16 = 0x94;
pub(super) const ALU_XOR_K: u16 = 0xa4;
pub(super) const ALU_ADD_X: u16 = 0x0c;
pub(super) const ALU_SUB_X: u16 = 0x1c;
pub(super) const ALU_MUL_X: u16 = 0x2c;
pub(super) const ALU_DIV_X: u16 = 0x3c;
pub(super) const ALU_OR_X: u16 = 0x4c;
pub(super) const ALU_AND_X: u16 = 0x5c;
pub(super) const ALU_LSH_X: u16 = 0x6c;
pub(super) const ALU_RSH_X: u16 = 0x7c;
pub(super) const ALU_MOD_X: u16 = 0x9c;
pub(super) const ALU_XOR_X: u16 = 0xac;
pub(super) const JA: u16 = 0x05;
pub(super) const JEQ_K: u16 = 0x15;
pub(super) const JGT_K: u16 = 0x25;
pub(super) const JGE_K: u16 = 0x35;
pub(super) const JSET_K: u16 = 0x45;
pub(super) const JEQ_X: u16 = 0x1d;
pub(super) const JGT_X: u16 = 0x2d;
pub(super) const JGE_X: u16 = 0x3d;
pub(super) const JSET_X: u16 = 0x4d;
pub(super) const RET_K: u16 = 0x06;
pub(super) const RET_A: u16 = 0x16;
pub(super) const TAX: u16 = 0x07;
pub(super) const TXA: u16 = 0x87;
