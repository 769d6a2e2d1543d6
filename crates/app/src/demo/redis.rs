//! A little Redis: a server of RESP2 with counters and texts, and its client.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::pool::{self, Pool};

type Store = Arc<Mutex<HashMap<String, String>>>;

/// Serves connections of a listener.
pub(super) fn serve(listener: &TcpListener) {
    let store = Store::default();
    pool::serve(listener, move |stream| {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            if reader.get_mut().write_all(reply(&words, &store).as_bytes()).is_err() {
                return;
            }
        }
    });
}

fn reply(words: &[String], store: &Store) -> String {
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["PING"] => "+PONG\r\n".to_owned(),
        ["SET", key, value] if store.len() < MAX_KEYS || store.contains_key(*key) => {
            store.insert((*key).to_owned(), (*value).to_owned());
            "+OK\r\n".to_owned()
        }
        ["GET", key] => match store.get(*key) {
            Some(value) => format!("${}\r\n{value}\r\n", value.len()),
            None => "$-1\r\n".to_owned(),
        },
        ["INCR", key] => match store.get(*key).map_or(Ok(0), |value| value.parse::<i64>()) {
            Ok(number) => {
                let next = number.wrapping_add(1);
                store.insert((*key).to_owned(), next.to_string());
                format!(":{next}\r\n")
            }
            Err(_) => "-ERR value is not an integer or out of range\r\n".to_owned(),
        },
        ["LPUSH", key, _] if store.contains_key(*key) => {
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n".to_owned()
        }
        [name, ..] => format!("-ERR unknown command '{name}'\r\n"),
        [] => "-ERR empty command\r\n".to_owned(),
    }
}

fn read_command<R: BufRead>(reader: &mut R) -> io::Result<Option<Vec<String>>> {
    let Some(count) = read_number(reader)? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count.min(MAX_WORDS) {
        let Some(length) = read_number(reader)? else { return Ok(None) };
        let mut word = vec![0; usize::try_from(length.min(MAX_WORD_BYTES)).unwrap_or(0) + 2];
        reader.read_exact(&mut word)?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Ok(Some(words))
}

/// The number of a line such as `*3` or `$5`; nothing at the end of the connection.
fn read_number<R: BufRead>(reader: &mut R) -> io::Result<Option<u64>> {
    let mut line = String::new();
    if reader.by_ref().take(64).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim().get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(0)))
}

/// A client of one server.
pub(super) struct Client {
    pool: Pool<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(from: IpAddr, to: SocketAddr) -> Client {
        Client { pool: Pool::new(move || Ok(BufReader::new(pool::connect(from, to)?))) }
    }

    /// Sends a command; whether the reply is no error.
    pub(super) fn command(&self, words: &[&str]) -> io::Result<bool> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.pool.call(|stream| {
            stream.get_mut().write_all(text.as_bytes())?;
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.starts_with('$') && !line.starts_with("$-") {
                stream.read_line(&mut String::new())?;
            }
            Ok(!line.starts_with('-'))
        })
    }
}

const MAX_KEYS: usize = 1000;
const MAX_WORDS: u64 = 16;
const MAX_WORD_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_answered_by_type() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(&listener));
        let client = Client::new(IpAddr::from([127, 0, 0, 1]), at);
        assert!(client.command(&["INCR", "stock"]).unwrap());
        assert!(client.command(&["GET", "stock"]).unwrap());
        assert!(!client.command(&["LPUSH", "stock", "x"]).unwrap(), "a counter is no list");
        assert!(!client.command(&["FLY"]).unwrap());
        assert!(client.command(&["GET", "stock"]).unwrap(), "the connection lives on after errors");
    }
}
