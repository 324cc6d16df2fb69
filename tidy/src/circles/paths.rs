//! The paths that a stretch of code names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{ItemUse, UseTree};

/// A name that a `use` declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name, or none for `*`.
    pub name: Option<String>,
    /// Where it leads.
    pub path: Vec<String>,
}

/// All names that a `use` declares.
pub fn bindings(item: &ItemUse) -> Vec<Binding> {
    let mut found = Vec::new();
    flatten(&item.tree, &mut Vec::new(), &mut found);
    found
}

fn flatten(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<Binding>) {
    let mut push = |name: Option<String>, last: Option<&syn::Ident>, prefix: &[String]| {
        let last = last.map(ToString::to_string).filter(|last| last != "self");
        found.push(Binding { name, path: prefix.iter().cloned().chain(last).collect() });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) => {
            let own = Some(name.ident.to_string()).filter(|own| own != "self");
            push(own.or_else(|| prefix.last().cloned()), Some(&name.ident), prefix);
        }
        UseTree::Rename(rename) => {
            push(Some(rename.rename.to_string()), Some(&rename.ident), prefix);
        }
        UseTree::Glob(_) => push(None, None, prefix),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, found);
            }
        }
    }
}

/// Every path of two names or more in `tokens`, and every `use` inside of them.
pub fn paths(tokens: TokenStream, found: &mut Vec<Vec<String>>, uses: &mut Vec<Binding>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut path = Path::default();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "use" => {
                path.end(found);
                let rest = tokens.by_ref().take_while(|t| !is_punct(t, ';'));
                let item = [TokenTree::Ident(ident)].into_iter().chain(rest);
                let end =
                    TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone));
                if let Ok(item) = syn::parse2::<ItemUse>(item.chain([end]).collect()) {
                    uses.extend(bindings(&item));
                }
            }
            TokenTree::Ident(ident) => path.name(ident.to_string(), found),
            TokenTree::Punct(punct) if punct.as_char() == ':' => path.colon(),
            TokenTree::Group(group) => {
                path.end(found);
                if group.delimiter() != Delimiter::None || !group.stream().is_empty() {
                    paths(group.stream(), found, uses);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => path.end(found),
        }
    }
    path.end(found);
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// A path in the making: its names, and how many colons follow the last.
#[derive(Default)]
struct Path {
    names: Vec<String>,
    colons: usize,
}

impl Path {
    fn name(&mut self, name: String, found: &mut Vec<Vec<String>>) {
        if self.colons != 2 {
            self.end(found);
        }
        self.names.push(name);
        self.colons = 0;
    }

    fn colon(&mut self) {
        self.colons += 1;
    }

    fn end(&mut self, found: &mut Vec<Vec<String>>) {
        let names = std::mem::take(&mut self.names);
        self.colons = 0;
        if names.len() > 1 {
            found.push(names);
        }
    }
}
