//! Frames of the control connection: how one message lies on the byte stream.
//!
//! A frame is a 32-bit big-endian length and that many bytes: kind (8 bits), operation (16 bits),
//! request id (32 bits), body. At most [`MAX_LEN`] bytes follow the length. One file descriptor
//! may accompany a frame, by SCM_RIGHTS with the length prefix.
//!
//! Both sides use this file and neither trusts the other: the length is checked before anything is
//! allocated for it, memory grows only as bytes arrive, an unknown kind or a short frame is an
//! error, and descriptors beyond the first are closed at once. After any error the stream has lost
//! its rhythm, and the connection must be dropped.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::ErrorBody;

/// Most bytes that may follow the length prefix: 16 MiB.
pub const MAX_LEN: usize = 16 * 1024 * 1024;

/// Bytes of kind, operation and request id.
pub const HEADER_LEN: usize = 7;

/// Operations: what a request asks for.
pub mod op {
    /// Answered with the body `PONG`.
    pub const PING: u16 = 0;
    /// The body is a [`ControlCall`](crate::call::ControlCall).
    pub const CONTROL_CALL: u16 = 1;
    /// The body is a [`SocketCall`](crate::call::SocketCall).
    pub const SOCKET_CALL: u16 = 2;
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// From the client; it is answered once, with the same id.
    Request = 0,
    /// The answer to a request that was carried out; the body is the JSON value.
    Ok = 1,
    /// The answer to a request that was refused; the body is an [`ErrorBody`].
    Error = 2,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Request),
            1 => Some(Self::Ok),
            2 => Some(Self::Error),
            _ => None,
        }
    }
}

/// One message.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use client::frame::{self, Message, op};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// frame::send(&ours, &Message::request(op::PING, 7, &()), None)?;
/// let (message, fd) = frame::recv(&theirs)?.expect("a message was sent");
/// assert_eq!((message.op, message.id), (op::PING, 7));
/// assert!(fd.is_none());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Request, or which kind of answer.
    pub kind: Kind,
    /// One of [`op`]; an answer repeats its request's.
    pub op: u16,
    /// Chosen by the client, repeated in the answer.
    pub id: u32,
    /// JSON, except for the answer to a ping.
    pub body: Vec<u8>,
}

impl Message {
    /// A request with `body` as JSON.
    pub fn request<T: Serialize>(op: u16, id: u32, body: &T) -> Self {
        Self { kind: Kind::Request, op, id, body: json(body) }
    }

    /// The answer to this request: it was carried out, with `value` as the result.
    pub fn answer<T: Serialize>(&self, value: &T) -> Self {
        Self { kind: Kind::Ok, op: self.op, id: self.id, body: json(value) }
    }

    /// The answer to this request: it was refused.
    pub fn refusal(&self, error: &ErrorBody) -> Self {
        Self { kind: Kind::Error, op: self.op, id: self.id, body: json(error) }
    }

    /// The body as a value of JSON type `T`.
    ///
    /// # Errors
    /// `InvalidData` if the body is not the JSON of a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> io::Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| invalid(format!("bad body: {error}")))
    }
}

/// Writes one frame, with `fd` attached to its first bytes. Blocks until all is written.
///
/// # Errors
/// `InvalidData`, with nothing sent, if the message is longer than [`MAX_LEN`]; else what the
/// socket says, and then the frame may be cut.
pub fn send(sock: &UnixStream, message: &Message, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let len = HEADER_LEN + message.body.len();
    if len > MAX_LEN {
        return Err(invalid(format!("a message of {len} bytes is over the limit of {MAX_LEN}")));
    }
    let mut head = [0u8; 4 + HEADER_LEN];
    head[..4].copy_from_slice(&(len as u32).to_be_bytes());
    head[4] = message.kind as u8;
    head[5..7].copy_from_slice(&message.op.to_be_bytes());
    head[7..].copy_from_slice(&message.id.to_be_bytes());

    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds;
    if let Some(fd) = fd {
        fds = [fd];
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let mut sent = 0;
    while sent < head.len() + message.body.len() {
        let (start, body) = if sent < head.len() {
            (&head[sent..], &message.body[..])
        } else {
            (&[][..], &message.body[sent - head.len()..])
        };
        let slices = [IoSlice::new(start), IoSlice::new(body)];
        match sendmsg(sock, &slices, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(n) => {
                sent += n;
                ancillary.clear(); // the descriptor left with the first bytes
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads one frame and the descriptor that came with it. `None` when the peer closed the
/// connection between two frames.
///
/// # Errors
/// `InvalidData` if what came is no frame, `UnexpectedEof` if it ends in the middle of one,
/// else what the socket says.
pub fn recv(sock: &UnixStream) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    let mut prefix = [0u8; 4];
    let Some(fd) = recv_prefix(sock, &mut prefix)? else { return Ok(None) };
    let len = u32::from_be_bytes(prefix) as usize;
    if len > MAX_LEN {
        return Err(invalid(format!("a frame of {len} bytes is over the limit of {MAX_LEN}")));
    }
    if len < HEADER_LEN {
        return Err(invalid(format!("a frame of {len} bytes is too short for its header")));
    }
    let mut header = [0u8; HEADER_LEN];
    let mut reader = sock;
    reader.read_exact(&mut header)?;
    let Some(kind) = Kind::from_byte(header[0]) else {
        return Err(invalid(format!("unknown message kind {}", header[0])));
    };
    // `take` and `read_to_end` grow the buffer with what arrives, not with what was promised.
    let mut body = Vec::new();
    let body_len = len - HEADER_LEN;
    if reader.take(body_len as u64).read_to_end(&mut body)? < body_len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let op = u16::from_be_bytes([header[1], header[2]]);
    let id = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
    Ok(Some((Message { kind, op, id, body }, fd)))
}

/// Reads the length prefix; the outer `None` is an orderly end of the stream.
fn recv_prefix(sock: &UnixStream, prefix: &mut [u8; 4]) -> io::Result<Option<Option<OwnedFd>>> {
    let mut fds: Vec<OwnedFd> = Vec::new();
    let mut cut = false;
    let mut filled = 0;
    while filled < prefix.len() {
        // Room for two: the second proves that there were too many. The kernel closes the rest
        // and says so with CTRUNC.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(&mut prefix[filled..])];
        let got = match recvmsg(sock, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(got) => got,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        cut |= got.flags.contains(ReturnFlags::CTRUNC);
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        if got.bytes == 0 {
            return if filled == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        filled += got.bytes;
        if cut || fds.len() > 1 {
            return Err(invalid("more than one file descriptor with a frame".into()));
        }
    }
    Ok(Some(fds.pop()))
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Our own types and `Value` have string keys and finite numbers; should serialization fail all
    // the same, `null` is a body that every reader refuses properly.
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests;
