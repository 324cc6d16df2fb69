//! One request: what was asked on the command line, the daemon to ask, and how to answer.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use client::admin::Link;
use client::call::ControlCall;
use client::{CallError, Session};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::grammar::{Command, Object};
use crate::option::Options;

/// A command line that was understood.
pub(crate) struct Request {
    object: &'static Object,
    command: &'static Command,
    options: Options,
    values: BTreeMap<&'static str, String>,
}

/// Why there is nothing to print.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong.
    Usage(String),
    /// The daemon was not reached, or refused.
    Call(CallError),
    /// The answer could not be printed.
    Output(io::Error),
}

impl Request {
    pub(crate) fn new(
        object: &'static Object,
        command: &'static Command,
        options: Options,
        values: BTreeMap<&'static str, String>,
    ) -> Self {
        Self { object, command, options, values }
    }

    pub(crate) fn command(&self) -> &'static Command {
        self.command
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The value of an argument.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of an argument that the grammar requires.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.value(name).unwrap_or_default()
    }

    /// Whether a flag, or an argument with a value, was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether `-4` and `-6` leave this family in.
    pub(crate) fn wants_family(&self, family: u8) -> bool {
        self.options.family.is_none_or(|wanted| wanted == family)
    }

    /// Whether an argument that narrows a list leaves `value` in; letter case does not matter.
    pub(crate) fn wants(&self, name: &str, value: &str) -> bool {
        self.value(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    }

    /// Refuses an address of the family that `-4` or `-6` excludes.
    pub(crate) fn check_family(&self, address: &str) -> Result<(), Failure> {
        let family = family_of(address);
        if address == "default" || self.wants_family(family) {
            return Ok(());
        }
        let option = if family == 4 { "-6" } else { "-4" };
        Err(Failure::Usage(format!("{address} is an IPv{family} address, but {option} was given")))
    }

    pub(crate) fn connect(&self) -> Result<Session, Failure> {
        Session::connect(self.options.path.as_deref()).map_err(Failure::Call)
    }

    /// The records that the daemon shows of an object.
    pub(crate) fn fetch<T: DeserializeOwned>(
        &self,
        session: &Session,
        api: &str,
        method: &str,
    ) -> Result<T, Failure> {
        let mut value = session.control(&ControlCall::new(api, method)).map_err(Failure::Call)?;
        if !self.options.json {
            make_plain(&mut value);
        }
        serde_json::from_value(value).map_err(|error| {
            let text = format!("{api} {method}: the daemon's answer makes no sense: {error}");
            Failure::Call(CallError::Protocol(text))
        })
    }

    /// The links that `dev` leaves in; at least one.
    pub(crate) fn links(&self, session: &Session) -> Result<Vec<Link>, Failure> {
        let mut links: Vec<Link> = self.fetch(session, "link", "show")?;
        let Some(wanted) = self.value("dev") else { return Ok(links) };
        let names: Vec<_> = links.iter().map(|link| link.name.clone()).collect();
        links.retain(|link| link.name == wanted);
        if links.is_empty() {
            let names = names.join(", ");
            return Err(Failure::Usage(format!("no interface {wanted:?}; there are: {names}")));
        }
        Ok(links)
    }

    /// Carries out a change. There is nothing to print after it.
    pub(crate) fn change(&self, call: &ControlCall) -> Result<String, Failure> {
        self.connect()?.control(call).map_err(Failure::Call)?;
        Ok(String::new())
    }

    /// A call of this object and the daemon's name for this command, without arguments.
    pub(crate) fn call(&self, method: &str) -> ControlCall {
        ControlCall::new(self.object.name, method)
    }

    /// What is printed: the records in JSON, or what `text` makes of them.
    pub(crate) fn report<T: Serialize>(
        &self,
        records: &[T],
        text: impl FnOnce(&[T]) -> String,
    ) -> Result<String, Failure> {
        if !self.options.json {
            return Ok(text(records));
        }
        let json = if self.options.pretty {
            serde_json::to_string_pretty(records)
        } else {
            serde_json::to_string(records)
        };
        json.map(|json| json + "\n").map_err(|error| Failure::Output(error.into()))
    }
}

impl Failure {
    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Call(CallError::Refused(_)) => 2,
            Self::Call(_) | Self::Output(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            Self::Call(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}

/// 4 or 6, of an address or network that was checked.
pub(crate) fn family_of(address: &str) -> u8 {
    if address.contains(':') { 6 } else { 4 }
}

/// Terminals obey control characters; names from elsewhere must not have any.
fn make_plain(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(char::is_control) => {
            *text = text.replace(char::is_control, "?");
        }
        Value::Array(values) => values.iter_mut().for_each(make_plain),
        Value::Object(members) => {
            let taken = std::mem::take(members);
            members.extend(taken.into_iter().map(|(name, mut value)| {
                make_plain(&mut value);
                (name.replace(char::is_control, "?"), value)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
