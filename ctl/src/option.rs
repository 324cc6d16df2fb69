//! Options: what stands before the object on a command line.

use std::path::PathBuf;

/// The options of one command line.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// JSON instead of columns.
    pub(crate) json: bool,
    /// JSON over several lines.
    pub(crate) pretty: bool,
    /// 4 or 6: only this family.
    pub(crate) family: Option<u8>,
    /// More about each thing shown.
    pub(crate) statistics: bool,
    /// Per shard too.
    pub(crate) details: bool,
    /// The daemon's control socket.
    pub(crate) path: Option<PathBuf>,
}

/// What an option concerns, for commands of which not every one is concerned by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `-4` and `-6`.
    Family,
    /// `-s`.
    Statistics,
    /// `-d`.
    Details,
}

/// Names, meaning, and what each does to the options; `--ipc-socket` is the only one with a value.
pub(crate) struct Switch {
    pub(crate) names: &'static [&'static str],
    pub(crate) about: &'static str,
    set: fn(&mut Options),
}

pub(crate) const IPC_SOCKET: &str = "--ipc-socket";

pub(crate) static SWITCHES: &[Switch] = &[
    Switch { names: &["-j", "-json"], about: "JSON instead of columns", set: |o| o.json = true },
    Switch { names: &["-p", "-pretty"], about: "with -j, lines", set: |o| o.pretty = true },
    Switch { names: &["-4"], about: "IPv4 only", set: |o| o.family = Some(4) },
    Switch { names: &["-6"], about: "IPv6 only", set: |o| o.family = Some(6) },
    Switch {
        names: &["-s", "-statistics", "-stats"],
        about: "more about each thing shown",
        set: |o| o.statistics = true,
    },
    Switch {
        names: &["-d", "-details"],
        about: "per shard too, where there are several",
        set: |o| o.details = true,
    },
];

/// The options that not every command is concerned by, and how they are called.
const SCOPES: [(Scope, &[&str]); 3] =
    [(Scope::Family, &["-4", "-6"]), (Scope::Statistics, &["-s"]), (Scope::Details, &["-d"])];

/// Words that ask for the version.
pub(crate) const VERSION: &[&str] = &["-V", "-Version", "--version"];
/// Words that ask for help, anywhere but among arguments.
pub(crate) const HELP: &[&str] = &["help", "-h", "-help", "--help"];

fn is_option(word: &str) -> bool {
    word.starts_with('-') && !VERSION.contains(&word) && !HELP.contains(&word)
}

impl Options {
    /// Takes the options off the front of `words`, up to an object or a word that asks about `ctl`
    /// itself. Returns how many words they are.
    pub(crate) fn take(&mut self, words: &[String]) -> Result<usize, String> {
        let mut at = 0;
        while let Some(word) = words.get(at).filter(|word| is_option(word)) {
            at += self.take_one(word, words.get(at + 1))?;
        }
        Ok(at)
    }

    fn take_one(&mut self, word: &str, next: Option<&String>) -> Result<usize, String> {
        let path = word.strip_prefix(IPC_SOCKET);
        if let Some(path) = path.and_then(|rest| rest.strip_prefix('=')) {
            return self.set_path(path).map(|()| 1);
        }
        if path == Some("") {
            let path = next.ok_or_else(|| format!("{IPC_SOCKET} needs a PATH"))?;
            return self.set_path(path).map(|()| 2);
        }
        // A second dash is forgiven.
        let short = word.strip_prefix('-').filter(|rest| rest.len() > 2).unwrap_or(word);
        let names =
            |switch: &&Switch| switch.names.contains(&word) || switch.names.contains(&short);
        let Some(switch) = SWITCHES.iter().find(names) else {
            let known: Vec<_> = SWITCHES.iter().map(|switch| switch.names[0]).collect();
            let known = known.join(", ");
            return Err(format!("unknown option {word:?}; known: {known}, {IPC_SOCKET} PATH"));
        };
        let before = self.family;
        (switch.set)(self);
        if before.is_some() && before != self.family {
            return Err("-4 and -6 exclude each other".into());
        }
        Ok(1)
    }

    /// Refuses what would change nothing of a command that is concerned by `scopes` only.
    ///
    /// # Errors
    /// The option, and what it is for.
    pub(crate) fn check(&self, command: &str, scopes: &[Scope]) -> Result<(), String> {
        if self.pretty && !self.json {
            return Err("-p changes the form of JSON: it needs -j".into());
        }
        for (scope, names) in SCOPES {
            let given = match scope {
                Scope::Family => self.family.map(|family| names[usize::from(family == 6)]),
                Scope::Statistics => self.statistics.then_some(names[0]),
                Scope::Details => self.details.then_some(names[0]),
            };
            if let Some(name) = given.filter(|_| !scopes.contains(&scope)) {
                let mut known = vec!["-j", "-p"];
                let others = SCOPES.iter().filter(|(other, _)| scopes.contains(other));
                known.extend(others.flat_map(|(_, names)| names.iter()));
                let known = known.join(", ");
                return Err(format!("{name} changes nothing of {command}, which takes {known}"));
            }
        }
        Ok(())
    }

    fn set_path(&mut self, path: &str) -> Result<(), String> {
        if path.is_empty() {
            return Err(format!("{IPC_SOCKET} needs a PATH"));
        }
        self.path = Some(path.into());
        Ok(())
    }
}
