//! Help, made of the table of [`crate::grammar`].

use std::fmt::Write;

use crate::grammar::{Command, OBJECTS, Object, Param, Place};
use crate::option::{IPC_SOCKET, SWITCHES};

/// One line: how to say a command.
pub(crate) fn usage(object: &Object, command: &Command) -> String {
    let mut line = format!("ctl {} {}", object.name, command.verb.name());
    for param in command.params {
        let place = place(param);
        let shown = if param.required { place } else { format!("[{place}]") };
        let _ = write!(line, " {shown}");
    }
    line
}

/// How an argument stands on the command line.
pub(crate) fn place(param: &Param) -> String {
    match &param.place {
        Place::Bare(value) => value.what.to_owned(),
        Place::Keyword(value) => format!("{} {}", param.arg.name(), value.what),
        Place::Flag => param.arg.name().to_owned(),
    }
}

/// All commands of an object with their arguments.
pub(crate) fn of_object(object: &Object) -> String {
    let mut text = String::new();
    for command in object.commands {
        let _ = writeln!(text, "{}\n    {}", usage(object, command), command.about);
        let width = command.params.iter().map(|p| place(p).len()).max().unwrap_or(0);
        for param in command.params {
            let _ = writeln!(text, "        {:width$}  {}", place(param), param.about);
        }
    }
    text
}

/// The options and every object.
pub(crate) fn all() -> String {
    let mut text = String::from("usage: ctl [OPTIONS] OBJECT [COMMAND ...]\n\noptions:\n");
    for switch in SWITCHES {
        let _ = writeln!(
            text,
            "    {:22}  {}",
            switch.names[..2.min(switch.names.len())].join(", "),
            switch.about
        );
    }
    let _ = writeln!(text, "    {:22}  the daemon's control socket", format!("{IPC_SOCKET} PATH"));
    let _ = writeln!(text, "    {:22}  version", "-V");
    text.push_str("\nobjects (any unique prefix will do; ctl OBJECT help says more):\n");
    for object in OBJECTS {
        let commands: Vec<_> = object.commands.iter().map(|command| command.verb.name()).collect();
        let commands = commands.join(" | ");
        let _ = writeln!(text, "    {:8}  {:30}  {}", object.name, commands, object.about);
    }
    text.push_str("\nexit status: 0 done, 1 no daemon, 2 wrong arguments or refused\n");
    text
}
