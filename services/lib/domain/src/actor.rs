use std::fmt;

use serde::{Deserialize, Serialize};

/// Who caused a fact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Kubernetes username, field manager, or name of a service.
    pub name: String,
}

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person or machine that called with a token.
    User,
    /// A change made through the apiserver by somebody whose name did not reach us.
    FieldManager,
    /// Tenantry itself.
    System,
}

impl ActorKind {
    /// The word that is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::FieldManager => "field_manager",
            Self::System => "system",
        }
    }

    /// The kind that `word` stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::FieldManager, Self::System]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl Actor {
    /// The caller of a gRPC method, by Kubernetes username.
    pub fn user(name: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::User,
            name: name.into(),
        }
    }

    /// The field manager that changed an object.
    pub fn field_manager(name: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::FieldManager,
            name: name.into(),
        }
    }

    /// A service of Tenantry.
    pub fn system(name: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::System,
            name: name.into(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_its_word() {
        for kind in [ActorKind::User, ActorKind::FieldManager, ActorKind::System] {
            assert_eq!(ActorKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ActorKind::parse("somebody"), None);
    }
}
