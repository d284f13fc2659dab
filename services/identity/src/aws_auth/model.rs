use std::{collections::BTreeMap, fmt};

use super::{
    Data,
    principal::key,
    tree::{self, Flaw, Node, Value},
};

/// Sections as the authenticator takes for empty, beside blank ones.
const EMPTY: &[&str] = &["``", "\"\"", "''"];

/// A key of `data` that the authenticator reads. Keys are case-sensitive: `mapusers` is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `mapRoles`.
    Roles,
    /// `mapUsers`.
    Users,
    /// `mapAccounts`.
    Accounts,
}

impl Section {
    /// All of them, in the order in which the authenticator looks a caller up.
    pub const ALL: [Self; 3] = [Self::Roles, Self::Users, Self::Accounts];

    /// Its key in `data`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Roles => "mapRoles",
            Self::Users => "mapUsers",
            Self::Accounts => "mapAccounts",
        }
    }

    /// The field of an entry that holds its ARN.
    pub(super) fn arn_field(self) -> &'static str {
        match self {
            Self::Roles => "rolearn",
            Self::Users | Self::Accounts => "userarn",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of `mapRoles` or `mapUsers` that the authenticator keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// ARN as written; `sso:` and JSON for an entry by permission set, which no released authenticator reads.
    pub arn: String,
    /// Username; empty if it is missing or no string.
    pub username: String,
    /// Groups, in the order written.
    pub groups: Vec<String>,
}

impl Entry {
    /// Whether it lets nodes in.
    pub fn is_node(&self) -> bool {
        let is_node_group =
            |group: &String| matches!(group.as_str(), "system:nodes" | "system:bootstrappers");
        self.groups.iter().any(is_node_group) || self.username.contains("{{EC2PrivateDNSName}}")
    }

    /// Whether it makes an administrator.
    pub fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }

    pub(super) fn key(&self) -> String {
        key(&self.arn)
    }
}

/// A section that the authenticator drops whole, or an account list it stumbles over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The section.
    pub section: Section,
    /// Where and what.
    pub flaw: Flaw,
}

/// What the authenticator makes of `data`, whether it is well-formed or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Entries of `mapRoles`, as written.
    pub roles: Vec<Entry>,
    /// Entries of `mapUsers`, as written.
    pub users: Vec<Entry>,
    /// Accounts of `mapAccounts`.
    pub accounts: Vec<String>,
    /// Sections that were dropped.
    pub faults: Vec<Fault>,
}

impl Model {
    /// Reads `data` as the authenticator does: each section for itself, and what can be kept is kept.
    pub fn read(data: &Data) -> Self {
        let mut model = Self::default();
        for section in Section::ALL {
            let text = data
                .get(section.as_str())
                .map(String::as_str)
                .unwrap_or_default();
            let read = match section {
                Section::Roles | Section::Users => rows(section, text).map(|rows| {
                    let entries = rows.into_iter().map(|row| row.entry).collect();
                    *model.entries_mut(section) = entries;
                }),
                Section::Accounts => accounts(text).map(|accounts| model.accounts = accounts),
            };
            if let Err(flaw) = read {
                model.faults.push(Fault { section, flaw });
            }
        }
        model
    }

    pub(super) fn entries_mut(&mut self, section: Section) -> &mut Vec<Entry> {
        match section {
            Section::Roles => &mut self.roles,
            Section::Users | Section::Accounts => &mut self.users,
        }
    }

    /// Every entry, roles first, as written.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.roles.iter().chain(&self.users)
    }

    /// The entries in effect, roles first, in the order written: of one ARN in a section the last wins, and a user is
    /// looked for among the roles first.
    ///
    /// Users that differ by case only are all given: which of them wins differs between releases, and by chance.
    pub fn effective(&self) -> Vec<&Entry> {
        let role_key = |entry: &Entry| entry.arn.to_lowercase();
        let last_role = last_by(&self.roles, role_key);
        let last_user = last_by(&self.users, |entry| entry.arn.clone());
        let roles = self.roles.iter().enumerate();
        let roles = roles.filter(|(at, entry)| last_role.get(&role_key(entry)) == Some(at));
        let users = self.users.iter().enumerate();
        let users = users.filter(|(at, entry)| {
            last_user.get(&entry.arn) == Some(at) && !last_role.contains_key(&role_key(entry))
        });
        roles.chain(users).map(|(_, entry)| entry).collect()
    }
}

fn last_by(entries: &[Entry], key: impl Fn(&Entry) -> String) -> BTreeMap<String, usize> {
    entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (key(entry), at))
        .collect()
}

/// An entry and which item of its list it is: dropped items count.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) item: usize,
    pub(super) entry: Entry,
}

/// The list that `text` holds; none if it is empty.
pub(super) fn list(text: &str) -> Result<Option<Node>, Flaw> {
    let trimmed = text.trim();
    if trimmed.is_empty() || EMPTY.contains(&trimmed) {
        return Ok(None);
    }
    let Some(root) = tree::parse(text)? else {
        return Ok(None);
    };
    match root.value {
        Value::Null => Ok(None),
        Value::List { .. } => Ok(Some(root)),
        Value::Map(_) => Err(root.flaw("is a map, where a list of entries belongs")),
        Value::Text(_) | Value::Other(_) | Value::NotJson => {
            Err(root.flaw("is a single value, where a list of entries belongs"))
        }
    }
}

/// Entries of a section that the authenticator keeps.
pub(super) fn rows(section: Section, text: &str) -> Result<Vec<Row>, Flaw> {
    let Some(root) = list(text)? else {
        return Ok(Vec::new());
    };
    let Value::List { items, .. } = &root.value else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for (item, node) in items.iter().enumerate() {
        let fields = Json::of(node)?;
        rows.extend(entry(section, &fields).map(|entry| Row { item, entry }));
    }
    Ok(rows)
}

/// The entry that Go's JSON reader makes of `item`; none if the authenticator drops it.
fn entry(section: Section, item: &Json) -> Option<Entry> {
    let Json::Map(fields) = item else {
        return None;
    };
    let mut entry = Entry {
        arn: String::new(),
        username: String::new(),
        groups: Vec::new(),
    };
    let mut sso = None;
    // In the order of their bytes, as Go writes them: of `Username` and `username` the second wins.
    for (name, value) in fields {
        let name = fold(name);
        match (name.as_str(), value) {
            (name, Json::Text(text)) if name == section.arn_field() => entry.arn.clone_from(text),
            ("username", Json::Text(text)) => entry.username.clone_from(text),
            ("groups", Json::List(groups)) => {
                entry.groups = groups.iter().map(Json::text).collect()
            }
            ("groups", Json::Null) => entry.groups.clear(),
            ("sso", Json::Map(set)) if section == Section::Roles => {
                sso = Some(format!("sso:{set:?}"))
            }
            // Anything else is unknown, or a type error that leaves the field as it is.
            _ => {}
        }
    }
    match (entry.arn.is_empty(), sso) {
        (false, None) => Some(entry),
        (true, Some(arn)) => Some(Entry { arn, ..entry }),
        (true, None) | (false, Some(_)) => None,
    }
}

/// Go's folding of field names: ASCII, and the two letters that Unicode folds into it.
fn fold(name: &str) -> String {
    let one = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(one).collect()
}

fn accounts(text: &str) -> Result<Vec<String>, Flaw> {
    let Some(root) = list(text)? else {
        return Ok(Vec::new());
    };
    let Value::List { items, .. } = root.value else {
        return Ok(Vec::new());
    };
    let accounts = items.into_iter().map(|item| match item.value {
        // yaml.v2 takes a scalar as written where a string is wanted, so leading zeros survive.
        Value::Text(text) | Value::Other(text) => Ok(text),
        Value::Null => Ok(String::new()),
        Value::NotJson | Value::List { .. } | Value::Map(_) => {
            Err(item.flaw("is no account number, but a list or map"))
        }
    });
    accounts.collect()
}

/// A value on its way from YAML through JSON into Go's structs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Json {
    Null,
    Text(String),
    /// A boolean or number.
    Other(String),
    List(Vec<Json>),
    Map(BTreeMap<String, Json>),
}

impl Json {
    /// What a string field becomes; a type error leaves it empty.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            _ => String::new(),
        }
    }

    fn of(node: &Node) -> Result<Self, Flaw> {
        Ok(match &node.value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::Text(text.clone()),
            Value::Other(text) => Self::Other(text.clone()),
            Value::NotJson => return Err(node.flaw("is not a number that JSON can hold")),
            Value::List { items, .. } => {
                Self::List(items.iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            Value::Map(pairs) => {
                let mut fields = BTreeMap::new();
                for (key, value) in pairs {
                    add(&mut fields, key, value)?;
                }
                Self::Map(fields)
            }
        })
    }
}

/// Adds one pair, merges included: yaml.v2 applies both in the order written, and the last one stays.
fn add(fields: &mut BTreeMap<String, Json>, key: &Node, value: &Node) -> Result<(), Flaw> {
    let name = match &key.value {
        Value::Text(name) if name == "<<" => return merge(fields, value),
        Value::Text(name) | Value::Other(name) => name.clone(),
        Value::Null | Value::NotJson | Value::List { .. } | Value::Map(_) => {
            return Err(key.flaw("is no name of a field"));
        }
    };
    fields.insert(name, Json::of(value)?);
    Ok(())
}

fn merge(fields: &mut BTreeMap<String, Json>, source: &Node) -> Result<(), Flaw> {
    match &source.value {
        Value::Map(pairs) => pairs
            .iter()
            .try_for_each(|(key, value)| add(fields, key, value)),
        // Earlier maps take precedence, so they come last.
        Value::List { items, .. } => items.iter().rev().try_for_each(|item| match item.value {
            Value::Map(_) => merge(fields, item),
            _ => Err(item.flaw("is merged and is no map")),
        }),
        _ => Err(source.flaw("is merged and is no map")),
    }
}
