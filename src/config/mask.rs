//! Hides secrets in a file's text before any of it is shown.
//!
//! It works on lines and not on the parsed file, so that it also covers a file whose syntax is broken. It hides too much
//! rather than too little. Lengths stay, byte for byte, so that places in the file are places in the masked text.

use std::sync::LazyLock;

use regex::Regex;

use super::spans::Span;

/// Words that make a key's value a secret.
const SECRET_WORDS: [&str; 7] = ["password", "passwd", "secret", "token", "key", "credential", "jaas"];

/// Whether the value of a key with this name is to be hidden.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Returns a key's name as a message may show it. Where the blank after the colon is forgotten, a value is part of the name.
pub(super) fn shown_name(name: &str) -> &str {
    let end = if is_secret(name) { name.find(|c: char| c == ':' || c == '=' || c.is_whitespace()) } else { None };
    &name[..end.unwrap_or(name.len())]
}

static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    let words = SECRET_WORDS.join("|");
    Regex::new(&format!(r#"[\w.-]*(?i-u:{words})[\w.-]*["']?(?:\s*[:=]\s*|\s+)"#)).expect("a constant pattern")
});
static USER_INFO: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"://([^\s"']*)@"#).expect("a constant pattern"));
/// A bare reference to the environment tells nothing, and its name helps.
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^["']?\$\{\w+\}["']?\s*[,}]*\s*$"#).expect("a constant pattern"));

/// What of the lines that follow belongs to a secret.
enum Hidden {
    Nothing,
    /// Lines that are indented more than this.
    Deeper(usize),
    /// Everything up to this closing quote, and deeper lines after it.
    Quoted(char, usize),
}

/// Returns the text with these places made unreadable, each as three stars and then blanks.
pub(super) fn without(source: &str, places: &[Span]) -> String {
    let hidden = |at: usize| places.iter().find(|place| place.contains(&at)).map(|place| at - place.start);
    let signs = source.char_indices().map(|(at, sign)| match (sign, hidden(at)) {
        ('\n', _) | (_, None) => sign.to_string(),
        (_, Some(0..3)) => "*".repeat(sign.len_utf8()),
        _ => " ".repeat(sign.len_utf8()),
    });
    signs.collect()
}

/// Returns the text with values of secret-looking keys and user names in URLs made unreadable.
pub(super) fn masked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut hidden = Hidden::Nothing;
    for line in source.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        let blank = line.trim().is_empty();
        match hidden {
            Hidden::Quoted(quote, key_indent) => {
                if line.contains(quote) {
                    hidden = Hidden::Deeper(key_indent);
                }
                hide(&mut out, line, 0);
                continue;
            }
            Hidden::Deeper(key_indent) if blank || indent > key_indent => {
                hide(&mut out, line, 0);
                continue;
            }
            _ => hidden = Hidden::Nothing,
        }
        match SECRET_KEY.find(line) {
            Some(key) if !REFERENCE.is_match(&line[key.end()..]) => {
                let value = &line[key.end()..];
                let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
                hidden = match quote.filter(|quote| value.matches(*quote).count() == 1) {
                    Some(quote) => Hidden::Quoted(quote, indent),
                    None => Hidden::Deeper(indent),
                };
                hide(&mut out, line, key.end());
            }
            _ => hide_user_info(&mut out, line),
        }
    }
    out
}

/// Writes a line, from a byte on as three stars and then blanks, so that not even its length shows.
fn hide(out: &mut String, line: &str, from: usize) {
    let (shown, secret) = line.split_at(from);
    out.push_str(shown);
    let text = secret.trim_end_matches(['\n', '\r']);
    let start = if text.trim().is_empty() { 0 } else { text.len().min(3) };
    out.extend(std::iter::repeat_n('*', start));
    out.extend(std::iter::repeat_n(' ', text.len() - start));
    out.push_str(&secret[text.len()..]);
}

fn hide_user_info(out: &mut String, line: &str) {
    let mut rest = 0;
    for found in USER_INFO.captures_iter(line) {
        let user = found.get(1).expect("the pattern has one group");
        out.push_str(&line[rest..user.start()]);
        out.extend(std::iter::repeat_n('*', user.len()));
        rest = user.end();
    }
    out.push_str(&line[rest..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_on_its_line_and_on_those_that_continue_it() {
        let source = "a: 1\nx:\n  sasl.password: \"hunter2\"\n  ssl.key.pem: |\n    AAAA\n\n    BBBB\n  b: 2\n";
        let shown = masked(source);
        assert_eq!(shown.len(), source.len());
        for secret in ["hunter2", "AAAA", "BBBB"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("  sasl.password: ***") && shown.contains("  b: 2"), "{shown}");
    }

    #[test]
    fn a_secret_in_a_flow_mapping_a_broken_quote_or_without_its_colon_is_hidden_too() {
        for source in [
            "properties: { sasl.password: hunter2, a: b }",
            "SASL.PASSWORD 'hunter2",
            "- secret: \"one\n hunter2 \" \nb: 1",
            "- secret: \"one\nhunter2\n",
            "token=hunter2",
            "password: ${PW:-hunter2}",
            "url: s3://me:hunter2@lake/x",
        ] {
            let shown = masked(source);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), source.len());
        }
    }

    #[test]
    fn a_reference_to_the_environment_and_ordinary_text_stay_readable() {
        for source in ["password: ${KAFKA_PASSWORD}\n", "match: 'prod.token-service.x'\n", "url: s3://lake/a\n"] {
            assert_eq!(masked(source), source);
        }
    }
}
