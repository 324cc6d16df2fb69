//! The socket verbs of the control connection, carried out on bridges.
//!
//! Every request ends in its [`Reply`]: at once, or, for `connect` and a waiting `accept`, when the
//! stack reports the outcome. Refusals carry the errno that Linux would give.

use std::os::fd::OwnedFd;

use client::call::{ErrorBody, Opened, ShutdownArgs, SocketArgs, SocketCall, UrgentArgs, verb};
use rustix::io::Errno;
use rustix::net::SocketType;
use serde_json::Value;
use stack::SocketError;

use super::command::{BridgeCommand, ClientId};
use super::datagram::{Datagram, unspecified};
use super::option;
use super::reply::Reply;
use super::request::{args, endpoint, errno, name, refusal, to_value};
use super::state::State;
use super::table::{Bridges, pair, watch};
use crate::slab::Key;
use crate::sockets::Core;

type Verdict = Result<Value, ErrorBody>;

impl Bridges {
    /// Carries out a command.
    pub(crate) fn run(&mut self, command: BridgeCommand, core: &mut Core) {
        match command {
            BridgeCommand::OpenClient { client, answer } => {
                // The control connection waits for it.
                let _ = answer.send(self.open_client(client));
            }
            BridgeCommand::CloseClient(client) => self.close_client(client, core),
            BridgeCommand::Call { client, call, reply } => self.call(client, call, reply, core),
            BridgeCommand::Move { bridge, call, reply } => {
                let client = bridge.client;
                if self.move_in(*bridge, core) {
                    self.call(client, call, reply, core);
                }
            }
            BridgeCommand::Adopt(adoption) => self.adopt(*adoption, core),
        }
    }

    /// Carries out a request of `client`.
    fn call(&mut self, client: ClientId, call: SocketCall, reply: Reply, core: &mut Core) {
        if call.method == verb::SOCKET {
            return match self.open(client, &call, core) {
                Ok((value, fd)) => reply.with_fd(&value, Some(fd)),
                Err(error) => reply.refuse(&error),
            };
        }
        let Some((key, call, reply)) = self.bridge_of_call(client, call, reply, core) else {
            return;
        };
        match call.method.as_str() {
            verb::CONNECT | verb::CONNECT_START => self.connect(key, &call, reply, core),
            verb::LISTEN => match self.listen(key, &call, core) {
                Ok(event) => reply.with_fd(&Value::Null, Some(event)),
                Err(error) => reply.refuse(&error),
            },
            verb::ACCEPT => self.accept(key, &call, reply, core),
            verb::CLOSE => {
                self.close(key, core);
                // The handle is free at once; what is still to be sent needs none.
                self.remove_handle(client, call.handle);
                reply.value(&Value::Null);
            }
            _ => {
                let verdict = self.simple(key, &call, core);
                reply.result(verdict);
            }
        }
    }

    /// The verbs that are answered at once and without a descriptor.
    fn simple(&mut self, key: Key, call: &SocketCall, core: &mut Core) -> Verdict {
        match call.method.as_str() {
            verb::BIND => self.bind(key, call, core),
            verb::SHUTDOWN => self.shutdown(key, call, core),
            verb::GETSOCKNAME => {
                let bridge = self.bridge(key)?;
                let local = bridge.local_name().unwrap_or_else(|| unspecified(bridge.v6));
                Ok(name(local))
            }
            verb::GETPEERNAME => {
                self.bridge(key)?.remote_name().map(name).ok_or_else(|| errno(Errno::NOTCONN))
            }
            verb::SEND_URGENT => {
                let UrgentArgs { byte } = args(call)?;
                let bridge = self.bridge(key)?;
                let State::Stream(stream) = &mut bridge.state else {
                    return Err(errno(Errno::NOTCONN));
                };
                let (sent, fate) = stream.send_urgent(byte, core);
                self.apply(key, fate);
                sent.map(|()| Value::Null).map_err(errno)
            }
            verb::SETSOCKOPT => {
                let bridge = self.bridge(key)?;
                option::set(bridge, &args(call)?, core)
            }
            verb::GETSOCKOPT => {
                let bridge = self.bridge(key)?;
                option::value(bridge, &args(call)?)
            }
            unknown => Err(ErrorBody::new("KeyError", format!("unknown socket verb {unknown:?}"))),
        }
    }

    fn open(
        &mut self,
        client: ClientId,
        call: &SocketCall,
        core: &mut Core,
    ) -> Result<(Value, OwnedFd), ErrorBody> {
        let wanted: SocketArgs = args(call)?;
        let v6 = match wanted.family {
            4 => false,
            6 => true,
            _ => return Err(errno(Errno::AFNOSUPPORT)),
        };
        let kind = match wanted.kind.as_str() {
            "stream" => SocketType::STREAM,
            "dgram" => SocketType::DGRAM,
            _ => return Err(errno(Errno::PROTONOSUPPORT)),
        };
        let (ours, theirs) = pair(kind).map_err(errno)?;
        let state = match kind {
            SocketType::DGRAM => State::Datagram(Datagram::new(ours)),
            _ => State::Fresh(ours),
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

    fn bind(&mut self, key: Key, call: &SocketCall, core: &mut Core) -> Verdict {
        let local = endpoint(&args(call)?)?;
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
                if !local.ip.is_unspecified() && core.host.fib().owner(local.ip).is_none() {
                    return Err(refusal(SocketError::AddressNotAvailable));
                }
                bridge.local = Some(local);
            }
            _ => return Err(errno(Errno::INVAL)),
        }
        Ok(Value::Null)
    }

    fn shutdown(&mut self, key: Key, call: &SocketCall, core: &mut Core) -> Verdict {
        let ShutdownArgs { how } = args(call)?;
        let (read, write) = match how.as_str() {
            "rd" => (true, false),
            "wr" => (false, true),
            "rdwr" => (true, true),
            _ => return Err(ErrorBody::new("ValueError", "how is none of rd, wr, rdwr")),
        };
        let fate = match &mut self.bridge(key)?.state {
            State::Stream(stream) => stream.shutdown(read, write, core),
            State::Datagram(_) => return Err(errno(Errno::OPNOTSUPP)),
            _ => return Err(errno(Errno::NOTCONN)),
        };
        self.apply(key, fate);
        Ok(Value::Null)
    }
}
