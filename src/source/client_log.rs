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
        KafkaError::ClientConfig(_, why, key, value) => format!("kafka property {key}: {}", without(why, value)),
        KafkaError::ClientCreation(why) => format!("kafka properties: {why}"),
        other => format!("kafka properties: {other}"),
    }
}

/// Returns what librdkafka says of a value, without the value.
pub(super) fn without(why: &str, value: &str) -> String {
    // A value of one digit stands within numbers, too. It is no secret; anything else might be.
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let goes_on = |next: Option<char>| is_number && next.is_some_and(|next| next.is_ascii_digit());
    let (mut told, mut after) = (String::new(), 0);
    for (at, found) in why.match_indices(value).filter(|(_, found)| !found.is_empty()) {
        let behind = at + found.len();
        let is_part = goes_on(why[..at].chars().next_back()) || goes_on(why[behind..].chars().next());
        told += &why[after..at];
        told += if is_part { found } else { "(value)" };
        after = behind;
    }
    told + &why[after..]
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;

    use super::*;

    #[test]
    fn a_value_is_taken_out_of_what_is_said_and_not_out_of_its_numbers() {
        assert_eq!(without("value 0 is outside 1..100", "0"), "value (value) is outside 1..100");
        assert_eq!(without("\"hush\" is not hushed", "hush"), "\"(value)\" is not (value)ed");
        assert_eq!(without("Invalid value", ""), "Invalid value");
    }

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
