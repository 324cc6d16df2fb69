//! Who may speak to the daemon: its own user, root, and members of the control socket's group.
//!
//! The socket's mode says the same, but a mode can be changed by accident; the kernel's word on who
//! connected (SO_PEERCRED) cannot be forged.

use std::io;
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::process::geteuid;

/// Refuses strangers.
pub(super) fn check(stream: &UnixStream, group: u32) -> io::Result<()> {
    // Of nix, because a peer in a foreign namespace of processes has the process id 0, for which
    // rustix has no type.
    let peer = getsockopt(stream, PeerCredentials)?;
    let (uid, gid) = (peer.uid(), peer.gid());
    if uid == 0 || uid == geteuid().as_raw() || gid == group {
        return Ok(());
    }
    if supplementary(peer.pid()).contains(&group) {
        return Ok(());
    }
    let text = format!("user {uid} is neither ours nor root nor in group {group}");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// The supplementary groups of a process, which SO_PEERCRED does not tell.
fn supplementary(pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|group| group.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_may_speak_to_ourselves() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert!(check(&ours, u32::MAX).is_ok());
    }
}
