//! Many datagrams a system call: sendmmsg(2) and recvmmsg(2), which std has no words for.
//!
//! A batch owns its buffers and the headers that point into them, so the pointers handed to the
//! kernel live exactly as long as the batch; that is what each `unsafe` block here rests on.
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// A batch of equal buffers and the headers that describe them to the kernel.
pub struct Batch {
    buffers: Vec<u8>,
    each: usize,
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
}

impl Batch {
    /// `count` buffers of `each` bytes.
    pub fn new(count: usize, each: usize) -> Self {
        let mut buffers = vec![0x11_u8; count * each];
        let mut parts: Vec<libc::iovec> = buffers
            .chunks_exact_mut(each)
            .map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: each })
            .collect();
        // SAFETY: all-zero bytes are a valid sockaddr_storage and a valid mmsghdr.
        let (mut names, mut headers): (Vec<libc::sockaddr_storage>, Vec<libc::mmsghdr>) =
            unsafe { (vec![std::mem::zeroed(); count], vec![std::mem::zeroed(); count]) };
        for ((header, part), name) in headers.iter_mut().zip(&mut parts).zip(&mut names) {
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
        }
        Self { buffers, each, headers, parts, names }
    }

    /// Receives as many datagrams as are there, waiting for the first one unless the socket is
    /// non-blocking; senders are kept for [`Batch::answer`].
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let name_len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        for header in &mut self.headers {
            header.msg_hdr.msg_namelen = name_len;
        }
        self.set_lengths(self.each);
        // SAFETY: every header points at a buffer and a name of this batch, with their true sizes.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as u32,
                libc::MSG_WAITFORONE as _,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(got).map_err(|_| io::Error::last_os_error())
    }

    /// Sends the first `count` datagrams of the last [`Batch::receive`] back to their senders.
    pub fn answer(&mut self, socket: &UdpSocket, count: usize) -> io::Result<usize> {
        for i in 0..count {
            let len = self.headers[i].msg_len as usize;
            self.part(i).iov_len = len;
        }
        self.submit(socket, count)
    }

    /// Sends the whole batch, each datagram full, to the peer that the socket is connected to.
    pub fn send(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        for header in &mut self.headers {
            header.msg_hdr.msg_namelen = 0;
        }
        self.set_lengths(self.each);
        self.submit(socket, self.headers.len())
    }

    /// The `i`th datagram received.
    pub fn datagram(&self, i: usize) -> &[u8] {
        &self.buffers[i * self.each..][..self.headers[i].msg_len as usize]
    }

    /// Sends `bytes` to the sender of the `i`th datagram received.
    pub fn reply(&self, socket: &UdpSocket, i: usize, bytes: &[u8]) -> io::Result<()> {
        let header = &self.headers[i].msg_hdr;
        let name = &raw const self.names[i];
        // SAFETY: `bytes` is valid for its length, `name` for the length the kernel reported.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                name.cast(),
                header.msg_namelen,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn submit(&mut self, socket: &UdpSocket, count: usize) -> io::Result<usize> {
        debug_assert!(count <= self.headers.len());
        // SAFETY: the first `count` headers point at buffers and names of this batch.
        let sent = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count as u32, 0)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    fn set_lengths(&mut self, len: usize) {
        for i in 0..self.headers.len() {
            self.part(i).iov_len = len;
        }
    }

    fn part(&mut self, i: usize) -> &mut libc::iovec {
        &mut self.parts[i]
    }
}

/// Grows a socket's kernel buffers past the system's limit, so that bursts are not lost there.
pub fn grow_buffers(socket: &UdpSocket, bytes: i32) {
    for option in [libc::SO_RCVBUFFORCE, libc::SO_SNDBUFFORCE] {
        // SAFETY: both options read one int. Refusal only means the default size.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                size_of::<i32>() as libc::socklen_t,
            );
        }
    }
}
