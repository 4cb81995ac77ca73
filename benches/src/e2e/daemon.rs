//! The release binary as a child process, and what it takes.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process;

/// Longer than any case may take.
const PATIENCE: Duration = Duration::from_secs(240);

pub struct Daemon {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Daemon {
    /// Starts `program` with a configuration that lacks only the address of its pages.
    pub fn start(program: &Path, folder: &Path, name: &str, configuration: &str) -> anyhow::Result<Daemon> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (path, log) = (folder.join(format!("{name}.yaml")), folder.join(format!("{name}.log")));
        std::fs::write(&path, format!("{configuration}http: 127.0.0.1:{port}\n"))?;
        let output = File::create(&log)?;
        let child = Command::new(program)
            .args(["run", "--name", name, "-c"])
            .arg(path)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        Ok(Daemon { child, port, log })
    }

    /// Returns the CPU taken so far, all threads together.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.child.id()).context("the daemon has ended")
    }

    /// Returns a figure of memory in bytes, see [`process::of_status`].
    pub fn memory(&self, name: &str) -> anyhow::Result<u64> {
        process::of_status(self.child.id(), name).context("the daemon has ended")
    }

    /// Waits until the partitions' views in `/status` satisfy `condition`.
    pub fn wait(&mut self, condition: impl Fn(&[Value]) -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.status()
                && status["partitions"].as_array().is_some_and(|views| condition(views))
            {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || PATIENCE < begin.elapsed() {
                bail!("the daemon does not get there; its log is\n{}", std::fs::read_to_string(&self.log)?);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn status(&self) -> Option<Value> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(connection, "GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
