//! The real daemon as a child process, so that killing it is a real crash.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::proof::INCARNATION;
use super::{DemoError, Options};

const CONFIGURATION: &str = "alluvium.yaml";
const LOG: &str = "daemon.log";
/// Bytes of the log shown where the daemon fails.
const TAIL: usize = 2_000;

/// Writes the configuration that the demo's daemon runs with.
pub(super) fn write_configuration(folder: &Path, brokers: &str) -> Result<(), DemoError> {
    let bucket = std::path::absolute(folder.join("bucket"))
        .map_err(|source| DemoError::Io { path: folder.to_owned(), source })?;
    let text = format!(
        "kafka:
  brokers: {brokers}
  group: demo
  # A killed member is noticed after its session; the default of 45 s would be most of the demo.
  properties: {{ session.timeout.ms: 3000, heartbeat.interval.ms: 500 }}
topics:
  - match: 'dev\\..+'
    incarnation: {INCARNATION}        # the mock broker tells no topic ids
schemas:
  descriptors: [events.binpb]
archive:
  url: file://{}
cut: {{ every: 1s, bytes: 4MiB, rows: 20000 }}
memory: 256MiB
lanes: 2
http: 127.0.0.1:0
",
        bucket.display()
    );
    let path = folder.join(CONFIGURATION);
    std::fs::write(&path, text).map_err(|source| DemoError::Io { path, source })
}

pub(super) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the daemon; its log goes on where the one before it stopped.
    pub(super) fn start(options: &Options) -> Result<Daemon, DemoError> {
        let log = options.folder.join(LOG);
        let io = |source| DemoError::Io { path: log.clone(), source };
        let file = File::options().create(true).append(true).open(&log).map_err(io)?;
        let child = Command::new(&options.program)
            .args(["run", "--config"])
            .arg(options.folder.join(CONFIGURATION))
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(io)?)
            .stderr(file)
            .spawn()
            .map_err(|source| DemoError::Io { path: options.program.clone(), source })?;
        Ok(Daemon { child, log })
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Fails if the daemon has ended.
    pub(super) fn check(&mut self) -> Result<(), DemoError> {
        let io = |source| DemoError::Io { path: self.log.clone(), source };
        match self.child.try_wait().map_err(io)? {
            None => Ok(()),
            Some(status) => Err(self.ended(status.to_string())),
        }
    }

    fn ended(&self, status: String) -> DemoError {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(TAIL)..]).into_owned();
        DemoError::DaemonEnded { status, log: self.log.clone(), tail }
    }

    /// Ends the daemon as a power cut would: SIGKILL, whatever it is doing.
    pub(super) fn kill(mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops the daemon as an operator would, and wants a clean exit.
    pub(super) fn stop(mut self) -> Result<(), DemoError> {
        let pid = i32::try_from(self.child.id()).expect("a process id of Linux fits");
        kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|errno| self.ended(errno.to_string()))?;
        let io = |source| DemoError::Io { path: self.log.clone(), source };
        let status = self.child.wait().map_err(io)?;
        if status.success() { Ok(()) } else { Err(self.ended(status.to_string())) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
