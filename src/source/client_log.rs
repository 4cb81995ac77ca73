//! What librdkafka says, into our log; and its complaints about properties without the values, which may be secrets.

use rdkafka::error::KafkaError;

/// Logs one line of librdkafka, whose levels are syslog's. Never an ERROR: what a person must look at comes as an event too.
pub(super) fn line(level: i32, facility: &str, text: &str) {
    match level {
        ..=4 => tracing::warn!(target: "librdkafka", facility, "{text}"),
        5 => tracing::info!(target: "librdkafka", facility, "{text}"),
        _ => tracing::debug!(target: "librdkafka", facility, "{text}"),
    }
}

/// Returns what is wrong with a property, naming the key and never the value.
pub(super) fn config_error(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, key, value) if !value.is_empty() => {
            format!("kafka property {key}: {}", why.replace(value.as_str(), "(value)"))
        }
        KafkaError::ClientConfig(_, why, key, _) => format!("kafka property {key}: {why}"),
        KafkaError::ClientCreation(why) => format!("kafka properties: {why}"),
        other => format!("kafka properties: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;

    use super::*;

    #[test]
    fn a_refused_property_is_named_and_its_value_is_not() {
        let config = ClientConfig::from_iter([("sasl.kerberos.min.time.before.relogin".to_owned(), "hush".to_owned())]);
        let error = config.create_native_config().err().expect("not a number");
        let said = config_error(&error);
        assert!(
            said.starts_with("kafka property sasl.kerberos.min.time.before.relogin: ") && !said.contains("hush"),
            "{said}"
        );
    }
}
