use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use prost_types::Timestamp;
use tenantry_dev::Spec;
use tenantry_testkit::{eventually, stack, unique};

use crate::support::together;

const COMMAND: Duration = Duration::from_secs(90);
const TRANSCRIPT: &str = include_str!("hindsight.txt");
const CLEAR: &str = "kubectl delete tenant TENANT --ignore-not-found --timeout=60s &&
    kubectl delete quota.tenantoperator.stakater.com TENANT --ignore-not-found --timeout=20s";

/// Of memory only: configmaps come by themselves, and a budget that moves is a difference.
const QUOTA: &str = "
apiVersion: tenantoperator.stakater.com/v1beta1
kind: Quota
metadata: {name: TENANT}
spec: {resourcequota: {hard: {memory: 8Gi}}}
";
const MANIFEST: &str = "
apiVersion: tenantoperator.stakater.com/v1beta3
kind: Tenant
metadata: {name: TENANT}
spec:
  quota: TENANT
  namespaces: {withTenantPrefix: [dev], onDeletePurgeNamespaces: true}
  accessControl: {owners: {users: ['OWNER']}}
";

#[tokio::test]
async fn what_will_be_and_what_was_is_told_and_an_earlier_spec_comes_back() {
    let _turn = together().await;
    let mut own = Own::new();
    let transcript = own.named(TRANSCRIPT);
    for paragraph in transcript.split("\n\n") {
        own.follow(paragraph.trim_end()).await;
    }
}

/// A second, as `--at` takes it, that parts what was done from what is done next.
async fn moment() -> String {
    let second = || Timestamp {
        nanos: 0,
        ..SystemTime::now().into()
    };
    let passing = second();
    let next = eventually("the next second", async || {
        let now = second();
        (now != passing).then_some(now).ok_or(now)
    });
    next.await.to_string()
}

/// A tenant of the story's own, manifests of it by owner, and moments of its life.
struct Own {
    name: String,
    manifests: PathBuf,
    moments: Vec<(String, String)>,
}

impl Own {
    fn new() -> Self {
        let name = unique("hindsight-");
        let manifests = std::env::temp_dir().join(&name);
        fs::create_dir(&manifests).expect("a folder for manifests");
        let own = Self {
            name,
            manifests,
            moments: Vec::new(),
        };
        own.write("quota.yaml", QUOTA);
        own.write("owl.yaml", &MANIFEST.replace("OWNER", "owl"));
        own.write("crow.yaml", &MANIFEST.replace("OWNER", "crow"));
        own.write("unfit.yaml", &MANIFEST.replace("OWNER", "system:masters"));
        own
    }

    fn write(&self, file: &str, manifest: &str) {
        fs::write(self.manifests.join(file), self.named(manifest)).expect("writing a manifest");
    }

    /// The text about this tenant: `TENANT` stands for its name.
    fn named(&self, text: &str) -> String {
        text.replace("TENANT", &self.name)
    }

    /// Goes one paragraph on: a comment, a moment that later lines name, a line that must come to what is said below it, or
    /// one that must end so at once, by its exit code.
    async fn follow(&mut self, paragraph: &str) {
        let (first, words) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let (how, line) = first.split_once(' ').expect("how, and what");
        match how {
            "#" => {}
            "moment" => self.moments.push((line.to_owned(), moment().await)),
            "until" => eventually(line, async || self.says(line, "0", words)).await,
            code => self
                .says(line, code, words)
                .unwrap_or_else(|said| panic!("{line}: {said}")),
        }
    }

    /// What was said instead, unless the line ends with `code` and says each line of `words`.
    fn says(&self, line: &str, code: &str, words: &str) -> Result<(), String> {
        let output = self.typed(line).output(COMMAND).expect("a shell");
        let said = output.stdout + &output.stderr;
        let code: i32 = code.parse().expect("an exit code");
        let is_said = words.lines().all(|word| said.contains(word));
        if output.status.code() == Some(code) && is_said {
            return Ok(());
        }
        Err(format!("{}\n{said}", output.status))
    }

    /// The administrator's shell.
    fn typed(&self, line: &str) -> Spec {
        Spec::new("sh")
            .args(["-c", line])
            .envs(stack().environment())
            .envs(self.moments.clone())
            .directory(&self.manifests)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Err(failure) = self.typed(&self.named(CLEAR)).run(COMMAND) {
            eprintln!("{} is left behind: {failure:#}", self.name);
        }
        // What stays lies among temporary files.
        fs::remove_dir_all(&self.manifests).ok();
    }
}
