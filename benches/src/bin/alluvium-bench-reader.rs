//! Our reader, on the daemon's allocator, as a child of `alluvium-bench`.

use alluvium_bench::reader::{Child, run};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    run(&Child::parse())
}
