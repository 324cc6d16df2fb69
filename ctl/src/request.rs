//! One request: what was asked on the command line, the daemon to ask, and how to answer.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use client::admin::{self, InterfaceRef, IpVersion, Link, Response};
use client::{CallError, Session};
use serde::Serialize;
use serde_json::Value;

use crate::argument::Arg;
use crate::option::Options;

/// The options and arguments of a command line that was understood.
pub(crate) struct Request {
    options: Options,
    values: BTreeMap<Arg, String>,
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
    pub(crate) fn new(options: Options, values: BTreeMap<Arg, String>) -> Self {
        Self { options, values }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The value of an argument.
    pub(crate) fn value(&self, arg: Arg) -> Option<&str> {
        self.values.get(&arg).map(String::as_str)
    }

    /// The value of an argument as a `T`.
    ///
    /// # Errors
    /// `Usage` if the value is no `T`; the grammar has checked that it is.
    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        arg: Arg,
    ) -> Result<Option<T>, Failure> {
        let parse = |text: &str| {
            text.parse().map_err(|error| Failure::Usage(format!("{}: {error}", arg.name())))
        };
        self.value(arg).map(parse).transpose()
    }

    /// The value of an argument without which the command makes no sense.
    ///
    /// # Errors
    /// `Usage` if it is missing or no `T`; the grammar has checked that it is there.
    pub(crate) fn required<T: FromStr<Err: fmt::Display>>(&self, arg: Arg) -> Result<T, Failure> {
        let missing = || Failure::Usage(format!("{} is missing", arg.name()));
        self.parsed(arg)?.ok_or_else(missing)
    }

    /// The interface that `dev` names.
    pub(crate) fn interface(&self) -> Option<InterfaceRef> {
        self.value(Arg::Dev).map(|name| InterfaceRef::Name(name.to_owned()))
    }

    /// The interface that `dev` must name.
    ///
    /// # Errors
    /// `Usage` if it does not.
    pub(crate) fn required_interface(&self) -> Result<InterfaceRef, Failure> {
        self.required(Arg::Dev).map(InterfaceRef::Name)
    }

    /// Whether a flag, or an argument with a value, was given.
    pub(crate) fn has(&self, arg: Arg) -> bool {
        self.values.contains_key(&arg)
    }

    /// Whether `-4` and `-6` leave this family in.
    pub(crate) fn wants_family(&self, family: u8) -> bool {
        self.options.family.is_none_or(|wanted| wanted == family)
    }

    /// Whether an argument that narrows a list leaves `value` in; letter case does not matter.
    pub(crate) fn wants(&self, arg: Arg, value: &str) -> bool {
        self.value(arg).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    }

    /// Refuses an address or network in `arg` that is of the family that `-4` or `-6` excludes.
    ///
    /// # Errors
    /// `Usage` then.
    pub(crate) fn check_family(&self, arg: Arg) -> Result<(), Failure> {
        let Some(address) = self.value(arg) else { return Ok(()) };
        let Some(family) = family_of(address) else { return Ok(()) };
        if self.wants_family(family as u8) {
            return Ok(());
        }
        let option = if family == IpVersion::V4 { "-6" } else { "-4" };
        Err(Failure::Usage(format!("{address} is an {family} address, but {option} was given")))
    }

    pub(crate) fn connect(&self) -> Result<Session, Failure> {
        Session::connect(self.options.path.as_deref()).map_err(Failure::Call)
    }

    /// The records that the daemon answers with.
    pub(crate) fn fetch<T: TryFrom<Response>>(
        &self,
        session: &Session,
        request: &admin::Request,
    ) -> Result<T, Failure> {
        let mut response = session.control(request).map_err(Failure::Call)?;
        if !self.options.json {
            response = plain(request, &response).map_err(|error| Failure::Output(error.into()))?;
        }
        response.try_into().map_err(|_| {
            let (api, method) = request.name();
            let text = format!("{api} {method}: answered as another request");
            Failure::Call(CallError::Protocol(text))
        })
    }

    /// The links that `dev` leaves in; at least one.
    pub(crate) fn links(&self, session: &Session) -> Result<Vec<Link>, Failure> {
        let mut links: Vec<Link> = self.fetch(session, &admin::Request::LinkShow)?;
        let Some(wanted) = self.value(Arg::Dev) else { return Ok(links) };
        let names: Vec<_> = links.iter().map(|link| link.name.clone()).collect();
        links.retain(|link| link.name == wanted);
        if links.is_empty() {
            let names = names.join(", ");
            return Err(Failure::Usage(format!("no interface {wanted:?}; there are: {names}")));
        }
        Ok(links)
    }

    /// Carries out a change. There is nothing to print after it.
    pub(crate) fn change(&self, request: &admin::Request) -> Result<String, Failure> {
        self.connect()?.control(request).map_err(Failure::Call)?;
        Ok(String::new())
    }

    /// Says on standard error what the command line left open. It is no failure.
    pub(crate) fn note(text: &str) {
        // Nobody is left to tell if standard error is gone.
        let _ = writeln!(io::stderr(), "ctl: {text}");
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

/// The family of an address or network that was checked; `default` has none.
pub(crate) fn family_of(text: &str) -> Option<IpVersion> {
    match text {
        "default" => None,
        _ if text.contains(':') => Some(IpVersion::V6),
        _ => Some(IpVersion::V4),
    }
}

/// A response whose texts hold no control characters.
fn plain(request: &admin::Request, response: &Response) -> Result<Response, serde_json::Error> {
    let mut value = serde_json::to_value(response)?;
    make_plain(&mut value);
    Response::read(request, value)
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
