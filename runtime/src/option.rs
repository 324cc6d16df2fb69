//! Socket options by Linux's numbers, as clients of any language name them.
//!
//! A socket's owner keeps its [`Options`], so that what was set before there was a connection
//! reaches it later, and what was set can be read back. Buffer sizes and REUSEADDR are taken
//! without effect: the stack sizes its buffers itself and never refuses a port because of
//! TIME-WAIT.

use stack::tcp::{KeepAlive, TcpOption};

pub(crate) const SOL_SOCKET: i32 = 1;
pub(crate) const SO_TYPE: i32 = 3;
pub(crate) const SO_ERROR: i32 = 4;
pub(crate) const SO_ACCEPTCONN: i32 = 30;
pub(crate) const SO_PROTOCOL: i32 = 38;
pub(crate) const SO_DOMAIN: i32 = 39;

const SO_REUSEADDR: i32 = 2;
const SO_BROADCAST: i32 = 6;
const SO_SNDBUF: i32 = 7;
const SO_RCVBUF: i32 = 8;
const SO_KEEPALIVE: i32 = 9;
const SO_REUSEPORT: i32 = 15;
const IPPROTO_TCP: i32 = 6;
const TCP_NODELAY: i32 = 1;
const IPPROTO_IPV6: i32 = 41;
const IPV6_V6ONLY: i32 = 26;

/// What was set on a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    nodelay: bool,
    keepalive: bool,
    pub(crate) only_v6: bool,
}

impl Options {
    /// Sets an option. `None`: there is no such option.
    pub(crate) fn set(&mut self, level: i32, name: i32, value: i32) -> Option<()> {
        let on = value != 0;
        match (level, name) {
            (IPPROTO_TCP, TCP_NODELAY) => self.nodelay = on,
            (SOL_SOCKET, SO_KEEPALIVE) => self.keepalive = on,
            (IPPROTO_IPV6, IPV6_V6ONLY) => self.only_v6 = on,
            (SOL_SOCKET, SO_REUSEADDR | SO_BROADCAST | SO_SNDBUF | SO_RCVBUF | SO_REUSEPORT) => {}
            _ => return None,
        }
        Some(())
    }

    /// What was set. `None`: there is no such option, or it is not remembered.
    pub(crate) fn value(&self, level: i32, name: i32) -> Option<i32> {
        match (level, name) {
            (IPPROTO_TCP, TCP_NODELAY) => Some(i32::from(self.nodelay)),
            (SOL_SOCKET, SO_KEEPALIVE) => Some(i32::from(self.keepalive)),
            (IPPROTO_IPV6, IPV6_V6ONLY) => Some(i32::from(self.only_v6)),
            _ => None,
        }
    }

    /// What a connection is to be told when these take the place of `before`.
    pub(crate) fn changes(self, before: Self) -> impl Iterator<Item = TcpOption> {
        let nodelay = (self.nodelay != before.nodelay).then_some(TcpOption::NoDelay(self.nodelay));
        let keepalive = (self.keepalive != before.keepalive)
            .then(|| TcpOption::KeepAlive(self.keepalive.then(KeepAlive::default)));
        nodelay.into_iter().chain(keepalive)
    }
}
