//! `sqlx`: what each query returns, asked of Postgres with the newest migrations; builds elsewhere read it from `.sqlx`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::home::repository;
use crate::part::postgres;
use crate::stack::{COMMAND, Stack};
use crate::tool;

/// Crates with queries: package, folder, and the context whose migrations it needs beside the event log's.
const CRATES: [(&str, &str, Option<&str>); 4] = [
    ("tenantry-events", "services/lib/events", None),
    ("tenantry-identity", "services/identity", Some("identity")),
    ("tenantry-tenant", "services/tenant", Some("tenant")),
    ("tenantry-showback", "services/showback", Some("showback")),
];
const BUILD: Duration = Duration::from_secs(30 * 60);

/// Options of `sqlx`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail if `.sqlx` is not what the queries and migrations say.
    #[arg(long)]
    check: bool,
}

/// Writes `.sqlx`, or holds it against the truth.
pub(crate) fn run(stack: &Stack, arguments: &Arguments) -> Result<()> {
    if !arguments.check {
        return describe(stack, &committed());
    }
    check(stack)
}

/// Fails if `.sqlx` is stale.
pub(crate) fn check(stack: &Stack) -> Result<()> {
    let fresh = stack.root().join("sqlx");
    describe(stack, &fresh)?;
    let (fresh, committed) = (read(&fresh)?, read(&committed())?);
    let stale = |(name, text): &(&String, &String)| fresh.get(*name) != Some(*text);
    let missing = |name: &&String| !committed.contains_key(*name);
    let names: Vec<_> = committed
        .iter()
        .filter(stale)
        .map(|(name, _)| name)
        .chain(fresh.keys().filter(missing))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!(".sqlx is stale in {names:?}; run `cargo dev sqlx` and commit what changed")
}

fn committed() -> PathBuf {
    repository().join(".sqlx")
}

/// Runs the query macros of every crate against migrated databases, writing their answers to `folder`.
fn describe(stack: &Stack, folder: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut cargo = tool::cargo()
        .args(["check", "--quiet"])
        // Ask Postgres, not the answers that are already there.
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder.display().to_string());
    for (package, directory, context) in CRATES {
        let name = context.unwrap_or("events");
        let database = format!("sqlx_{name}");
        create(stack, &database, context)?;
        let url = stack.superuser_database_url(&database);
        cargo = cargo
            .args(["-p", package])
            .env(&format!("{}_DATABASE_URL", name.to_uppercase()), url);
        touch(&repository().join(directory).join("src/lib.rs"))?;
    }
    let status = cargo.pass_through(BUILD)?;
    if status.success() {
        Ok(())
    } else {
        bail!("checking the queries: {status}")
    }
}

fn create(stack: &Stack, database: &str, context: Option<&str>) -> Result<()> {
    let fresh = format!(
        "DROP DATABASE IF EXISTS {database} WITH (FORCE);\nCREATE DATABASE {database} OWNER tenantry_owner;\n"
    );
    postgres::psql(stack, "postgres")
        .input(fresh)
        .run(COMMAND)?;
    for folder in ["events"].into_iter().chain(context) {
        for file in migrations(folder)? {
            postgres::psql(stack, database)
                .args(["-f", &file.display().to_string()])
                .run(COMMAND)?;
        }
    }
    Ok(())
}

fn migrations(folder: &str) -> Result<Vec<PathBuf>> {
    let folder = repository().join("migrations").join(folder);
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    Ok(files)
}

/// Makes cargo run the crate's macros again.
fn touch(file: &Path) -> Result<()> {
    File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("touching {}", file.display()))
}

fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.insert(
            name,
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?,
        );
    }
    Ok(files)
}
