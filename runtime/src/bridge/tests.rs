//! Bridges of two engines that are driven by hand: handles of sockets that move.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};

use addr::IpVersion;
use client::call::{ErrorBody, Name, Opened};
use client::frame::{Kind, Message, op};
use client::socket_request::{SocketRequest, SocketType, SocketVerb};
use serde_json::Value;
use stack::Host;

use super::Bridges;
use super::client_id::ClientId;
use super::command::BridgeCommand;
use super::quota::{AllSockets, Quota};
use super::reply::{Answer, Reply};
use super::status::Status;
use crate::command::Command;
use crate::config::default_limits;
use crate::mailbox::{Engines, Mailbox, Remote};
use crate::sockets::Core;

/// Two engines without ports or threads, and a client.
struct World {
    cores: Vec<Core>,
    bridges: Vec<Bridges>,
    mailboxes: Vec<Arc<Mailbox>>,
    client: ClientId,
}

impl World {
    fn new() -> Self {
        let mailboxes: Vec<_> = (0..2).map(|_| Arc::new(Mailbox::new().unwrap())).collect();
        let engines = Engines::new(mailboxes.iter().cloned().map(Remote::new));
        let workers = Host::with_shards(default_limits(), 7, 2).into_workers();
        let cores = workers.into_iter().map(|worker| Core::new(worker).unwrap()).collect();
        let bridges = (0..2).map(|shard| Bridges::new(shard, engines.clone())).collect();
        let client = ClientId::unique();
        let mut world = Self { cores, bridges, mailboxes, client };
        let quota = Quota::new(&AllSockets::default());
        for shard in 0..2 {
            let (answer, answered) = sync_channel(1);
            let quota = quota.clone();
            world.run(shard, BridgeCommand::OpenClient { client, quota, answer });
            assert_eq!(answered.recv(), Ok(true));
        }
        world
    }

    fn run(&mut self, shard: usize, command: BridgeCommand) {
        self.bridges[shard].run(command, &mut self.cores[shard]);
    }

    /// Carries out what engines have handed over to each other.
    fn settle_mail(&mut self) {
        while let Some((shard, command)) =
            (0..2).find_map(|shard| self.mailboxes[shard].pop().map(|command| (shard, command)))
        {
            let Command::Bridge(command) = command else { panic!("not about a bridge") };
            self.run(shard, *command);
        }
    }

    /// Asks engine 0, which gives out even handles.
    fn call(&mut self, request: SocketRequest) -> Result<(Value, Option<OwnedFd>), Option<i32>> {
        let (reply, answers) = reply();
        let client = self.client;
        self.run(0, BridgeCommand::Call { client, request, reply });
        self.settle_mail();
        let Answer::Frame(message, fd) = answers.try_recv().expect("an answer") else {
            panic!("not about a socket")
        };
        match message.kind {
            Kind::Error => Err(message.parse::<ErrorBody>().unwrap().errno),
            _ => Ok((message.parse().unwrap(), fd)),
        }
    }

    fn on(&mut self, handle: u32, verb: SocketVerb) -> Result<(), Option<i32>> {
        self.call(SocketRequest::On { handle, verb }).map(drop)
    }

    fn open(&mut self, kind: SocketType) -> (u32, OwnedFd) {
        let request = SocketRequest::Socket { family: IpVersion::V4, kind };
        let (opened, fd) = self.call(request).unwrap();
        (serde_json::from_value::<Opened>(opened).unwrap().handle, fd.unwrap())
    }

    /// A port whose home is this shard.
    fn port_of(&self, shard: usize, after: u16) -> u16 {
        let home = |port: &u16| self.cores[0].home_of_bind(*port) == shard;
        (after + 1..).find(home).unwrap()
    }

    /// Handles that the engines know.
    fn handles(&self) -> [usize; 2] {
        [0, 1].map(|shard| self.bridges[shard].clients[&self.client].handles.len())
    }

    fn sockets(&self) -> [usize; 2] {
        [0, 1].map(|shard| self.bridges[shard].sockets.keys().len())
    }
}

fn reply() -> (Reply, Receiver<Answer>) {
    let (answers, answered) = channel();
    let request = Message { kind: Kind::Request, op: op::SOCKET_CALL, id: 1, body: Vec::new() };
    (Reply::new(request, answers), answered)
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], port))
}

const EBADF: i32 = 9;

#[test]
fn a_handle_whose_socket_moved_and_ended_is_known_to_nobody() {
    let mut world = World::new();
    let (handle, _fd) = world.open(SocketType::Dgram);
    let port = world.port_of(1, 1000);
    world.on(handle, SocketVerb::Bind(any(port))).unwrap();
    assert_eq!((world.sockets(), world.handles()), ([0, 1], [1, 1]), "it has moved");
    world.on(handle, SocketVerb::GetSockName).unwrap();
    // As if the client had closed its end of the socketpair without a word.
    let key = world.bridges[1].sockets.keys()[0];
    world.bridges[1].apply(key, Status::Closed);
    world.settle_mail();
    assert_eq!((world.sockets(), world.handles()), ([0, 0], [0, 0]));
    assert_eq!(world.on(handle, SocketVerb::GetSockName), Err(Some(EBADF)));
}

#[test]
fn a_handle_that_is_closed_is_free_at_once_wherever_its_socket_is() {
    let mut world = World::new();
    for shard in [0, 1] {
        let (handle, _fd) = world.open(SocketType::Dgram);
        let port = world.port_of(shard, 1000);
        world.on(handle, SocketVerb::Bind(any(port))).unwrap();
        world.on(handle, SocketVerb::Close).unwrap();
        assert_eq!((world.sockets(), world.handles()), ([0, 0], [0, 0]));
    }
}

/// SOCK-22: without `bind` a listener gets a port of its own, as on Linux.
#[test]
fn a_socket_that_is_not_bound_listens_on_a_free_port() {
    let mut world = World::new();
    let (handle, _fd) = world.open(SocketType::Stream);
    world.on(handle, SocketVerb::Listen { backlog: 1 }).unwrap();
    let request = SocketRequest::On { handle, verb: SocketVerb::GetSockName };
    let name: Name = serde_json::from_value(world.call(request).unwrap().0).unwrap();
    assert!((32_768..=60_999).contains(&name.port), "{name:?}");
}

/// A listener that is refused stays where it was sent to, and goes on from there.
#[test]
fn a_socket_that_moves_back_leaves_no_trail() {
    let mut world = World::new();
    let taken = world.port_of(1, 2000);
    let (other, _other_fd) = world.open(SocketType::Stream);
    world.on(other, SocketVerb::Bind(any(taken))).unwrap();
    world.on(other, SocketVerb::Listen { backlog: 1 }).unwrap();
    let (handle, fd) = world.open(SocketType::Stream);
    world.on(handle, SocketVerb::Bind(any(taken))).unwrap();
    assert!(world.on(handle, SocketVerb::Listen { backlog: 1 }).is_err());
    assert_eq!((world.sockets(), world.handles()), ([0, 2], [2, 2]));
    world.on(handle, SocketVerb::Close).unwrap();
    world.on(other, SocketVerb::Close).unwrap();
    drop(fd);
    assert_eq!((world.sockets(), world.handles()), ([0, 0], [0, 0]));
}
