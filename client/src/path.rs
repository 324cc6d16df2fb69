//! Where the control socket of a daemon is.

use std::path::{Path, PathBuf};

/// Where the daemon listens unless told otherwise: `$XDG_RUNTIME_DIR/pytcp.sock`, else
/// `/run/pytcp.sock`.
pub fn default_path() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if !dir.is_empty() => Path::new(&dir).join("pytcp.sock"),
        _ => PathBuf::from(SYSTEM_PATH),
    }
}

/// Where a daemon listens that has no user's folder, as under sudo(8).
const SYSTEM_PATH: &str = "/run/pytcp.sock";

/// Where a client looks: the user's own daemon, or else the machine's.
pub(crate) fn usual_path() -> PathBuf {
    prefer(default_path(), Path::new(SYSTEM_PATH))
}

/// `own`, unless only `other` is there.
fn prefer(own: PathBuf, other: &Path) -> PathBuf {
    if !own.exists() && other.exists() { other.to_path_buf() } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemon_02_the_machine_s_daemon_serves_who_has_none_of_their_own() {
        let (here, missing) = (std::env::temp_dir(), Path::new("/nonexistent/pytcp.sock"));
        assert_eq!(prefer(missing.into(), &here), here);
        assert_eq!(prefer(here.clone(), Path::new("/")), here);
        assert_eq!(prefer(missing.into(), Path::new("/nonexistent/other")), missing);
    }
}
