//! The files of a crate use each other in one direction: no file uses, directly or through others,
//! a file that uses it.
//!
//! A module and its own children are the ordinary case and count as one direction: a child is a
//! part of its parent, whose items it may name. Siblings, cousins and all others count. Tests do
//! not. A name that a module hands on by `use` counts as a use of the file that defines it.

mod graph;
mod modules;
mod paths;

use std::path::Path;

use crate::{Breach, Kind};

/// Adds a breach for each circle between files of a crate of the workspace.
pub fn check(root: &Path, found: &mut Vec<Breach>) {
    for start in starts(root) {
        let crate_ = modules::Crate::read(root, &start);
        for circle in graph::circles(&crate_.uses()) {
            let names: Vec<&str> = circle.iter().map(|&file| crate_.file_name(file)).collect();
            found.push(Breach {
                kind: Kind::Circle,
                file: names[0].to_owned(),
                text: format!("a circle of uses: {} -> {}", names.join(" -> "), names[0]),
            });
        }
    }
}

/// The files at which the crates of the workspace start, below `root`.
fn starts(root: &Path) -> Vec<String> {
    let is_start = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        matches!(parts[..], [_, "src", "lib.rs" | "main.rs"] | [_, "src", "bin", _])
    };
    let names = crate::tree::files(root, &[".rs"]).into_iter().map(|file| file.name);
    names.filter(|name| is_start(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::modules::Crate;
    use super::*;

    /// The circles of a crate of these files.
    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let crate_ = Crate::from_files("c/src/lib.rs", |name| {
            files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned())
        });
        let name = |file: usize| crate_.file_name(file).trim_start_matches("c/src/").to_owned();
        let circles = graph::circles(&crate_.uses()).into_iter();
        circles.map(|circle| circle.into_iter().map(name).collect()).collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_circle() {
        let lib = ("c/src/lib.rs", "mod a; mod b;");
        let b = ("c/src/b.rs", "pub struct B; fn f() { crate::a::g(); }");
        let a = ("c/src/a.rs", "use super::b::B; pub fn g() {}");
        assert_eq!(circles(&[lib, a, b]), [["a.rs", "b.rs"]]);
        let a = ("c/src/a.rs", "pub fn g() {}");
        assert!(circles(&[lib, a, b]).is_empty());
    }

    #[test]
    fn a_parent_and_its_child_are_none() {
        let lib = ("c/src/lib.rs", "mod a; use a::A; pub struct B(A);");
        let a = ("c/src/a.rs", "use super::B; pub struct A(Option<Box<B>>);");
        assert!(circles(&[lib, a]).is_empty());
    }

    #[test]
    fn tests_do_not_count() {
        let lib = ("c/src/lib.rs", "mod a; mod b;");
        let b = ("c/src/b.rs", "pub struct B; fn f() { crate::a::g(); }");
        let a = ("c/src/a.rs", "pub fn g() {} #[cfg(test)] mod tests { use crate::b::B; }");
        assert!(circles(&[lib, a, b]).is_empty());
    }

    #[test]
    fn names_are_followed_through_uses_groups_and_macros() {
        let lib = ("c/src/lib.rs", "mod a; mod b; mod d; pub use b::{x::B as C, E};");
        let a = ("c/src/a.rs", "use crate::{C, d::D}; pub fn g() { use crate::b as h; h!(h::E); }");
        let b = ("c/src/b.rs", "pub mod x; pub struct E;");
        let x = ("c/src/b/x.rs", "pub struct B; fn f() { print!(\"{}\", crate::d::k()) }");
        let d = ("c/src/d.rs", "pub struct D; pub fn k() { use super::a; a::g() }");
        assert_eq!(circles(&[lib, a, b, x, d]), [vec!["a.rs", "d.rs"]]);
        let d = ("c/src/d.rs", "pub struct D; pub fn k() { use super::a::*; g() }");
        assert_eq!(
            circles(&[lib, ("c/src/a.rs", "use crate::C; pub fn g() {}"), b, x, d]),
            [vec!["a.rs", "b/x.rs", "d.rs"]]
        );
    }
}
