//! Thousands of frames, sound and damaged, read by us, by tshark and by scapy: where two read the
//! same field, they must read the same.
//!
//! `generate` makes frames with our emitters and damages half of them; tshark reads them from a
//! capture file. `scapy_frames.py` makes frames with scapy, says what it put in, and reads some of
//! ours back. `ours` is our reading: field names are tshark's throughout. Everything is seeded, so
//! a failure repeats.
//!
//! Both programs must be installed; a test that cannot run fails and names the package.

mod generate;
mod ours;
mod random;
mod scapy;
mod tshark;

/// Where the frames and the other programs' output go, kept for a look after a failure.
fn scratch(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Panics unless `program` started, and says what to install.
fn installed<T>(result: std::io::Result<T>, program: &str, package: &str) -> T {
    result.unwrap_or_else(|why| {
        panic!("{program} does not run ({why}): install the package {package} (make test-deps)")
    })
}
