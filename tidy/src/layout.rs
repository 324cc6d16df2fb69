//! Sizes that keep files, functions and lines readable, and one form of module folder.

use syn::spanned::Spanned as _;
use syn::visit::Visit;

use crate::{Breach, Kind};

/// A file has at most so many lines.
const FILE_LINES: usize = 600;
/// A function has at most so many lines, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 80;
/// A line has at most so many characters.
const COLUMNS: usize = 100;

/// Files besides Rust's whose lines are measured.
pub const OTHER_SOURCES: &[&str] = &[".c", ".h", ".sh", ".py", ".toml", "Makefile"];

/// Adds the breaches of one Rust file.
pub fn check(name: &str, text: &str, found: &mut Vec<Breach>) {
    let mut breach = |kind, text| found.push(Breach { kind, file: name.to_owned(), text });
    let lines = text.lines().count();
    if lines > FILE_LINES {
        breach(Kind::FileLength, format!("{lines} lines; split it at {FILE_LINES}"));
    }
    if is_second_form(name) {
        let folder = name.trim_end_matches("/mod.rs");
        breach(Kind::ModuleFolder, format!("a module folder has {folder}.rs beside it"));
    }
    match syn::parse_file(text) {
        Ok(file) => Functions { breach: &mut breach }.visit_file(&file),
        Err(error) => breach(Kind::Source, format!("line {}: {error}", error.span().start().line)),
    }
    check_lines(name, text, found);
}

/// Adds a breach for each line that is too long. A line that a link or a table row makes long
/// cannot be cut.
pub fn check_lines(name: &str, text: &str, found: &mut Vec<Breach>) {
    for (index, line) in text.lines().enumerate() {
        let columns = line.chars().count();
        let table = line.trim_start_matches(['/', '!', ' ', '#']).starts_with('|');
        if columns > COLUMNS && !table && !line.contains("://") {
            let text = format!("line {}: {columns} columns; at most {COLUMNS}", index + 1);
            found.push(Breach { kind: Kind::LineLength, file: name.to_owned(), text });
        }
    }
}

/// Cargo takes every file in `tests/` for a test of its own, so what they share must be a `mod.rs`
/// there, and nowhere else.
fn is_second_form(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let shared = matches!(parts[..], [_, "tests" | "benches", _, "mod.rs"]);
    parts.last() == Some(&"mod.rs") && !shared
}

struct Functions<'a, F> {
    breach: &'a mut F,
}

impl<F: FnMut(Kind, String)> Functions<'_, F> {
    fn measure(&mut self, name: &syn::Ident, start: usize, end: usize) {
        let lines = end + 1 - start;
        if lines > FUNCTION_LINES {
            let text = format!("line {start}: {name} has {lines} lines; at most {FUNCTION_LINES}");
            (self.breach)(Kind::FunctionLength, text);
        }
    }

    fn measure_body(&mut self, sig: &syn::Signature, body: &syn::Block) {
        self.measure(&sig.ident, sig.span().start().line, body.span().end().line);
    }
}

impl<'ast, F: FnMut(Kind, String)> Visit<'ast> for Functions<'_, F> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure_body(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure_body(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure_body(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(name: &str, text: &str) -> Vec<Kind> {
        let mut found = Vec::new();
        check(name, text, &mut found);
        found.into_iter().map(|breach| breach.kind).collect()
    }

    #[test]
    fn what_is_too_long_is_seen() {
        assert_eq!(kinds("a/src/b.rs", &"// x\n".repeat(601)), [Kind::FileLength]);
        let body = "let x = 1;\n".repeat(79);
        assert_eq!(kinds("a/src/b.rs", &format!("fn f() {{\n{body}}}")), [Kind::FunctionLength]);
        assert_eq!(kinds("a/src/b.rs", &format!("//{}", "x".repeat(99))), [Kind::LineLength]);
        assert!(kinds("a/src/b.rs", &format!("// | {} |", "x".repeat(99))).is_empty());
        assert!(kinds("a/src/b.rs", &format!("// https://{}", "x".repeat(99))).is_empty());
    }

    #[test]
    fn a_module_folder_has_one_form() {
        assert_eq!(kinds("a/src/b/mod.rs", ""), [Kind::ModuleFolder]);
        assert_eq!(kinds("a/src/tests/b/mod.rs", ""), [Kind::ModuleFolder]);
        assert!(kinds("a/tests/lab/mod.rs", "").is_empty());
    }
}
