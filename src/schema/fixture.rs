//! The corpus of `tests/corpus/proto/`, compiled, for the unit tests of this room and of `decode` and `encode`.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::{Layout, MappingOptions, Schemas, TopicSchema, resolve};
use crate::domain::Topic;

/// The compiled set of the `.proto` files that the test compiler knows, and the edition's, compiled ahead.
pub fn sets() -> Vec<(String, Vec<u8>)> {
    static SETS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/proto");
        let mut compiler = protox::Compiler::new([&folder]).unwrap();
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(["everything.proto", "legacy.proto"]).unwrap();
        vec![
            ("corpus".into(), compiler.encode_file_descriptor_set()),
            ("modern".into(), std::fs::read(folder.join("modern.binpb")).unwrap()),
        ]
    });
    SETS.clone()
}

pub fn schemas() -> &'static Schemas {
    static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas::load(sets()).unwrap());
    &SCHEMAS
}

pub fn topic() -> Topic {
    Topic::new("prod.svc.some-event.corpus.X")
}

/// Compiles sources given as text, with the names of their files.
pub fn compiled(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut compiler = protox::Compiler::new([folder.path()]).unwrap();
    compiler.include_imports(true).open_files(files.iter().map(|(name, _)| name)).unwrap();
    compiler.encode_file_descriptor_set()
}

/// Returns the layout of a corpus message, with nothing else asked for.
pub fn layout(message: &str) -> Arc<Layout> {
    layout_by(&TopicSchema { message: Some(message.into()), ..TopicSchema::default() })
}

pub fn layout_with(message: &str, mapping: MappingOptions) -> Arc<Layout> {
    layout_by(&TopicSchema { message: Some(message.into()), mapping, ..TopicSchema::default() })
}

pub fn layout_by(rule: &TopicSchema) -> Arc<Layout> {
    Arc::new(resolve(&topic(), rule, schemas()).unwrap())
}
