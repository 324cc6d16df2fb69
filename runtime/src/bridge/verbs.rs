//! The socket verbs of the control connection, carried out on bridges.
//!
//! Every request ends in its [`Reply`]: at once, or, for `connect` and a waiting `accept`, when the
//! stack tells the outcome. Refusals carry the errno that Linux would give.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use addr::Endpoint;
use client::call::{
    AcceptArgs, Accepted, ConnectStartArgs, ErrorBody, ListenArgs, Name, Opened, ShutdownArgs,
    SocketArgs, SocketCall, UrgentArgs, verb,
};
use rustix::io::Errno;
use rustix::net::SocketType;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stack::SocketError;
use stack::socket::SocketRings;

use super::datagram::{Datagram, unspecified};
use super::listener::Listener;
use super::reply::Reply;
use super::stream::{Connecting, Outcome, Stream, Waiter};
use super::{Bridge, Bridges, Fate, State, attach, pair, watch};
use crate::engine::Core;
use crate::engine::slab::Key;
use crate::option::Options;

/// Requests of one client that may wait in one listener.
const ACCEPTS_MAX: usize = 64;

type Verdict = Result<Value, ErrorBody>;

impl Bridges {
    /// Carries out a request of `client`.
    pub(crate) fn call(&mut self, client: Key, call: &SocketCall, reply: Reply, core: &mut Core) {
        if call.method == verb::SOCKET {
            return match self.open(client, call, core) {
                Ok((value, fd)) => reply.with_fd(&value, Some(fd)),
                Err(error) => reply.refuse(&error),
            };
        }
        let handles = self.clients.find(client).map(|client| &client.handles);
        let Some(key) = handles.and_then(|handles| handles.get(&call.handle?).copied()) else {
            return reply.refuse(&errno(Errno::BADF));
        };
        match call.method.as_str() {
            verb::CONNECT | verb::CONNECT_START => self.connect(key, call, reply, core),
            verb::LISTEN => match self.listen(key, call, core) {
                Ok(event) => reply.with_fd(&Value::Null, Some(event)),
                Err(error) => reply.refuse(&error),
            },
            verb::ACCEPT => self.accept(key, call, reply, core),
            verb::CLOSE => {
                self.close(key, core);
                // The handle is free at once; what is still to be sent needs none.
                if let Some(client) = self.clients.find_mut(client)
                    && let Some(handle) = call.handle
                {
                    client.handles.remove(&handle);
                }
                reply.value(&Value::Null);
            }
            _ => {
                let verdict = self.simple(key, call, core);
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
                self.settle(key, fate);
                sent.map(|()| Value::Null).map_err(errno)
            }
            verb::SETSOCKOPT => {
                let bridge = self.bridge(key)?;
                super::option::set(bridge, &args(call)?, core)
            }
            verb::GETSOCKOPT => {
                let bridge = self.bridge(key)?;
                super::option::value(bridge, &args(call)?)
            }
            unknown => Err(ErrorBody::new("KeyError", format!("unknown socket verb {unknown:?}"))),
        }
    }

    fn bridge(&mut self, key: Key) -> Result<&mut Bridge, ErrorBody> {
        self.sockets.find_mut(key).ok_or_else(|| errno(Errno::BADF))
    }

    fn open(
        &mut self,
        client: Key,
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

    /// Makes a datagram bridge known to the engine once its socket exists.
    pub(super) fn adopt_datagram(&mut self, key: Key, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let State::Datagram(datagram) = &mut bridge.state else { return };
        if let Some(id) = datagram.ends().map(|ends| ends.id)
            && !datagram.adopted
        {
            datagram.adopted = true;
            attach(core, key, id);
        }
    }

    fn listen(
        &mut self,
        key: Key,
        call: &SocketCall,
        core: &mut Core,
    ) -> Result<OwnedFd, ErrorBody> {
        let ListenArgs { backlog } = args(call)?;
        let bridge = self.bridge(key)?;
        match &bridge.state {
            State::Fresh(_) => {}
            State::Datagram(_) => return Err(errno(Errno::OPNOTSUPP)),
            // Linux changes the backlog; ours stays.
            State::Listener(listener) => return listener.event().map_err(errno),
            _ => return Err(errno(Errno::INVAL)),
        }
        let local = bridge.local.unwrap_or_else(|| unspecified(bridge.v6));
        let id = core.listen(local, backlog.max(1), bridge.options.only_v6).map_err(refusal)?;
        core.set_options(id, bridge.options.changes(Options::default()));
        let local = core.host.local(id).unwrap_or(local);
        let State::Fresh(fd) = std::mem::replace(&mut bridge.state, over(local)) else {
            return Err(errno(Errno::INVAL));
        };
        let listener = match Listener::new(id, local, fd) {
            Ok(listener) => listener,
            Err(error) => {
                core.close(id);
                return Err(errno(error));
            }
        };
        let event = listener.event().map_err(errno);
        bridge.state = State::Listener(listener);
        attach(core, key, id);
        event
    }

    fn connect(&mut self, key: Key, call: &SocketCall, reply: Reply, core: &mut Core) {
        match self.start_connect(key, call, core) {
            Err(error) => reply.refuse(&error),
            // A datagram socket has its peer at once.
            Ok(None) => reply.value(&Value::Null),
            Ok(Some((fd, ends))) => {
                let id = ends.id;
                let waiter = match self.fill(call) {
                    Some(bytes) => {
                        reply.value(&Value::Null);
                        Waiter::Fill(bytes)
                    }
                    None => Waiter::Reply(reply),
                };
                let connecting = Connecting::new(fd, ends, waiter);
                if let Some(bridge) = self.sockets.find_mut(key) {
                    bridge.state = State::Connecting(connecting);
                }
                attach(core, key, id);
            }
        }
    }

    fn fill(&self, call: &SocketCall) -> Option<u64> {
        let started: ConnectStartArgs = args(call).ok()?;
        (call.method == verb::CONNECT_START).then_some(started.fill)
    }

    /// Checks and starts an attempt. Our end of the socketpair and the socket's ends come back.
    fn start_connect(
        &mut self,
        key: Key,
        call: &SocketCall,
        core: &mut Core,
    ) -> Result<Option<(OwnedFd, SocketRings)>, ErrorBody> {
        let remote = endpoint(&args(call)?)?;
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
        let ends = core.connect(local, remote).map_err(refusal)?;
        core.set_options(ends.id, bridge.options.changes(Options::default()));
        let local = ends.local;
        let bridge = self.bridge(key)?;
        match std::mem::replace(&mut bridge.state, over(local)) {
            State::Fresh(fd) => Ok(Some((fd, ends))),
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
                let fate = match &mut bridge.state {
                    State::Stream(stream) => stream.pump(core),
                    _ => Fate::Lives,
                };
                self.settle(key, fate);
            }
            Outcome::Failed(code) => {
                core.close(stream.ends().id);
                let failed = Errno::from_raw_os_error(i32::from(code));
                match reply {
                    Some(reply) => {
                        // The socket can try again, as in Linux.
                        bridge.state = State::Fresh(stream.into_fd());
                        reply.refuse(&errno(failed));
                    }
                    None => bridge.error = Some(i32::from(code)),
                }
            }
        }
    }

    fn accept(&mut self, key: Key, call: &SocketCall, reply: Reply, core: &mut Core) {
        let blocking = match args::<AcceptArgs>(call) {
            Ok(wanted) => wanted.blocking,
            Err(error) => return reply.refuse(&error),
        };
        let Some(bridge) = self.sockets.find_mut(key) else {
            return reply.refuse(&errno(Errno::BADF));
        };
        let listener = match &mut bridge.state {
            State::Listener(listener) => listener,
            State::Datagram(_) => return reply.refuse(&errno(Errno::OPNOTSUPP)),
            _ => return reply.refuse(&errno(Errno::INVAL)),
        };
        match listener.take(core) {
            Some(ends) => self.adopt(key, ends, reply, core),
            None if !blocking => reply.refuse(&errno(Errno::AGAIN)),
            None if listener.waiting() >= ACCEPTS_MAX => reply.refuse(&errno(Errno::NOBUFS)),
            None => listener.wait(reply),
        }
    }

    /// Connections for requests that wait.
    pub(super) fn serve_accepts(&mut self, key: Key, core: &mut Core) {
        loop {
            let Some(bridge) = self.sockets.find_mut(key) else { return };
            let State::Listener(listener) = &mut bridge.state else { return };
            let Some((ends, reply)) = listener.serve(core) else { return };
            self.adopt(key, ends, reply, core);
        }
    }

    /// Makes an accepted connection a socket of the listener's client.
    fn adopt(&mut self, listener: Key, ends: SocketRings, reply: Reply, core: &mut Core) {
        let id = ends.id;
        let refuse = |reply: Reply, error: Errno, core: &mut Core| {
            core.abort(id);
            reply.refuse(&errno(error));
        };
        let Some(parent) = self.sockets.find(listener) else {
            return refuse(reply, Errno::BADF, core);
        };
        let (client, v6, options) = (parent.client, parent.v6, parent.options);
        let (ours, theirs) = match pair(SocketType::STREAM) {
            Ok(pair) => pair,
            Err(error) => return refuse(reply, error, core),
        };
        let peer = ends.remote.unwrap_or_else(|| unspecified(v6));
        let local = ends.local;
        let Some((handle, key)) = self.admit(client, v6, over(local)) else {
            return refuse(reply, Errno::MFILE, core);
        };
        if let Err(error) = watch(core, key, &ours) {
            self.forget(key);
            core.abort(id);
            return reply.refuse(&ErrorBody::from_io(&error));
        }
        let mut stream = Stream::new(ours, ends);
        attach(core, key, id);
        let Name { address, port } = Name::from(peer.to_std());
        reply.with_fd(&to_value(&Accepted { handle, address, port }), Some(theirs));
        let fate = stream.pump(core);
        if let Some(bridge) = self.sockets.find_mut(key) {
            bridge.options = options;
            bridge.state = State::Stream(stream);
        }
        self.settle(key, fate);
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
        self.settle(key, fate);
        Ok(Value::Null)
    }
}

impl Bridge {
    fn local_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Fresh(_) => self.local,
            State::Connecting(connecting) => Some(connecting.names().0),
            State::Stream(stream) => Some(stream.names().0),
            State::Listener(listener) => Some(listener.local),
            State::Datagram(datagram) => datagram.local(),
            State::Over { local, .. } => Some(*local),
        }
    }

    fn remote_name(&self) -> Option<Endpoint> {
        match &self.state {
            State::Stream(stream) => stream.names().1,
            State::Datagram(datagram) => datagram.remote(),
            State::Over { remote, .. } => *remote,
            State::Fresh(_) | State::Connecting(_) | State::Listener(_) => None,
        }
    }
}

fn over(local: Endpoint) -> State {
    State::Over { local, remote: None }
}

fn args<T: DeserializeOwned>(call: &SocketCall) -> Result<T, ErrorBody> {
    T::deserialize(&call.args)
        .map_err(|error| ErrorBody::new("ValueError", format!("{}: {error}", call.method)))
}

fn endpoint(name: &Name) -> Result<Endpoint, ErrorBody> {
    let addr =
        SocketAddr::try_from(name).map_err(|e| ErrorBody::new("ValueError", e.to_string()))?;
    Ok(Endpoint::from(addr))
}

fn name(endpoint: Endpoint) -> Value {
    to_value(&Name::from(endpoint.to_std()))
}

fn to_value<T: serde::Serialize>(value: &T) -> Value {
    // The records have string keys and finite numbers, so this does not fail.
    serde_json::to_value(value).unwrap_or_default()
}

/// A refusal by errno.
pub(super) fn errno(error: Errno) -> ErrorBody {
    ErrorBody::from_io(&error.into())
}

/// A refusal by the stack.
pub(super) fn refusal(error: SocketError) -> ErrorBody {
    ErrorBody::from_errno(i32::from(error.code()), error.to_string())
}
