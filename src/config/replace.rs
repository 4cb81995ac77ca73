//! `${NAME}` and `${NAME:-default}` in a scalar's text.
//!
//! The file is parsed first, so that a replacement is always text within one scalar and never structure. What a value brings
//! in is not looked at again.

/// How the program sees the environment.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A reference that cannot be replaced: its text in the scalar, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoReplacement<'t> {
    pub reference: &'t str,
    pub why: String,
    pub help: String,
}

/// Returns the text with every reference replaced, and whether there was one. All bad references are reported, not the first.
pub(super) fn replaced<'t>(text: &'t str, env: &Environment) -> Result<(String, bool), Vec<NoReplacement<'t>>> {
    let (mut out, mut any, mut bad) = (String::with_capacity(text.len()), false, Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        // `$${` stands for the text `${`.
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at]);
            out.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some(length) = rest[at..].find('}').map(|end| end + 1) else {
            let help = "write `${NAME}`, or `$${` for the text itself".to_owned();
            bad.push(NoReplacement { reference: &rest[at..], why: "the closing `}` is missing".to_owned(), help });
            return Err(bad);
        };
        let reference = &rest[at..at + length];
        match value(&reference[2..length - 1], env) {
            Ok(value) => out.push_str(&value),
            Err((why, help)) => bad.push(NoReplacement { reference, why, help }),
        }
        any = true;
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    if bad.is_empty() { Ok((out, any)) } else { Err(bad) }
}

/// Returns what stands for the inside of a reference. As in a shell, a default also stands for an empty value.
fn value(inside: &str, env: &Environment) -> Result<String, (String, String)> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(legal) || name.as_bytes()[0].is_ascii_digit() {
        let help = "write `${NAME}` or `${NAME:-default}`, or `$${` for the text itself".to_owned();
        return Err(("not the name of an environment variable".to_owned(), help));
    }
    match (env(name), default) {
        (Some(value), default) if !value.is_empty() || default.is_none() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (_, None) => {
            let help = format!("set it, or give a default: `${{{name}:-…}}`");
            Err((format!("the environment has no `{name}`"), help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("kafka".into()),
            "EMPTY" => Some(String::new()),
            "TRICK" => Some("${HOST}".into()),
            _ => None,
        }
    }

    #[test]
    fn references_become_their_values_once() {
        for (text, expected) in [
            ("${HOST}:${PORT:-9092}", "kafka:9092"),
            ("${EMPTY:-x}${EMPTY}", "x"),
            ("${NONE:-}", ""),
            ("${TRICK}", "${HOST}"),
            ("$${HOST} costs $5, a$", "${HOST} costs $5, a$"),
        ] {
            assert_eq!(replaced(text, &env).unwrap().0, expected);
        }
    }

    #[test]
    fn every_bad_reference_is_told() {
        let bad = replaced("${A} ${1} ${HOST} ${B", &env).unwrap_err();
        assert_eq!(bad.iter().map(|b| b.reference).collect::<Vec<_>>(), ["${A}", "${1}", "${B"]);
    }
}
