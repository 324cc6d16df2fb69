//! Which shard a frame goes to: the stack's rule, as a port asks for it.

use stack::steer::Steering;
use wire::offload::{Medium, RxMeta};

/// The rule for the frames of one device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steer {
    steering: Steering,
    medium: Medium,
}

impl Steer {
    pub(crate) fn new(steering: Steering, medium: Medium) -> Self {
        Self { steering, medium }
    }

    /// The number of the shard that owns a frame, as [`datapath::Port::turn`] asks for it.
    pub(crate) fn by_frame(self) -> impl FnMut(&[u8], &RxMeta) -> usize {
        move |frame, _| self.steering.owner(self.medium, frame).get()
    }
}
