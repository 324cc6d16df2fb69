//! Services that run on the engine thread, on the sockets' rings.
//!
//! *Demo*: echo (7), discard (9) and chargen (19) over TCP and UDP, and HTTP (80) with the stack's
//! live state. *Bench*: what the benchmarks talk to, as fast as it goes.
//!
//! | port | protocol | does |
//! |---|---|---|
//! | 1234 | TCP | sends without end |
//! | 1235 | TCP | takes everything |
//! | 1236 | TCP | echoes |
//! | 1237 | UDP | echoes |
//! | 1238 | UDP | takes everything |
//! | 1239 | TCP | sends without end, as far ahead as there is room |
//! | 1240 to 1243 | TCP | answers the first byte with a byte, and closes |
//!
//! A service is an [inline user](crate::local::inline) of sockets: it is called when the stack
//! reports something of its socket, works until it can neither read nor write, and never waits. Its
//! bytes are written where they will be sent from. What the HTTP page shows it asks for by control
//! calls, as `ctl` does.

mod chargen;
mod datagram;
mod http;
mod page;
mod state;
mod stream;
mod upload;

use addr::{Endpoint, Ip};
use stack::SocketError;

use self::datagram::{DatagramService, Role as DatagramRole};
use self::stream::{Role, StreamService};
use crate::local::Locals;
use crate::local::inline::NewUser;
use crate::mailbox::Engines;
use crate::sockets::Core;

/// Connections that wait for a service; they do not wait long.
const BACKLOG: u32 = 4096;

/// Why a service was not opened: its port, and what the stack says.
pub(crate) type Refused = (u16, SocketError);

/// Opens the demo services whose home is this engine's shard. The page asks `engines` for what it
/// shows.
///
/// # Errors
/// If a port is taken.
pub(crate) fn open_demo(
    locals: &mut Locals,
    core: &mut Core,
    engines: &Engines,
) -> Result<(), Refused> {
    listen(locals, core, 7, Role::Echo)?;
    listen(locals, core, 9, Role::Discard)?;
    listen(locals, core, 19, Role::Chargen)?;
    listen(locals, core, 80, Role::Http(engines.clone()))?;
    bind(locals, core, 7, DatagramRole::Echo)?;
    bind(locals, core, 9, DatagramRole::Discard)?;
    bind(locals, core, 19, DatagramRole::Chargen)
}

/// Opens the bench services whose home is this engine's shard.
///
/// # Errors
/// If a port is taken.
pub(crate) fn open_bench(locals: &mut Locals, core: &mut Core) -> Result<(), Refused> {
    listen(locals, core, 1234, Role::Source)?;
    listen(locals, core, 1235, Role::Discard)?;
    listen(locals, core, 1236, Role::Echo)?;
    listen(locals, core, 1239, Role::DeepSource)?;
    for port in 1240..=1243 {
        listen(locals, core, port, Role::Answer)?;
    }
    bind(locals, core, 1237, DatagramRole::Echo)?;
    bind(locals, core, 1238, DatagramRole::Discard)
}

/// A listener for both families, if its home is this engine's shard.
fn listen(locals: &mut Locals, core: &mut Core, port: u16, role: Role) -> Result<(), Refused> {
    if core.home_of_listen(port) != core.shard {
        return Ok(());
    }
    let local = Endpoint::new(Ip::UNSPECIFIED_V6, port);
    let user = Box::new(move |rings| Box::new(StreamService::new(rings, &role)) as _);
    locals.listen_inline(local, BACKLOG, user, core).map_err(|why| (port, why))
}

/// A UDP socket for both families, if its home is this engine's shard.
fn bind(
    locals: &mut Locals,
    core: &mut Core,
    port: u16,
    role: DatagramRole,
) -> Result<(), Refused> {
    if core.home_of_bind(port) != core.shard {
        return Ok(());
    }
    let local = Endpoint::new(Ip::UNSPECIFIED_V6, port);
    let user: NewUser = Box::new(move |rings| Box::new(DatagramService::new(rings, role)));
    locals.bind_inline(local, &user, core).map_err(|why| (port, why))
}
