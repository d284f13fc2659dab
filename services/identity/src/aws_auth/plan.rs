use super::{
    Data, Entry, Kind, Mapping, Model, Principal, Refusal, Section, edit,
    guard::{require_expendable, require_readable, require_size},
    model,
};

/// What to do with an ARN that is mapped already, and differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Refuse: names that somebody has are not taken away in passing.
    Refuse,
    /// Give it the new names.
    Replace,
}

/// What to do about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it is as wanted.
    Unchanged {
        /// What a careful person would want to know.
        warnings: Vec<String>,
    },
    /// Write this.
    Write(Written),
}

/// A new text, proven to differ by the wanted entries only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The whole `data`.
    pub after: Data,
    /// Entries that go, as they were.
    pub removed: Vec<Entry>,
    /// What a careful person would want to know.
    pub warnings: Vec<String>,
}

/// How to give `wanted` its entry, given what the object holds; an absent object holds nothing.
///
/// Errors: a refusal; nothing may be written then.
pub fn create(data: &Data, wanted: &Mapping, duplicates: Duplicates) -> Result<Plan, Refusal> {
    let before = Model::read(data);
    require_readable(data, &before)?;
    let arn = wanted.principal().arn();
    let old = entries_of(&before, arn);
    require_one_spelling(&old, arn)?;
    let in_effect = effective_of(&before, arn);
    let mut warnings = warnings(&before, wanted);
    if let Some(in_effect) = in_effect {
        let difference = difference(in_effect, wanted);
        match (difference, duplicates) {
            (None, Duplicates::Refuse) if old.len() > 1 => {
                warnings.push(format!(
                    "{} entries of {arn} stand in aws-auth and the last is in effect; \
                     the same call with replace leaves one",
                    old.len()
                ));
                return Ok(Plan::Unchanged { warnings });
            }
            (None, _) if old.len() == 1 => return Ok(Plan::Unchanged { warnings }),
            (Some(difference), Duplicates::Refuse) => {
                let advice = "ask for it to be replaced (replace in the call, --replace on the command line), or delete it first";
                return Err(Refusal::Exists {
                    arn: arn.to_owned(),
                    difference,
                    advice,
                });
            }
            (_, Duplicates::Replace) | (None, Duplicates::Refuse) => {}
        }
    }
    require_free(&before, wanted)?;
    let removed: Vec<Entry> = old.into_iter().cloned().collect();
    require_expendable(&before, &removed.iter().collect::<Vec<_>>(), None)?;
    let after = append(without(data, arn)?, wanted)?;
    let mut expected = without_entries(before, arn);
    expected
        .entries_mut(section_of(wanted.principal()))
        .push(entry_of(wanted));
    require_proof(&after, &expected)?;
    Ok(Plan::Write(Written {
        after,
        removed,
        warnings,
    }))
}

/// How to take away every entry of `principal`, in any spelling. `own` is the principal that Tenantry itself comes in by.
///
/// Errors: a refusal, `NotFound` among them; nothing may be written then.
pub fn delete(data: &Data, principal: &Principal, own: Option<&str>) -> Result<Written, Refusal> {
    let before = Model::read(data);
    require_readable(data, &before)?;
    let arn = principal.arn();
    let old = entries_of(&before, arn);
    if old.is_empty() {
        return Err(Refusal::NotFound {
            arn: arn.to_owned(),
        });
    }
    require_expendable(&before, &old, own)?;
    let removed = old.into_iter().cloned().collect();
    let after = without(data, arn)?;
    require_proof(&after, &without_entries(before, arn))?;
    Ok(Written {
        after,
        removed,
        warnings: Vec::new(),
    })
}

/// The entry that is in effect for `arn`.
pub(super) fn effective_of<'a>(model: &'a Model, arn: &str) -> Option<&'a Entry> {
    let key = super::principal::key(arn);
    model
        .effective()
        .into_iter()
        .rfind(|entry| entry.key() == key)
}

fn entries_of<'a>(model: &'a Model, arn: &str) -> Vec<&'a Entry> {
    let key = super::principal::key(arn);
    model.all().filter(|entry| entry.key() == key).collect()
}

fn without_entries(model: Model, arn: &str) -> Model {
    let key = super::principal::key(arn);
    let keep = |entries: Vec<Entry>| {
        entries
            .into_iter()
            .filter(|entry| entry.key() != key)
            .collect()
    };
    Model {
        roles: keep(model.roles),
        users: keep(model.users),
        ..model
    }
}

/// `data` without the entries of `arn`, one after the other, the last first.
fn without(data: &Data, arn: &str) -> Result<Data, Refusal> {
    let key = super::principal::key(arn);
    let mut after = data.clone();
    for section in [Section::Roles, Section::Users] {
        let Some(text) = after.get_mut(section.as_str()) else {
            continue;
        };
        let unsafe_edit = |flaw: super::Flaw| {
            Refusal::guarded(format!(
                "an entry of {arn} in {section}, line {}, {}",
                flaw.line, flaw.problem
            ))
        };
        let rows = model::rows(section, text).map_err(unsafe_edit)?;
        for row in rows.iter().rev().filter(|row| row.entry.key() == key) {
            *text = edit::remove(text, row.item).map_err(unsafe_edit)?;
        }
    }
    Ok(after)
}

fn append(mut data: Data, wanted: &Mapping) -> Result<Data, Refusal> {
    let section = section_of(wanted.principal());
    let text = data.entry(section.as_str().to_owned()).or_default();
    *text = edit::append(section, text, wanted).map_err(|flaw| {
        Refusal::guarded(format!(
            "no entry can be added to {section} safely: line {} {}",
            flaw.line, flaw.problem
        ))
    })?;
    Ok(data)
}

/// The text is trusted only as far as the authenticator reads in it what was meant: every entry, in its order, with its
/// names. Whatever is in effect follows from that.
fn require_proof(after: &Data, expected: &Model) -> Result<(), Refusal> {
    require_size(after)?;
    if Model::read(after) == *expected {
        return Ok(());
    }
    Err(Refusal::guarded(
        "the text of aws-auth is laid out so that no edit could be proven to change this entry only",
    ))
}

/// The authenticator's releases differ on user ARNs that differ by case only, and pick one of two by chance.
fn require_one_spelling(old: &[&Entry], arn: &str) -> Result<(), Refusal> {
    match old.iter().find(|entry| entry.arn != arn) {
        Some(other) => Err(Refusal::Exists {
            arn: arn.to_owned(),
            difference: format!("it is spelled {}", other.arn),
            advice: "delete that mapping first",
        }),
        None => Ok(()),
    }
}

fn require_free(before: &Model, wanted: &Mapping) -> Result<(), Refusal> {
    let key = super::principal::key(wanted.principal().arn());
    let taken = |entry: &&&Entry| entry.username == wanted.username() && entry.key() != key;
    let effective = before.effective();
    match effective.iter().find(taken) {
        // A template is a different name for each session, so two roles may share it.
        Some(entry) if !entry.username.contains("{{") => Err(Refusal::UsernameTaken {
            username: entry.username.clone(),
            arn: entry.arn.clone(),
        }),
        _ => Ok(()),
    }
}

/// How the names differ; groups are a set.
fn difference(found: &Entry, wanted: &Mapping) -> Option<String> {
    if found.username != wanted.username() {
        return Some(format!(
            "its username is {:?}, not {:?}",
            found.username,
            wanted.username()
        ));
    }
    let set = |groups: &[String]| -> std::collections::BTreeSet<String> {
        groups.iter().cloned().collect()
    };
    (set(&found.groups) != set(wanted.groups())).then(|| {
        format!(
            "its groups are [{}], not [{}]",
            found.groups.join(", "),
            wanted.groups().join(", ")
        )
    })
}

fn warnings(before: &Model, wanted: &Mapping) -> Vec<String> {
    let mut warnings = Vec::new();
    let principal = wanted.principal();
    if principal.is_stripped() {
        warnings.push(format!(
            "the path of {} was left out: the authenticator sees {principal}",
            principal.given()
        ));
    }
    if !before.all().any(Entry::is_node) {
        warnings.push(
            "aws-auth maps no node role: nodes that are not let in by an access entry cannot join"
                .to_owned(),
        );
    }
    warnings
}

fn section_of(principal: &Principal) -> Section {
    match principal.kind() {
        Kind::User => Section::Users,
        Kind::Role => Section::Roles,
    }
}

fn entry_of(mapping: &Mapping) -> Entry {
    Entry {
        arn: mapping.principal().arn().to_owned(),
        username: mapping.username().to_owned(),
        groups: mapping.groups().to_vec(),
    }
}
