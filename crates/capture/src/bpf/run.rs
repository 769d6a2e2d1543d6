//! Runs a checked program over a packet.
//!
//! A load past the captured bytes and a division by zero end the program with 0, as in libpcap and in the kernel.

use super::program::*;

impl BpfProgram {
    /// Whether a packet is wanted; `wire_len` is its length before it was cut.
    pub fn matches(&self, bytes: &[u8], wire_len: u32) -> bool {
        self.run(bytes, wire_len) != 0
    }

    /// Runs the program: how many bytes of the packet are wanted, 0 for none.
    pub fn run(&self, bytes: &[u8], wire_len: u32) -> u32 {
        self.run_checked(bytes, wire_len).unwrap_or(0)
    }

    fn run_checked(&self, bytes: &[u8], wire_len: u32) -> Option<u32> {
        let mut a = 0u32;
        let mut x = 0u32;
        let mut memory = [0u32; MEMORY_WORDS];
        let mut at = 0usize;
        // Every jump goes forward, so `at` only rises and the loop ends.
        loop {
            let instruction = self.instructions.get(at)?;
            let k = instruction.k;
            at = at.checked_add(1)?;
            let holds = match instruction.code {
                LD_W_ABS => {
                    a = word(bytes, k)?;
                    continue;
                }
                LD_H_ABS => {
                    a = half(bytes, k)?;
                    continue;
                }
                LD_B_ABS => {
                    a = byte(bytes, k)?;
                    continue;
                }
                LD_W_IND => {
                    a = word(bytes, x.checked_add(k)?)?;
                    continue;
                }
                LD_H_IND => {
                    a = half(bytes, x.checked_add(k)?)?;
                    continue;
                }
                LD_B_IND => {
                    a = byte(bytes, x.checked_add(k)?)?;
                    continue;
                }
                LDX_MSH => {
                    x = (byte(bytes, k)? & 0x0f) << 2;
                    continue;
                }
                JA => {
                    at = at.checked_add(k as usize)?;
                    continue;
                }
                RET_K => return Some(k),
                RET_A => return Some(a),
                JEQ_K => a == k,
                JGT_K => a > k,
                JGE_K => a >= k,
                JSET_K => a & k != 0,
                JEQ_X => a == x,
                JGT_X => a > x,
                JGE_X => a >= x,
                JSET_X => a & x != 0,
                LD_IMM => {
                    a = k;
                    continue;
                }
                LD_LEN => {
                    a = wire_len;
                    continue;
                }
                LD_MEM => {
                    a = *memory.get(k as usize)?;
                    continue;
                }
                LDX_IMM => {
                    x = k;
                    continue;
                }
                LDX_LEN => {
                    x = wire_len;
                    continue;
                }
                LDX_MEM => {
                    x = *memory.get(k as usize)?;
                    continue;
                }
                ST => {
                    *memory.get_mut(k as usize)? = a;
                    continue;
                }
                STX => {
                    *memory.get_mut(k as usize)? = x;
                    continue;
                }
                TAX => {
                    x = a;
                    continue;
                }
                TXA => {
                    a = x;
                    continue;
                }
                code => {
                    a = compute(code, a, if code & SOURCE_X != 0 { x } else { k })?;
                    continue;
                }
            };
            let skip = if holds { instruction.jump_true } else { instruction.jump_false };
            at = at.checked_add(usize::from(skip))?;
        }
    }
}

/// Arithmetic wraps at 32 bits; a shift by 32 or more gives 0.
fn compute(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & !SOURCE_X {
        ALU_ADD_K => a.wrapping_add(operand),
        ALU_SUB_K => a.wrapping_sub(operand),
        ALU_MUL_K => a.wrapping_mul(operand),
        ALU_DIV_K => a.checked_div(operand)?,
        ALU_MOD_K => a.checked_rem(operand)?,
        ALU_OR_K => a | operand,
        ALU_AND_K => a & operand,
        ALU_XOR_K => a ^ operand,
        ALU_LSH_K => a.checked_shl(operand).unwrap_or(0),
        ALU_RSH_K => a.checked_shr(operand).unwrap_or(0),
        ALU_NEG => a.wrapping_neg(),
        _ => return None,
    })
}

fn word(bytes: &[u8], at: u32) -> Option<u32> {
    bytes.get(at as usize..)?.first_chunk().map(|raw| u32::from_be_bytes(*raw))
}

fn half(bytes: &[u8], at: u32) -> Option<u32> {
    bytes.get(at as usize..)?.first_chunk().map(|raw| u32::from(u16::from_be_bytes(*raw)))
}

fn byte(bytes: &[u8], at: u32) -> Option<u32> {
    bytes.get(at as usize).map(|&value| u32::from(value))
}

const SOURCE_X: u16 = 0x08;
