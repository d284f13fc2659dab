//! The matrix of rights: which level may what, where. `matrix.snap` holds it for people, and the tests of the tenant
//! service keep it true on a real apiserver.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use tenantry_k8s::member::Role;

/// Every verb that is asked about.
pub const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
/// The levels, and who has none.
pub const WHO: [Option<Role>; 4] = [
    Some(Role::Owner),
    Some(Role::Editor),
    Some(Role::Viewer),
    None,
];
const GOLDEN: &str = include_str!("../matrix.snap");
const ALL: &str = "all";
const RESOURCES: &str = "asked about";

/// Where, as the matrix tells places apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// A namespace in which the level is in force.
    Own,
    /// A namespace that is none of theirs.
    Foreign,
    /// kube-system.
    System,
    /// All namespaces, and what lies in none.
    Cluster,
}

impl Column {
    /// Every column, in the matrix's order.
    pub const ALL: [Self; 4] = [Self::Own, Self::Foreign, Self::System, Self::Cluster];

    fn title(self) -> &'static str {
        match self {
            Self::Own => "its own namespace",
            Self::Foreign => "another tenant's",
            Self::System => "kube-system",
            Self::Cluster => "the cluster",
        }
    }
}

type Rights = BTreeMap<String, Vec<&'static str>>;

/// Which level may what, where.
///
/// Shape: printed and parsed as `matrix.snap` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    resources: BTreeSet<String>,
    allowed: BTreeMap<(Option<Role>, Column), Rights>,
}

impl Matrix {
    /// What should be.
    pub fn golden() -> Self {
        Self::parse(GOLDEN)
    }

    /// Notes that a resource was asked about.
    pub fn know(&mut self, resource: String) {
        self.resources.insert(resource);
    }

    /// Notes a right.
    pub fn allow(
        &mut self,
        who: Option<Role>,
        column: Column,
        resource: String,
        verb: &'static str,
    ) {
        let rights = self.allowed.entry((who, column)).or_default();
        let verbs = rights.entry(resource).or_default();
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }

    /// Whether the level has the right there.
    pub fn may(&self, who: Option<Role>, column: Column, resource: &str, verb: &str) -> bool {
        self.allowed
            .get(&(who, column))
            .and_then(|rights| rights.get(resource))
            .is_some_and(|verbs| verbs.contains(&verb))
    }

    /// Whether the matrix has an opinion about a resource: a cluster may have kinds that it never saw.
    pub fn knows(&self, resource: &str) -> bool {
        self.resources.contains(resource)
    }

    /// Reads what [`fmt::Display`] wrote. What is above the first title is passed over.
    fn parse(text: &str) -> Self {
        let mut matrix = Self::default();
        let mut section = None;
        let mut is_list = false;
        for line in text.lines() {
            match line.strip_prefix("  ") {
                Some(resource) if is_list => matrix.know(resource.to_owned()),
                Some(line) => {
                    if let (Some((who, column)), Some((resource, verbs))) =
                        (section, line.rsplit_once(": "))
                    {
                        for verb in verbs_of(verbs) {
                            matrix.allow(who, column, resource.to_owned(), verb);
                        }
                    }
                }
                None => {
                    is_list = line.strip_suffix(':') == Some(RESOURCES);
                    section = heading(line);
                }
            }
        }
        matrix
    }
}

fn verbs_of(words: &str) -> Vec<&'static str> {
    let is_named = |verb: &&str| words == ALL || words.split(' ').any(|word| word == *verb);
    VERBS.into_iter().filter(is_named).collect()
}

fn heading(line: &str) -> Option<(Option<Role>, Column)> {
    WHO.into_iter()
        .flat_map(|who| Column::ALL.map(|column| (who, column)))
        .find(|(who, column)| line == title(*who, *column))
}

fn title(who: Option<Role>, column: Column) -> String {
    let who = who.map_or("outsider", Role::as_str);
    format!("{who} in {}:", column.title())
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for who in WHO {
            for column in Column::ALL {
                writeln!(f, "{}", title(who, column))?;
                for (resource, verbs) in self.allowed.get(&(who, column)).into_iter().flatten() {
                    let verbs = if verbs.len() == VERBS.len() {
                        ALL.to_owned()
                    } else {
                        verbs.join(" ")
                    };
                    writeln!(f, "  {resource}: {verbs}")?;
                }
            }
        }
        writeln!(f, "{RESOURCES}:")?;
        for resource in &self.resources {
            writeln!(f, "  {resource}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let golden = Matrix::golden();
        assert_eq!(Matrix::parse(&golden.to_string()), golden);
    }

    #[test]
    fn the_golden_matrix_says_what_levels_are_for() {
        let golden = Matrix::golden();
        let may = |who, column, verb| golden.may(who, column, "deployments (apps)", verb);
        assert!(may(Some(Role::Editor), Column::Own, "create"));
        assert!(!may(Some(Role::Viewer), Column::Own, "create"));
        assert!(!may(Some(Role::Owner), Column::Foreign, "get"));
        assert!(golden.knows("nodes") && !golden.knows("widgets (example.com)"));
    }
}
