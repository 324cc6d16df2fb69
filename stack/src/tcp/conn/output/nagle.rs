//! Whether the small end of what was written waits for more (RFC 9293 §3.7.4, MUST-17; TCPO-07).
//!
//! Nagle's rule in Minshall's form: a small segment waits while an earlier small one is
//! unacknowledged; full ones in flight do not hold it up. `TCP_NODELAY` turns the rule off. `TCP_CORK` holds
//! every small segment until the cork is pulled, or for 200 ms at most. Neither holds a FIN, nor urgent
//! data.

use crate::tcp::conn::Conn;
use crate::time::Duration;

impl Conn {
    /// Whether a small segment that nothing follows yet waits.
    #[inline]
    pub(crate) fn holds_small(&self) -> bool {
        let settings = &self.settings;
        if self.snd.is_urgent() {
            return false;
        }
        settings.cork || !settings.nodelay && self.snd.has_small_outstanding()
    }

    /// How long data waits on an idle connection before it is sent for want of anything else: the
    /// cork's limit, or the window probe's.
    pub(crate) fn patience(&self) -> Duration {
        let probe = self.rtt.rto_after(self.probe_backoff);
        if self.settings.cork && self.snd.usable() > 0 { probe.min(CORK_LIMIT) } else { probe }
    }
}

/// As tcp(7) has it.
const CORK_LIMIT: Duration = Duration::from_millis(200);
