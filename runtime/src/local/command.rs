//! What the sockets of this process ask of an engine.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;

use addr::Endpoint;
use client::LocalSocket;
use stack::socket::SocketRings;
use stack::tcp::TcpOption;
use stack::{SocketError, SocketId};

use super::inline::InlineUser;
use crate::slab::Key;

/// Where the outcome of a command goes.
pub(crate) type Answer<T> = SyncSender<io::Result<T>>;

/// One command.
pub(crate) enum LocalCommand {
    Connect {
        local: Option<SocketAddr>,
        remote: SocketAddr,
        answer: Answer<LocalSocket>,
    },
    Listen {
        local: SocketAddr,
        backlog: u32,
        answer: Answer<LocalSocket>,
    },
    BindUdp {
        local: SocketAddr,
        answer: Answer<LocalSocket>,
    },
    Accept {
        key: Key,
        answer: Answer<LocalSocket>,
    },
    /// A connection that was accepted on another shard and lives here.
    Adopt {
        rings: SocketRings,
        answer: Answer<LocalSocket>,
    },
    /// The same with its user on the engine thread.
    AdoptInline {
        id: SocketId,
        user: Box<dyn InlineUser>,
    },
    ConnectUdp {
        key: Key,
        remote: Endpoint,
        answer: Answer<()>,
    },
    SetOptions {
        id: SocketId,
        options: Vec<TcpOption>,
    },
    /// The last byte that was written is urgent.
    SendUrgent(SocketId),
    /// Takes the urgent byte; with `peek` it stays.
    UrgentByte {
        id: SocketId,
        peek: bool,
        answer: SyncSender<Result<Option<u8>, SocketError>>,
    },
    ShutdownRead(Key),
    Close(Key),
}
