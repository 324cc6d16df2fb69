//! Devices of an engine: what changes about them, and ends of those that were opened again.

use std::time::Duration;

use super::Engine;

/// How late an engine that is too busy to look at its descriptors hears of a change of a device.
const DEVICE_LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Engine {
    /// Tells the stack what changed about the devices behind its interfaces.
    pub(super) fn follow_devices(&mut self) {
        self.next_device_look = self.core.now + DEVICE_LOOK_INTERVAL;
        for follower in &mut self.followers {
            if follower.take_changed() {
                follower.follow(&mut self.core);
                self.touched = true;
            }
        }
    }

    /// Puts the ends of devices that were opened again in the places of the old ones, whose frames
    /// are lost.
    pub(super) fn take_arrivals(&mut self) {
        for end in self.arrivals.take() {
            let old = self.ports.iter_mut().find(|port| port.ifindex == end.ifindex);
            let Some(place) = old else { continue };
            place.unwatch(&self.core.poller);
            place.stop_threads();
            let info = end.info.clone();
            let ifindex = end.ifindex;
            *place = end;
            // It has been told nothing yet of addresses and groups.
            self.steered = 0;
            if let Some(follower) = self.followers.iter_mut().find(|f| f.ifindex() == ifindex) {
                follower.on_opened(&info, &mut self.core);
            }
        }
        for follower in &mut self.followers {
            follower.follow(&mut self.core);
        }
        self.touched = true;
    }

    /// Keeps what ports filter for in step with the addresses and groups of their interfaces.
    pub(super) fn steer(&mut self) {
        let fib = self.core.worker.fib();
        if fib.tables().version == self.steered {
            return;
        }
        self.steered = fib.tables().version;
        for port in &mut self.ports {
            port.steer(fib.tables());
        }
    }
}
