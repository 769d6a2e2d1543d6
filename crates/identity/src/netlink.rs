//! Questions to the kernel over a netlink socket (netlink(7)), and the walk over its answers.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with, sockopt,
};

/// A netlink socket that asks one question at a time.
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Opens a socket of a netlink family; `None` is routing.
    pub fn open(protocol: Option<Protocol>) -> io::Result<Netlink> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER_TIMEOUT))?;
        Ok(Netlink { socket, sequence: 0, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Asks for all (`NLM_F_DUMP`) or for one, and hands over the body of every answer.
    pub fn ask(&mut self, kind: u16, is_dump: bool, body: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = HEADER_BYTES.saturating_add(body.len());
        let flags = if is_dump { NLM_F_REQUEST | NLM_F_DUMP } else { NLM_F_REQUEST };
        let mut request = Vec::with_capacity(length);
        request.extend((length as u32).to_ne_bytes());
        request.extend(kind.to_ne_bytes());
        request.extend(flags.to_ne_bytes());
        request.extend(self.sequence.to_ne_bytes());
        request.extend(0u32.to_ne_bytes());
        request.extend(body);
        sendto(&self.socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        for _ in 0..MAX_ANSWERS {
            let (count, _) = recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::empty())?;
            let answer = self.buffer.get(..count).unwrap_or_default();
            if read_answer(answer, self.sequence, is_dump, &mut each)? {
                return Ok(());
            }
        }
        Err(io::Error::other("netlink answers did not end"))
    }
}

/// Walks over the messages of one answer; true where it was the last.
fn read_answer(mut rest: &[u8], sequence: u32, is_dump: bool, each: &mut impl FnMut(&[u8])) -> io::Result<bool> {
    let mut is_last = false;
    while let Some(header) = rest.first_chunk::<HEADER_BYTES>() {
        let length = word(header, 0) as usize;
        let Some(body) = rest.get(HEADER_BYTES..length) else { break };
        let kind = word(header, 4) as u16;
        // What is left of an earlier question that timed out is not for this one.
        if word(header, 8) == sequence {
            match kind {
                NLMSG_DONE => return Ok(true),
                NLMSG_ERROR => match (word(body, 0) as i32).checked_neg() {
                    Some(0) | None => return Ok(true),
                    Some(code) => return Err(io::Error::from_raw_os_error(code)),
                },
                _ => each(body),
            }
            is_last = !is_dump;
        }
        rest = rest.get(align(length)..).unwrap_or_default();
    }
    Ok(is_last)
}

/// Walks over attributes: their kind and value.
pub fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        let value = rest.get(4..length)?;
        rest = rest.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The 32-bit word at an offset in the machine's order, 0 past the end.
pub fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |raw| u32::from_ne_bytes(*raw))
}

/// Messages and attributes begin at multiples of four.
const fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

const HEADER_BYTES: usize = 16;
const BUFFER_BYTES: usize = 64 << 10;
/// The most datagrams of one answer, 32 KiB each: far more than all sockets of a machine need.
const MAX_ANSWERS: usize = 100_000;
const ANSWER_TIMEOUT: Duration = Duration::from_millis(200);
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_answers_end_the_walk() {
        let mut answer = Vec::new();
        for word in [20u32, 77, 5, 0, 9] {
            answer.extend(word.to_ne_bytes());
        }
        for length in 0..=answer.len() {
            let mut seen = 0;
            let is_last = read_answer(&answer[..length], 5, false, &mut |_| seen += 1).unwrap();
            assert_eq!((is_last, seen), if length == 20 { (true, 1) } else { (false, 0) }, "{length}");
        }
        assert_eq!(attributes(&[0, 0, 1, 0, 9]).count(), 0);
        assert_eq!(attributes(&[5, 0, 1, 0, 9]).collect::<Vec<_>>(), [(1, &[9u8][..])]);
    }
}
