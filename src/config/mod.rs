//! What the operator typed, and what the program uses. (skeleton)

mod settings;

pub use settings::{
    ArchiveSettings, CutSettings, KafkaSettings, Protocol, S3Settings, Settings, TopicMatch, TopicSettings,
};
