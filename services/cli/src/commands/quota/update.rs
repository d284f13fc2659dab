//! What changes about a quota: single limits set or taken, or the whole spec replaced.

use std::path::PathBuf;

use clap::Args;
use tenantry_proto::tenant::v1::{Quota, QuotaSpec, UpdateQuotaRequest};

use super::{fetch, pair};
use crate::{error::Error, manifest, session::Session};

/// Change a quota: flags set single limits, a manifest replaces its spec.
#[derive(Debug, Args)]
pub struct Update {
    /// Name of the quota; with -f the manifest has it.
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// Quota manifest, or - for stdin.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["name", "hard", "remove_hard"])]
    file: Option<PathBuf>,
    /// New budget of one resource, such as memory=8Gi; repeat it, or separate by commas.
    #[arg(long, value_name = "RESOURCE=QUANTITY", value_delimiter = ',', value_parser = pair)]
    hard: Vec<(String, String)>,
    /// Resource that is limited no longer; repeat it, or separate by commas.
    #[arg(long, value_name = "RESOURCE", value_delimiter = ',')]
    remove_hard: Vec<String>,
    /// Check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(session: &Session, command: Update) -> Result<(), Error> {
    let validate_only = command.dry_run;
    let (quota, path) = match &command.file {
        Some(path) => (manifest::quota(&manifest::read(path)?)?, "*"),
        None => {
            let name = command.name.clone().unwrap_or_default();
            let there = fetch(session, name).await?.quota.unwrap_or_default();
            (command.change(there)?, "spec.hard")
        }
    };
    let name = quota.name.clone();
    let paths = vec![path.to_owned()];
    let request = UpdateQuotaRequest {
        quota: Some(quota),
        update_mask: Some(pbjson_types::FieldMask { paths }),
        validate_only,
    };
    let reply = session
        .tenant()
        .await?
        .call(request, async |mut client, request| {
            client.update_quota(request).await
        })
        .await?;
    let done = if validate_only {
        "would be updated"
    } else {
        "updated"
    };
    session.out.wrote(&reply, &format!("quota/{name}"), done)?;
    session.out.talk(format!("Next: tenantry quota get {name}"));
    Ok(())
}

impl Update {
    /// `there` with the limits asked for. The etag stays: what somebody else changed meanwhile is not undone.
    ///
    /// Errors: usage, where nothing was asked for or what is to be removed is not there.
    fn change(self, there: Quota) -> Result<Quota, Error> {
        let before = there.spec.unwrap_or_default();
        let mut hard = before.hard.clone();
        for resource in self.remove_hard {
            hard.remove(&resource).ok_or_else(|| {
                Error::Usage(format!(
                    "{resource:?} is not limited by this quota; nothing was changed"
                ))
            })?;
        }
        hard.extend(self.hard);
        if hard == before.hard {
            return Err(Error::Usage(
                "nothing to change: it is as asked for; --help shows what can be changed"
                    .to_owned(),
            ));
        }
        Ok(Quota {
            name: there.name,
            etag: there.etag,
            spec: Some(QuotaSpec { hard, ..before }),
            ..Default::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        update: Update,
    }

    fn update(line: &str) -> Result<Vec<String>, Error> {
        let line = format!("update small {line}");
        let command = Line::try_parse_from(line.split_whitespace()).unwrap();
        let hard = [("memory", "8Gi"), ("pods", "10")];
        let hard = hard.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let there = Quota {
            name: "small".to_owned(),
            etag: "7".to_owned(),
            spec: Some(QuotaSpec {
                hard: hard.into(),
                limitrange: Some(pbjson_types::Struct::default()),
            }),
            ..Default::default()
        };
        let changed = command.update.change(there)?;
        assert_eq!(
            (changed.name.as_str(), changed.etag.as_str()),
            ("small", "7")
        );
        let spec = changed.spec.unwrap();
        assert!(spec.limitrange.is_some());
        let mut hard: Vec<String> = spec
            .hard
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        hard.sort();
        Ok(hard)
    }

    #[test]
    fn limits_are_set_and_taken_one_by_one() {
        let check = |line: &str, expected: &[&str]| assert_eq!(update(line).unwrap(), expected);
        check("--hard memory=16Gi", &["memory=16Gi", "pods=10"]);
        check("--hard secrets=5", &["memory=8Gi", "pods=10", "secrets=5"]);
        check("--remove-hard pods", &["memory=8Gi"]);
    }

    #[test]
    fn what_would_change_nothing_is_refused() {
        for line in ["", "--hard pods=10", "--remove-hard pod"] {
            assert!(matches!(update(line), Err(Error::Usage(_))), "{line}");
        }
    }
}
