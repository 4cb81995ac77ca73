//! The fuzzers: the targets of `tests/oracle`, which `make test` runs over the corpus, one program each. `fuzz/run` says how.

#[path = "../tests/oracle/mod.rs"]
#[allow(dead_code)]
mod oracle;

/// Runs a target, and panics with what it says.
pub fn run(name: &str, data: &[u8]) {
    silence();
    let (_, target) = oracle::targets::TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    if let Err(said) = target(data, oracle::engines::Through::Rows) {
        eprintln!("{name}: {said}");
        std::process::abort();
    }
}

/// Lets panics unwind as they do in the program: the fuzzer's own hook ends the process even where one is caught, as those of
/// the Parquet reader are.
fn silence() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let _ = std::panic::take_hook();
    });
}
