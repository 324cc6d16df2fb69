//! The socket verbs of the control connection, carried out on bridges.
//!
//! Every request ends in its [`Reply`]: at once, or, for `connect` and a waiting `accept`, when the
//! stack reports the outcome. Refusals carry the errno that Linux would give.

use std::net::Shutdown;
use std::os::fd::OwnedFd;

use addr::{Endpoint, IpVersion};
use client::call::{ErrorBody, Opened};
use client::socket_request::{SocketRequest, SocketType, SocketVerb};
use rustix::io::Errno;
use serde_json::Value;
use stack::SocketError;

use super::client_end::ClientEnd;
use super::client_id::ClientId;
use super::command::BridgeCommand;
use super::datagram::{Datagram, unspecified};
use super::option;
use super::pair::pair;
use super::reply::Reply;
use super::request::{errno, name, refusal, to_value};
use super::state::State;
use super::table::{Bridges, watch};
use crate::slab::Key;
use crate::sockets::Core;

type Verdict = Result<Value, ErrorBody>;

impl Bridges {
    /// Carries out a command.
    pub(crate) fn run(&mut self, command: BridgeCommand, core: &mut Core) {
        match command {
            BridgeCommand::OpenClient { client, quota, answer } => {
                // The control connection waits for it.
                let _ = answer.send(self.open_client(client, quota));
            }
            BridgeCommand::CloseClient(client) => self.close_client(client, core),
            BridgeCommand::Call { client, request, reply } => {
                self.call(client, request, reply, core);
            }
            BridgeCommand::Move { bridge, verb, reply } => {
                let (client, handle) = (bridge.client, bridge.handle);
                match self.move_in(*bridge, core) {
                    Ok(()) => self.call(client, SocketRequest::On { handle, verb }, reply, core),
                    Err(error) => reply.refuse(&error),
                }
            }
            BridgeCommand::HandleGone { client, handle, serial } => {
                self.handle_gone(client, handle, serial);
            }
            BridgeCommand::Adopt(adoption) => self.adopt(*adoption, core),
        }
    }

    /// Carries out a request of `client`.
    fn call(&mut self, client: ClientId, request: SocketRequest, reply: Reply, core: &mut Core) {
        let (handle, verb) = match request {
            SocketRequest::Socket { family, kind } => {
                return match self.open(client, family, kind, core) {
                    Ok((value, fd)) => reply.with_fd(&value, Some(fd)),
                    Err(error) => reply.refuse(&error),
                };
            }
            SocketRequest::On { handle, verb } => (handle, verb),
        };
        let Some((key, verb, reply)) = self.bridge_of((client, handle), verb, reply, core) else {
            return;
        };
        match verb {
            SocketVerb::Connect(remote) => self.connect(key, remote.into(), None, reply, core),
            SocketVerb::ConnectStart { remote, fill } => {
                self.connect(key, remote.into(), Some(fill), reply, core);
            }
            SocketVerb::Listen { backlog } => match self.listen(key, backlog, core) {
                Ok(event) => reply.with_fd(&Value::Null, Some(event)),
                Err(error) => reply.refuse(&error),
            },
            SocketVerb::Accept { blocking } => self.accept(key, blocking, reply, core),
            SocketVerb::Close => {
                // The handle is free at once; what is still to be sent needs none.
                self.remove_handle(client, handle);
                self.close(key, core);
                reply.value(&Value::Null);
            }
            SocketVerb::Bind(local) => reply.result(self.bind(key, local.into(), core)),
            SocketVerb::Shutdown(how) => reply.result(self.shutdown(key, how, core)),
            SocketVerb::GetSockName => reply.result(self.local_name(key)),
            SocketVerb::GetPeerName => reply.result(self.remote_name(key)),
            SocketVerb::SendUrgent { byte } => reply.result(self.send_urgent(key, byte, core)),
            SocketVerb::SetSockOpt { option, value } => {
                let set = self.bridge(key).and_then(|b| option::set(b, option, &value, core));
                reply.result(set);
            }
            SocketVerb::GetSockOpt { option } => {
                reply.result(self.bridge(key).and_then(|b| option::value(b, option)));
            }
        }
    }

    fn local_name(&mut self, key: Key) -> Verdict {
        let bridge = self.bridge(key)?;
        let local = bridge.local_name().unwrap_or_else(|| unspecified(bridge.v6));
        Ok(name(local))
    }

    fn remote_name(&mut self, key: Key) -> Verdict {
        self.bridge(key)?.remote_name().map(name).ok_or_else(|| errno(Errno::NOTCONN))
    }

    fn send_urgent(&mut self, key: Key, byte: u8, core: &mut Core) -> Verdict {
        let State::Stream(stream) = &mut self.bridge(key)?.state else {
            return Err(errno(Errno::NOTCONN));
        };
        let (sent, status) = stream.send_urgent(byte, core);
        self.apply(key, status);
        sent.map(|()| Value::Null).map_err(errno)
    }

    fn open(
        &mut self,
        client: ClientId,
        family: IpVersion,
        kind: SocketType,
        core: &mut Core,
    ) -> Result<(Value, OwnedFd), ErrorBody> {
        let v6 = family == IpVersion::V6;
        let (state, theirs) = match kind {
            SocketType::Stream => {
                let (ours, theirs) = ClientEnd::open().map_err(errno)?;
                (State::Fresh(ours), theirs)
            }
            SocketType::Dgram => {
                let (ours, theirs) = pair(rustix::net::SocketType::DGRAM).map_err(errno)?;
                (State::Datagram(Datagram::new(ours)), theirs)
            }
        };
        let (handle, key) = self.admit(client, v6, state).ok_or_else(|| errno(Errno::MFILE))?;
        if let State::Datagram(datagram) = &self.bridge(key)?.state
            && let Err(error) = watch(core, key, datagram.fd())
        {
            self.forget(key);
            return Err(ErrorBody::from_io(&error));
        }
        Ok((to_value(&Opened { handle }), theirs))
    }

    fn bind(&mut self, key: Key, local: Endpoint, core: &mut Core) -> Verdict {
        let bridge = self.bridge(key)?;
        if local.ip.is_v4() == bridge.v6 {
            return Err(errno(Errno::AFNOSUPPORT));
        }
        if bridge.local.is_some() {
            return Err(errno(Errno::INVAL));
        }
        match &mut bridge.state {
            State::Datagram(datagram) => {
                datagram.bind(local, core).map_err(refusal)?;
                bridge.local = Some(local);
                self.adopt_datagram(key, core);
            }
            State::Fresh(_) => {
                if !local.ip.is_unspecified() && core.worker.fib().owner(local.ip).is_none() {
                    return Err(refusal(SocketError::AddressNotAvailable));
                }
                bridge.local = Some(local);
            }
            _ => return Err(errno(Errno::INVAL)),
        }
        Ok(Value::Null)
    }

    fn shutdown(&mut self, key: Key, how: Shutdown, core: &mut Core) -> Verdict {
        let (read, write) = (how != Shutdown::Write, how != Shutdown::Read);
        let status = match &mut self.bridge(key)?.state {
            State::Stream(stream) => stream.shutdown(read, write, core),
            State::Datagram(_) => return Err(errno(Errno::OPNOTSUPP)),
            _ => return Err(errno(Errno::NOTCONN)),
        };
        self.apply(key, status);
        Ok(Value::Null)
    }
}
