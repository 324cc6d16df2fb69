//! Whether the small end of what was written waits for more (RFC 9293 §3.7.4, MUST-17).
//!
//! Nagle's rule in Minshall's form: a small segment waits while an earlier small one is
//! unacknowledged; full segments in flight do not delay it. `TCP_NODELAY` turns the rule off.
//! `TCP_CORK` holds every small segment until the cork is pulled, or for 200 ms at most. Neither
//! delays a FIN, nor urgent data.

use crate::tcp::send::SendHalf;
use crate::tcp::user::socket_options::OptionValues;
use crate::time::Duration;

/// Whether a small segment that nothing follows yet waits.
#[inline]
pub(crate) fn delays_small_segment(snd: &SendHalf, options: &OptionValues) -> bool {
    if snd.is_urgent() {
        return false;
    }
    options.cork || !options.nodelay && snd.has_small_segment_outstanding()
}

/// How long data waits on an idle connection before it is sent all the same (the override timeout
/// of RFC 9293 §3.8.6.2.1): `window_probe`, the time to the next window probe, or the cork's limit.
pub(crate) fn override_timeout(
    snd: &SendHalf,
    options: &OptionValues,
    window_probe: Duration,
) -> Duration {
    if options.cork && snd.usable() > 0 { window_probe.min(CORK_LIMIT) } else { window_probe }
}

/// `TCP_CORK` in tcp(7).
const CORK_LIMIT: Duration = Duration::from_millis(200);
