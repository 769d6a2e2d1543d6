//! A name server for `shop.test`, and its client.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::stop::Stop;

/// Answers queries for names of a list until it is stopped; others do not exist.
pub(super) fn serve(socket: &UdpSocket, stop: &Stop, names: &[(&str, IpAddr)]) {
    if socket.set_read_timeout(Some(Duration::from_millis(200))).is_err() {
        return;
    }
    let mut buffer = [0u8; 512];
    while !stop.is_set() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let query = buffer.get(..length).unwrap_or_default();
        let Some(answer) = answer(query, names) else { continue };
        // A client that goes away is no matter.
        let _ = socket.send_to(&answer, from);
    }
}

fn answer(query: &[u8], names: &[(&str, IpAddr)]) -> Option<Vec<u8>> {
    let (name, end) = read_name(query)?;
    let known = names.iter().find(|(known, _)| *known == name).map(|(_, ip)| *ip);
    let mut out = query.get(..end + 4)?.to_vec();
    let flags: [u8; 10] = match known {
        Some(_) => [0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0],
        None => [0x85, 0x83, 0, 1, 0, 0, 0, 0, 0, 0],
    };
    out.get_mut(2..12)?.copy_from_slice(&flags);
    if let Some(IpAddr::V4(ip)) = known {
        out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        out.extend_from_slice(&ip.octets());
    }
    Some(out)
}

/// The name of the first question, and where it ends.
fn read_name(message: &[u8]) -> Option<(String, usize)> {
    let (mut at, mut name) = (12, String::new());
    loop {
        let length = usize::from(*message.get(at)?);
        if length == 0 || length > 63 {
            return Some((name, at + 1));
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(message.get(at + 1..at + 1 + length)?));
        at += 1 + length;
    }
}

/// A client with one socket, as long as the program has one: a socket that is gone in a moment can't be told whose it was.
pub(super) struct Resolver {
    server: SocketAddr,
    socket: Option<UdpSocket>,
}

impl Resolver {
    pub(super) fn new(server: SocketAddr) -> Resolver {
        Resolver { server, socket: None }
    }

    /// Asks for a name; whether it exists.
    pub(super) fn look_up(&mut self, id: u16, name: &str) -> io::Result<bool> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let socket = UdpSocket::bind(("127.0.0.1", 0))?;
                socket.set_read_timeout(Some(Duration::from_secs(2)))?;
                socket
            }
        };
        let mut query = Vec::from(id.to_be_bytes());
        query.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap_or(63));
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, 1, 0, 1]);
        socket.send_to(&query, self.server)?;
        let mut buffer = [0u8; 512];
        let length = socket.recv(&mut buffer)?;
        // Where an answer did not come in time the next socket begins anew, so that none is taken for another.
        self.socket = Some(socket);
        Ok(length > 3 && buffer.get(3).is_some_and(|flags| flags & 0x0f == 0))
    }
}
