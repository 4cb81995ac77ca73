//! The events' descriptor set, and the code that prost generates for them.

use std::path::Path;

use prost::Message;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/proto");
    println!("cargo:rerun-if-changed={}", folder.join("bench.proto").display());
    let set = protox::compile(["bench.proto"], [&folder]).expect("the events' proto file is valid");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("bench.binpb"), set.encode_to_vec()).expect("cargo's folder is writable");
    prost_build::compile_fds(set).expect("prost generates code for the events");
}
