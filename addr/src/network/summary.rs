//! Fewer networks for the same addresses, and the rest when a part is taken away.

use super::{IpNetwork, Network};
use crate::{AddrError, Address, Mask, Problem, Subject};

impl<A: Address> Network<A> {
    /// The shortest sorted list of networks that holds exactly the addresses of these.
    ///
    /// Addresses count as networks of one. Work and memory grow with the input, not with the size
    /// of the networks.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let parts = ["10.0.0.0/25", "10.0.1.0", "10.0.0.128/25"].map(|t| t.parse().unwrap());
    /// let summary = Ipv4Network::summarize::<Ipv4Network>(parts);
    /// assert_eq!(summary, ["10.0.0.0/24", "10.0.1.0"].map(|t| t.parse().unwrap()));
    /// ```
    pub fn summarize<N: Into<Self>>(networks: impl IntoIterator<Item = N>) -> Vec<Self> {
        let pair = |network: Self| (network.address, network.prefix_len());
        let pairs: Vec<_> = networks.into_iter().map(|network| pair(network.into())).collect();
        let make = |(address, len)| Self::with_prefix(address, len).ok();
        A::aggregate(&pairs).into_iter().filter_map(make).collect()
    }

    /// What is left of this network without a part of it: the largest networks, each half the size
    /// of the one before. Nothing is left when the part is the whole.
    ///
    /// # Errors
    /// [`Problem::NotContained`] if `part` lies outside.
    ///
    /// ```
    /// use addr::Ipv4Network;
    /// let network: Ipv4Network = "10.0.0.0/29".parse().unwrap();
    /// let rest = network.address_exclude("10.0.0.2/31".parse().unwrap()).unwrap();
    /// let rest: Vec<_> = rest.map(|network| network.to_string()).collect();
    /// assert_eq!(rest, ["10.0.0.4/30", "10.0.0.0/31"]);
    /// ```
    pub fn address_exclude(self, part: Self) -> Result<Excluded<A>, AddrError> {
        if !part.subnet_of(self) {
            return Err(Self::error(Problem::NotContained));
        }
        Ok(Excluded { whole: self, part })
    }
}

/// The halves that are left when a network is cut out; from [`Network::address_exclude`].
///
/// ```
/// let all = addr::Ipv6Network::default();
/// let one = addr::Ipv6Network::host(std::net::Ipv6Addr::LOCALHOST);
/// assert_eq!(all.address_exclude(one).unwrap().count(), 128);
/// ```
#[derive(Clone, Debug)]
pub struct Excluded<A: Address> {
    whole: Network<A>,
    part: Network<A>,
}

impl<A: Address> Iterator for Excluded<A> {
    type Item = Network<A>;

    fn next(&mut self) -> Option<Network<A>> {
        if self.whole == self.part {
            return None;
        }
        let mask = Mask::new(self.whole.prefix_len() + 1).unwrap_or(Mask::HOST);
        let near = Network::new(self.part.address, mask);
        // The other half differs in the last bit of the longer prefix.
        let bit = mask.to_int() ^ self.whole.mask.to_int();
        self.whole = near;
        Some(Network { address: A::from_low_bits(near.address.to_int() ^ bit), mask })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.part.prefix_len() - self.whole.prefix_len());
        (left, Some(left))
    }
}

impl<A: Address> ExactSizeIterator for Excluded<A> {}

impl IpNetwork {
    /// The same as [`Network::summarize`] for values of one family that the type does not name.
    ///
    /// # Errors
    /// [`Problem::MixedVersions`] if there are networks of both families.
    ///
    /// ```
    /// use addr::{IpNetwork, Problem};
    /// let parse = |texts: [&str; 2]| texts.map(|text| text.parse::<IpNetwork>().unwrap());
    /// let summary = IpNetwork::summarize(parse(["::/1", "8000::/1"])).unwrap();
    /// assert_eq!(summary, ["::/0".parse().unwrap()]);
    /// let error = IpNetwork::summarize(parse(["::/1", "10.0.0.0/8"])).unwrap_err();
    /// assert_eq!(error.problem(), Problem::MixedVersions);
    /// ```
    pub fn summarize<N: Into<Self>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Self>, AddrError> {
        let (mut four, mut six) = (Vec::new(), Vec::new());
        for network in networks {
            match network.into() {
                Self::V4(network) => four.push(network),
                Self::V6(network) => six.push(network),
            }
        }
        if !four.is_empty() && !six.is_empty() {
            return Err(AddrError::new(Subject::Network, None, Problem::MixedVersions));
        }
        let four = Network::summarize(four).into_iter().map(Self::V4);
        Ok(four.chain(Network::summarize(six).into_iter().map(Self::V6)).collect())
    }
}

#[cfg(test)]
mod tests;
