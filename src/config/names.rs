//! Names and rules of a topic entry.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::wrong::Wrong;
use crate::schema::TimeRule;
use crate::source::StartAt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TopicName(pub String);

/// A regular expression that has to match a topic's whole name.
#[derive(Clone, Debug)]
pub(super) struct TopicPattern(pub Regex);

/// The full name of a message, without a leading dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageName(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableName(pub String);

/// `record`, or the path of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeText(pub TimeRule);

/// `earliest`, `latest`, or a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StartText(pub StartAt);

impl FromStr for TopicName {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<TopicName, Wrong> {
        // Kafka's own rule (org.apache.kafka.common.internals.Topic).
        let legal = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if legal && (1..=249).contains(&text.len()) && !matches!(text, "." | "..") {
            return Ok(TopicName(text.to_owned()));
        }
        let help = "1 to 249 letters, digits, `.`, `_` and `-`; for a regular expression use `match`";
        Err(Wrong::new("not the name of a topic", help))
    }
}

impl FromStr for TopicPattern {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<TopicPattern, Wrong> {
        let help = r"a regular expression over the whole name, like `prod\..+` (https://docs.rs/regex/#syntax)";
        // First alone: what is wrong with it must not be hidden or mended by what we put around it.
        Regex::new(text)
            .and_then(|_| Regex::new(&format!(r"\A(?:{text})\z")))
            .map(TopicPattern)
            .map_err(|error| Wrong::new(cause(&error), help))
    }
}

/// Returns what is wrong in one line; the regex crate draws a picture, and the snippet is picture enough.
fn cause(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_dotted_path(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

impl FromStr for MessageName {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<MessageName, Wrong> {
        match is_dotted_path(text) {
            true => Ok(MessageName(text.to_owned())),
            false => Err(Wrong::new(
                "not the full name of a message",
                "package and message, like `acme.flights.v1.SearchPerformed`",
            )),
        }
    }
}

impl FromStr for TableName {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<TableName, Wrong> {
        let legal = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        match legal && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 255 {
            true => Ok(TableName(text.to_owned())),
            false => Err(Wrong::new(
                "not the name of a table",
                "lower-case letters, digits and `_`, a letter first, like `prod_search`",
            )),
        }
    }
}

impl FromStr for TimeText {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<TimeText, Wrong> {
        match text {
            "record" => Ok(TimeText(TimeRule::Record)),
            path if is_dotted_path(path) => Ok(TimeText(TimeRule::Field(path.to_owned()))),
            _ => Err(Wrong::new(
                "neither `record` nor the path of a field",
                "field names with dots between, like `meta.created_at`",
            )),
        }
    }
}

impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            TimeRule::Record => f.write_str("record"),
            TimeRule::Field(path) => f.write_str(path),
        }
    }
}

impl FromStr for StartText {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<StartText, Wrong> {
        match text {
            "earliest" => Ok(StartText(StartAt::Earliest)),
            "latest" => Ok(StartText(StartAt::Latest)),
            time => {
                let help = "write `earliest`, `latest` or a time with its zone, like `2026-11-23T06:00:00Z`";
                let time: jiff::Timestamp = time.parse().map_err(|_| Wrong::new("not a start", help))?;
                // Kafka's offset lookup knows no negative time: -1 and -2 mean something else there.
                if time < jiff::Timestamp::UNIX_EPOCH {
                    return Err(Wrong::new("a start before 1970", help));
                }
                Ok(StartText(StartAt::Time(time.as_millisecond())))
            }
        }
    }
}

impl fmt::Display for StartText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StartAt::Earliest => f.write_str("earliest"),
            StartAt::Latest => f.write_str("latest"),
            StartAt::Time(ms) => jiff::Timestamp::from_millisecond(ms).map_err(|_| fmt::Error)?.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_only() {
        let pattern: TopicPattern = "a|b".parse().unwrap();
        assert!(pattern.0.is_match("a") && pattern.0.is_match("b"));
        assert!(!pattern.0.is_match("ab") && !pattern.0.is_match("xb") && !pattern.0.is_match("a\n"));
        for text in ["(", "a)(b", "[z-a]", r"\y"] {
            let wrong = text.parse::<TopicPattern>().unwrap_err();
            assert!(!wrong.what.contains('\n') && !wrong.what.is_empty(), "{wrong}");
        }
    }

    #[test]
    fn a_start_is_a_word_or_a_time_with_its_zone() {
        assert_eq!("latest".parse(), Ok(StartText(StartAt::Latest)));
        assert_eq!("1970-01-01T01:00:01+01:00".parse(), Ok(StartText(StartAt::Time(1000))));
        for text in ["", "now", "2026-11-23", "2026-11-23T06:00:00", "1960-01-01T00:00:00Z"] {
            assert!(text.parse::<StartText>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_follow_their_own_rules() {
        for text in ["", "a..b", ".a", "a.1b", "a-b"] {
            assert!(text.parse::<MessageName>().is_err() && text.parse::<TimeText>().is_err(), "{text}");
        }
        for text in ["", "Searches", "_t", "a-b", "a.b"] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
        for text in ["", ".", "..", r"prod\..+", "a b", &"x".repeat(250)] {
            assert!(text.parse::<TopicName>().is_err(), "{text}");
        }
    }
}
