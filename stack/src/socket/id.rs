//! How a socket is named.

use crate::shard::index::ShardIndex;

/// The table that a [`SocketId`] points into. TCP has two: listeners and connections are different
/// things there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SocketKind {
    /// A TCP socket that waits for connections.
    TcpListener,
    /// A TCP connection.
    TcpConnection,
    /// A UDP socket.
    Udp,
}

impl SocketKind {
    /// Every kind, in the order of [`Self::table`].
    pub const ALL: [Self; 3] = [Self::TcpListener, Self::TcpConnection, Self::Udp];

    /// A dense number of the kind, below `ALL.len()`: for users that keep one table a kind.
    #[must_use]
    pub const fn table(self) -> usize {
        self as usize
    }

    /// The protocol as `ss` names it in its first column.
    #[must_use]
    pub const fn netid(self) -> &'static str {
        match self {
            Self::TcpListener | Self::TcpConnection => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Whether the options of TCP and of stream sockets apply to it (`SOCK_STREAM`).
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::TcpListener | Self::TcpConnection)
    }
}

/// Names one socket of a host. The generation makes a reused slot a different socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    /// Which table.
    pub kind: SocketKind,
    /// The shard that it lives on, whose worker its calls go to.
    pub shard: ShardIndex,
    /// Slot in that table.
    pub index: u32,
    /// How often the slot was given out before; two sockets of one slot differ in it.
    pub generation: u32,
}

#[cfg(test)]
mod tests {
    use super::SocketKind;

    #[test]
    fn tables_are_numbered_without_gaps_in_the_order_of_all() {
        let numbers: Vec<usize> = SocketKind::ALL.iter().map(|kind| kind.table()).collect();
        assert_eq!(numbers, [0, 1, 2]);
    }
}
