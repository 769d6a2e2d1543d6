//! A little HTTP/1.1: servers that answer by a function, and a client with connections that are kept.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::pool::{self, Pool};

/// What a service answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) is_chunked: bool,
    /// How long it takes.
    pub(super) delay: Duration,
    /// Whether the connection breaks in the middle.
    pub(super) is_broken: bool,
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, body: body.into(), is_chunked: false, delay: Duration::ZERO, is_broken: false }
    }
}

/// Serves connections of a listener by a function from method and target to an answer.
pub(super) fn serve(listener: &TcpListener, service: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) {
    pool::serve(listener, move |stream| {
        // A client that goes away is no matter.
        let _ = serve_stream(stream, &service);
    });
}

/// Serves the requests of one connection, plain or within TLS.
pub(super) fn serve_stream<S: Read + Write>(stream: S, service: &impl Fn(&str, &str) -> Answer) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((method, target, length)) = read_request(&mut reader)? {
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let answer = service(&method, &target);
        thread::sleep(answer.delay);
        let out = reader.get_mut();
        let (status, body) = (answer.status, &answer.body);
        let framing = match answer.is_chunked {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {}", body.len()),
        };
        let head = format!(
            "HTTP/1.1 {status} {}\r\nServer: shop\r\nContent-Type: application/json\r\n{framing}\r\n\r\n",
            reason(status)
        );
        if answer.is_broken {
            out.write_all(head.as_bytes())?;
            return Ok(());
        }
        let text = match answer.is_chunked {
            true => format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
            false => head + body,
        };
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

/// A request line and the length of the body; nothing at the end of the connection.
fn read_request<R: BufRead>(reader: &mut R) -> io::Result<Option<(String, String, u64)>> {
    let mut line = String::new();
    if reader.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Some((method, target, read_headers(reader)?)))
}

/// Reads headers; gives the length of the body.
fn read_headers<R: BufRead>(reader: &mut R) -> io::Result<u64> {
    let mut length = 0;
    for _ in 0..MAX_HEADERS {
        let mut line = String::new();
        if reader.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.to_ascii_lowercase().starts_with("transfer-encoding: chunked") {
            length = CHUNKED;
        }
    }
    Ok(length)
}

/// A client of one server.
pub(super) struct Client {
    pool: Pool<BufReader<TcpStream>>,
    host: &'static str,
}

impl Client {
    pub(super) fn new(from: IpAddr, to: SocketAddr, host: &'static str) -> Client {
        Client { pool: Pool::new(move || Ok(BufReader::new(pool::connect(from, to)?))), host }
    }

    /// Calls and gives the status.
    pub(super) fn call(&self, method: &str, target: &str) -> io::Result<u16> {
        self.pool.call(|stream| exchange(stream, method, target, self.host, ""))
    }
}

/// Sends a request and reads the answer.
pub(super) fn exchange<S: Read + Write>(
    stream: &mut BufReader<S>,
    method: &str,
    target: &str,
    host: &str,
    body: &str,
) -> io::Result<u16> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: shop/1\r\nAuthorization: Token demo-{method}\r\n\
         Cookie: basket=42; theme=dark\r\n{length}\r\n"
    );
    stream.get_mut().write_all((head + body).as_bytes())?;
    stream.get_mut().flush()?;
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    match read_headers(stream)? {
        CHUNKED => loop {
            let mut size = String::new();
            stream.read_line(&mut size)?;
            let length = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
            io::copy(&mut stream.by_ref().take(length + 2), &mut io::sink())?;
            if length == 0 {
                return Ok(status);
            }
        },
        length => {
            let read = io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
            if read < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(status) }
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        404 => "Not Found",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

/// Stands for a body in chunks.
const CHUNKED: u64 = u64::MAX;
const MAX_LINE_BYTES: u64 = 8192;
const MAX_HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_whole_in_chunks_or_broken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        thread::spawn(move || {
            serve(&listener, |method, target| match target {
                "/chunks" => Answer { is_chunked: true, ..Answer::new(200, "[1]") },
                "/broken" => Answer { is_broken: true, ..Answer::new(200, "[1]") },
                _ => Answer::new(if method == "GET" { 404 } else { 201 }, "{}"),
            });
        });
        let client = Client::new(IpAddr::from([127, 0, 0, 1]), at, "test");
        assert_eq!(client.call("GET", "/").unwrap(), 404);
        assert_eq!(client.call("POST", "/").unwrap(), 201);
        assert_eq!(client.call("GET", "/chunks").unwrap(), 200);
        assert_eq!(client.call("GET", "/broken").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(client.call("GET", "/").unwrap(), 404);
    }
}
