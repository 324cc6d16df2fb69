//! Taking back what a loss that was none did to the windows.
//!
//! A retransmission was needless if the peer says that it had everything already (DSACK, RFC 2883,
//! for each of them), or if what it acknowledges was echoed with a timestamp from before the first
//! retransmission (Eifel, RFC 3522). Then the windows go back to what they were.

use wire::tcp::SeqNum;

/// What is needed to judge a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undo {
    /// SND.UNA when the windows were reduced; nothing if they were not, or it is too late.
    marker: Option<SeqNum>,
    /// Bytes sent again since that no DSACK has told of; nothing before the first.
    unproven: Option<u32>,
    /// Our clock at the first retransmission.
    stamp: Option<u32>,
}

impl Undo {
    /// There is nothing to be taken back.
    pub(crate) const fn new() -> Self {
        Self { marker: None, unproven: None, stamp: None }
    }

    /// The windows are reduced at `una`, with `resent` bytes out again already.
    pub(crate) fn arm(&mut self, una: SeqNum, resent: u32) {
        self.marker = Some(una);
        self.unproven = (resent > 0).then_some(resent);
    }

    /// There is nothing to be taken back.
    pub(crate) fn disarm(&mut self) {
        self.marker = None;
    }

    /// Everything sent again was dealt with.
    pub(crate) fn forget_stamp(&mut self) {
        self.stamp = None;
    }

    /// Whether the windows were reduced, and that could be taken back.
    pub(crate) fn is_armed(&self) -> bool {
        self.marker.is_some()
    }

    /// `bytes` left again when our clock showed `clock`.
    #[inline]
    pub(crate) fn on_resent(&mut self, bytes: u32, clock: u32) {
        self.unproven = Some(self.unproven.unwrap_or(0).saturating_add(bytes));
        self.stamp = self.stamp.or(Some(clock));
    }

    /// The peer had `bytes` up to `end` twice.
    pub(crate) fn on_duplicate_delivery(&mut self, bytes: u32, end: SeqNum) {
        if self.marker.is_some_and(|marker| end.gt(marker)) {
            self.unproven = self.unproven.map(|unproven| unproven.saturating_sub(bytes));
        }
    }

    /// Every retransmission is known to have been needless.
    pub(crate) fn is_proven_by_dsack(&self) -> bool {
        self.is_armed() && self.unproven == Some(0)
    }

    /// What is acknowledged with `echo` left before the first retransmission did.
    pub(crate) fn is_delayed(&self, echo: Option<u32>) -> bool {
        match (self.stamp, echo) {
            (Some(stamp), Some(echo)) if echo != 0 => SeqNum(echo).lt(SeqNum(stamp)),
            _ => false,
        }
    }

    /// Whether `una` was the first number out when the windows were reduced.
    pub(crate) fn is_at(&self, una: SeqNum) -> bool {
        self.marker == Some(una)
    }

    /// Whether the reduction was for nothing.
    pub(crate) fn is_due(&self, echo: Option<u32>) -> bool {
        self.is_armed() && (self.unproven == Some(0) || self.is_delayed(echo))
    }
}
