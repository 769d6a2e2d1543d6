//! A name server for `shop.test`, and its client.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use super::plan::Service;
use super::pool::{CALL_TIMEOUT, Pool};

/// Answers queries for the names of the services; others do not exist.
pub(super) fn serve(socket: &UdpSocket) {
    let names = Service::ALL.map(|service| (service.domain(), service.ip()));
    let mut buffer = [0u8; 512];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let query = buffer.get(..length).unwrap_or_default();
        let Some(answer) = answer(query, &names) else { continue };
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

/// A client of one name server.
pub(super) struct Client {
    pool: Pool<UdpSocket>,
    next_id: AtomicU16,
}

impl Client {
    pub(super) fn new(from: IpAddr, to: SocketAddr) -> Client {
        let open = move || {
            let socket = UdpSocket::bind((from, 0))?;
            socket.set_read_timeout(Some(CALL_TIMEOUT))?;
            socket.connect(to)?;
            Ok(socket)
        };
        Client { pool: Pool::new(open), next_id: AtomicU16::new(1) }
    }

    /// Asks for a name; whether it exists.
    pub(super) fn look_up(&self, name: &str) -> io::Result<bool> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let query = query(id, name);
        self.pool.call(|socket| {
            socket.send(&query)?;
            let mut buffer = [0u8; 512];
            let length = socket.recv(&mut buffer)?;
            Ok(length > 3 && buffer.get(3).is_some_and(|flags| flags & 0x0f == 0))
        })
    }
}

fn query(id: u16, name: &str) -> Vec<u8> {
    let mut query = Vec::from(id.to_be_bytes());
    query.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap_or(63));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_have_an_address_and_others_do_not_exist() {
        let names = [("cart.shop.test", IpAddr::from([127, 0, 1, 12]))];
        let known = answer(&query(7, "cart.shop.test"), &names).unwrap();
        assert_eq!(known.get(..4), Some(&[0, 7, 0x85, 0x80][..]));
        assert_eq!(known.last_chunk(), Some(&[127, 0, 1, 12]));
        let unknown = answer(&query(8, "warehouse.shop.test"), &names).unwrap();
        assert_eq!(unknown.get(..4), Some(&[0, 8, 0x85, 0x83][..]));
        assert_eq!(answer(&[0; 12], &names), None);
    }
}
