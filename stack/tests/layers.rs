//! The libraries stand on each other and carry one version (ARCH-01, EX-11).

const ADDR: &str = include_str!("../../addr/Cargo.toml");
const WIRE: &str = include_str!("../../wire/Cargo.toml");
const STACK: &str = include_str!("../Cargo.toml");
const WORKSPACE: &str = include_str!("../../Cargo.toml");

/// The crates of this workspace that a user of the library described by `manifest` gets with it.
fn own_dependencies(manifest: &str) -> Vec<&str> {
    let (_, rest) = manifest.split_once("[dependencies]\n").expect("dependencies");
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(['.', ' ']).map(|(name, _)| name));
    let is_own = |name: &&str| WORKSPACE.contains(&format!("{name} = {{ path = "));
    names.filter(is_own).collect()
}

#[test]
fn each_library_needs_those_below_it_only() {
    assert_eq!(own_dependencies(ADDR), [""; 0]);
    assert_eq!(own_dependencies(WIRE), ["addr"]);
    assert_eq!(own_dependencies(STACK), ["addr", "wire", "ring"]);
}

#[test]
fn all_carry_the_version_of_the_workspace() {
    for manifest in [ADDR, WIRE, STACK] {
        assert!(manifest.lines().any(|line| line == "version.workspace = true"));
    }
}
