//! From a tenant's name to a report.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::{Api, ResourceExt as _, api::ListParams};
use tenantry_k8s::{Tenant, keys};

use crate::{
    attempt::{self, Attempt},
    cluster::{Cluster, Error, Failure, Line},
    matrix::{Column, Matrix},
    policies::{self, Wanted},
    report::{Check, Report},
    rights::{self, Answered, Question},
    scene::{Asker, Scene, Wish},
};

mod stage;

/// Calls at once: an apiserver that others use must not feel it.
const AT_ONCE: usize = 8;

/// Everything that will be asked.
pub struct Run {
    scene: Scene,
    caller: Line,
    /// One for each asker.
    lines: Vec<Line>,
    questions: Vec<Question>,
    attempts: Vec<Attempt>,
    policies: Vec<Wanted>,
}

impl Run {
    /// Reads what there is to ask about.
    ///
    /// Errors: `Impersonation` where the caller may not act as a member; `Unfit` where tenant and wish do not fit.
    pub async fn prepare(cluster: &Cluster, tenant: &str, wish: &Wish) -> Result<Self, Error> {
        let caller = cluster.as_caller()?;
        let (tenant, others, note) = tenants(&caller, tenant).await?;
        let mut scene = Scene::of(tenant, &others, wish)?;
        scene.notes.extend(note);
        let mut lines = Vec::new();
        for asker in &scene.askers {
            let line = cluster.acting_as(&asker.subject)?;
            line.confirm(&asker.subject).await?;
            lines.push(line);
        }
        let bindings = heed(&caller, &mut scene).await;
        let (resources, silent) = caller.resources().await.map_err(|source| Error::Cluster {
            doing: "discovering the cluster's resources",
            source,
        })?;
        let missing = |api| format!("nothing was asked about an API that does not answer: {api}");
        scene.notes.extend(silent.into_iter().map(missing));
        let questions = rights::questions(&scene, &resources);
        let mut run = Self {
            scene,
            caller,
            lines,
            questions,
            attempts: Vec::new(),
            policies: policies::wanted(),
        };
        run.set_stage(&others, &bindings).await;
        Ok(run)
    }

    /// How often [`Run::carry_out`] says that it got on.
    pub fn steps(&self) -> usize {
        self.questions.len() + self.attempts.len() + self.policies.len()
    }

    /// Who is asked for, and where.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// What an owner will attempt.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Every question with its answer. `step` is told of each.
    pub async fn rights(&self, step: impl Fn()) -> Vec<Answered> {
        stream::iter(&self.questions)
            .map(|question| self.ask(question))
            .buffered(AT_ONCE)
            .inspect(|_| step())
            .collect()
            .await
    }

    /// Asks everything. `step` is told of each thing that is done.
    pub async fn carry_out(self, step: impl Fn()) -> Report {
        let answered = self.rights(&step).await;
        let mut checks = rights::judge(&self.scene, &Matrix::golden(), &answered);
        let tried = stream::iter(&self.attempts)
            .map(|attempt| self.attempt(attempt))
            .buffered(AT_ONCE)
            .inspect(|_| step());
        checks.extend(tried.collect::<Vec<_>>().await.into_iter().flatten());
        let looked = stream::iter(&self.policies)
            .map(|wanted| wanted.check(&self.caller))
            .buffered(AT_ONCE)
            .inspect(|_| step());
        let looked: Vec<Option<Check>> = looked.collect().await;
        let mut notes = self.scene.notes;
        if looked.iter().any(Option::is_none) {
            notes.push(
                "the admission policies were not looked at: you may not read them".to_owned(),
            );
        }
        checks.extend(looked.into_iter().flatten());
        Report {
            tenant: self.scene.tenant.name_any(),
            asked: self.scene.askers.iter().map(Asker::asked).collect(),
            checks,
            notes,
        }
    }

    async fn ask(&self, question: &Question) -> Answered {
        let line = &self.lines[question.asker];
        let answer = line.may(question.attributes(&self.scene)).await;
        (
            question.clone(),
            answer.map_err(|failure| failure.to_string()),
        )
    }

    /// Lets the owner try one thing. None where no owner is asked for.
    pub async fn attempt(&self, attempt: &Attempt) -> Option<Check> {
        let owner = self.scene.owner()?;
        let line = &self.lines[owner];
        let (tried, control) = (
            line.attempt(&attempt.refused).await,
            line.attempt(&attempt.control).await,
        );
        let who = self.scene.askers[owner].to_string();
        Some(attempt::judge(attempt, &who, &tried, &control))
    }
}

/// The tenant, the other tenants, and a note where those may not be read.
async fn tenants(
    caller: &Line,
    name: &str,
) -> Result<(Tenant, Vec<Tenant>, Option<String>), Error> {
    let tenant = caller
        .call(async |client| Api::<Tenant>::all(client).get(name).await)
        .await
        .map_err(|source| Error::Cluster {
            doing: "reading the tenant",
            source,
        })?;
    let listed = caller
        .call(async |client| {
            Api::<Tenant>::all(client)
                .list(&ListParams::default())
                .await
        })
        .await;
    let (all, note) = match listed {
        Ok(list) => (list.items, None),
        Err(failure) => (
            Vec::new(),
            Some(format!("other tenants are not known: {failure}")),
        ),
    };
    let others = all
        .into_iter()
        .filter(|other| other.name_any() != name)
        .collect();
    Ok((tenant, others, note))
}

/// Takes note of the roles that are bound; returns those of the tenant's namespace that is looked at.
async fn heed(caller: &Line, scene: &mut Scene) -> Vec<RoleBinding> {
    let places = scene.askers.iter().flat_map(|asker| &asker.places);
    let own: BTreeSet<String> = places
        .filter(|place| place.column == Column::Own)
        .filter_map(|place| place.namespace.clone())
        .collect();
    let mut ours = Vec::new();
    for namespace in own {
        match bindings(caller, &namespace).await {
            Ok(found) => {
                scene.heed(&namespace, &found);
                if namespace == scene.namespace {
                    ours = found;
                }
            }
            Err(failure) => {
                let note = format!("roles in {namespace} are taken for the usual ones: {failure}");
                scene.notes.push(note);
            }
        }
    }
    ours
}

async fn bindings(caller: &Line, namespace: &str) -> Result<Vec<RoleBinding>, Failure> {
    let of_tenants = ListParams::default().labels(keys::TENANT);
    let list = caller
        .call(async |client| {
            let bindings = Api::<RoleBinding>::namespaced(client, namespace);
            bindings.list(&of_tenants).await
        })
        .await?;
    Ok(list.items)
}
