//! The modules of a crate, which file holds each, and which files they use.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use quote::ToTokens as _;
use syn::{Attribute, Item};

use super::paths::{Binding, bindings, paths};

/// A path is followed through so many `use` declarations at most.
const HOPS: usize = 8;

/// All modules of a crate, tests excepted.
#[derive(Debug, Default)]
pub struct Crate {
    files: Vec<String>,
    modules: Vec<Module>,
}

#[derive(Debug, Default)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: HashMap<String, usize>,
    /// What is defined here.
    items: HashSet<String>,
    /// What `use` declarations bring.
    bindings: Vec<Binding>,
    /// What is named here.
    paths: Vec<Vec<String>>,
    /// What `use` declarations inside of functions bring; they count only as uses.
    inner: Vec<Binding>,
}

impl Crate {
    /// Reads the crate that starts with the file `start`, below `root`.
    pub fn read(root: &Path, start: &str) -> Self {
        Self::from_files(start, |name| fs::read_to_string(root.join(name)).ok())
    }

    /// The same of files that `text` gives by name.
    pub fn from_files(start: &str, text: impl Fn(&str) -> Option<String>) -> Self {
        let mut crate_ = Self::default();
        let folder = start.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let source = text(start).unwrap_or_default();
        crate_.add_file(start, &folder, &source, None, &text);
        crate_
    }

    /// The name of a file below the root.
    pub fn file_name(&self, file: usize) -> &str {
        &self.files[file]
    }

    fn add_file(
        &mut self,
        name: &str,
        folder: &str,
        source: &str,
        parent: Option<usize>,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> usize {
        self.files.push(name.to_owned());
        let file = self.files.len() - 1;
        let items = syn::parse_file(source).map(|file| file.items).unwrap_or_default();
        self.add_module(file, folder, items, parent, text)
    }

    /// Adds a module whose children lie in `folder`.
    fn add_module(
        &mut self,
        file: usize,
        folder: &str,
        items: Vec<Item>,
        parent: Option<usize>,
        text: &dyn Fn(&str) -> Option<String>,
    ) -> usize {
        let id = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        for item in items {
            let (name, attributes) = name_and_attributes(&item);
            if is_test(attributes) {
                continue;
            }
            self.modules[id].items.extend(name);
            match item {
                Item::Use(item) => self.modules[id].bindings.extend(bindings(&item)),
                Item::Mod(item) => {
                    let name = item.ident.to_string();
                    let below = format!("{folder}/{name}");
                    let child = match item.content {
                        Some((_, items)) => self.add_module(file, &below, items, Some(id), text),
                        None => {
                            let places = [format!("{below}.rs"), format!("{below}/mod.rs")];
                            let found = places.iter().find_map(|place| Some((place, text(place)?)));
                            let Some((place, source)) = found else { continue };
                            self.add_file(place, &below, &source, Some(id), text)
                        }
                    };
                    self.modules[id].children.insert(name, child);
                }
                item => {
                    let module = &mut self.modules[id];
                    paths(item.to_token_stream(), &mut module.paths, &mut module.inner);
                }
            }
        }
        id
    }

    /// For each file the files that it uses; parents and children of a file are left out.
    pub fn uses(&self) -> Vec<Vec<usize>> {
        let mut uses = vec![BTreeSet::new(); self.files.len()];
        for (id, module) in self.modules.iter().enumerate() {
            let brought = module.bindings.iter().chain(&module.inner);
            let targets = brought.filter_map(|binding| self.binding_target(id, binding));
            let named = module.paths.iter().filter_map(|path| self.target(id, path));
            for target in targets.chain(named) {
                let (from, to) = (module.file, self.modules[target].file);
                if from != to && !self.is_above(id, target) && !self.is_above(target, id) {
                    uses[from].insert(to);
                }
            }
        }
        uses.into_iter().map(|files| files.into_iter().collect()).collect()
    }

    /// Whether the file of `above` is that of `below` or of one of its ancestors.
    fn is_above(&self, above: usize, below: usize) -> bool {
        let mut next = Some(below);
        while let Some(module) = next {
            if self.modules[module].file == self.modules[above].file {
                return true;
            }
            next = self.modules[module].parent;
        }
        false
    }

    /// The module that defines the item to which `path` leads from `module`; none if the path
    /// leaves the crate or ends at a module.
    fn target(&self, module: usize, path: &[String]) -> Option<usize> {
        match self.follow(module, path, HOPS)? {
            Place::Item(module) => Some(module),
            Place::Module(_) => None,
        }
    }

    /// The same for a `use`; `*` uses the module itself.
    fn binding_target(&self, module: usize, binding: &Binding) -> Option<usize> {
        match self.follow(module, &binding.path, HOPS)? {
            Place::Item(at) => Some(at),
            Place::Module(at) => binding.name.is_none().then_some(at),
        }
    }

    fn follow(&self, module: usize, path: &[String], hops: usize) -> Option<Place> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => module,
            "super" => self.modules[module].parent?,
            name => match self.name(module, name, hops)? {
                Place::Module(next) => next,
                item @ Place::Item(_) => return Some(item),
            },
        };
        for name in rest {
            if name == "super" {
                at = self.modules[at].parent?;
                continue;
            }
            match self.name(at, name, hops) {
                Some(Place::Module(next)) => at = next,
                Some(item) => return Some(item),
                // A macro, or what a glob of another crate brings: it is known by its module.
                None => return Some(Place::Item(at)),
            }
        }
        Some(Place::Module(at))
    }

    /// What `name` means in `module`.
    fn name(&self, module: usize, name: &str, hops: usize) -> Option<Place> {
        let hops = hops.checked_sub(1)?;
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Place::Module(child));
        }
        if here.items.contains(name) {
            return Some(Place::Item(module));
        }
        let bound = |binding: &&Binding| binding.name.as_deref() == Some(name);
        let inner = here.inner.iter().filter(|binding| binding.name.is_some());
        if let Some(binding) = here.bindings.iter().chain(inner).find(bound) {
            return self.follow(module, &binding.path, hops);
        }
        here.bindings.iter().filter(|binding| binding.name.is_none()).find_map(|glob| {
            match self.follow(module, &glob.path, hops)? {
                Place::Module(from) if from != module => self.name(from, name, hops),
                _ => None,
            }
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Module(usize),
    Item(usize),
}

/// The name that an item defines, other than a module's and what a `use` brings, and its
/// attributes.
fn name_and_attributes(item: &Item) -> (Option<String>, &[Attribute]) {
    let (name, attributes) = match item {
        Item::Const(item) => (Some(&item.ident), &item.attrs),
        Item::Enum(item) => (Some(&item.ident), &item.attrs),
        Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
        Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
        Item::Static(item) => (Some(&item.ident), &item.attrs),
        Item::Struct(item) => (Some(&item.ident), &item.attrs),
        Item::Trait(item) => (Some(&item.ident), &item.attrs),
        Item::Type(item) => (Some(&item.ident), &item.attrs),
        Item::Union(item) => (Some(&item.ident), &item.attrs),
        Item::Impl(item) => (None, &item.attrs),
        Item::Mod(item) => (None, &item.attrs),
        Item::Use(item) => (None, &item.attrs),
        _ => return (None, &[]),
    };
    (name.map(ToString::to_string), attributes)
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}
