//! What a device did to a frame, or must still do: checksum and segmentation metadata.
//!
//! Received frames say how far their transport checksum can be trusted; frames to send say what
//! the device has to finish. The vocabulary is virtio's (`vnet_hdr`), which TAP speaks directly
//! and to which AF_XDP and software fall back at the edge.

use addr::Ip;

use crate::checksum::{self, Sum};

/// How far the transport checksum of a received frame can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RxChecksum {
    /// Nobody looked: verify it.
    #[default]
    Unverified,
    /// The device verified it.
    Valid,
    /// The field holds only the pseudo-header sum; the data never left this machine.
    Partial,
    /// The device cannot say (veth under AF_XDP): verify, but a field that holds the bare
    /// pseudo-header sum is as good as a valid one.
    MaybePartial,
}

impl RxChecksum {
    /// The transport checksum over `segment` holds, or need not.
    ///
    /// `pseudo` is the pseudo-header sum, `field` the checksum field as it stands in `segment`.
    #[inline]
    pub fn accepts(self, pseudo: Sum, field: u16, segment: &[u8]) -> bool {
        match self {
            Self::Valid | Self::Partial => true,
            Self::Unverified => checksum::sum(pseudo, segment).is_valid(),
            Self::MaybePartial => {
                checksum::is_partial(pseudo, field) || checksum::sum(pseudo, segment).is_valid()
            }
        }
    }

    /// The same with the sum already taken: `whole` covers pseudo header and segment.
    #[inline]
    pub fn accepts_sum(self, pseudo: Sum, field: u16, whole: Sum) -> bool {
        match self {
            Self::Valid | Self::Partial => true,
            Self::Unverified => whole.is_valid(),
            Self::MaybePartial => checksum::is_partial(pseudo, field) || whole.is_valid(),
        }
    }
}

/// Metadata of a received frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxMeta {
    /// Trust in the transport checksum.
    pub checksum: RxChecksum,
    /// Payload bytes of each merged segment; 0 if the frame is one packet.
    pub gso_size: u16,
}

/// State of the transport checksum of a frame to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TxChecksum {
    /// Finished, or the frame has none.
    #[default]
    Complete,
    /// The field holds the folded pseudo-header sum (not complemented); the device adds the rest.
    Partial {
        /// Offset of the transport header in the frame.
        start: u16,
        /// Offset of the checksum field within the transport header.
        offset: u16,
    },
}

/// What a frame is to be cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
}

impl GsoKind {
    /// TCP over the family of `ip`.
    #[inline]
    pub fn tcp(ip: Ip) -> Self {
        if ip.is_v4() { Self::Tcp4 } else { Self::Tcp6 }
    }
}

/// How a large frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// The protocols in the headers.
    pub kind: GsoKind,
    /// Payload bytes of each piece.
    pub size: u16,
    /// Bytes of all headers before the payload.
    pub header_len: u16,
}

/// Metadata of a frame to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxMeta {
    /// Bytes of the frame.
    pub len: u32,
    /// State of the transport checksum.
    pub checksum: TxChecksum,
    /// Segmentation wanted.
    pub gso: Option<Gso>,
}

/// What a device can do with frames to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceCaps {
    /// Finishes partial checksums.
    pub tx_checksum: bool,
    /// Largest frame in bytes that it cuts itself; 0: no segmentation.
    pub gso_max: u32,
    /// Cuts TCP over IPv4.
    pub gso4: bool,
    /// Cuts TCP over IPv6.
    pub gso6: bool,
}

/// What a frame of a device begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// An Ethernet header.
    Ethernet,
    /// A bare IP header.
    Ip,
}
