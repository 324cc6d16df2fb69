//! The command line: what a person says, and the hidden roles that the runner starts itself in.
//!
//! A role is the same executable again, in another namespace and on another core. Whatever it found
//! out it prints as one JSON object on its last line of output.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::frame::Mac;
use crate::os::Place;

/// Measures this stack, the kernel, smoltcp, a bare responder and the raw limits of TAP and AF_XDP
/// on this machine, interleaved in one run. Needs root and iproute2.
#[derive(Parser, Debug)]
#[command(name = "bench", version)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub role: Option<Role>,
}

/// What a person may choose.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// One short repetition, below two minutes: to see that everything works.
    #[arg(long)]
    pub quick: bool,
    /// Repetitions; each goes through all subjects once.
    #[arg(long, value_name = "N")]
    pub reps: Option<usize>,
    /// Seconds a figure is measured for.
    #[arg(long, value_name = "S")]
    pub secs: Option<f64>,
    /// Only rows or figures whose name contains this ("AF_XDP", "smoltcp", "TCP in"); may be given
    /// more than once. Rows and figures are chosen apart: "smoltcp" leaves all its figures in.
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// Write the JSON report here instead of to the last line of output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    pub check: bool,
    /// Measure bulk over IPv6 too, where the subject speaks it.
    #[arg(long)]
    pub ipv6: bool,
    /// Leave this stack's own rows out.
    #[arg(long)]
    pub without_ours: bool,
    /// The daemon to measure; by default the `pytcp-xdp` beside this executable.
    #[arg(long, value_name = "FILE")]
    pub daemon: Option<PathBuf>,
}

/// Another measurement, and the hidden roles.
#[derive(Subcommand, Debug)]
pub enum Role {
    /// Goodput over paths that delay, lose, reorder and duplicate: ours as the sender beside the
    /// kernel's.
    Recovery(RecoveryArgs),
    /// Starts another program in a namespace and on a core.
    #[command(hide = true)]
    Exec(ExecArgs),
    /// A kernel socket client.
    #[command(hide = true)]
    Client(ClientArgs),
    /// The services on kernel sockets.
    #[command(hide = true)]
    Kernel(KernelArgs),
    /// The services on smoltcp.
    #[command(hide = true)]
    Smoltcp(PeerArgs),
    /// The services on the bare responder.
    #[command(hide = true)]
    Bare(PeerArgs),
    /// A raw limit of a device.
    #[command(hide = true)]
    Limit(LimitArgs),
}

/// What a person may choose of the recovery measurement.
#[derive(Args, Debug, Clone)]
pub struct RecoveryArgs {
    /// A few cells, briefly: to see that everything works.
    #[arg(long)]
    pub quick: bool,
    /// Repetitions; each goes through all cells once.
    #[arg(long, value_name = "N")]
    pub reps: Option<usize>,
    /// Seconds that a transfer lasts.
    #[arg(long, value_name = "S")]
    pub secs: Option<f64>,
    /// Only cells whose name contains this ("1 % loss", "IPv6", "SACK off"); of several, all.
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// Cells measured at once. Each takes a twentieth of two cores or less, but for the fast ones.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub lanes: usize,
    /// Seed of the accidents.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the JSON report here instead of to the last line of output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    pub check: bool,
    /// The daemon to measure; by default the `pytcp-xdp` beside this executable.
    #[arg(long, value_name = "FILE")]
    pub daemon: Option<PathBuf>,
}

/// What to start elsewhere.
#[derive(Args, Debug)]
pub struct ExecArgs {
    #[command(flatten)]
    pub place: Place,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    pub command: Vec<String>,
}

/// What a client does.
#[derive(Args, Debug)]
pub struct ClientArgs {
    #[command(flatten)]
    pub place: Place,
    /// What to measure.
    #[arg(value_enum)]
    pub action: Action,
    /// Where the subject is.
    #[arg(long)]
    pub to: IpAddr,
    /// Seconds to measure for.
    #[arg(long, default_value_t = 1.0)]
    pub secs: f64,
    /// Spin instead of sleeping.
    #[arg(long)]
    pub busy: bool,
    /// Bytes of a flood's datagrams; 18 make the smallest Ethernet frame.
    #[arg(long, default_value_t = 18)]
    pub payload: usize,
    /// Control socket of a subject that says there how many datagrams it delivered.
    #[arg(long)]
    pub control: Option<PathBuf>,
}

impl ClientArgs {
    /// The subject's address at `port`.
    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.to, port)
    }
}

/// The clients there are.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Waits until the subject answers.
    Probe,
    /// TCP bulk towards the subject.
    BulkIn,
    /// TCP bulk from the subject.
    BulkOut,
    /// TCP bulk from the subject over a bad path, counted from its first moment.
    Goodput,
    /// TCP round trips of a byte.
    TcpPing,
    /// UDP round trips of 18 bytes.
    UdpPing,
    /// Connect, a byte there and back, close.
    Connections,
    /// Datagrams to the subject's sink, as counted there.
    UdpIn,
    /// Datagrams to the subject's echo, as they come back.
    UdpOut,
    /// Datagrams to an address where nobody counts.
    Flood,
}

/// How the kernel serves.
#[derive(Args, Debug)]
pub struct KernelArgs {
    #[command(flatten)]
    pub place: Place,
    /// Spin instead of sleeping, while a peer is there.
    #[arg(long)]
    pub busy: bool,
    /// Interface to attach a program to that passes every frame.
    #[arg(long)]
    pub pass: Option<String>,
}

/// How a stack in user space serves.
#[derive(Args, Debug)]
pub struct PeerArgs {
    #[command(flatten)]
    pub place: Place,
    /// Kind of device.
    #[arg(long, value_enum)]
    pub device: DeviceKind,
    /// Its name.
    #[arg(long)]
    pub interface: String,
    /// The stack's address.
    #[arg(long)]
    pub address: Ipv4Addr,
    /// The stack's IPv6 address.
    #[arg(long)]
    pub address6: Option<Ipv6Addr>,
    /// The stack's hardware address.
    #[arg(long)]
    pub mac: MacArg,
    /// Spin instead of sleeping.
    #[arg(long)]
    pub busy: bool,
}

/// The devices there are.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A TAP queue.
    Tap,
    /// An AF_XDP socket.
    Xdp,
}

/// Which limit to measure.
#[derive(Args, Debug)]
pub struct LimitArgs {
    #[command(flatten)]
    pub place: Place,
    /// The limit.
    #[arg(value_enum)]
    pub limit: Limit,
    /// The device.
    #[arg(long)]
    pub interface: String,
    /// Frame length.
    #[arg(long)]
    pub len: usize,
    /// Destination of frames.
    #[arg(long)]
    pub to: MacArg,
    /// Seconds to measure for, from the first frame.
    #[arg(long, default_value_t = 1.0)]
    pub secs: f64,
}

/// The limits there are.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Frames taken from an AF_XDP socket and given back.
    XdpReceive,
    /// Frames given to an AF_XDP socket.
    XdpTransmit,
    /// Frames sent back where they came from.
    XdpReflect,
    /// Frames read from a TAP queue.
    TapRead,
    /// Frames written to a TAP queue, for another host.
    TapWrite,
}

/// A hardware address on the command line.
#[derive(Debug, Clone, Copy)]
pub struct MacArg(pub Mac);

impl FromStr for MacArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> =
            text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
        let mac = bytes.and_then(|b| Mac::try_from(b).ok());
        mac.map(Self).ok_or_else(|| format!("{text}: not a hardware address"))
    }
}
