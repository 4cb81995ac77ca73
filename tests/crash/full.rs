//! A folder with little room: a small tmpfs in a mount namespace of its own, for which no rights are needed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Enough for a run, which keeps some dozens of small objects.
const BYTES: &str = "12m";
const FOLDER: &str = "/tmp/alluvium-full";

/// The namespace lives as long as this does.
pub struct Room(Child);

impl Room {
    pub fn new() -> Room {
        let script =
            format!("mkdir -p {FOLDER} && mount -t tmpfs -o size={BYTES} none {FOLDER} && echo && exec sleep 3600");
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare of util-linux");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "\n", "no user namespace can be made here (kernel.unprivileged_userns_clone?)");
        Room(keeper)
    }

    pub fn url(&self) -> String {
        format!("file://{FOLDER}/archive")
    }

    /// What a program is started by to see the folder.
    pub fn within(&self) -> Vec<String> {
        let pid = self.0.id().to_string();
        ["nsenter", "--target", &pid, "--user", "--mount", "--preserve-credentials"].map(str::to_owned).into()
    }

    pub fn fill(&self) {
        // Ends when nothing more goes in.
        self.sh(&format!("cat /dev/zero > {FOLDER}/ballast 2>/dev/null; true"));
    }

    pub fn clear(&self) {
        self.sh(&format!("rm {FOLDER}/ballast"));
    }

    fn sh(&self, script: &str) {
        let words = self.within();
        let done = Command::new(&words[0]).args(&words[1..]).args(["sh", "-c", script]).status().unwrap();
        assert!(done.success(), "{script}: {done}");
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
