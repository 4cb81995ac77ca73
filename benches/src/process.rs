//! What Linux tells of a process.

use std::time::Duration;

/// Returns this process's resident memory in bytes.
pub fn rss() -> u64 {
    of_status(std::process::id(), "VmRSS").expect("Linux tells a process's memory")
}

/// Returns a figure of `/proc/<process>/status` in bytes: `VmRSS`, or `VmHWM` for the most there was.
pub fn of_status(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Returns how long this thread was ready to run and had no core: what others on the machine took, so that it can be left out.
pub fn waited_for_a_core() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's waits");
    let nanos = schedule.split(' ').nth(1).and_then(|nanos| nanos.parse().ok()).expect("the second is the wait");
    Duration::from_nanos(nanos)
}

/// Returns the CPU time of a process so far, all its threads together.
pub fn cpu(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything, in parentheses: the state is the third field, user and system time 14 and 15.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // Linux counts in hundredths of a second wherever we run.
    Some(Duration::from_millis(ticks * 10))
}
