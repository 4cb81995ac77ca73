//! Why a topic has no layout.

use crate::domain::{Digest, Topic};

/// The variant says whose move it is: the descriptor sets', the topic rule's, or the program's.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("{set} is no descriptor set: {cause}; make one with `protoc --include_imports --descriptor_set_out=…`")]
    NoSet { set: String, cause: String },
    #[error("{file} is in {first} and in {second} with different content: compile both from the same sources")]
    Conflict { file: String, first: String, second: String },
    #[error("{name} is defined in {first} and in {second}: leave one of the files out")]
    Duplicate { name: String, first: String, second: String },
    #[error("{file} needs {missing}, which is in no descriptor set: compile with `--include_imports`")]
    Incomplete { file: String, missing: String },
    #[error("{file} uses {what}, which this program does not know: run a newer one")]
    Unsupported { file: String, what: String },
    #[error("{file} is not what a protobuf compiler makes: {cause}")]
    Malformed { file: String, cause: String },

    #[error(
        "topic {topic} is not named <prod|sandbox|dev>.<service>.<event-name>.<schema>.<message>: give it `message:` and `table:`"
    )]
    OutsideConvention { topic: Topic },
    #[error("topic {topic} wants message {wanted}, which is in no descriptor set{}; add its descriptor set or give the topic `message:`", listed("similar", .candidates))]
    NoMessage { topic: Topic, wanted: String, candidates: Vec<String> },
    #[error("topic {topic} wants message {wanted}, and several fit{}; give the topic `message:`", listed("candidates", .candidates))]
    Ambiguous { topic: Topic, wanted: String, candidates: Vec<String> },
    #[error(
        "topic {topic} would write table {table:?}: a table name has lower-case letters, digits and underscores; give the topic `table:`"
    )]
    TableName { topic: Topic, table: String },
    #[error("message {message} has no usable time field {path}: {cause}")]
    TimeField { message: String, path: String, cause: String },
    #[error("message {message} would become more than {limit} columns: archive one of its parts, or split it")]
    TooWide { message: String, limit: usize },
    #[error("option for {path} of message {message}: {cause}")]
    Option { message: String, path: String, cause: String },

    #[error("layout {fingerprint} is newer than this program ({what}): run a newer one")]
    Newer { fingerprint: Digest, what: String },
    #[error("layout {fingerprint} is damaged: {cause}")]
    Damaged { fingerprint: Digest, cause: String },
}

fn listed(lead: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" ({lead}: {})", names.join(", ")) }
}
