//! The name of a connection's state, derived from what each side's FIN has been through.
//!
//! A synchronized connection does not store one of RFC 9293's names. It stores two small facts: how
//! far our FIN got, and whether the peer's FIN came before or after ours left. Segment processing
//! asks those; the names are for people, tests and the few rules that are stated by name. That the
//! two facts reach exactly the RFC's states over exactly its edges is shown by the walk in the
//! tests.

use core::fmt;

/// How far our FIN got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum OurFin {
    /// Not sent.
    #[default]
    Open,
    /// Sent, not acknowledged.
    Sent,
    /// Acknowledged.
    Acked,
}

/// Whether the peer's FIN was received (in order), and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TheirFin {
    /// Not yet.
    #[default]
    Open,
    /// Before our user closed.
    BeforeOurs,
    /// After our user closed.
    AfterOurs,
}

/// Both FINs of a synchronized connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fins {
    pub(crate) ours: OurFin,
    pub(crate) theirs: TheirFin,
}

impl Fins {
    /// Our FIN left.
    pub(crate) fn send(&mut self) {
        if self.ours == OurFin::Open {
            self.ours = OurFin::Sent;
        }
    }

    /// Our FIN was acknowledged.
    pub(crate) fn acknowledge(&mut self) {
        if self.ours == OurFin::Sent {
            self.ours = OurFin::Acked;
        }
    }

    /// The peer's FIN came, everything before it received. `closed` says whether the user has
    /// closed, though our FIN may still wait behind data.
    pub(crate) fn receive(&mut self, closed: bool) {
        if self.theirs == TheirFin::Open {
            self.theirs = match self.ours {
                OurFin::Open if !closed => TheirFin::BeforeOurs,
                OurFin::Open | OurFin::Sent | OurFin::Acked => TheirFin::AfterOurs,
            };
        }
    }

    /// What it is called once the user has closed: the state changes with the call, not with the
    /// segment (RFC 9293 §3.10.4).
    pub(crate) fn state_once_closed(mut self) -> State {
        self.send();
        self.state()
    }

    /// RFC 9293's name for it.
    pub(crate) const fn state(self) -> State {
        match (self.ours, self.theirs) {
            (OurFin::Open, TheirFin::Open) => State::Established,
            (OurFin::Sent, TheirFin::Open) => State::FinWait1,
            (OurFin::Acked, TheirFin::Open) => State::FinWait2,
            (OurFin::Sent, TheirFin::AfterOurs) => State::Closing,
            (OurFin::Acked, TheirFin::AfterOurs) => State::TimeWait,
            // The latter is CLOSING, which `state_once_closed` says.
            (OurFin::Open, TheirFin::BeforeOurs | TheirFin::AfterOurs) => State::CloseWait,
            (OurFin::Sent, TheirFin::BeforeOurs) => State::LastAck,
            (OurFin::Acked, TheirFin::BeforeOurs) => State::Closed,
        }
    }
}

/// The states of RFC 9293 §3.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for connections.
    Listen,
    /// Sent a SYN.
    SynSent,
    /// Received a SYN and sent one.
    SynReceived,
    /// Open both ways.
    Established,
    /// Sent a FIN.
    FinWait1,
    /// Our FIN was acknowledged.
    FinWait2,
    /// The peer sent a FIN.
    CloseWait,
    /// Both sent a FIN at once, ours is not acknowledged.
    Closing,
    /// We sent a FIN after the peer's.
    LastAck,
    /// Done; waits for strays to die out.
    TimeWait,
    /// No connection.
    Closed,
}

impl State {
    /// The name as `ss` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECV",
            Self::Established => "ESTAB",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
