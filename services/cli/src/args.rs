//! What a person may type: the only reader of the command line and the environment.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    builder::FalseyValueParser,
};
use jiff::SignedDuration;

use crate::commands;

const EXIT_CODES: &str = "\
Exit codes:
  0 ok   1 failed   2 usage   3 not found   4 not logged in or not allowed   5 conflict   6 timeout   7 unavailable

You are who kubectl says you are: the token of the current kubeconfig user goes with every call.";

/// Share a cluster: identities, tenants, quotas, what they cost and who changed what.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// Settings of every command.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses the arguments; started as `kubectl-tenantry`, help speaks of `kubectl tenantry`.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        let mut command = Self::command();
        if is_plugin(args.first()) {
            command = command
                .name("kubectl-tenantry")
                .bin_name("kubectl tenantry");
        }
        let matches = command.clone().try_get_matches_from(&args);
        Self::from_arg_matches(&matches.map_err(|refusal| plain(refusal, command, &args))?)
    }
}

/// The refusal as it would be without the environment: a usage line shows whatever is set as if it had to be typed.
fn plain(refusal: clap::Error, command: clap::Command, args: &[OsString]) -> clap::Error {
    if !refusal.use_stderr() {
        return refusal;
    }
    let command = command.mut_args(|arg| arg.env(None::<&'static str>));
    command.try_get_matches_from(args).err().unwrap_or(refusal)
}

fn is_plugin(argv0: Option<&OsString>) -> bool {
    argv0
        .map(PathBuf::from)
        .and_then(|path| path.file_stem().map(|stem| stem == "kubectl-tenantry"))
        .unwrap_or(false)
}

/// Settings of every command; flags win over the environment.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Settings {
    /// How to print the answer: json and yaml are the API message.
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub output: Format,
    /// Print no column titles.
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// Print the answer only: no hints, no notes.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Context of the kubeconfig; unset means the current one.
    #[arg(long, global = true)]
    pub context: Option<String>,
    /// Path of the kubeconfig; unset means as kubectl finds it ($KUBECONFIG, then ~/.kube/config).
    #[arg(long, global = true, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Longest time for one call, such as 500ms or 1m.
    #[arg(long, global = true, default_value = "15s", value_parser = duration)]
    pub timeout: Duration,
    /// Address of the identity service.
    #[arg(long, global = true, env = "TENANTRY_IDENTITY_URL", value_name = "URL")]
    pub identity_url: Option<String>,
    /// Address of the tenant service.
    #[arg(long, global = true, env = "TENANTRY_TENANT_URL", value_name = "URL")]
    pub tenant_url: Option<String>,
    /// Address of the showback service.
    #[arg(long, global = true, env = "TENANTRY_SHOWBACK_URL", value_name = "URL")]
    pub showback_url: Option<String>,
    /// PEM file of the authority that signed the services' certificates; unset means the system's authorities.
    #[arg(
        long,
        global = true,
        env = "TENANTRY_SERVICES_CA_FILE",
        value_name = "PATH"
    )]
    pub ca_file: Option<PathBuf>,
    /// Allows a token over plain text to another machine; loopback needs no permission.
    #[arg(long, global = true, hide = true, env = "TENANTRY_INSECURE_DEV", value_parser = FalseyValueParser::new())]
    pub insecure_dev: bool,
}

/// Format of an answer on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// The API message as proto3 JSON.
    Json,
    /// The API message as YAML.
    Yaml,
    /// `noun/name`, one per line.
    Name,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// IAM users, groups, policies and keys, and who they are in the cluster.
    #[command(subcommand)]
    Identity(commands::identity::Command),
    /// Tenants: who shares the cluster.
    #[command(subcommand, visible_alias = "tenants")]
    Tenant(commands::tenant::Command),
    /// Quotas: the budgets that tenants name.
    #[command(subcommand, visible_alias = "quotas")]
    Quota(commands::quota::Command),
    /// Make or change tenants and quotas as manifests say.
    Apply(commands::apply::Command),
    /// Show what manifests would change in the cluster, and change nothing.
    Diff(commands::diff::Command),
    /// Who had access to a namespace, and when.
    Access(commands::access::Command),
    /// Try whether a tenant is isolated, as its members and by dry runs; nothing is changed.
    Conformance(commands::conformance::Command),
    /// What was used and what it cost.
    Cost(commands::cost::Command),
    /// Who changed what, in all three services, in order.
    Audit(commands::audit::Command),
    /// Who the cluster says you are, and your tenants.
    Whoami(commands::whoami::Command),
    /// Health of the services.
    Status(commands::status::Command),
    /// Version of this program.
    Version(commands::version::Command),
    /// Completion script for a shell, to be sourced by it.
    Completion(commands::completion::Command),
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    match Duration::try_from(parsed) {
        Ok(positive) if !positive.is_zero() => Ok(positive),
        _ => Err("a timeout is longer than zero".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::from_args(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn globals_may_follow_the_command() {
        let cli = parse("tenantry tenant list -o json --timeout 500ms").unwrap();
        assert_eq!(cli.settings.output, Format::Json);
        assert_eq!(cli.settings.timeout, Duration::from_millis(500));
    }

    #[test]
    fn plugin_help_speaks_of_kubectl() {
        let help = parse("/usr/local/bin/kubectl-tenantry tenant --help")
            .unwrap_err()
            .to_string();
        assert!(help.contains("Usage: kubectl tenantry tenant"), "{help}");
    }

    #[test]
    fn a_timeout_of_zero_is_refused() {
        assert!(parse("tenantry tenant list --timeout 0s").is_err());
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        let refusal = parse("tenantry tenant lsit").unwrap_err().to_string();
        assert!(refusal.contains("'list'"), "{refusal}");
    }
}
