//! The fields of TLS.
//!
//! What one side alone tells lies on its message; what both agree on lies on the server's where there is one, so that
//! an entry has each field once. `outcome` is `failed` after a fatal alert and `ok` once the server said hello.

use lanternfish_model::fields;

fields! {
    SERVER_NAME = text("tls_server_name").synonym(&["tlsx_sni"]).doc("The server name that the client asked for (RFC 6066 section 3).").example("shop.example.org");
    SUMMARY = text("tls_summary").doc("The server name, else the application protocol, else the cipher suite.").example("shop.example.org");
    INFO = text("tls_info").doc("The version and the cipher suite in words.").example("TLS 1.3, TLS_AES_128_GCM_SHA256");
    REQUEST_SIZE = int("tls_request_size").unit("bytes").doc("The length of the client's handshake records that are in clear.").example("517");
    RESPONSE_SIZE = int("tls_response_size").unit("bytes").doc("The length of the server's handshake records that are in clear.").example("3842");
    TOTAL_SIZE = int("tls_total_size").unit("bytes").doc("The length of both sides' handshake records that are in clear.").example("4359");
    VERSION_NAME = text("tls_version").doc("The version in words: the one chosen, else the newest that the client offered.").example("TLS 1.3");
    VERSION = int("tlsx_version").doc("The version as it stands on the wire (772 is TLS 1.3): the one chosen, else the newest that the client offered.").example("772");
    CIPHER_SUITE = int("tlsx_cipher_suite").doc("The cipher suite that the server chose, as its number.").example("4865");
    CIPHER_SUITE_NAME = text("tls_cipher_suite").doc("The cipher suite that the server chose, as its name.").example("TLS_AES_128_GCM_SHA256");
    CIPHER_SUITES = list("tlsx_cipher_suites").doc("The cipher suites that the client offered, in its order.").example("TLS_AES_128_GCM_SHA256");
    ALPN = text("tlsx_alpn").doc("The application protocol that the server chose where that is in clear, else the first that the client offered (RFC 7301).").example("h2");
    ALPN_OFFERED = list("tlsx_alpn_offered").doc("The application protocols that the client offered, in its order.").example("h2");
    HANDSHAKE_SUMMARY = text("tlsx_summary").doc("The handshake in a line: server name, version, cipher suite, as far as they are known.").example("shop.example.org, TLS 1.3, TLS_AES_128_GCM_SHA256");
    HANDSHAKE_INFO = text("tlsx_info").doc("`ServerHello` for a handshake that the server answered, else `ClientHello`.").example("ServerHello");
    SUPPORTED_VERSIONS = list("tls_supported_versions").doc("The versions that the client offered, in its order.").example("TLS 1.3");
    SUPPORTED_GROUPS = list("tls_supported_groups").doc("The key exchange groups that the client offered, in its order.").example("x25519");
    GROUP = text("tls_group").doc("The key exchange group in use; `X25519MLKEM768` and its like are safe against quantum computers.").example("X25519MLKEM768");
    HAS_ECH = bool("tls_has_ech").doc("Whether the client sent an encrypted ClientHello or server name; some send a dummy, so it need not be in use.").example("true");
    IS_RESUMED = bool("tls_is_resumed").doc("Whether an earlier session goes on, so that no certificates are sent.").example("false");
    IS_RETRY = bool("tls_is_retry").doc("Whether the server answered with a HelloRetryRequest; the client's second ClientHello makes an entry of its own (RFC 8446 section 4.1.4).").example("false");
    JA3 = text("tls_ja3").doc("The JA3 fingerprint of the ClientHello.").example("a0e9f5d64349fb13191bc781f81f42e1");
    JA3S = text("tls_ja3s").doc("The JA3S fingerprint of the ServerHello.").example("eb1d94daa7e0344597e756a1fb6e7054");
    JA4 = text("tls_ja4").doc("The JA4 fingerprint of the ClientHello.").example("t13d1516h2_8daaf6152771_e5627efa2ab1");
    CERTIFICATE_SERIALS = list("tls_certificate_serials").doc("The serial numbers of all certificates in clear, in hexadecimal: the server's chain, that of its revocation check, the client's chain.").example("04fb1a2c");
    CERTIFICATE_SUBJECT = text("tls_certificate_subject").doc("The subject of the server's certificate.").example("CN=shop.example.org");
    CERTIFICATE_ISSUER = text("tls_certificate_issuer").doc("The issuer of the server's certificate.").example("C=US, O=Example CA, CN=E1");
    CERTIFICATE_NAMES = list("tls_certificate_names").doc("The alternative names of the server's certificate: DNS names, addresses, URIs.").example("shop.example.org");
    CERTIFICATE_NOT_BEFORE = time("tls_certificate_not_before").doc("When the server's certificate begins to be valid.").example("2026-01-01T00:00:00Z");
    CERTIFICATE_NOT_AFTER = time("tls_certificate_not_after").doc("When the server's certificate ceases to be valid.").example("2026-04-01T00:00:00Z");
    CERTIFICATE_SHA256 = text("tls_certificate_sha256").doc("The SHA-256 fingerprint of the server's certificate, in hexadecimal.").example("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    IS_SELF_SIGNED = bool("tls_certificate_is_self_signed").doc("Whether issuer and subject of the server's certificate are the same.").example("false");
    IS_EXPIRED = bool("tls_certificate_is_expired").doc("Whether the server's certificate had expired when it was sent.").example("false");
    SERVER_SPIFFE_ID = text("tls_server_spiffe_id").doc("The SPIFFE ID in the server's certificate.").example("spiffe://cluster.local/ns/shop/sa/cart");
    CLIENT_CERTIFICATE = bool("tls_client_certificate").doc("Whether the client showed a certificate (mutual TLS); known where the handshake is in clear.").example("true");
    CLIENT_CERTIFICATE_REQUESTED = bool("tls_client_certificate_requested").doc("Whether the server asked for a client certificate; known where the handshake is in clear.").example("true");
    CLIENT_CERTIFICATE_SUBJECT = text("tls_client_certificate_subject").doc("The subject of the client's certificate.").example("CN=cart");
    CLIENT_CERTIFICATE_ISSUER = text("tls_client_certificate_issuer").doc("The issuer of the client's certificate.").example("O=cluster.local");
    CLIENT_CERTIFICATE_NAMES = list("tls_client_certificate_names").doc("The alternative names of the client's certificate.").example("cart.shop.svc");
    CLIENT_SPIFFE_ID = text("tls_client_spiffe_id").doc("The SPIFFE ID in the client's certificate.").example("spiffe://cluster.local/ns/shop/sa/web");
    ALERT = text("tls_alert").doc("The last alert in clear (RFC 8446 section 6).").example("handshake_failure");
    ALERT_NUMBER = int("tls_alert_number").doc("The last alert in clear, as its number.").example("40");
    ALERT_LEVEL = text("tls_alert_level").doc("The level of the alert: `warning` or `fatal`.").example("fatal");
    WARNINGS = list("tls_warnings").doc("What is weak about the version, the cipher suite or the certificate.").example("TLS 1.0");
}
