//! Whose socket is at the other end of a connection over loopback.

use std::net::SocketAddr;

use lanternfish_api::Peer;
use lanternfish_identity::SocketDiag;
use lanternfish_model::{Endpoint, Transport};

/// Finds the user of the socket at `peer` that is connected to `local`; trusted are root, the user of this program, and
/// members of its group.
pub(crate) fn find(peer: SocketAddr, local: SocketAddr) -> Peer {
    let endpoint = |address: SocketAddr| Endpoint::new(address.ip(), address.port());
    let socket = SocketDiag::open().and_then(|mut diag| diag.find(Transport::Tcp, endpoint(peer), endpoint(local)));
    let Ok(Some(socket)) = socket else { return Peer::default() };
    Peer { uid: Some(socket.uid), is_trusted: is_trusted(socket.uid) }
}

fn is_trusted(uid: u32) -> bool {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_ascii_whitespace().next()?.parse::<u32>().ok()
    };
    if uid == 0 || own("Uid:") == Some(uid) {
        return true;
    }
    // Root's own group is no invitation.
    let Some(gid) = own("Gid:").filter(|gid| *gid != 0) else { return false };
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    is_member(&read("/etc/passwd"), &read("/etc/group"), uid, gid)
}

/// Whether a user is of a group, by passwd(5) and group(5).
fn is_member(passwd: &str, group: &str, uid: u32, gid: u32) -> bool {
    let fields = |line: &str| -> Vec<String> { line.split(':').map(str::to_owned).collect() };
    let number = |fields: &[String], at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok());
    let Some(user) = passwd.lines().map(fields).find(|user| number(user, 2) == Some(uid)) else { return false };
    let name = user.first().cloned().unwrap_or_default();
    number(&user, 3) == Some(gid)
        || group.lines().map(fields).any(|group| {
            number(&group, 2) == Some(gid)
                && group.get(3).is_some_and(|members| members.split(',').any(|member| member == name))
        })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn our_own_socket_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = find(client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert!(peer.is_trusted && peer.uid.is_some());
        let nobody = find("127.0.0.1:1".parse().unwrap(), listener.local_addr().unwrap());
        assert!(!nobody.is_trusted && nobody.uid.is_none());
    }

    #[test]
    fn members_are_told_from_others() {
        let passwd = "root:x:0:0::/:\nann:x:1000:1000::/:\nbob:x:1001:1001::/:\ncat:x:1002:2000::/:\n";
        let group = "root:x:0:\nann:x:1000:\nwatch:x:2000:bob,eve\n";
        let of_watch = [1000, 1001, 1002, 1003].map(|uid| is_member(passwd, group, uid, 2000));
        assert_eq!(of_watch, [false, true, true, false]);
    }
}
