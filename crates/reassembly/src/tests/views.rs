//! One connection seen on several interfaces.

use super::harness::check;

#[test]
fn copies_on_other_interfaces_have_no_effect() {
    let bench = check(
        "> S 100 @1
         > S 100 @2
         < SA 500 101 @2
         < SA 500 101 @1
         > A 101 501 @1
         > A 101 501 @2
         > A 101 501 =abc @1
         > A 101 501 =abc @2
         < A 501 104 @2
         < A 501 104 @1
         > FA 104 501 @1
         > FA 104 501 @2
         < FA 501 105 @2
         < FA 501 105 @1
         > A 105 502 @1
         > A 105 502 @2",
        "1 open 80
         1 > abc start
         1 > end
         1 < end
         1 close Finished",
    );
    let summary = &bench.notes.closed[0];
    assert_eq!((bench.duplicates, summary.duplicate_views), (8, 8));
    assert_eq!((summary.to_server.packets, summary.to_client.packets), (5, 3));
    assert_eq!((summary.to_server.retransmissions, summary.to_client.retransmissions), (0, 0));
    assert_eq!(summary.facts.interface, 1);
}

#[test]
fn an_unknown_interface_is_never_a_copy() {
    let bench = check(
        "> A 100 500 =abc @1
         > A 100 500 =abc
         > A 103 500 =def",
        "1 open 80 midstream
         1 > abc
         1 > def
         1 close Open",
    );
    assert_eq!(bench.duplicates, 0);
    assert_eq!(bench.notes.closed[0].to_server.retransmissions, 1);
}

#[test]
fn new_data_takes_a_direction_over() {
    let bench = check(
        "> A 100 500 =abc @1
         > A 103 500 =def @2
         > A 103 500 =def @1
         > A 106 500 @1
         > A 106 500 =ghi @1
         > A 106 500 =ghi @2",
        "1 open 80 midstream
         1 > abc
         1 > def
         1 > ghi
         1 close Open",
    );
    assert_eq!(bench.duplicates, 3);
}

#[test]
fn a_silent_owner_is_replaced() {
    let bench = check(
        "> udp =a @1
         > udp =a @2
         > udp =b @2 +1500
         > udp =c @2
         > udp =c @1
         > A 100 500 @1
         > A 100 500 @2
         > A 100 600 @2 +1500",
        "1 open 80
         1 > a start
         1 > b
         1 > c
         6 open 80 midstream
         1 close Open
         6 close Open",
    );
    assert_eq!(bench.duplicates, 3);
}

#[test]
fn a_port_used_again_is_no_copy() {
    let bench = check(
        "> S 100 @1
         > S 100 @2
         > S 900 @2
         > S 900 @1",
        "1 open 80
         1 close Timeout
         3 open 80
         3 close Open",
    );
    assert_eq!(bench.duplicates, 2);
}
