//! `tenantry conformance`: whether a tenant is isolated, tried on the live cluster without changing it.

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tenantry_conformance::{Chosen, Cluster, Report, Run, Verdict, Wish};

use crate::{commands::Ending, error::Error, session::Session, token};

mod text;

const MORE: &str = "\
You act as members of the tenant, so you need the verb impersonate on users and groups. Only reviews and server-side dry runs are sent.
A user is asked for without the groups that your identity provider would give: ask for those with --member.
--timeout, at most 10s, is for each call.

Exit codes:
  0 all held   1 something did not hold   8 nothing worse than something that could not be told   2 to 7 as elsewhere";

/// Try whether a tenant is isolated: every right of its members, and what an owner attempts in vain.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub struct Command {
    /// Name of the tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// Tenant whose namespace is the foreign one; unset means any that the member has no part in.
    #[arg(long, value_name = "NAME")]
    other: Option<String>,
    /// Namespace of the tenant to look at; unset means its first.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// User or group to act as, one of the tenant's; repeat it, or separate by commas. Unset means the first of each role.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    member: Vec<String>,
    /// Act as every user and group of the tenant, one after the other.
    #[arg(long, conflicts_with = "member")]
    all_members: bool,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<Ending, Error> {
        let report = Box::pin(self.try_out(session)).await;
        let report = report.map_err(|failure| Error::NotCompared {
            source: Box::new(failure),
        })?;
        for note in &report.notes {
            session.out.talk(format!("Note: {note}."));
        }
        let names: Vec<String> = report.with(Verdict::NotHeld).map(text::name).collect();
        session
            .out
            .text(&report, &text::report(&report, &session.settings), &names)?;
        Ok(match report.verdict() {
            Verdict::Held => Ending::Done,
            Verdict::NotHeld => Ending::Different,
            Verdict::Inconclusive => Ending::Inconclusive,
        })
    }

    async fn try_out(self, session: &Session) -> Result<Report, Error> {
        let config = token::kubeconfig(&session.settings).await?;
        let cluster = Cluster::new(config, session.settings.timeout);
        let wish = Wish {
            members: match (self.all_members, self.member.is_empty()) {
                (true, _) => Chosen::All,
                (false, true) => Chosen::First,
                (false, false) => Chosen::Named(self.member),
            },
            namespace: self.namespace,
            other: self.other,
        };
        let run = Run::prepare(&cluster, &self.tenant, &wish).await?;
        let bar = bar(run.steps(), session.settings.quiet);
        let report = run.carry_out(|| bar.inc(1)).await;
        bar.finish_and_clear();
        Ok(report)
    }
}

/// On a terminal only.
fn bar(steps: usize, is_quiet: bool) -> ProgressBar {
    let target = if is_quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {eta}").expect("the template is valid");
    ProgressBar::with_draw_target(Some(steps as u64), target).with_style(style)
}
