//! The types and codes of ICMP and ICMPv6 in words, as IANA lists them.

/// What a type is in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Asks the other end; carries an identifier and a sequence number.
    Request,
    /// Answers a request.
    Reply,
    /// Says that a packet could not be delivered, and quotes it.
    Error,
    /// Anything else.
    Notice,
}

/// The class of a type.
pub fn class(version: u8, kind: u8) -> Class {
    match (version, kind) {
        (4, 8 | 13 | 15 | 17 | 42) | (6, 128 | 139 | 160) => Class::Request,
        (4, 0 | 14 | 16 | 18 | 43) | (6, 129 | 140 | 161) => Class::Reply,
        (4, 3 | 4 | 11 | 12) | (6, 1..=127) => Class::Error,
        _ => Class::Notice,
    }
}

/// The request that a type of reply answers.
pub fn request_of(version: u8, kind: u8) -> u8 {
    match (version, kind) {
        (4, 0) => 8,
        (4, 14 | 16 | 18 | 43) | (6, 129 | 140 | 161) => kind.saturating_sub(1),
        _ => kind,
    }
}

/// The name of a type.
pub fn type_name(version: u8, kind: u8) -> Option<&'static str> {
    Some(match (version, kind) {
        (4, 0) | (6, 129) => "echo reply",
        (4, 8) | (6, 128) => "echo request",
        (4, 3) | (6, 1) => "destination unreachable",
        (4, 11) | (6, 3) => "time exceeded",
        (4, 12) | (6, 4) => "parameter problem",
        (4, 5) | (6, 137) => "redirect",
        (4, 9) | (6, 134) => "router advertisement",
        (4, 10) | (6, 133) => "router solicitation",
        (4, 42) | (6, 160) => "extended echo request",
        (4, 43) | (6, 161) => "extended echo reply",
        (4, 4) => "source quench",
        (4, 6) => "alternate host address",
        (4, 13) => "timestamp request",
        (4, 14) => "timestamp reply",
        (4, 15) => "information request",
        (4, 16) => "information reply",
        (4, 17) => "address mask request",
        (4, 18) => "address mask reply",
        (4, 30) => "traceroute",
        (4, 40) => "photuris",
        (6, 2) => "packet too big",
        (6, 130) => "multicast listener query",
        (6, 131) => "multicast listener report",
        (6, 132) => "multicast listener done",
        (6, 135) => "neighbor solicitation",
        (6, 136) => "neighbor advertisement",
        (6, 138) => "router renumbering",
        (6, 139) => "node information query",
        (6, 140) => "node information response",
        (6, 141) => "inverse neighbor solicitation",
        (6, 142) => "inverse neighbor advertisement",
        (6, 143) => "multicast listener report v2",
        (6, 144) => "home agent discovery request",
        (6, 145) => "home agent discovery reply",
        (6, 146) => "mobile prefix solicitation",
        (6, 147) => "mobile prefix advertisement",
        (6, 148) => "certification path solicitation",
        (6, 149) => "certification path advertisement",
        (6, 151) => "multicast router advertisement",
        (6, 152) => "multicast router solicitation",
        (6, 153) => "multicast router termination",
        (6, 155) => "RPL control",
        (6, 157) => "duplicate address request",
        (6, 158) => "duplicate address confirmation",
        _ => return None,
    })
}

/// The name of a code.
pub fn code_name(version: u8, kind: u8, code: u8) -> Option<&'static str> {
    let names: &[&'static str] = match (version, kind) {
        (4, 3) => &[
            "network unreachable",
            "host unreachable",
            "protocol unreachable",
            "port unreachable",
            "fragmentation needed",
            "source route failed",
            "network unknown",
            "host unknown",
            "source host isolated",
            "network prohibited",
            "host prohibited",
            "network unreachable for type of service",
            "host unreachable for type of service",
            "communication prohibited",
            "host precedence violation",
            "precedence cutoff",
        ],
        (4, 5) => &["for network", "for host", "for type of service and network", "for type of service and host"],
        (4, 11) => &["time to live exceeded in transit", "fragment reassembly time exceeded"],
        (4, 12) => &["pointer indicates the error", "required option missing", "bad length"],
        (6, 1) => &[
            "no route",
            "communication prohibited",
            "beyond scope of source address",
            "address unreachable",
            "port unreachable",
            "source address failed policy",
            "route rejected",
            "source routing header error",
            "headers too long",
        ],
        (6, 3) => &["hop limit exceeded in transit", "fragment reassembly time exceeded"],
        (6, 4) => {
            &["erroneous header field", "unrecognized next header", "unrecognized option", "incomplete header chain"]
        }
        _ => &[],
    };
    names.get(usize::from(code)).copied()
}
