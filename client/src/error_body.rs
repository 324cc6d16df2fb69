//! Why a request was refused: the body of an error, and its way to and from [`io::Error`].

use std::error::Error;
use std::fmt;
use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// Why a request was refused.
///
/// As an [`io::Error`] it keeps the errno when there is one; see [`ErrorBody::into_io`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A class of errors that clients in other languages know: `OSError`, `ValueError`,
    /// `KeyError`, `ConnectionRefusedError`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// One line for people.
    pub message: String,
    /// Linux's error number, where the kernel's call would have one.
    #[serde(default)]
    pub errno: Option<i32>,
    /// The text of `errno`.
    #[serde(default)]
    pub strerror: Option<String>,
}

impl ErrorBody {
    /// A refusal without errno: `kind` is `ValueError` for a bad argument, `KeyError` for an
    /// unknown verb or object.
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), errno: None, strerror: None }
    }

    /// A refusal of a bad argument.
    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// A refusal with errno.
    pub fn from_errno(errno: i32, message: impl Into<String>) -> Self {
        let strerror = strerror(&io::Error::from_raw_os_error(errno));
        Self {
            kind: class_of(errno).into(),
            message: message.into(),
            errno: Some(errno),
            strerror: Some(strerror),
        }
    }

    /// What a server answers when a call failed with `error`. A refusal that was wrapped by
    /// [`ErrorBody::into_io`] comes out as it was.
    pub fn from_io(error: &io::Error) -> Self {
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return inner.clone();
        }
        match error.raw_os_error().or_else(|| errno_of(error.kind())) {
            Some(errno) if error.get_ref().is_none() => {
                Self::from_errno(errno, strerror(&io::Error::from_raw_os_error(errno)))
            }
            Some(errno) => Self::from_errno(errno, error.to_string()),
            None => Self::new("OSError", error.to_string()),
        }
    }

    /// As the error of a control call: the message is kept, the errno gives the kind.
    pub fn into_io(self) -> io::Error {
        let kind = match self.errno {
            Some(errno) => io::Error::from_raw_os_error(errno).kind(),
            None if self.kind == "ValueError" => io::ErrorKind::InvalidInput,
            None if self.kind == "KeyError" => io::ErrorKind::NotFound,
            None => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.message.is_empty() { &self.kind } else { &self.message })
    }
}

impl Error for ErrorBody {}

/// As the error of a socket call: the bare errno when there is one, as the kernel's call gives.
impl From<ErrorBody> for io::Error {
    fn from(body: ErrorBody) -> Self {
        match body.errno {
            Some(errno) => Self::from_raw_os_error(errno),
            None => body.into_io(),
        }
    }
}

/// The text of an error without the " (os error N)" that std appends.
pub(crate) fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

/// The class that PyTCP's clients raise for an errno.
fn class_of(errno: i32) -> &'static str {
    match Errno::from_raw_os_error(errno) {
        Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY => "BlockingIOError",
        Errno::PIPE | Errno::SHUTDOWN => "BrokenPipeError",
        Errno::CONNABORTED => "ConnectionAbortedError",
        Errno::CONNREFUSED => "ConnectionRefusedError",
        Errno::CONNRESET => "ConnectionResetError",
        Errno::EXIST => "FileExistsError",
        Errno::NOENT => "FileNotFoundError",
        Errno::INTR => "InterruptedError",
        Errno::ACCESS | Errno::PERM => "PermissionError",
        Errno::TIMEDOUT => "TimeoutError",
        _ => "OSError",
    }
}

/// The errno that an error without one stands for.
fn errno_of(kind: io::ErrorKind) -> Option<i32> {
    use io::ErrorKind as K;
    let errno = match kind {
        K::AddrInUse => Errno::ADDRINUSE,
        K::AddrNotAvailable => Errno::ADDRNOTAVAIL,
        K::AlreadyExists => Errno::EXIST,
        K::BrokenPipe => Errno::PIPE,
        K::ConnectionAborted => Errno::CONNABORTED,
        K::ConnectionRefused => Errno::CONNREFUSED,
        K::ConnectionReset => Errno::CONNRESET,
        K::HostUnreachable => Errno::HOSTUNREACH,
        K::InvalidInput => Errno::INVAL,
        K::NetworkDown => Errno::NETDOWN,
        K::NetworkUnreachable => Errno::NETUNREACH,
        K::NotConnected => Errno::NOTCONN,
        K::NotFound => Errno::NOENT,
        K::OutOfMemory => Errno::NOMEM,
        K::PermissionDenied => Errno::PERM,
        K::TimedOut => Errno::TIMEDOUT,
        K::Unsupported => Errno::OPNOTSUPP,
        K::WouldBlock => Errno::AGAIN,
        _ => return None,
    };
    Some(errno.raw_os_error())
}
