//! Reads a command line by the table of [`crate::grammar`].
//!
//! What comes out is either a text to print (help, version) or a [`Request`] whose values have
//! all been checked. Every error is one line that says what would have been valid.

use std::collections::BTreeMap;

use crate::argument::Arg;
use crate::grammar::{Command, OBJECTS, Object, Param, Place};
use crate::help;
use crate::option::{HELP, Options, VERSION};
use crate::request::Request;
use crate::value::Value;

/// What the command line asks for.
pub(crate) enum Intent {
    Print(String),
    Run(&'static Command, Request),
}

/// Reads the words after the program's name.
pub(crate) fn parse(words: Vec<String>) -> Result<Intent, String> {
    let mut options = Options::default();
    let begin = options.take(&words)?;
    let words = &words[begin..];
    let Some(word) = words.first() else {
        return Err(format!("no object given; known: {} (try: ctl help)", names_of(OBJECTS)));
    };
    if let Some(text) = about_ourselves(word) {
        return Ok(Intent::Print(text));
    }
    let object = pick("object", word, OBJECTS)?;
    let Some(word) = words.get(1) else {
        return finish(object, &object.commands[0], options, &[]);
    };
    if is_help(word) {
        return Ok(Intent::Print(help::of_object(object)));
    }
    if by_keyword(&object.commands[0], word).is_some() {
        return finish(object, &object.commands[0], options, &words[1..]);
    }
    if word.starts_with('-') {
        return Err(misplaced(word));
    }
    let command = pick(&format!("{} command", object.name), word, object.commands)?;
    finish(object, command, options, &words[2..])
}

fn finish(
    object: &'static Object,
    command: &'static Command,
    options: Options,
    words: &[String],
) -> Result<Intent, String> {
    if words.first().is_some_and(|word| is_help(word)) {
        return Ok(Intent::Print(help::of_object(object)));
    }
    let values = arguments(object, command, words)
        .map_err(|error| format!("{error} (usage: {})", help::usage(object, command)))?;
    options.check(&format!("{} {}", object.name, command.verb.name()), command.options)?;
    Ok(Intent::Run(command, Request::new(options, values)))
}

fn about_ourselves(word: &str) -> Option<String> {
    if VERSION.contains(&word) {
        return Some(format!("ctl {}\n", env!("CARGO_PKG_VERSION")));
    }
    is_help(word).then(help::all)
}

fn is_help(word: &str) -> bool {
    HELP.contains(&word)
}

/// Something that may be called by a prefix of its name.
pub(crate) trait Named {
    fn names(&self) -> impl Iterator<Item = &'static str>;
}

impl Named for Object {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl Named for Command {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.verb.name()).chain(self.verb.aliases().iter().copied())
    }
}

/// The one that `word` names, in full or by a prefix that no other has.
fn pick<T: Named>(kind: &str, word: &str, all: &'static [T]) -> Result<&'static T, String> {
    if let Some(exact) = all.iter().find(|item| item.names().any(|name| name == word)) {
        return Ok(exact);
    }
    let is_prefix = |item: &&T| !word.is_empty() && item.names().any(|name| name.starts_with(word));
    let found: Vec<_> = all.iter().filter(is_prefix).collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("unknown {kind} {word:?}; known: {}", names_of(all))),
        _ => Err(format!("{kind} {word:?} is ambiguous: {}", names_of(found))),
    }
}

fn names_of<'a, T: Named + 'a>(all: impl IntoIterator<Item = &'a T>) -> String {
    let first: Vec<_> = all.into_iter().filter_map(|item| item.names().next()).collect();
    first.join(", ")
}

/// The values of the arguments.
fn arguments(
    object: &Object,
    command: &'static Command,
    words: &[String],
) -> Result<BTreeMap<Arg, String>, String> {
    let mut values = BTreeMap::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let param = by_keyword(command, word).map(|param| (param, true));
        let param = param.or_else(|| next_bare(command, &values).map(|param| (param, false)));
        if word.starts_with('-') {
            return Err(misplaced(word));
        }
        let Some((param, by_keyword)) = param else {
            return Err(format!("{word:?} is not expected here"));
        };
        let value = match &param.place {
            Place::Flag => String::new(),
            Place::Bare(value) if !by_keyword => checked(param, value, word)?,
            Place::Bare(value) | Place::Keyword(value) => {
                let next = words.next();
                let next =
                    next.ok_or_else(|| format!("{} needs {}", param.arg.name(), value.what))?;
                checked(param, value, next)?
            }
        };
        if values.insert(param.arg, value).is_some() {
            return Err(format!("{} is given twice", param.arg.name()));
        }
    }
    let missing = command.params.iter().find(|p| p.required && !values.contains_key(&p.arg));
    match missing {
        Some(param) => {
            Err(format!("{} {} needs {}", object.name, command.verb.name(), help::place(param)))
        }
        None => Ok(values),
    }
}

fn misplaced(option: &str) -> String {
    format!("option {option:?} must stand before the object")
}

fn by_keyword(command: &'static Command, word: &str) -> Option<&'static Param> {
    command.params.iter().find(|p| p.arg.name() == word || p.aliases.contains(&word))
}

fn next_bare(command: &'static Command, values: &BTreeMap<Arg, String>) -> Option<&'static Param> {
    let open = |p: &&Param| matches!(p.place, Place::Bare(_)) && !values.contains_key(&p.arg);
    command.params.iter().find(open)
}

fn checked(param: &Param, value: &Value, word: &str) -> Result<String, String> {
    (value.check)(word).map_err(|error| match param.place {
        Place::Bare(_) => error,
        Place::Keyword(_) | Place::Flag => format!("{}: {error}", param.arg.name()),
    })
}

#[cfg(test)]
mod tests;
