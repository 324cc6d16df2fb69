//! The record of a run: a hash of everything that happened, and its lines if wanted.
//!
//! Two runs with the same hash went the same way: every frame with its time, every fate on the link
//! and everything an application noticed goes into it. The hash is our own few lines because it
//! must stay the same on every machine and with every version of the standard library.

use stack::Instant;

/// What kind of thing is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A host sent a frame.
    Sent,
    /// A frame reached a host.
    Arrived,
    /// A link dropped a frame.
    Lost,
    /// An application got something, or a connection changed.
    App,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Arrived => "arrived",
            Self::Lost => "lost",
            Self::App => "app",
        }
    }
}

/// The record of a run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty record; it keeps lines only if `verbose`.
    pub fn new(verbose: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines: verbose.then(Vec::new) }
    }

    /// Records one event: when, what, at which node, and its bytes. `text` is asked for only if
    /// lines are kept.
    pub fn note(
        &mut self,
        now: Instant,
        kind: Kind,
        node: &str,
        bytes: &[u8],
        text: impl FnOnce() -> String,
    ) {
        self.events += 1;
        self.mix(now.nanos());
        self.mix(kind as u64);
        self.bytes(node.as_bytes());
        self.bytes(bytes);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {node} {}: {}", kind.word(), text()));
        }
    }

    /// Whether lines are kept.
    pub fn is_verbose(&self) -> bool {
        self.lines.is_some()
    }

    /// The hash of everything recorded so far.
    pub fn hash(&self) -> u64 {
        let mut end = Self { hash: self.hash, events: 0, lines: None };
        end.mix(self.events);
        end.hash
    }

    /// How many events were recorded.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.mix(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(u64::from_le_bytes(word.try_into().expect("a chunk of eight")));
        }
        for byte in words.remainder() {
            self.mix(u64::from(*byte));
        }
    }

    fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(events: &[(u64, Kind, &str, &[u8])]) -> u64 {
        let mut trace = Trace::new(false);
        for (at, kind, node, bytes) in events {
            trace.note(Instant::from_nanos(*at), *kind, node, bytes, String::new);
        }
        trace.hash()
    }

    #[test]
    fn every_part_of_an_event_counts() {
        let base = hash(&[(1, Kind::Sent, "a", b"0123456789")]);
        for other in [
            hash(&[]),
            hash(&[(2, Kind::Sent, "a", b"0123456789")]),
            hash(&[(1, Kind::Lost, "a", b"0123456789")]),
            hash(&[(1, Kind::Sent, "b", b"0123456789")]),
            hash(&[(1, Kind::Sent, "a", b"0123456780")]),
            hash(&[(1, Kind::Sent, "a", b"1123456789")]),
            hash(&[(1, Kind::Sent, "a", b"0123456789"), (1, Kind::Sent, "a", b"0123456789")]),
        ] {
            assert_ne!(base, other);
        }
        assert_eq!(base, hash(&[(1, Kind::Sent, "a", b"0123456789")]));
    }

    #[test]
    fn lines_are_kept_only_on_request() {
        let mut trace = Trace::new(true);
        trace.note(Instant::from_millis(1500), Kind::App, "a", b"", || "hello".into());
        assert_eq!(trace.lines(), ["1.500000 a app: hello"]);
        let mut trace = Trace::new(false);
        trace.note(Instant::ZERO, Kind::App, "a", b"", || unreachable!("nobody wants the text"));
        assert!(trace.lines().is_empty());
    }
}
