//! Data on stdout, talk on stderr.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use serde::Serialize;

use crate::{
    args::{Format, Settings},
    error::Error,
    view::View,
};

/// Where answers go and how they look.
pub(crate) struct Output {
    format: Format,
    has_headers: bool,
    is_quiet: bool,
}

impl Output {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            format: settings.output,
            has_headers: !settings.no_headers,
            is_quiet: settings.quiet,
        }
    }

    /// Prints what was read.
    pub(crate) fn show(&self, message: &impl Serialize, view: &View) -> Result<(), Error> {
        if view.rows.is_empty() && matches!(self.format, Format::Table | Format::Wide) {
            self.talk(&view.empty);
        }
        print(&self.render(message, view)?)
    }

    /// Prints what was read, for people as text of its own.
    pub(crate) fn text(
        &self,
        message: &impl Serialize,
        text: &str,
        names: &[String],
    ) -> Result<(), Error> {
        match self.format {
            Format::Table | Format::Wide => print(text),
            Format::Name => print(
                &names
                    .iter()
                    .map(|name| format!("{name}\n"))
                    .collect::<String>(),
            ),
            Format::Json | Format::Yaml => print(&encode(self.format, message)?),
        }
    }

    /// Prints what a write made true: `noun/name done` for people.
    pub(crate) fn wrote(
        &self,
        message: &impl Serialize,
        name: &str,
        done: impl Display,
    ) -> Result<(), Error> {
        match self.format {
            Format::Table | Format::Wide => print(&format!("{name} {done}\n")),
            Format::Name => print(&format!("{name}\n")),
            Format::Json | Format::Yaml => print(&encode(self.format, message)?),
        }
    }

    /// Prints one item of a stream at once; JSON is one line each.
    pub(crate) fn stream(
        &self,
        message: &impl Serialize,
        view: &View,
        is_first: bool,
    ) -> Result<(), Error> {
        match self.format {
            Format::Json => print(&format!(
                "{}\n",
                serde_json::to_string(message).map_err(encoding)?
            )),
            Format::Yaml => print(&format!("---\n{}", encode(Format::Yaml, message)?)),
            Format::Table | Format::Wide => {
                print(&view.table(self.format == Format::Wide, self.has_headers && is_first))
            }
            Format::Name => print(&view.names()),
        }
    }

    /// Says something that is not the answer: a hint, a note, the next command.
    pub(crate) fn talk(&self, line: impl Display) {
        if !self.is_quiet {
            eprintln!("{line}");
        }
    }

    fn render(&self, message: &impl Serialize, view: &View) -> Result<String, Error> {
        match self.format {
            Format::Table => Ok(view.table(false, self.has_headers)),
            Format::Wide => Ok(view.table(true, self.has_headers)),
            Format::Name => Ok(view.names()),
            Format::Json | Format::Yaml => encode(self.format, message),
        }
    }
}

/// Prints text as it is; a reader that has seen enough is no failure.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Print(error)),
        _ => Ok(()),
    }
}

fn encode(format: Format, message: &impl Serialize) -> Result<String, Error> {
    if format == Format::Yaml {
        // By way of JSON values: proto3 JSON decides names and 64-bit numbers, YAML is only another spelling.
        let value = serde_json::to_value(message).map_err(encoding)?;
        return serde_saphyr::to_string(&value).map_err(encoding);
    }
    Ok(format!(
        "{}\n",
        serde_json::to_string_pretty(message).map_err(encoding)?
    ))
}

fn encoding(error: impl Display) -> Error {
    Error::Encode(error.to_string())
}

#[cfg(test)]
mod tests {
    use tenantry_proto::identity::v1::{CreateGroupResponse, Group};

    use super::*;

    fn reply() -> CreateGroupResponse {
        CreateGroupResponse {
            group: Some(Group {
                group_name: "logistics-owner".to_owned(),
                ..Default::default()
            }),
            is_created: true,
        }
    }

    #[test]
    fn json_is_the_api_message() {
        let json = encode(Format::Json, &reply()).unwrap();
        assert_eq!(
            serde_json::from_str::<CreateGroupResponse>(&json).unwrap(),
            reply()
        );
        assert!(
            json.contains("\"groupName\": \"logistics-owner\""),
            "{json}"
        );
    }

    #[test]
    fn yaml_is_the_same_message() {
        assert_eq!(
            encode(Format::Yaml, &reply()).unwrap(),
            "group:\n  groupName: logistics-owner\nisCreated: true\n"
        );
    }
}
