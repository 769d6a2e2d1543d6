//! The fields of ICMP.

use lanternfish_model::fields;

fields! {
    TYPE = text("icmp_type").doc("The type in words; of a pair, that of the request.").example("echo request");
    TYPE_NUMBER = int("icmp_type_number").doc("The type as a number; of a pair, that of the request.").example("8");
    CODE = text("icmp_code").doc("The code in words, where it has any.").example("port unreachable");
    CODE_NUMBER = int("icmp_code_number").doc("The code as a number.").example("3");
    VERSION = int("icmp_version").doc("4 for ICMP, 6 for ICMPv6.").example("4");
    LENGTH = int("icmp_length").unit("bytes").doc("The length of the message, header and data.").example("64");
    CHECKSUM = int("icmp_checksum").doc("The checksum as it stands in the message; never verified.").example("30582");
    ID = int("icmp_id").doc("The identifier of an echo, timestamp or mask message.").example("4711");
    SEQUENCE = int("icmp_sequence").doc("The sequence number of an echo, timestamp or mask message.").example("3");
    QUOTED_SRC = text("icmp_quoted_src").doc("The source of the packet that an error speaks of, with its port.").example("10.0.0.7:50123");
    QUOTED_DST = text("icmp_quoted_dst").doc("The destination of the packet that an error speaks of, with its port.").example("10.0.0.9:53");
    QUOTED_PROTOCOL = text("icmp_quoted_protocol").doc("The transport of the packet that an error speaks of.").example("udp");
    QUOTED_CONN_ID = int("icmp_conn_id").doc("The connection that an error speaks of, where it was seen.").example("26");
    MTU = int("icmp_mtu").unit("bytes").doc("The largest packet that fits, as a router says.").example("1400");
    GATEWAY = text("icmp_gateway").doc("The better router that a redirect names.").example("10.0.0.254");
    POINTER = int("icmp_pointer").doc("Where in the quoted packet the problem lies.").example("20");
    TARGET = text("icmp_target").doc("The address that a neighbour message or redirect is about.").example("fe80::1");
    OPTIONS = list("icmp_options").doc("The options of a neighbour or router message.").example("prefix 2001:db8::/64");
    GROUPS = list("icmp_groups").doc("The multicast groups of a listener message.").example("ff02::fb");
    ROUTER_LIFETIME = int("icmp_router_lifetime").unit("s").doc("How long the router may be the default one.").example("1800");
}
