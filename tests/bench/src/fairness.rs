//! Whether a tenant that is edited without end holds up the others.

use std::{convert::Infallible, path::Path, time::Duration};

use clap::Parser;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tenantry_testkit::{Editor, beside, without_end};

use crate::{
    apply,
    figures::{self, percentile},
    judge,
    world::World,
};

const NOISY: &str = "noisy";

/// How much, how often.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Size {
    /// Tenants that are edited one after the other.
    #[arg(long, default_value_t = 100)]
    tenants: usize,
    /// Replicas of the service.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Times from edit to ready, in order.
struct Round {
    alone: Vec<Duration>,
    /// Beside as many edits of something that is none of the service's business.
    beside_others: Vec<Duration>,
    /// Beside the tenant that is edited without end.
    beside_noisy: Vec<Duration>,
    edits: usize,
}

/// Measures, and prints one table.
pub(crate) async fn run(binary: &Path, size: &Size) -> anyhow::Result<()> {
    let mut world = World::start(binary, size.replicas).await?;
    world.start_service_with_webhooks().await?;
    apply::quota(&world, 10).await?;
    let names: Vec<String> = (0..size.tenants).map(|n| format!("team-{n}")).collect();
    let noisy = [NOISY.to_owned()];
    for name in names.iter().chain(&noisy) {
        let namespaces = ["n0", "n1"].map(str::to_owned);
        apply::tenant_of(&world.client, name, "bench", &namespaces).await?;
    }
    judge::ready(&world, &[names.as_slice(), &noisy].concat()).await?;
    let mut rounds = Vec::new();
    for number in 0..size.rounds {
        eprintln!("round {} of {}", number + 1, size.rounds);
        rounds.push(round(&world.client, &names, number).await?);
    }
    println!("{}", table(size, &rounds));
    Ok(())
}

async fn round(client: &Client, names: &[String], number: usize) -> anyhow::Result<Round> {
    let editor = Editor {
        tenants: Api::all(client.clone()),
    };
    let viewer = |what: &str| format!("{what}-{number}");
    let mut round = Round {
        alone: Vec::new(),
        beside_others: Vec::new(),
        beside_noisy: Vec::new(),
        edits: 0,
    };
    // They take turns in being first.
    for turn in 0..3 {
        match (number + turn) % 3 {
            0 => round.alone = editor.one_by_one(names, &viewer("alone")).await,
            1 => {
                let others = edit_others(client).await?;
                let viewer = viewer("others");
                let edits = editor.one_by_one(names, &viewer);
                round.beside_others = beside(others, edits).await;
            }
            _ => {
                let noise = editor.without_end(NOISY, &mut round.edits);
                let viewer = viewer("noisy");
                let edits = editor.one_by_one(names, &viewer);
                round.beside_noisy = beside(noise, edits).await;
            }
        }
    }
    for times in [
        &mut round.alone,
        &mut round.beside_others,
        &mut round.beside_noisy,
    ] {
        times.sort();
    }
    Ok(round)
}

/// Edits without end of something that the service does not look at.
async fn edit_others(client: &Client) -> anyhow::Result<impl Future<Output = Infallible>> {
    let all = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let mut made = ConfigMap::default();
    made.metadata.name = Some(NOISY.to_owned());
    if all.get_opt(NOISY).await?.is_none() {
        all.create(&PostParams::default(), &made).await?;
    }
    Ok(async move {
        without_end(async |number| {
            let patch = json!({"data": {"viewer": format!("viewer-{number}")}});
            let params = PatchParams::default();
            let patched = all.patch(NOISY, &params, &Patch::Merge(patch)).await;
            patched.expect("editing a configmap");
        })
        .await
    })
}

fn table(size: &Size, rounds: &[Round]) -> impl std::fmt::Display {
    let of = format!(
        "edit → ready of {} tenants, {} replicas, {} rounds",
        size.tenants, size.replicas, size.rounds
    );
    let mut table = figures::table(&of);
    let mut add = |what: String, figure: &dyn Fn(&Round) -> f64| {
        figures::add(&mut table, &what, rounds.iter().map(figure).collect());
    };
    for percent in [50, 99] {
        let of = |times: &[Duration]| 1e3 * percentile(times, percent);
        add(format!("alone, p{percent}, ms"), &|round| of(&round.alone));
        add(
            format!("beside 100 edits a second of a ConfigMap, p{percent}, ms"),
            &|round| of(&round.beside_others),
        );
        add(
            format!("beside 100 edits a second of one tenant, p{percent}, ms"),
            &|round| of(&round.beside_noisy),
        );
        add(
            format!("ratio of p{percent}, ConfigMap to alone"),
            &|round| of(&round.beside_others) / of(&round.alone),
        );
        add(format!("ratio of p{percent}, tenant to alone"), &|round| {
            of(&round.beside_noisy) / of(&round.alone)
        });
    }
    add("edits of the one tenant".to_owned(), &|round| {
        f64::from(u32::try_from(round.edits).unwrap_or(u32::MAX))
    });
    table
}
