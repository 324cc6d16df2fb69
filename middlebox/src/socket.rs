//! A device's frames by a packet socket, many a system call.
//!
//! The socket hears what the device receives and not what it is given to send
//! (`PACKET_IGNORE_OUTGOING`), and gives frames to the device past its queueing discipline.
//! `unsafe` is the system calls, which point at buffers that outlive them.
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Frames a call.
pub const BATCH: usize = 64;
/// Room for a frame; longer ones are cut off, which their reported length shows.
const ROOM: usize = 2048;
/// Kernel memory for frames that wait to be received.
const BUFFER: i32 = 64 << 20;

/// A device.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    buffers: Vec<u8>,
}

impl Socket {
    /// Opens the device `name` of this thread's network namespace.
    ///
    /// # Errors
    /// Where there is no such device, or a permission is missing.
    pub fn open(name: &str) -> io::Result<Self> {
        let failed = |what: &str| {
            let error = io::Error::last_os_error();
            io::Error::new(error.kind(), format!("{name}: {what}: {error}"))
        };
        let c_name = CString::new(name)?;
        // SAFETY: the name is a terminated string for the length of the call.
        let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
        if index == 0 {
            return Err(failed("interface"));
        }
        // Protocol 0 hears nothing until the socket is bound: no frame of another device slips in.
        let flags = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: socket(2) has no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, flags, 0) };
        if fd < 0 {
            return Err(failed("packet socket"));
        }
        // SAFETY: the descriptor is fresh and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let options = [
            (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, BUFFER),
            (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, BUFFER),
            (libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1),
            (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1),
        ];
        for (level, option, value) in options {
            let len = size_of::<i32>() as libc::socklen_t;
            // SAFETY: each of these options reads one int.
            let result = unsafe {
                libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const value).cast(), len)
            };
            if result != 0 {
                return Err(failed("socket option"));
            }
        }
        // SAFETY: all-zero bytes are a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index as i32;
        let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_ll and `len` its size.
        if unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) } != 0 {
            return Err(failed("bind"));
        }
        Ok(Self { fd, buffers: vec![0; BATCH * ROOM] })
    }

    /// Receives up to `BATCH` frames and shows each to `each`; how many there were. A frame that
    /// was too long is shown as zeros of its true length.
    ///
    /// # Errors
    /// The operating system's. That there is no frame is none.
    pub fn receive(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<usize> {
        let (mut parts, mut headers) = empty();
        for ((part, header), buffer) in
            parts.iter_mut().zip(&mut headers).zip(self.buffers.chunks_exact_mut(ROOM))
        {
            *part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: ROOM };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = (libc::MSG_DONTWAIT | libc::MSG_TRUNC) as _;
        // SAFETY: every header points at one part, and that at a buffer of its stated length; parts
        // and buffers live beyond the call.
        let got = unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as u32,
                flags,
                std::ptr::null_mut(),
            )
        };
        let Ok(got) = usize::try_from(got) else {
            return none_if_blocking(io::Error::last_os_error());
        };
        for (header, buffer) in headers[..got].iter().zip(self.buffers.chunks_exact(ROOM)) {
            match buffer.get(..header.msg_len as usize) {
                Some(frame) => each(frame),
                None => each(&vec![0; header.msg_len as usize]),
            }
        }
        Ok(got)
    }

    /// Gives the first `BATCH` of `frames` to the device; how many it took.
    ///
    /// # Errors
    /// The operating system's. That the device takes nothing now is none.
    pub fn send(&self, frames: &[Vec<u8>]) -> io::Result<usize> {
        let (mut parts, mut headers) = empty();
        for ((part, header), frame) in parts.iter_mut().zip(&mut headers).zip(frames) {
            // The kernel only reads it.
            let base = frame.as_ptr().cast_mut().cast();
            *part = libc::iovec { iov_base: base, iov_len: frame.len() };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
        }
        let count = frames.len().min(BATCH) as u32;
        // SAFETY: the first `count` headers point at one part each, and that at a frame of its
        // length; all live beyond the call, which writes only to the headers.
        let sent = unsafe { libc::sendmmsg(self.fd.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
        match usize::try_from(sent) {
            Ok(sent) => Ok(sent),
            Err(_) => none_if_blocking(io::Error::last_os_error()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn empty() -> ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) {
    // SAFETY: all-zero bytes are a valid iovec and a valid mmsghdr.
    unsafe { (std::mem::zeroed(), std::mem::zeroed()) }
}

fn none_if_blocking(error: io::Error) -> io::Result<usize> {
    match error.raw_os_error() {
        // A device that is down or full takes nothing now and may later.
        Some(libc::EAGAIN | libc::EINTR | libc::ENOBUFS | libc::ENETDOWN) => Ok(0),
        _ => Err(error),
    }
}
