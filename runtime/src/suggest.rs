//! What a newcomer can type next, in a form that works as it is printed.
//!
//! The commands say `sudo` where the daemon was started by it, enter the network namespace that the
//! daemon is in if it has a name, and call `ctl` by the path where it lies beside the daemon.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use addr::Ip;

/// What the commands depend on.
pub(crate) struct Setting {
    pub(crate) addresses: Vec<Ip>,
    /// The control socket, unless `ctl` finds it by itself.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) sudo: bool,
    /// The network namespace as `ip netns` calls it.
    pub(crate) namespace: Option<String>,
    pub(crate) ctl: PathBuf,
}

/// The commands, one on each line.
pub(crate) fn lines(setting: &Setting) -> String {
    let sudo = if setting.sudo { "sudo " } else { "" };
    let inside = match &setting.namespace {
        Some(name) => format!("{sudo}ip netns exec {name} "),
        None => String::new(),
    };
    let mut text = String::from("try, in another terminal:\n");
    for ip in &setting.addresses {
        // Brackets mean something to a shell.
        let url = if ip.is_v4() { format!("http://{ip}/") } else { format!("'http://[{ip}]/'") };
        text.push_str(&format!("  {inside}ping {ip}\n  {inside}curl {url}\n"));
    }
    let socket = match &setting.socket {
        Some(path) => format!(" --ipc-socket {}", path.display()),
        None => String::new(),
    };
    text.push_str(&format!("  {sudo}{}{socket} link\n", setting.ctl.display()));
    text
}

/// The name by which `ip netns` knows this process's network namespace.
pub(crate) fn namespace() -> Option<String> {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let ours = identity(Path::new("/proc/self/ns/net"))?;
    let named = fs::read_dir("/run/netns").ok()?.flatten();
    let entry = named.into_iter().find(|entry| identity(&entry.path()) == Some(ours))?;
    entry.file_name().into_string().ok()
}

/// How to call the `ctl` that lies beside this program, from the folder we are in.
pub(crate) fn ctl() -> PathBuf {
    let beside = std::env::current_exe().unwrap_or_default().with_file_name("ctl");
    if !beside.exists() {
        return "ctl".into();
    }
    let here = std::env::current_dir().unwrap_or_default();
    beside.strip_prefix(here).map(Path::to_path_buf).unwrap_or(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_work_as_they_are_printed() {
        let mut setting = Setting {
            addresses: vec!["10.0.1.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
            socket: None,
            sudo: false,
            namespace: None,
            ctl: "target/release/ctl".into(),
        };
        let plain = lines(&setting);
        assert!(plain.contains("\n  ping 10.0.1.7\n  curl http://10.0.1.7/\n"), "{plain}");
        assert!(plain.contains("\n  curl 'http://[2001:db8::7]/'\n"), "{plain}");
        assert!(plain.ends_with("\n  target/release/ctl link\n"), "{plain}");
        setting.socket = Some("/tmp/x.sock".into());
        setting.sudo = true;
        setting.namespace = Some("lab".into());
        let inside = lines(&setting);
        assert!(inside.contains("\n  sudo ip netns exec lab ping 10.0.1.7\n"), "{inside}");
        let ctl = "\n  sudo target/release/ctl --ipc-socket /tmp/x.sock link\n";
        assert!(inside.ends_with(ctl), "{inside}");
    }
}
