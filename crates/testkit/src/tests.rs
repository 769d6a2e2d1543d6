//! What the builders promise.

use lanternfish_pcapfile::{Item, Reader};

use crate::{Random, Side, TcpConversation};

fn conversation() -> TcpConversation {
    TcpConversation::new("10.0.0.1:4000", "10.0.0.2:80")
        .mss(4)
        .handshake()
        .to_server(b"0123456789")
        .to_client(b"answer")
        .keep_alive(Side::Client)
        .fin()
}

#[test]
fn a_capture_comes_back_from_both_formats() {
    let capture = conversation().capture().cut(60);
    for bytes in [capture.to_pcap(), capture.to_pcapng()] {
        let mut reader = Reader::new(Box::new(std::io::Cursor::new(bytes))).unwrap();
        let mut count = 0;
        while let Some(item) = reader.next().unwrap() {
            let Item::Packet(packet) = item else { continue };
            let expected = &capture.packets[count];
            assert_eq!(
                (packet.time, packet.bytes, packet.wire_len),
                (expected.time, &expected.bytes[..], expected.wire_len)
            );
            count += 1;
        }
        assert_eq!(count, capture.packets.len());
    }
}

#[test]
fn segments_follow_the_maximum_size() {
    // Three of the handshake, three and an acknowledgement, two and one, the keep-alive, three of the end.
    assert_eq!(conversation().capture().packets.len(), 3 + 4 + 3 + 1 + 3);
}

#[test]
fn damage_is_the_same_for_the_same_seed() {
    let capture = conversation().capture();
    let damaged = |seed| capture.clone().reorder(seed, 3).duplicate(seed, 4).lose(seed, 5);
    assert_eq!(damaged(7), damaged(7));
    assert_ne!(damaged(7), damaged(8));
    let times: Vec<_> = capture.clone().reorder(1, 2).packets.iter().map(|packet| packet.time).collect();
    assert!(times.is_sorted());
    let mut bytes = capture.to_pcap();
    let whole = bytes.clone();
    Random::new(3).damage(&mut bytes, 5);
    assert_ne!(bytes, whole);
}
