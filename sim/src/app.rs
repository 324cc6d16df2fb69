//! Workloads: what the applications of a scenario do with their sockets.
//!
//! A [`Stream`] is one end of a TCP connection. It sends a number of bytes that follow from a key,
//! and expects a number that follow from the peer's key, so every byte is checked where it is read
//! and nothing has to be kept. When it may send is its [`Gate`]: at once, as an echo of what came,
//! or in turns of request and response. A [`Listener`] accepts connections and gives each a stream.
//! A [`Datagrams`] socket sends numbered datagrams and checks those it gets.
//!
//! Applications are driven by the host's events and by their own clock; both lead to the same
//! `drive`, which does whatever can be done now. What they notice goes into the trace; what must
//! not be goes into the list of violations.

use addr::Endpoint;
use stack::rng::Rng;
use stack::time::Duration;
use stack::{Host, Instant, Readiness, SocketError, SocketId};

mod datagrams;
mod stream;

pub use datagrams::{DatagramPlan, Datagrams};
pub use stream::{Gate, Stream, StreamPlan};

/// How a workload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything sent, everything expected received, both directions ended in order.
    Done,
    /// The socket failed with this error.
    Failed(SocketError),
    /// It broke off by plan.
    Aborted,
}

/// What an application may use while it acts.
pub struct AppCx<'a> {
    /// The present.
    pub now: Instant,
    /// The host it runs on.
    pub host: &'a mut Host,
    /// Its choices.
    pub rng: &'a mut Rng,
    /// What it noticed, for the trace.
    pub notes: Vec<String>,
    /// What must not be.
    pub violations: Vec<String>,
    /// Applications it started.
    pub spawned: Vec<App>,
}

/// A workload on one host.
#[derive(Debug)]
pub enum App {
    /// Accepts connections.
    Listener(Listener),
    /// One end of a connection.
    Stream(Box<Stream>),
    /// A datagram socket.
    Datagrams(Box<Datagrams>),
}

impl App {
    /// Opens its socket.
    pub fn start(&mut self, cx: &mut AppCx<'_>) {
        match self {
            Self::Listener(app) => app.start(cx),
            Self::Stream(app) => app.start(cx),
            Self::Datagrams(app) => app.start(cx),
        }
    }

    /// Its socket changed.
    pub fn on_event(&mut self, what: Readiness, cx: &mut AppCx<'_>) {
        match self {
            Self::Listener(app) => app.accept(cx),
            Self::Stream(app) => app.on_event(what, cx),
            Self::Datagrams(app) => app.drive(cx),
        }
    }

    /// Its own clock struck.
    pub fn act(&mut self, cx: &mut AppCx<'_>) {
        match self {
            Self::Listener(app) => app.accept(cx),
            Self::Stream(app) => app.drive(cx),
            Self::Datagrams(app) => app.drive(cx),
        }
    }

    /// When it wants to act by itself, once.
    pub fn take_alarm(&mut self) -> Option<Instant> {
        match self {
            Self::Listener(_) => None,
            Self::Stream(app) => app.alarm.take(),
            Self::Datagrams(app) => app.alarm.take(),
        }
    }

    /// Its socket, while it has one.
    pub fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Listener(app) => app.id,
            Self::Stream(app) => app.id(),
            Self::Datagrams(app) => app.id(),
        }
    }

    /// How it ended, if it has an end and came to it. A listener is always at its end.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Listener(_) => Some(Outcome::Done),
            Self::Stream(app) => app.outcome,
            Self::Datagrams(app) => app.outcome,
        }
    }

    /// When it last got anywhere.
    pub fn progress_at(&self) -> Instant {
        match self {
            Self::Listener(_) => Instant::FAR,
            Self::Stream(app) => app.progress_at,
            Self::Datagrams(app) => app.progress_at,
        }
    }

    /// One line of where it is.
    pub fn describe(&self) -> String {
        match self {
            Self::Listener(app) => format!("listener on {}", app.local),
            Self::Stream(app) => app.describe(),
            Self::Datagrams(app) => app.describe(),
        }
    }
}

/// Accepts connections; the nth gets the nth plan, and the last plan serves all further ones.
#[derive(Debug)]
pub struct Listener {
    local: Endpoint,
    plans: Vec<StreamPlan>,
    accepted: usize,
    id: Option<SocketId>,
}

impl Listener {
    /// A listener on `local`.
    pub fn app(local: Endpoint, plans: Vec<StreamPlan>) -> App {
        App::Listener(Self { local, plans, accepted: 0, id: None })
    }

    fn start(&mut self, cx: &mut AppCx<'_>) {
        let options = stack::tcp::ListenOptions { backlog: 16, only_v6: false };
        match cx.host.tcp_listen(cx.now, self.local, options) {
            Ok(id) => self.id = Some(id),
            Err(why) => cx.violations.push(format!("cannot listen on {}: {why}", self.local)),
        }
    }

    fn accept(&mut self, cx: &mut AppCx<'_>) {
        let Some(id) = self.id else { return };
        while let Ok(Some(ends)) = cx.host.tcp_accept(cx.now, id) {
            let plan = self.plans.get(self.accepted).or(self.plans.last());
            self.accepted += 1;
            match plan {
                Some(plan) => {
                    let stream = Stream::accepted(plan.clone(), ends, cx);
                    cx.spawned.push(App::Stream(Box::new(stream)));
                }
                None => cx.host.abort(cx.now, ends.id),
            }
        }
    }
}

/// Eight bytes of the stream of `key`, from a multiple of eight on.
fn pattern_word(key: u64, position: u64) -> [u8; 8] {
    (key ^ (position >> 3)).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

/// The byte at `position` of the stream of `key`.
pub fn pattern(key: u64, position: u64) -> u8 {
    pattern_word(key, position)[(position & 7) as usize]
}

/// Writes the bytes from `position` on.
pub fn pattern_fill(key: u64, position: u64, bytes: &mut [u8]) {
    let (head, body) = bytes.split_at_mut(head_len(position).min(bytes.len()));
    for (i, byte) in head.iter_mut().enumerate() {
        *byte = pattern(key, position + i as u64);
    }
    let start = position + head.len() as u64;
    for (i, word) in body.chunks_mut(8).enumerate() {
        let len = word.len();
        word.copy_from_slice(&pattern_word(key, start + 8 * i as u64)[..len]);
    }
}

/// Where `bytes` first differ from those from `position` on.
pub fn pattern_mismatch(key: u64, position: u64, bytes: &[u8]) -> Option<usize> {
    let differs = |i: usize| bytes[i] != pattern(key, position + i as u64);
    let head = head_len(position).min(bytes.len());
    if let Some(i) = (0..head).find(|i| differs(*i)) {
        return Some(i);
    }
    let start = position + head as u64;
    let mut words = bytes[head..].chunks(8).enumerate();
    let (nth, word) =
        words.find(|(i, word)| pattern_word(key, start + 8 * *i as u64)[..word.len()] != **word)?;
    let at = head + 8 * nth;
    (at..at + word.len()).find(|i| differs(*i))
}

/// Bytes up to the next multiple of eight.
fn head_len(position: u64) -> usize {
    (position.wrapping_neg() & 7) as usize
}

/// A span up to `most`, for pauses.
fn up_to(most: Duration, rng: &mut Rng) -> Duration {
    let micros = u32::try_from(most.as_micros()).unwrap_or(u32::MAX);
    Duration::from_micros(u64::from(rng.below(micros)) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_same_by_bytes_and_by_words() {
        for position in [0, 1, 7, 8, 13, (1 << 40) + 3] {
            for len in [0, 1, 5, 8, 9, 100] {
                let mut bytes = vec![0; len];
                pattern_fill(5, position, &mut bytes);
                let slow: Vec<u8> = (0..len as u64).map(|i| pattern(5, position + i)).collect();
                assert_eq!(bytes, slow);
                assert_eq!(pattern_mismatch(5, position, &bytes), None);
                for i in 0..len {
                    bytes[i] ^= 1;
                    assert_eq!(pattern_mismatch(5, position, &bytes), Some(i));
                    bytes[i] ^= 1;
                }
            }
        }
    }
}
