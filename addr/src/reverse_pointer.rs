//! The names of addresses in reverse DNS (RFC 1035 §3.5, RFC 3596 §2.5).

use std::fmt::{self, Display};
use std::net::IpAddr;

/// The reverse DNS name of an address, without a final dot; made by `reverse_pointer`.
///
/// ```
/// use addr::Ip;
/// let ip: Ip = "2001:db8::1".parse().unwrap();
/// let name = ip.reverse_pointer().to_string();
/// assert_eq!(name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReversePointer(pub(crate) IpAddr);

impl Display for ReversePointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                write!(f, "{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(ip) => {
                for byte in ip.octets().into_iter().rev() {
                    write!(f, "{:x}.{:x}.", byte & 15, byte >> 4)?;
                }
                f.write_str("ip6.arpa")
            }
        }
    }
}
