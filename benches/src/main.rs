//! `make bench`. On the C library's allocator, as programs have it that choose none: the references are as their crates come, and
//! our engines hardly allocate.

use std::process::ExitCode;

use alluvium_bench::allocations::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> anyhow::Result<ExitCode> {
    alluvium_bench::run()
}
