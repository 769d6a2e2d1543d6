//! Who is the server where no handshake tells: a guess by ports, which a protocol may turn later.

use lanternfish_model::Endpoint;

/// Whether the first sender of a connection is rather its server than its client.
pub(crate) fn is_sender_server(source: Endpoint, destination: Endpoint) -> bool {
    is_service(source.port, destination.port)
}

/// Whether `port` is a service and `other` its client.
fn is_service(port: u16, other: u16) -> bool {
    if port == 0 || other == 0 {
        return false;
    }
    let is_system = port < FIRST_USER_PORT && other >= FIRST_USER_PORT;
    let is_registered = port < FIRST_EPHEMERAL_PORT && other >= FIRST_EPHEMERAL_PORT;
    is_system || is_registered
}

/// The first port that needs no privilege (RFC 6335 section 6).
const FIRST_USER_PORT: u16 = 1024;
/// The first port that common systems give to clients.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_tell_the_server() {
        for (port, other, is_server) in [
            (80, 40_000, true),
            (40_000, 80, false),
            (8080, 50_000, true),
            (80, 2000, true),
            (2000, 3000, false),
            (3000, 2000, false),
            (40_000, 50_000, false),
            (53, 53, false),
            (0, 0, false),
        ] {
            assert_eq!(is_service(port, other), is_server, "{port} {other}");
        }
    }
}
