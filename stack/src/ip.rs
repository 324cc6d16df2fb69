//! IP, both families behind one address key: input, output, fragments.

pub(crate) mod ident;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod reassembly;
pub(crate) mod source;

use addr::IfIndex;
use wire::ip::IpHeader;
use wire::offload::RxMeta;

use crate::fib::Destination;

/// A checked IP packet for this host, on its way up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Interface it came in by.
    pub(crate) ifindex: IfIndex,
    /// What the device said of checksum and segmentation.
    pub(crate) meta: RxMeta,
    /// Whether the frame was sent to a group or to all at the link.
    pub(crate) link_multicast: bool,
    /// Whose the destination address is; never foreign.
    pub(crate) destination: Destination,
    /// Addresses and lengths.
    pub(crate) header: IpHeader,
    /// The transport header and what follows, trimmed to the IP length.
    pub(crate) payload: &'a [u8],
    /// The whole IP packet, for quoting in an ICMP error.
    pub(crate) whole: &'a [u8],
}
