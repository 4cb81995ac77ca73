//! What a topic's name says of its schema: `<prod|sandbox|dev>.<service>.<event-name>.<schema>.<message>`.

use super::TopicSchema;
use super::error::SchemaError;
use super::schemas::Schemas;
use crate::domain::Topic;

/// A topic's message and table, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub message: String,
    pub table: String,
}

/// Takes what the rule says, and the rest from the topic's name.
pub(super) fn name(topic: &Topic, rule: &TopicSchema, schemas: &Schemas) -> Result<Named, SchemaError> {
    let parts = parts(topic.as_str());
    let outside = || SchemaError::OutsideConvention { topic: topic.clone() };
    let table = match (&rule.table, parts) {
        (Some(table), _) => table.clone(),
        (None, Some([env, service, event, ..])) => {
            format!("{env}_{service}_{event}").to_ascii_lowercase().replace('-', "_")
        }
        (None, None) => return Err(outside()),
    };
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if table.is_empty() || !table.chars().all(valid) {
        return Err(SchemaError::TableName { topic: topic.clone(), table });
    }
    let message = match (&rule.message, parts) {
        (Some(message), _) if schemas.has_message(message) => message.clone(),
        (Some(message), _) => {
            let short = message.rsplit('.').next().unwrap_or(message);
            return Err(missing(topic, message.clone(), schemas, short));
        }
        (None, Some([_, _, _, schema, message])) => by_name(topic, schema, message, schemas)?,
        (None, None) => return Err(outside()),
    };
    Ok(Named { message, table })
}

/// Whether a topic's name alone tells its message and its table.
pub fn follows_convention(topic: &str) -> bool {
    parts(topic).is_some()
}

/// Returns the five parts, or nothing where the name does not follow the convention.
fn parts(topic: &str) -> Option<[&str; 5]> {
    let parts: Vec<&str> = topic.split('.').collect();
    let parts: [&str; 5] = parts.try_into().ok()?;
    (matches!(parts[0], "prod" | "sandbox" | "dev") && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

/// The type `<schema>.<message>`; else the one message `<message>` whose package ends in `.<schema>`, or is `<schema>` once its
/// dots are underscores.
fn by_name(topic: &Topic, schema: &str, message: &str, schemas: &Schemas) -> Result<String, SchemaError> {
    let wanted = format!("{schema}.{message}");
    if schemas.has_message(&wanted) {
        return Ok(wanted);
    }
    let fits = |package: &str| {
        package.strip_suffix(schema).is_some_and(|rest| rest.ends_with('.')) || package.replace('.', "_") == schema
    };
    let mut found: Vec<String> = schemas
        .called(message)
        .filter(|called| called.name == message && fits(called.package))
        .map(|called| called.full.to_owned())
        .collect();
    match found.len() {
        0 => Err(missing(topic, wanted, schemas, message)),
        1 => Ok(found.remove(0)),
        _ => Err(SchemaError::Ambiguous { topic: topic.clone(), wanted, candidates: found }),
    }
}

fn missing(topic: &Topic, wanted: String, schemas: &Schemas, short: &str) -> SchemaError {
    let candidates = schemas.called(short).map(|called| called.full.to_owned()).collect();
    SchemaError::NoMessage { topic: topic.clone(), wanted, candidates }
}
