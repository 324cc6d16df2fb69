//! Finding and reading the files of the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the tree.
#[derive(Debug)]
pub struct File {
    /// The path below the root, with `/`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// The top of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tidy lies in the workspace").to_owned()
}

/// Every file below `root` whose name ends in one of `endings`, sorted by name. Build output,
/// hidden folders and what is not UTF-8 are left out.
#[must_use]
pub fn files(root: &Path, endings: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    collect(root, endings, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        fs::read_to_string(&path).ok().map(|text| File { name, text })
    };
    paths.into_iter().filter_map(read).collect()
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// Whether the whole file is test code, by its place.
#[must_use]
pub fn is_test(name: &str) -> bool {
    name.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

/// The part of `text` before its test module, if the file has one.
#[must_use]
pub fn before_tests(text: &str) -> &str {
    text.find("#[cfg(test)]").map_or(text, |at| &text[..at])
}
