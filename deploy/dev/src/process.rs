//! Processes that stay: started in a group of their own, recorded by pid and start time, ended by exactly that record.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::exec::Spec;

/// One process, and no other that may get its pid later.
///
/// Invariant: the process leads its own group, so that its children are ended with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) pid: i32,
    /// Clock ticks since boot; with the boot's id unique for all times.
    started_ticks: u64,
    boot: String,
    /// Of the specification that it was started with.
    #[serde(default)]
    fingerprint: u64,
}

impl Recorded {
    /// Starts `spec` with its output appended to `log`, and records it at `record`.
    pub(crate) fn start(spec: &Spec, log: &Path, record: &Path) -> Result<Self> {
        let out = OpenOptions::new().create(true).append(true).open(log);
        let out = out.with_context(|| format!("opening {}", log.display()))?;
        let err = out.try_clone().context("sharing a log")?;
        let mut command = spec.command();
        command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", spec.program().display()))?;
        let pid = i32::try_from(child.id()).context("a pid beyond i32")?;
        let Some(Stat { ticks, .. }) = inspect(pid) else {
            bail!(
                "{} ended at once, see {}",
                spec.program().display(),
                log.display()
            );
        };
        let recorded = Self {
            pid,
            started_ticks: ticks,
            boot: boot_id()?,
            fingerprint: spec.fingerprint(),
        };
        let text = serde_json::to_string(&recorded).context("encoding a process record")?;
        fs::write(record, text).with_context(|| format!("recording {}", record.display()))?;
        // Reaps the child as soon as it ends, as long as we live; afterwards init does.
        thread::spawn(move || {
            let mut child = child;
            child.wait().ok()
        });
        Ok(recorded)
    }

    /// The process recorded at `path`, if it is still that one.
    pub(crate) fn find(path: &Path) -> Option<Self> {
        let recorded: Self = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
        recorded.is_alive().then_some(recorded)
    }

    /// Whether a start by `spec` now would give the same process.
    pub(crate) fn runs(&self, spec: &Spec) -> bool {
        self.fingerprint == spec.fingerprint()
    }

    pub(crate) fn is_alive(&self) -> bool {
        let same_boot = boot_id().is_ok_and(|boot| boot == self.boot);
        same_boot
            && inspect(self.pid)
                .is_some_and(|found| !found.has_ended() && found.ticks == self.started_ticks)
    }

    /// Asks the group to end, and ends it after `grace`.
    pub(crate) fn stop(&self, grace: Duration) -> Result<()> {
        if !grace.is_zero() {
            self.signal(Signal::SIGTERM)?;
            if self.wait(grace) {
                return Ok(());
            }
        }
        self.kill()
    }

    /// Ends the group without asking.
    pub(crate) fn kill(&self) -> Result<()> {
        self.signal(Signal::SIGKILL)?;
        if !self.wait(Duration::from_secs(10)) {
            bail!("process {} survives SIGKILL", self.pid);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        match killpg(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("sending {signal} to {}", self.pid)),
        }
    }

    fn wait(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        let mut pause = Duration::from_millis(5);
        while self.is_alive() {
            if Instant::now() > until {
                return false;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        true
    }
}

/// What the kernel tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: char,
    threads: u64,
    /// When it started.
    ticks: u64,
}

impl Stat {
    /// A first thread that has ended waits for the others, which hold the ports until they have ended too.
    fn has_ended(self) -> bool {
        self.state == 'Z' && self.threads <= 1
    }
}

/// From `/proc/<pid>/stat`.
fn inspect(pid: i32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(stat: &str) -> Option<Stat> {
    // The command name may contain spaces and parentheses: fields count from the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        threads: fields.get(17)?.parse().ok()?,
        ticks: fields.get(19)?.parse().ok()?,
    })
}

fn boot_id() -> Result<String> {
    let text =
        fs::read_to_string("/proc/sys/kernel/random/boot_id").context("reading the boot's id")?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_pid_is_not_ours() {
        let other = Recorded {
            pid: 1,
            started_ticks: inspect(1).unwrap().ticks + 1,
            boot: boot_id().unwrap(),
            fingerprint: 0,
        };
        assert!(!other.is_alive());
    }

    #[test]
    fn a_process_whose_threads_outlive_the_first_has_not_ended() {
        let stat = |threads| {
            let text = format!("7 (a) b) Z 1 7 7 0 -1 0 0 0 0 0 1 2 3 4 20 0 {threads} 0 99 0");
            parse(&text).unwrap()
        };
        assert_eq!(stat(3).ticks, 99);
        assert!(!stat(3).has_ended());
        assert!(stat(1).has_ended());
    }

    #[test]
    fn a_started_process_is_found_and_stopped() {
        let dir = std::env::temp_dir().join(format!("tenantry-process-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (log, record) = (dir.join("log"), dir.join("record"));
        let started = Recorded::start(&Spec::new("sleep").arg("60"), &log, &record).unwrap();
        assert_eq!(Recorded::find(&record), Some(started.clone()));
        started.stop(Duration::from_secs(5)).unwrap();
        assert_eq!(Recorded::find(&record), None);
        fs::remove_dir_all(dir).unwrap();
    }
}
