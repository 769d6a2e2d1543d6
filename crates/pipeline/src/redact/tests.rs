use super::fingerprint::Fingerprint;
use super::names;
use super::scan::Scanner;

fn fingerprint() -> Fingerprint {
    Fingerprint::new(*b"a key of a test!")
}

/// The text after redaction, with `#` for what stands in the place of a secret.
fn scanned(text: &str) -> String {
    let replaced = Scanner::new().replace(text.as_bytes(), &fingerprint());
    hide(replaced.map_or(text.to_owned(), |bytes| String::from_utf8(bytes).unwrap()))
}

fn named(name: &str, value: &str) -> String {
    let replaced = names::replace(name.as_bytes(), value.as_bytes(), &fingerprint());
    hide(replaced.map_or(value.to_owned(), |bytes| String::from_utf8(bytes).unwrap()))
}

fn hide(mut text: String) -> String {
    while let Some(at) = text.find("[REDACTED ") {
        let end = at + text[at..].find(']').unwrap() + 1;
        text.replace_range(at..end, "#");
    }
    text
}

#[test]
fn secrets_within_text_are_found_by_the_name_before_them() {
    let cases = [
        (r#"{"user":"ada","password":"s3\"cr,et"}"#, r##"{"user":"ada","password":"#"}"##),
        (r#"{"password" : 12345 , "a":1}"#, r##"{"password" : "#" , "a":1}"##),
        (
            r#"{"access_token":"abc","expires_in":3600,"tokens":3}"#,
            r##"{"access_token":"#","expires_in":3600,"tokens":3}"##,
        ),
        (r#"{"password":null,"token":{"a":1}}"#, r#"{"password":null,"token":{"a":1}}"#),
        (r#"{"inner":"{\"password\":\"x\\\"y\",\"b\":1}"}"#, r##"{"inner":"{\"password\":\"#\",\"b\":1}"}"##),
        (r#"{"password":"ends in a backslash \\","b":"c"}"#, r##"{"password":"#","b":"c"}"##),
        ("user=ada&password=a%20b&next=%2F", "user=ada&password=#&next=%2F"),
        ("/login?token=abc&x=1", "/login?token=#&x=1"),
        ("/go?to=%2Fa%3Ftoken%3Dabc%26x%3D1", "/go?to=%2Fa%3Ftoken%3D#%26x%3D1"),
        ("<login><ns:Password>abc</ns:Password></login>", "<login><ns:Password>#</ns:Password></login>"),
        ("Authorization: Bearer abc.def\r\nHost: a\r\n", "Authorization: Bearer #\r\nHost: a\r\n"),
        ("AUTH default secret1", "AUTH #"),
        ("HELLO 3 AUTH ada pw", "HELLO 3 AUTH #"),
        ("CONFIG SET requirepass foo", "CONFIG SET requirepass #"),
        ("PASS foo bar\r\nUSER a", "PASS #\r\nUSER a"),
        ("auth pw", "auth #"),
        ("they pass the salt", "they pass the salt"),
        ("a password is needed", "a password is needed"),
        ("the author: none", "the author: none"),
        ("card 4111 1111 1111 1111.", "card #."),
        (r#"{"card":4111111111111111}"#, r##"{"card":"#"}"##),
        ("order 4111111111111112", "order 4111111111111112"),
        ("trace 1700000000000000000 id 4111111111111111abc", "trace 1700000000000000000 id 4111111111111111abc"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end", "jwt # end"),
        (
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nse\r\ncret\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n#\r\n--b--",
        ),
        (r#"{"password":"cut off he"#, r##"{"password":"#"##),
    ];
    for (text, expected) in cases {
        assert_eq!(scanned(text), expected, "{text}");
        assert_eq!(scanned(&scanned(text).replace('#', "[REDACTED 123456]")), expected, "twice: {text}");
    }
}

#[test]
fn credentials_keep_their_scheme_and_cookies_their_names() {
    let cases = [
        ("authorization", "Token abc 123", "Token #"),
        ("authorization", "abc", "#"),
        ("Proxy-Authorization", "Basic dXNlcjpwdw==", "Basic #"),
        ("cookie", "session=abc; theme=dark", "session=#; theme=#"),
        ("set-cookie", "session=abc; Path=/; HttpOnly", "session=#; Path=/; HttpOnly"),
        ("x-api-key", "abc", "#"),
        ("X-Auth-Token", "abc", "#"),
        ("user.password", "abc", "#"),
        ("content-type", "text/html", "text/html"),
        ("x-request-id", "abc", "abc"),
        ("host", "token.example.org", "token.example.org"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(named(name, value), expected, "{name}: {value}");
    }
}

#[test]
fn fingerprints_tell_secrets_apart_and_depend_on_the_key() {
    let of = |key: [u8; 16], secret: &str| Fingerprint::new(key).replace(secret.as_bytes()).unwrap();
    assert_eq!(of([1; 16], "a"), of([1; 16], "a"));
    assert_ne!(of([1; 16], "a"), of([1; 16], "b"));
    assert_ne!(of([1; 16], "a"), of([2; 16], "a"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_survived(text in ".{0,200}") {
        let _ = Scanner::new().replace(text.as_bytes(), &fingerprint());
    }

    #[test]
    fn no_password_of_a_json_document_is_left(password in "[a-zA-Z0-9]{12,40}", noise in "[a-z\",:{}\\\\ ]{0,40}") {
        let text = format!("{}{{\"password\":\"{password}\"}}", noise.replace(['"', '\\'], ""));
        let replaced = Scanner::new().replace(text.as_bytes(), &fingerprint()).unwrap();
        proptest::prop_assert!(!String::from_utf8(replaced).unwrap().contains(&password));
    }
}
