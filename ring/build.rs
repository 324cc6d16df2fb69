//! Tells the compiler that `cfg(loom)` is a known condition.
//!
//! The lint table of this crate is the workspace's, so the condition cannot be declared there;
//! a build script may declare it for this crate alone.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(loom)");
}
