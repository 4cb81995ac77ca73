//! The program without its own allocator, which would hide from AddressSanitizer what it is to watch.

fn main() -> std::process::ExitCode {
    alluvium::cli::main().into()
}
