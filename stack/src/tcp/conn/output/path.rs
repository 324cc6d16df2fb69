//! The path of a connection: how its frames get to the next hop, and what is reported to control.
//!
//! It is looked up again when the network around us changes, and once a second while something is
//! sent, which is how control learns that the neighbour is in use. A connection keeps what its
//! frames need; the next hop's address, which only control asks for, is looked up when there is
//! something to tell.

use crate::cx::{Cx, Request};
use crate::fib::{Link, Path};
use crate::socket::SocketError;
use crate::store::waiting::NextHop;
use crate::tcp::conn::Conn;
use crate::time::{Duration, Instant};

impl Conn {
    /// Looks the path up again if the network around us changed or the path has aged. Says whether
    /// a frame can leave.
    #[inline]
    pub(crate) fn refresh_path(&mut self, cx: &mut Cx<'_>) -> bool {
        if cx.fib.is_current(self.path.stamp) && cx.now.since(self.path_looked_up_at) < PATH_AGE {
            return self.path.is_usable();
        }
        self.look_up_path(cx);
        self.path.is_usable()
    }

    /// Looks the path up, tells control that the neighbour is in use, and follows a change of MTU.
    pub(crate) fn look_up_path(&mut self, cx: &mut Cx<'_>) {
        self.path_looked_up_at = cx.now;
        match self.find_path(cx) {
            Ok(path) => {
                self.path = path.hop;
                if matches!(path.link, Link::Known(_)) {
                    cx.requests.push(Request::Used(path.ifindex, path.next_hop));
                }
                self.update_mss();
            }
            Err(_) => {
                let remote = self.key.remote.ip;
                self.path.stamp = cx.fib.stamp(remote, remote);
                self.path.link = Link::Failed;
            }
        }
    }

    fn find_path(&self, cx: &Cx<'_>) -> Result<Path, SocketError> {
        cx.fib.path(self.key.remote.ip, Some(self.key.local.ip), self.scope)
    }

    /// No frame can leave: asks for the link address, and sees to it that the connection does not
    /// wait for ever. Returns the next hop it waits for; none if there is no route.
    pub(crate) fn request_neighbor(&mut self, cx: &mut Cx<'_>) -> Option<NextHop> {
        self.output_wanted = false;
        self.neighbor_requested |= self.path.link == Link::Pending;
        let next_hop = self.find_path(cx).ok().map(|path| (path.ifindex, path.next_hop));
        if let Some((ifindex, next_hop)) = next_hop {
            cx.requests.push(Request::Resolve(ifindex, next_hop));
        }
        if self.timers.retransmit == Instant::FAR {
            self.timers.retransmit = cx.now + self.rtt.rto();
        }
        next_hop
    }

    /// Forward progress shows that the neighbour is reachable (RFC 4861 §7.3.1). Told at
    /// most once a second.
    #[inline]
    pub(crate) fn confirm_neighbor(&mut self, cx: &mut Cx<'_>) {
        if cx.now >= self.next_confirm_at && matches!(self.path.link, Link::Known(_)) {
            self.confirm_path(cx);
        }
    }

    /// The neighbour by which segments leave; none if the network changed since, as it may be
    /// another.
    #[cold]
    fn confirm_path(&mut self, cx: &mut Cx<'_>) {
        self.next_confirm_at = cx.now + PATH_AGE;
        if cx.fib.is_current(self.path.stamp)
            && let Ok(path) = self.find_path(cx)
        {
            cx.requests.push(Request::Confirmed(path.ifindex, path.next_hop));
        }
    }
}

/// How long a path is used before it is looked up again.
const PATH_AGE: Duration = Duration::from_secs(1);
