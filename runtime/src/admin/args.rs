//! Finds the interface that a request names, and words what the stack refuses.

use addr::IfIndex;
use client::admin::InterfaceRef;
use client::call::ErrorBody;
use stack::ControlError;

use crate::sockets::Core;

/// A refusal by the stack.
pub(super) fn refused(error: &ControlError) -> ErrorBody {
    ErrorBody::from_errno(error.code(), error.to_string())
}

/// The interface that a request names.
pub(super) fn interface(core: &Core, named: &InterfaceRef) -> Result<IfIndex, ErrorBody> {
    let known = core.worker.interfaces().map_err(|e| refused(&e))?;
    let found = known.into_iter().find(|interface| match named {
        InterfaceRef::Name(name) => interface.name == *name,
        InterfaceRef::Index(index) => interface.ifindex.get() == *index,
    });
    found.map(|interface| interface.ifindex).ok_or_else(|| {
        let text = match named {
            InterfaceRef::Name(name) => format!("Cannot find device {name:?}"),
            InterfaceRef::Index(index) => format!("Cannot find device with index {index}"),
        };
        ErrorBody::from_errno(rustix::io::Errno::NODEV.raw_os_error(), text)
    })
}

/// The same where a request need not name one.
pub(super) fn optional_interface(
    core: &Core,
    named: Option<&InterfaceRef>,
) -> Result<Option<IfIndex>, ErrorBody> {
    named.map(|named| interface(core, named)).transpose()
}
