//! `connect` on a bridge, and how the attempt ends.

use addr::Endpoint;
use client::call::ErrorBody;
use rustix::io::Errno;
use serde_json::Value;
use stack::socket::SocketRings;

use super::client_end::ClientEnd;
use super::datagram::unspecified;
use super::reply::Reply;
use super::request::{errno, refusal};
use super::state::{State, over};
use super::status::Status;
use super::stream::{Connecting, Outcome, Waiter};
use super::table::{Bridges, watch};
use crate::option::Options;
use crate::slab::Key;
use crate::sockets::Core;
use crate::sockets::owner::Owner;

impl Bridges {
    /// `connect`, and with `fill`, the bytes in the socketpair, `connect_start`.
    pub(super) fn connect(
        &mut self,
        key: Key,
        remote: Endpoint,
        fill: Option<u64>,
        reply: Reply,
        core: &mut Core,
    ) {
        match self.start_connect(key, remote, core) {
            Err(error) => reply.refuse(&error),
            // A datagram socket has its peer at once.
            Ok(None) => reply.value(&Value::Null),
            Ok(Some((end, rings))) => {
                let id = rings.id;
                let waiter = match fill {
                    Some(bytes) => {
                        reply.value(&Value::Null);
                        Waiter::Fill(bytes)
                    }
                    None => Waiter::Reply(reply),
                };
                let connecting = Connecting::new(end, rings, waiter);
                if let Some(bridge) = self.sockets.find_mut(key) {
                    bridge.state = State::Connecting(connecting);
                }
                core.owners.insert(id, Owner::Bridge(key));
            }
        }
    }

    /// Checks and starts an attempt. Our end of the socketpair and the socket's ends come back.
    fn start_connect(
        &mut self,
        key: Key,
        remote: Endpoint,
        core: &mut Core,
    ) -> Result<Option<(ClientEnd, SocketRings)>, ErrorBody> {
        let bridge = self.bridge(key)?;
        let (local, v6) = (bridge.local, bridge.v6);
        if remote.ip.is_v4() == v6 {
            return Err(errno(Errno::AFNOSUPPORT));
        }
        match &mut bridge.state {
            State::Fresh(_) => {}
            State::Connecting(_) => return Err(errno(Errno::ALREADY)),
            State::Stream(_) => return Err(errno(Errno::ISCONN)),
            State::Listener(_) | State::Over { .. } => return Err(errno(Errno::INVAL)),
            State::Datagram(datagram) => {
                datagram.connect(remote, v6, core).map_err(refusal)?;
                self.adopt_datagram(key, core);
                return Ok(None);
            }
        }
        let rings = core.connect(local, remote).map_err(refusal)?;
        core.set_options(rings.id, bridge.options.changes(Options::default()));
        let local = rings.local;
        let bridge = self.bridge(key)?;
        match std::mem::replace(&mut bridge.state, over(local)) {
            State::Fresh(end) => Ok(Some((end, rings))),
            other => {
                bridge.state = other;
                Err(errno(Errno::INVAL))
            }
        }
    }

    /// An attempt ended.
    pub(super) fn connected(&mut self, key: Key, outcome: Outcome, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let (local, remote) = (bridge.local_name(), bridge.remote_name());
        let state = std::mem::replace(
            &mut bridge.state,
            State::Over { local: local.unwrap_or_else(|| unspecified(bridge.v6)), remote },
        );
        let State::Connecting(connecting) = state else {
            bridge.state = state;
            return;
        };
        let (stream, reply) = connecting.finish();
        match outcome {
            Outcome::Connected => {
                let watched = watch(core, key, stream.fd());
                bridge.state = State::Stream(stream);
                if let Some(reply) = reply {
                    match watched {
                        Ok(()) => reply.value(&Value::Null),
                        Err(error) => reply.refuse(&ErrorBody::from_io(&error)),
                    }
                }
                let status = match &mut bridge.state {
                    State::Stream(stream) => stream.pump(core),
                    _ => Status::Open,
                };
                self.apply(key, status);
            }
            Outcome::Failed(code) => {
                core.close(stream.rings().id);
                let failed = Errno::from_raw_os_error(i32::from(code));
                match reply {
                    Some(reply) => {
                        // The socket can try again, as in Linux.
                        bridge.state = State::Fresh(stream.into_end());
                        reply.refuse(&errno(failed));
                    }
                    None => bridge.error = Some(i32::from(code)),
                }
            }
        }
    }
}
