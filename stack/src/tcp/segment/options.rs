//! What the handshake agrees on, and the segment sizes that follow from it.
//!
//! Options are read from SYNs only; a SYN whose option area breaks off counts as one without
//! options, as Linux takes it. Sizes: what we advertise follows from the interface (RFC 6691), what
//! we send is the least of the peer's option and the path, never below Linux's floor.

use wire::ip;
use wire::tcp::HEADER_LEN;
use wire::tcp_options::{self, MSS_DEFAULT, OptionWriter, Timestamps};

use crate::limits::Limits;
use crate::tcp::segment::timestamps::TIMESTAMPS_LEN;

/// What the peer's SYN said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerSynOptions {
    /// Largest segment it takes.
    pub(crate) mss: u16,
    /// Its window shift; none if it does not scale.
    pub(crate) scale: Option<u8>,
    /// It reads selective acknowledgments.
    pub(crate) sack: bool,
    /// Its timestamps, if it has them.
    pub(crate) timestamps: Option<Timestamps>,
}

impl PeerSynOptions {
    /// Reads the options of a SYN.
    pub(crate) fn parse(area: &[u8], v4: bool) -> Self {
        let options = tcp_options::parse(area).unwrap_or_default();
        let default = if v4 { MSS_DEFAULT } else { MSS_DEFAULT_V6 };
        Self {
            mss: options.mss.unwrap_or(default).max(MSS_FLOOR),
            scale: options.window_scale,
            sack: options.sack_permitted,
            timestamps: options.timestamps,
        }
    }
}

impl PeerSynOptions {
    /// What of it we take up.
    pub(crate) fn limited_by(self, limits: &Limits) -> Self {
        Self {
            scale: self.scale.filter(|_| limits.tcp_window_scaling),
            sack: self.sack && limits.tcp_sack,
            timestamps: self.timestamps.filter(|_| limits.tcp_timestamps),
            ..self
        }
    }
}

/// What a SYN or SYN-ACK of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SynOptions {
    pub(crate) mss: u16,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) timestamps: Option<Timestamps>,
}

impl SynOptions {
    /// The options area in Linux's order (`tcp_options_write`): MSS, SACK permitted, timestamps,
    /// window scale.
    pub(crate) fn writer(self) -> OptionWriter {
        let mut writer = OptionWriter::new();
        writer.mss(self.mss);
        match self.timestamps {
            Some(stamps) => {
                if self.sack {
                    writer.sack_permitted();
                }
                writer.timestamps(stamps);
            }
            None if self.sack => {
                writer.sack_permitted_alone();
            }
            None => {}
        }
        if let Some(shift) = self.scale {
            writer.window_scale(shift);
        }
        writer
    }
}

/// The MSS we advertise: what the interface's MTU leaves (RFC 9293 §3.7.1, MUST-67).
pub(crate) fn advertised_mss(mtu: u32, v4: bool) -> u16 {
    u16::try_from(mtu.saturating_sub(headers(v4))).unwrap_or(u16::MAX).max(MSS_FLOOR)
}

/// Bytes of data in a full segment: what the peer takes and the path carries.
pub(crate) fn send_mss(peer: u16, mtu: u32, v4: bool) -> u32 {
    mtu.saturating_sub(headers(v4)).min(u32::from(peer)).max(u32::from(MSS_FLOOR))
}

/// Length of the packet around a segment of `mss` bytes and timestamps.
pub(crate) fn packet_len(mss: u32, v4: bool) -> u32 {
    mss + headers(v4) + TIMESTAMPS_LEN
}

/// The shift for a receive buffer, as Linux derives it (`tcp_select_initial_window`).
pub(crate) fn window_shift(buffer: usize) -> u8 {
    let bits = buffer.max(1).ilog2();
    bits.saturating_sub(15).min(u32::from(tcp_options::WINDOW_SCALE_MAX)) as u8
}

/// The window of a SYN, which is never scaled: whole segments, as Linux offers them.
pub(crate) fn syn_window(buffer: usize, mss: u16) -> u16 {
    let most = buffer.min(usize::from(u16::MAX)) as u16;
    if most > mss { most - most % mss } else { most }
}

/// The window of our SYN, or of our SYN-ACK if the peer sends timestamps: of segments that leave
/// room for them.
pub(crate) fn first_window(limits: &Limits, mss: u16, timestamps: bool) -> u16 {
    let space = (limits.tcp_rmem[1] / 2).min(ring_size(limits));
    let room = if timestamps { TIMESTAMPS_LEN as u16 } else { 0 };
    syn_window(space, mss - room)
}

/// The shift we offer: enough for the largest window there may be, as Linux does, or for the ring
/// where that was made small.
pub(crate) fn our_shift(limits: &Limits) -> u8 {
    let ring = ring_size(limits);
    let locked = ring < limits.tcp_rmem[1] / 2;
    window_shift(if locked { ring } else { ring.max(limits.tcp_rmem[2]) })
}

fn ring_size(limits: &Limits) -> usize {
    limits.tcp_receive_buffer
}

fn headers(v4: bool) -> u32 {
    (ip::header_len(v4) + HEADER_LEN) as u32
}

/// RFC 9293 §3.7.1, MUST-15, for IPv6.
const MSS_DEFAULT_V6: u16 = 1220;
/// Linux `TCP_MIN_SND_MSS`: options must still leave room for data.
const MSS_FLOOR: u16 = 48;

#[cfg(test)]
mod tests {
    use super::*;

    /// TCPR-21.
    #[test]
    fn sizes_follow_the_mtu_tcpo_02() {
        assert_eq!(advertised_mss(1500, true), 1460);
        assert_eq!(advertised_mss(1500, false), 1440);
        assert_eq!(advertised_mss(65_575, false), 65_515);
        assert_eq!(advertised_mss(100_000, true), 65_535);
    }

    #[test]
    fn a_small_peer_mss_is_taken_as_given_tcpo_03_gap_29() {
        assert_eq!(send_mss(536, 1500, true), 536);
        assert_eq!(send_mss(100, 1500, true), 100);
        assert_eq!(PeerSynOptions::parse(&[2, 4, 0, 1], true).mss, 48);
        assert_eq!(send_mss(9000, 1500, true), 1460);
    }

    #[test]
    fn no_option_means_the_default_of_the_family() {
        let nothing = PeerSynOptions { mss: 536, scale: None, sack: false, timestamps: None };
        assert_eq!(PeerSynOptions::parse(&[], true), nothing);
        assert_eq!(PeerSynOptions::parse(&[], false).mss, 1220);
        assert_eq!(PeerSynOptions::parse(&[3, 3, 0], true).scale, Some(0));
        assert_eq!(PeerSynOptions::parse(&[3, 3], true), nothing);
    }

    #[test]
    fn options_stand_as_linux_places_them_tcpo_01() {
        let stamps = Timestamps { value: 1, echo: 2 };
        let all = SynOptions { mss: 1460, scale: Some(7), sack: true, timestamps: Some(stamps) };
        let bytes = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        assert_eq!(all.writer().finish(), bytes);
        let some = SynOptions { timestamps: None, ..all };
        assert_eq!(some.writer().finish(), [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7]);
        let some = SynOptions { sack: false, ..all };
        let bytes = [2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        assert_eq!(some.writer().finish(), bytes);
        let some = SynOptions { sack: false, timestamps: None, scale: None, ..all };
        assert_eq!(some.writer().finish(), [2, 4, 5, 180]);
    }

    #[test]
    fn shift_as_linux_derives_it_tcpi_14() {
        for (buffer, shift) in [(0, 0), (65_535, 0), (65_536, 1), (1 << 20, 5), (6 << 20, 7)] {
            assert_eq!(window_shift(buffer), shift, "{buffer}");
        }
        assert_eq!(window_shift(usize::MAX), 14);
        assert_eq!(syn_window(1 << 20, 1460), 64_240);
        assert_eq!(syn_window(1000, 1460), 1000);
    }
}
