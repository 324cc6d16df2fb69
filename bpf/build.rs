//! Compiles the XDP program for the BPF machine.
//!
//! Needs clang, and nothing else: the program declares what it uses of the kernel's interface
//! itself. The object keeps its type information (BTF), which describes the maps to the loader.
//! `CLANG` names another compiler.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const SOURCE: &str = "src/xdp.c";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    compile(&clang, &[], &out.join("xdp.o"));
    compile(&clang, &["-DDRIVER_TAGS"], &out.join("xdp_driver_tags.o"));
}

fn compile(clang: &str, defines: &[&str], out: &Path) {
    let flags =
        ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-std=gnu11", "-Wall", "-Wextra", "-Werror"];
    let mut command = Command::new(clang);
    let status = command.args(flags).args(defines).args(["-c", SOURCE, "-o"]).arg(out).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => {
            eprintln!("{clang} could not compile {SOURCE}: {status}");
            exit(1);
        }
        Err(error) => {
            eprintln!("cannot run {clang}: {error}");
            eprintln!("The XDP program is compiled by clang (10 or newer, with the BPF target).");
            eprintln!(
                "Debian, Ubuntu: apt-get install clang llvm. Fedora: dnf install clang llvm."
            );
            eprintln!("Another name or path can be given in the environment variable CLANG.");
            exit(1);
        }
    }
}
