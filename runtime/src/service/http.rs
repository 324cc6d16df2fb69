//! HTTP/1.1 (RFC 9112) for people with a browser and for `curl`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | a page with the stack's live state |
//! | `GET /state.json` | the same as JSON |
//! | `GET /bytes/N` | N bytes, the numbers 0 to 250 over and over |
//! | `PUT` or `POST /upload` | length and SHA-256 of the body |
//!
//! A connection is in one of five phases: the head of a request arrives, its body arrives, the
//! state to answer with is being asked for, an answer leaves, or what the peer still sends is
//! thrown away before the close, so that the answer is not lost to a RST. Only heads and small
//! answers are held in memory of their own.

use ring::bytes::{Reader, Writer};

use stack::SocketId;

use super::page;
use super::state::{State, StateRequest};
use super::upload::{Progress, Upload};
use crate::local::inline::Next;
use crate::mailbox::Engines;

/// Longest head of a request.
const HEAD_MAX: usize = 8 * 1024;

/// One connection.
pub(super) struct Http {
    id: SocketId,
    engines: Engines,
    head: Vec<u8>,
    phase: Phase,
    /// Whether the connection ends after the present answer.
    last: bool,
}

#[derive(Default)]
enum Phase {
    /// The head of a request arrives.
    #[default]
    Head,
    /// The body of an upload arrives.
    Upload(Box<Upload>),
    /// The state is being asked for.
    State { request: StateRequest, form: Form, head_only: bool },
    /// An answer leaves: its head and what is in memory, then bytes made as they go.
    Answer { text: Vec<u8>, written: usize, bytes: u64, made: u64 },
    /// The answer is out; the peer may still be talking.
    Drain,
}

/// How the state is shown.
#[derive(Clone, Copy)]
enum Form {
    Html,
    Json,
}

/// The parts of a request's head that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    method: &'a str,
    path: &'a str,
    keep_alive: bool,
    content_length: Option<u64>,
    chunked: bool,
    expects_continue: bool,
}

impl Http {
    /// The connection `id`. What the page shows is asked of `engines`.
    pub(super) fn new(id: SocketId, engines: Engines) -> Self {
        Self { id, engines, head: Vec::new(), phase: Phase::default(), last: false }
    }

    /// Does what can be done without waiting.
    pub(super) fn step(&mut self, tx: &mut Writer, rx: &mut Reader) -> Next {
        loop {
            match &mut self.phase {
                Phase::Head => match take_head(&mut self.head, rx) {
                    Some(true) => {
                        let head = std::mem::take(&mut self.head);
                        self.begin(&head, tx);
                    }
                    Some(false) => {
                        self.last = true;
                        self.phase = text(431, "text/plain", "the head is too long\n".into(), true);
                    }
                    None if rx.is_finished() => return Next::Close,
                    None => return Next::Wait,
                },
                Phase::Upload(upload) => match upload.take(rx) {
                    Progress::Done(report) => {
                        self.phase = text(200, "application/json", report, self.last);
                    }
                    Progress::Malformed => {
                        self.last = true;
                        self.phase = text(400, "text/plain", "malformed body\n".into(), true);
                    }
                    Progress::Wait if rx.is_finished() => return Next::Close,
                    Progress::Wait => return Next::Wait,
                },
                Phase::State { request, form, head_only } => match request.take() {
                    Some(state) => self.phase = show(&state, *form, self.last, *head_only),
                    None if rx.pending_error().is_some() => return Next::Close,
                    None => return Next::Wait,
                },
                Phase::Answer { text, written, bytes, made } => {
                    if !write_answer(tx, (text, written), (*bytes, made)) {
                        return if rx.pending_error().is_some() { Next::Close } else { Next::Wait };
                    }
                    self.phase = if self.last { Phase::Drain } else { Phase::Head };
                }
                Phase::Drain => {
                    tx.finish();
                    rx.discard();
                    return if rx.is_finished() { Next::Close } else { Next::Wait };
                }
            }
        }
    }

    /// A whole head is there: decides what to answer.
    fn begin(&mut self, head: &[u8], tx: &mut Writer) {
        let Some(head) = parse(head) else {
            self.last = true;
            self.phase = text(400, "text/plain", "malformed request\n".into(), true);
            return;
        };
        self.last = !head.keep_alive;
        let reading = matches!(head.method, "GET" | "HEAD");
        let uploading = matches!(head.method, "PUT" | "POST");
        let (path, _) = head.path.split_once('?').unwrap_or((head.path, ""));
        let is_upload = path == "/upload" || path.starts_with("/upload/");
        if uploading && is_upload {
            if head.expects_continue {
                tx.write(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            self.phase = Phase::Upload(Box::new(Upload::new(head.content_length, head.chunked)));
            return;
        }
        if head.chunked || head.content_length.unwrap_or(0) > 0 {
            // A body that nobody reads would be taken for the next request.
            self.last = true;
        }
        let mut phase = match path {
            _ if !reading => {
                text(405, "text/plain", "GET anything, PUT /upload\n".into(), self.last)
            }
            "/" => self.ask_for_state(Form::Html, head.method == "HEAD"),
            "/state.json" => self.ask_for_state(Form::Json, head.method == "HEAD"),
            _ => match path.strip_prefix("/bytes/").and_then(|n| n.parse().ok()) {
                Some(bytes) => {
                    let head = response_head(200, "application/octet-stream", bytes, self.last);
                    Phase::Answer { text: head.into_bytes(), written: 0, bytes, made: 0 }
                }
                None => text(404, "text/plain", "there is nothing here\n".into(), self.last),
            },
        };
        if head.method == "HEAD" {
            drop_body(&mut phase);
        }
        self.phase = phase;
    }

    fn ask_for_state(&self, form: Form, head_only: bool) -> Phase {
        Phase::State { request: StateRequest::new(self.id, &self.engines), form, head_only }
    }
}

/// The answer that shows the state.
fn show(state: &State, form: Form, last: bool, head_only: bool) -> Phase {
    let mut phase = match form {
        Form::Html => text(200, "text/html", page::html(state), last),
        Form::Json => {
            let json = serde_json::to_string_pretty(state).unwrap_or_default() + "\n";
            text(200, "application/json", json, last)
        }
    };
    if head_only {
        drop_body(&mut phase);
    }
    phase
}

/// Leaves only the head of an answer, as HEAD asks for.
fn drop_body(phase: &mut Phase) {
    if let Phase::Answer { text, bytes, .. } = phase {
        *bytes = 0;
        let end = text.windows(4).position(|w| w == b"\r\n\r\n");
        text.truncate(end.map_or(0, |at| at + 4));
    }
}

/// Moves bytes to `head` until it has a whole one. `None`: not yet; `false`: it is too long.
fn take_head(head: &mut Vec<u8>, rx: &mut Reader) -> Option<bool> {
    // One look shows only a part of much, and stops where urgent data was.
    loop {
        let (first, second) = rx.peek();
        let mut taken = 0;
        for &byte in first.iter().chain(second) {
            head.push(byte);
            taken += 1;
            if head.ends_with(b"\r\n\r\n") || head.len() > HEAD_MAX {
                break;
            }
        }
        rx.release(taken);
        if head.ends_with(b"\r\n\r\n") {
            return Some(true);
        }
        if head.len() > HEAD_MAX {
            return Some(false);
        }
        if taken == 0 {
            return None;
        }
    }
}

fn parse(head: &[u8]) -> Option<Head<'_>> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/1.") {
        return None;
    }
    let mut head = Head {
        method,
        path,
        keep_alive: version != "HTTP/1.0",
        content_length: None,
        chunked: false,
        expects_continue: false,
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.content_length = Some(value.parse().ok()?),
            "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
            "expect" => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            "connection" if value.eq_ignore_ascii_case("close") => head.keep_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => head.keep_alive = true,
            _ => {}
        }
    }
    Some(head)
}

fn text(status: u16, kind: &str, body: String, last: bool) -> Phase {
    let text = response_head(status, kind, body.len() as u64, last) + &body;
    Phase::Answer { text: text.into_bytes(), written: 0, bytes: 0, made: 0 }
}

fn response_head(status: u16, kind: &str, len: u64, last: bool) -> String {
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Bad Request",
    };
    let connection = if last { "close" } else { "keep-alive" };
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: pytcp-xdp\r\nContent-Type: {kind}\r\n\
         Content-Length: {len}\r\nConnection: {connection}\r\n\r\n"
    )
}

/// Writes on as far as there is room, and returns whether all is written.
fn write_answer(
    tx: &mut Writer,
    (text, written): (&[u8], &mut usize),
    (bytes, made): (u64, &mut u64),
) -> bool {
    while *written < text.len() {
        if tx.free() == 0 {
            return false;
        }
        *written += tx.write(&text[*written..]);
    }
    while *made < bytes {
        if tx.free() == 0 {
            return false;
        }
        let start = (*made % PERIOD as u64) as usize;
        let len = usize::try_from(bytes - *made).unwrap_or(usize::MAX).min(NUMBERS.len() - start);
        *made += tx.write(&NUMBERS[start..start + len]) as u64;
    }
    true
}

/// `/bytes` repeats after so many bytes; a prime, so that no power of two hides a misplaced block.
const PERIOD: usize = 251;

/// The numbers 0 to 250, many times over.
pub(super) static NUMBERS: [u8; PERIOD * 256] = {
    let mut numbers = [0; PERIOD * 256];
    let mut i = 0;
    while i < numbers.len() {
        numbers[i] = (i % PERIOD) as u8;
        i += 1;
    }
    numbers
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_with_their_exceptions() {
        let head =
            parse(b"PUT /upload HTTP/1.1\r\nContent-Length: 9\r\nEXPECT: 100-continue\r\n\r\n");
        let head = head.unwrap();
        assert_eq!((head.method, head.path, head.content_length), ("PUT", "/upload", Some(9)));
        assert!(head.keep_alive && head.expects_continue && !head.chunked);
        assert!(!parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
        for bad in
            [&b"GET /\r\n\r\n"[..], b"\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\xff"]
        {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn bytes_are_the_numbers_whatever_the_ring() {
        let (mut tx, mut rx) = ring::byte_ring(128);
        let (mut written, mut made, mut seen) = (0, 0, Vec::new());
        while !write_answer(&mut tx, (b"head", &mut written), (1000, &mut made)) {
            let mut part = [0; 77];
            let n = rx.read(&mut part);
            seen.extend_from_slice(&part[..n]);
        }
        let mut rest = [0; 128];
        let n = rx.read(&mut rest);
        seen.extend_from_slice(&rest[..n]);
        assert_eq!(&seen[..4], b"head");
        assert!(seen[4..].iter().enumerate().all(|(i, &b)| usize::from(b) == i % 251));
        assert_eq!(seen.len(), 1004);
    }

    #[test]
    fn a_head_that_comes_in_pieces_is_one() {
        let (mut tx, mut rx) = ring::byte_ring(64);
        let mut head = Vec::new();
        tx.write(b"GET / HTTP/1.1\r\n\r");
        assert_eq!(take_head(&mut head, &mut rx), None);
        tx.write(b"\nGET");
        assert_eq!(take_head(&mut head, &mut rx), Some(true));
        assert_eq!((&head[..], rx.len()), (&b"GET / HTTP/1.1\r\n\r\n"[..], 3));
    }
}
