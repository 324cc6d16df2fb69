//! One end of a TCP connection that knows what it will send and what it must get.

use addr::Endpoint;
use stack::socket::SocketRings;
use stack::tcp::{KeepAlive, TcpOption};
use stack::time::Duration;
use stack::{Instant, Readiness, SocketError, SocketId};

use super::{AppCx, Outcome, pattern_fill, pattern_mismatch, up_to};

/// When a stream may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// At once.
    Free,
    /// As much as it has received.
    Echo,
    /// The next request once the response before it is complete.
    Ask {
        /// Bytes of a request.
        request: u64,
        /// Bytes of a response.
        response: u64,
    },
    /// A response once its request is complete.
    Answer {
        /// Bytes of a request.
        request: u64,
        /// Bytes of a response.
        response: u64,
    },
}

/// What a stream is to do.
#[derive(Clone, Debug)]
pub struct StreamPlan {
    /// Own address and port, if fixed (for the side that connects).
    pub local: Option<Endpoint>,
    /// Whom to connect to (for the side that connects).
    pub remote: Option<Endpoint>,
    /// When to connect.
    pub start: Instant,
    /// Bytes to send and the key they follow from.
    pub send: (u64, u64),
    /// Bytes to expect and the key they follow from.
    pub expect: (u64, u64),
    /// When it may send.
    pub gate: Gate,
    /// Bytes read or written in one go, at most.
    pub chunk: usize,
    /// Pause after each read, at most: a slow reader.
    pub pause: Option<Duration>,
    /// One long pause: after so many bytes received, for so long.
    pub stall: Option<(u64, Duration)>,
    /// Whether to end its own direction only after everything was received.
    pub finish_last: bool,
    /// Whether to write before the handshake is complete.
    pub eager: bool,
    /// How often to connect again when the host is said to be unreachable.
    pub retries: u32,
    /// Breaks off after so many bytes received.
    pub abort_at: Option<u64>,
    /// What counts as the right end. None: any end will do.
    pub ending: Option<Outcome>,
}

impl Default for StreamPlan {
    fn default() -> Self {
        Self {
            local: None,
            remote: None,
            start: Instant::ZERO,
            send: (0, 0),
            expect: (0, 0),
            gate: Gate::Free,
            chunk: 16_384,
            pause: None,
            stall: None,
            finish_last: false,
            eager: true,
            retries: 5,
            abort_at: None,
            ending: Some(Outcome::Done),
        }
    }
}

impl StreamPlan {
    /// The plan of the other end, with the same manners.
    pub fn mirrored(&self) -> Self {
        let gate = match self.gate {
            Gate::Free => Gate::Free,
            Gate::Echo => Gate::Free,
            Gate::Ask { request, response } => Gate::Answer { request, response },
            Gate::Answer { request, response } => Gate::Ask { request, response },
        };
        Self {
            local: None,
            remote: None,
            send: self.expect,
            expect: self.send,
            gate,
            ..self.clone()
        }
    }
}

/// One end of a connection.
#[derive(Debug)]
pub struct Stream {
    plan: StreamPlan,
    ends: Option<SocketRings>,
    connected: bool,
    sent: u64,
    received: u64,
    /// The longest time between two arrivals of data in order, and when the last came.
    longest_gap: Duration,
    last_data_at: Option<Instant>,
    finished: bool,
    retries: u32,
    /// A slow reader does not read before this.
    read_at: Instant,
    pub(super) alarm: Option<Instant>,
    pub(super) outcome: Option<Outcome>,
    pub(super) progress_at: Instant,
}

impl Stream {
    /// A stream that will connect.
    pub fn connecting(plan: StreamPlan) -> super::App {
        let start = plan.start;
        let mut stream = Self::new(plan, start);
        stream.alarm = Some(start);
        super::App::Stream(Box::new(stream))
    }

    /// A stream over a connection that a listener accepted.
    pub(super) fn accepted(plan: StreamPlan, ends: SocketRings, cx: &mut AppCx<'_>) -> Self {
        let mut stream = Self::new(plan, cx.now);
        stream.watch(&ends, cx);
        stream.ends = Some(ends);
        stream.connected = true;
        stream.alarm = Some(cx.now);
        stream
    }

    fn new(plan: StreamPlan, now: Instant) -> Self {
        Self {
            ends: None,
            connected: false,
            sent: 0,
            received: 0,
            longest_gap: Duration::ZERO,
            last_data_at: None,
            finished: false,
            retries: plan.retries,
            plan,
            read_at: Instant::ZERO,
            alarm: None,
            outcome: None,
            progress_at: now,
        }
    }

    /// Whether the handshake is complete.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Bytes received in order and found right.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The longest time in which nothing came in order, from the first byte to the last.
    pub fn longest_gap(&self) -> Duration {
        self.longest_gap
    }

    pub(super) fn id(&self) -> Option<SocketId> {
        self.ends.as_ref().map(|ends| ends.id)
    }

    pub(super) fn describe(&self) -> String {
        let (local, remote) = match &self.ends {
            Some(ends) => (Some(ends.local), ends.remote),
            None => (self.plan.local, self.plan.remote),
        };
        let name = |e: Option<Endpoint>| e.map_or("-".into(), |e| e.to_string());
        format!(
            "stream {} > {}: sent {}/{}, received {}/{}, {:?}",
            name(local),
            name(remote),
            self.sent,
            self.plan.send.0,
            self.received,
            self.plan.expect.0,
            self.outcome
        )
    }

    /// The start is an act like any other, at the plan's time.
    pub(super) fn start(&mut self, cx: &mut AppCx<'_>) {
        if self.plan.start > cx.now {
            self.alarm = Some(self.plan.start);
        } else {
            self.drive(cx);
        }
    }

    pub(super) fn on_event(&mut self, what: Readiness, cx: &mut AppCx<'_>) {
        if what.has(Readiness::CONNECTED) && !self.connected {
            self.connected = true;
            self.progress_at = cx.now;
            cx.notes.push("connected".into());
        }
        self.drive(cx);
    }

    /// Does whatever can be done now.
    pub(super) fn drive(&mut self, cx: &mut AppCx<'_>) {
        if self.outcome.is_some() {
            return;
        }
        if self.ends.is_none() {
            self.connect(cx);
        }
        self.read(cx);
        self.write(cx);
        self.conclude(cx);
    }

    fn connect(&mut self, cx: &mut AppCx<'_>) {
        let Some(remote) = self.plan.remote else { return };
        match cx.host.tcp_connect(cx.now, self.plan.local, remote) {
            Ok(ends) => {
                self.watch(&ends, cx);
                self.ends = Some(ends);
            }
            Err(why) => self.end(Outcome::Failed(why), cx),
        }
        self.progress_at = cx.now;
    }

    /// A stream whose peer may break off must find out by itself: the RST may be lost.
    fn watch(&self, ends: &SocketRings, cx: &mut AppCx<'_>) {
        if self.plan.ending.is_none() {
            let second = Duration::from_secs(1);
            let keepalive = KeepAlive { idle: 10 * second, interval: second, probes: 5 };
            let option = TcpOption::KeepAlive(Some(keepalive));
            if let Err(why) = cx.host.set_tcp_option(cx.now, ends.id, option) {
                cx.violations.push(format!("no keepalive: {why}"));
            }
        }
    }

    fn read(&mut self, cx: &mut AppCx<'_>) {
        let Some(ends) = &mut self.ends else { return };
        let mut consumed = 0;
        loop {
            if cx.now < self.read_at {
                if !ends.rx.is_empty() {
                    self.alarm = Some(self.read_at);
                }
                break;
            }
            let (a, b) = ends.rx.peek_at(0, self.plan.chunk);
            let n = a.len() + b.len();
            if n == 0 {
                break;
            }
            let (expected, key) = self.plan.expect;
            let position = self.received + consumed;
            for (bytes, at) in [(a, position), (b, position + a.len() as u64)] {
                if let Some(i) = pattern_mismatch(key, at, bytes) {
                    cx.violations.push(format!("byte {} is wrong", at + i as u64));
                }
            }
            consumed += n as u64;
            if self.received + consumed > expected {
                cx.violations.push(format!("got more than {expected} bytes"));
            }
            ends.rx.release(n);
            if let Some((_, span)) =
                self.plan.stall.take_if(|(at, _)| self.received + consumed >= *at)
            {
                self.read_at = cx.now + span;
            } else if let Some(pause) = self.plan.pause {
                self.read_at = cx.now + up_to(pause, cx.rng);
            }
        }
        if consumed > 0 {
            self.received += consumed;
            let gap = self.last_data_at.map_or(Duration::ZERO, |at| cx.now.since(at));
            self.longest_gap = self.longest_gap.max(gap);
            self.last_data_at = Some(cx.now);
            self.progress_at = cx.now;
            cx.host.app_read(cx.now, ends.id);
            cx.notes.push(format!("received {}", self.received));
        }
    }

    /// How many bytes may have been sent by now.
    fn allowed(&self) -> u64 {
        let allowed = match self.plan.gate {
            Gate::Free => u64::MAX,
            Gate::Echo => self.received,
            Gate::Ask { request, response } => (self.received / response + 1) * request,
            Gate::Answer { request, response } => self.received / request * response,
        };
        allowed.min(self.plan.send.0)
    }

    fn write(&mut self, cx: &mut AppCx<'_>) {
        let allowed = self.allowed();
        let Some(ends) = &mut self.ends else { return };
        if !self.connected && !self.plan.eager {
            return;
        }
        let before = self.sent;
        while self.sent < allowed {
            let want = (allowed - self.sent).min(self.plan.chunk as u64) as usize;
            let (a, b) = ends.tx.slices_at(0, want);
            let n = a.len() + b.len();
            let key = self.plan.send.1;
            pattern_fill(key, self.sent, a);
            pattern_fill(key, self.sent + a.len() as u64, b);
            if ends.tx.commit(n) == 0 {
                break;
            }
            self.sent += n as u64;
        }
        if self.plan.chunk.is_multiple_of(2) {
            // Some applications say when they are done for now.
            ends.tx.rest();
        }
        let over = self.sent == self.plan.send.0
            && (!self.plan.finish_last || self.received == self.plan.expect.0);
        let finish = over && !self.finished;
        if finish {
            ends.tx.finish();
            self.finished = true;
        }
        if self.sent > before || finish {
            self.progress_at = cx.now;
            cx.host.app_wrote(cx.now, ends.id);
        }
    }

    /// Looks whether it is over.
    fn conclude(&mut self, cx: &mut AppCx<'_>) {
        let Some(ends) = &self.ends else { return };
        if self.plan.abort_at.is_some_and(|at| self.received >= at) {
            cx.host.abort(cx.now, ends.id);
            self.end(Outcome::Aborted, cx);
            return;
        }
        if let Some(code) = ends.rx.error() {
            let error = SocketError::ALL.into_iter().find(|e| e.code() == code);
            let error = error.unwrap_or_else(|| {
                cx.violations.push(format!("the error code {code} means nothing"));
                SocketError::ConnectionReset
            });
            cx.host.close(cx.now, ends.id);
            if self.is_passing(error) {
                self.try_again(cx);
            } else {
                self.end(Outcome::Failed(error), cx);
            }
            return;
        }
        if ends.rx.is_finished() {
            let expected = self.plan.expect.0;
            if self.received < expected && self.plan.ending == Some(Outcome::Done) {
                cx.violations.push(format!("ended after {} of {expected} bytes", self.received));
            }
            if self.finished {
                cx.host.close(cx.now, ends.id);
                self.end(Outcome::Done, cx);
            } else if ends.tx.reader_gone() {
                // After the peer's FIN the receive ring has ended in order; that nobody takes what
                // is written any more is all there is to see of an error.
                cx.host.close(cx.now, ends.id);
                self.end(Outcome::Failed(SocketError::BrokenPipe), cx);
            }
        }
    }

    /// Neighbour resolution gives up after three requests; on a bad link those may all be lost.
    fn is_passing(&self, error: SocketError) -> bool {
        error == SocketError::HostUnreachable && !self.connected && self.retries > 0
    }

    fn try_again(&mut self, cx: &mut AppCx<'_>) {
        cx.notes.push("unreachable, tries again".into());
        self.retries -= 1;
        self.ends = None;
        self.sent = 0;
        self.finished = false;
        self.progress_at = cx.now;
        self.alarm = Some(cx.now + Duration::from_secs(1));
    }

    fn end(&mut self, outcome: Outcome, cx: &mut AppCx<'_>) {
        cx.notes.push(format!("{outcome:?}"));
        if self.plan.ending.is_some_and(|right| right != outcome) {
            cx.violations.push(format!("ended with {outcome:?}: {}", self.describe()));
        }
        self.outcome = Some(outcome);
        self.ends = None;
        self.alarm = None;
        self.progress_at = cx.now;
    }
}
