//! Commands that end: what to run, and its answer within a deadline.

use std::ffi::OsStr;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What passes from our own environment to a child; everything else would be an accident.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "TMPDIR", "USER", "TERM"];

/// A program with its arguments, its whole environment, and who runs it.
#[derive(Clone, Debug)]
pub struct Spec {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    directory: Option<PathBuf>,
    user: Option<(u32, u32)>,
    input: Option<String>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Spec {
    /// A program without arguments; its environment is PATH, HOME, LANG and their like.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let inherited = std::env::vars().filter(|(name, _)| INHERITED.contains(&name.as_str()));
        Self {
            program: program.into(),
            args: Vec::new(),
            env: inherited.collect(),
            directory: None,
            user: None,
            input: None,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: Into<String>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets environment variables.
    pub fn envs<I: IntoIterator<Item = (String, String)>>(mut self, vars: I) -> Self {
        self.env.extend(vars);
        self
    }

    /// Keeps the whole environment of the caller, for the package managers: they have settings of their own.
    pub fn inherit(mut self) -> Self {
        let own = std::mem::take(&mut self.env);
        self.env = std::env::vars().chain(own).collect();
        self
    }

    /// Runs in this directory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs as this user and group.
    pub fn user(mut self, user: Option<(u32, u32)>) -> Self {
        self.user = user;
        self
    }

    /// Gives text on standard input.
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Runs to the end; any exit status is an answer.
    pub fn output(&self, deadline: Duration) -> Result<Output> {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        self.feed(&mut child);
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = self.wait(&mut child, deadline)?;
        Ok(Output {
            status,
            stdout: collect(stdout),
            stderr: collect(stderr),
        })
    }

    /// Runs to the end and expects success; the error carries what the command said.
    pub fn run(&self, deadline: Duration) -> Result<String> {
        let output = self.output(deadline)?;
        if !output.status.success() {
            bail!(
                "{self}: {}\n{}{}",
                output.status,
                output.stdout,
                output.stderr
            );
        }
        Ok(output.stdout)
    }

    /// Runs with our own terminal and tells how it ended.
    pub fn pass_through(&self, deadline: Duration) -> Result<ExitStatus> {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        self.wait(&mut child, deadline)
    }

    /// The command as the standard library wants it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().cloned());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Differs when the program was rebuilt or is to be run otherwise. What a shell happens to pass on doesn't count.
    pub(crate) fn fingerprint(&self) -> u64 {
        let own = self
            .env
            .iter()
            .filter(|(name, _)| !INHERITED.contains(&name.as_str()));
        let built = self
            .program
            .metadata()
            .and_then(|file| file.modified())
            .ok();
        let mut hasher = DefaultHasher::new();
        (&self.program, built, &self.args, &self.directory, self.user).hash(&mut hasher);
        own.for_each(|variable| variable.hash(&mut hasher));
        hasher.finish()
    }

    fn feed(&self, child: &mut Child) {
        let (Some(mut stdin), Some(text)) = (child.stdin.take(), self.input.clone()) else {
            return;
        };
        // A child that doesn't read its input says so by its exit status.
        thread::spawn(move || stdin.write_all(text.as_bytes()).ok());
    }

    fn wait(&self, child: &mut Child, deadline: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + deadline;
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = child.try_wait().context("waiting for a child")? {
                return Ok(status);
            }
            if Instant::now() > until {
                child
                    .kill()
                    .and_then(|()| child.wait())
                    .context("ending a late child")?;
                bail!("{self}: no answer within {} s", deadline.as_secs());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.program.file_name().unwrap_or(OsStr::new("?"));
        write!(f, "{}", name.to_string_lossy())?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks off ends the text; the exit status tells the rest.
        pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn collect(reader: thread::JoinHandle<Vec<u8>>) -> String {
    let bytes = reader.join().expect("reading a pipe does not panic");
    String::from_utf8_lossy(&bytes).into_owned()
}
