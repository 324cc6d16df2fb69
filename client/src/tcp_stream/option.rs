//! Options and urgent data of a stream.

use std::io::{self, Write};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};

use super::{Data, TcpStream};
use crate::socket_option::{IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, SocketOption, TCP_NODELAY};

impl TcpStream {
    /// Sends small segments at once instead of collecting them (TCP_NODELAY).
    ///
    /// # Errors
    /// As [`TcpStream::set_option`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.set_option(IPPROTO_TCP, TCP_NODELAY, nodelay.into())
    }

    /// Whether TCP_NODELAY is set.
    ///
    /// # Errors
    /// As [`TcpStream::option`].
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.option(IPPROTO_TCP, TCP_NODELAY)? != 0)
    }

    /// Probes the connection when it is idle (SO_KEEPALIVE).
    ///
    /// # Errors
    /// As [`TcpStream::set_option`].
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.set_option(SOL_SOCKET, SO_KEEPALIVE, keepalive.into())
    }

    /// Whether SO_KEEPALIVE is set.
    ///
    /// # Errors
    /// As [`TcpStream::option`].
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.option(SOL_SOCKET, SO_KEEPALIVE)? != 0)
    }

    /// Sends bytes of which the last is urgent (MSG_OOB), all or none.
    ///
    /// # Errors
    /// `WouldBlock` if there is no room, else as writing.
    pub fn send_urgent(&self, buf: &[u8]) -> io::Result<usize> {
        let Some((&last, before)) = buf.split_last() else { return Ok(0) };
        match &*self.data {
            Data::Daemon(stream) => {
                let mut writer = self;
                writer.write_all(before)?;
                stream.remote.send_urgent(last)?;
                Ok(buf.len())
            }
            Data::Local(stream) => stream.send_urgent(buf),
        }
    }

    /// Takes the peer's urgent byte (MSG_OOB), or with `peek` looks at it. `InvalidInput` if there
    /// is none, `WouldBlock` while it was announced and is not here. Reading stops where it was.
    ///
    /// # Errors
    /// See above.
    pub fn recv_urgent(&self, peek: bool) -> io::Result<u8> {
        match &*self.data {
            Data::Daemon(stream) => {
                let mut byte = [0];
                let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
                let (n, _) = recv(&stream.sock, &mut byte[..], flags | RecvFlags::OOB)?;
                if n == 1 { Ok(byte[0]) } else { Err(Errno::INVAL.into()) }
            }
            Data::Local(stream) => stream.handle().urgent_byte(peek),
        }
    }

    /// Whether the next byte to read is the one where urgent data was (SIOCATMARK). Over a daemon
    /// the kernel knows it: ask the descriptor.
    ///
    /// # Errors
    /// EOPNOTSUPP over a daemon.
    pub fn at_mark(&self) -> io::Result<bool> {
        match &*self.data {
            Data::Daemon(_) => Err(Errno::OPNOTSUPP.into()),
            Data::Local(stream) => Ok(stream.at_mark()),
        }
    }

    /// How the congestion window follows the path, by name (TCP_CONGESTION).
    ///
    /// # Errors
    /// `NotFound` if there is no congestion control of that name.
    pub fn set_congestion(&self, name: &str) -> io::Result<()> {
        match &*self.data {
            Data::Daemon(stream) => stream.remote.set_option_name(SocketOption::Congestion, name),
            Data::Local(stream) => stream.handle().set_option_name(SocketOption::Congestion, name),
        }
    }

    /// The name of the congestion control in use.
    ///
    /// # Errors
    /// If the stack cannot be asked.
    pub fn congestion(&self) -> io::Result<String> {
        match &*self.data {
            Data::Daemon(stream) => stream.remote.option_name(SocketOption::Congestion),
            Data::Local(stream) => stream.handle().option_name(SocketOption::Congestion),
        }
    }

    /// Sets an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option, EINVAL if the value is out of range.
    pub fn set_option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let option = SocketOption::known(level, name)?;
        match &*self.data {
            // What waits to be read waits in the socketpair, so that is where a limit belongs.
            Data::Daemon(stream) if option == SocketOption::ReceiveBuffer => {
                let size = usize::try_from(value).map_err(|_| Errno::INVAL)?;
                Ok(sockopt::set_socket_recv_buffer_size(&stream.sock, size)?)
            }
            Data::Daemon(stream) => stream.remote.set_option(option, value),
            Data::Local(stream) => stream.handle().set_option(option, value),
        }
    }

    /// Reads an option by Linux's numbers of level and name.
    ///
    /// # Errors
    /// ENOPROTOOPT if there is no such option.
    pub fn option(&self, level: i32, name: i32) -> io::Result<i32> {
        let option = SocketOption::known(level, name)?;
        match &*self.data {
            Data::Daemon(stream) => stream.remote.option(option),
            Data::Local(stream) => stream.handle().option(option),
        }
    }
}
