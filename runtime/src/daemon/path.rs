//! The control socket in the file system: who owns the path, and who may open it.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Owner and group may connect.
const MODE: u32 = 0o660;

/// Binds `path`. A socket that nobody listens on any more is replaced; a live one, or a file of
/// another kind, is an error that names the path.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("control socket {}: {error}", path.display()))
    };
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).is_ok() {
                let text = format!(
                    "control socket {}: another daemon serves it (--ipc-socket chooses another)",
                    path.display()
                );
                return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
            }
            if !is_socket(path) {
                let text = format!("control socket {}: is not a socket", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            std::fs::remove_file(path).map_err(named)?;
            UnixListener::bind(path).map_err(named)
        }
        bound => bound.map_err(named),
    }
    .and_then(|listener| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(MODE)).map_err(named)?;
        Ok(listener)
    })
}

/// The group of the path, whose members may connect.
pub(super) fn group(path: &Path) -> io::Result<u32> {
    Ok(std::fs::metadata(path)?.gid())
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GAP-06, GAP-07.
    #[test]
    fn a_stale_path_is_replaced_and_a_live_one_is_not() {
        let path = std::env::temp_dir().join(format!("pyx-path-{}.sock", std::process::id()));
        let first = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        let error = bind(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(path.to_str().unwrap()));
        drop(first);
        drop(bind(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(bind(&path).is_err(), "a plain file stays");
        std::fs::remove_file(&path).unwrap();
    }
}
