//! From Rust source to the paths that its production code names. No parser: a tokenizer, and the grammar of `use` trees.

use std::fs;
use std::path::Path;

/// A path below `src/`, and the text.
pub type File = (String, String);

pub fn read_tree(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((below, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// A path as named in code: `use a::{b, c as d}` names `a::b` and `a::c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
    /// What it is called from here on.
    pub alias: Option<String>,
    /// Whether a `pub use` hands it on.
    pub handed_on: bool,
}

/// The production part of a file.
#[derive(Debug, Default)]
pub struct Production {
    pub lines: usize,
    pub named: Vec<Named>,
    /// Methods called: `.name(`.
    pub calls: Vec<(usize, String)>,
    /// Modules in files of their own that are only there for tests.
    pub test_modules: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    line: usize,
    /// An identifier, `::`, or one other character. A text or a character is an empty one.
    text: String,
}

impl Token {
    fn is(&self, text: &str) -> bool {
        self.text == text
    }

    fn is_word(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

pub fn production(text: &str) -> Production {
    let mut found = Production::default();
    let tokens = without_tests(tokens(text), text.lines().count(), &mut found);
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        // Not the `use<'a>` of a captured lifetime.
        if tokens[at].is("use") && !tokens.get(at + 1).is_some_and(|token| token.is("<")) {
            let handed_on = before.is_some_and(|token| token.is("pub") || token.is(")"));
            at = use_tree(&tokens, at + 1, &[], handed_on, &mut found.named);
        } else if tokens[at].is_word() && before.is_none_or(|token| !token.is(".")) {
            at = path(&tokens, at, &mut found.named);
        } else {
            if tokens[at].is_word() && tokens.get(at + 1).is_some_and(|token| token.is("(")) {
                found.calls.push((tokens[at].line, tokens[at].text.clone()));
            }
            at += 1;
        }
    }
    found
}

/// Reads `a::b::c` in code from `at` on; single words name nothing.
fn path(tokens: &[Token], mut at: usize, named: &mut Vec<Named>) -> usize {
    let mut segments = vec![tokens[at].text.clone()];
    let line = tokens[at].line;
    at += 1;
    while let [separator, word, ..] = &tokens[at..] {
        if !separator.is("::") || !word.is_word() {
            break;
        }
        segments.push(word.text.clone());
        at += 2;
    }
    if segments.len() > 1 {
        named.push(Named { line, segments, alias: None, handed_on: false });
    }
    at
}

/// Reads one branch of a `use` tree and returns where it ended.
fn use_tree(tokens: &[Token], mut at: usize, above: &[String], handed_on: bool, named: &mut Vec<Named>) -> usize {
    let mut segments = above.to_vec();
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        if token.is("{") {
            at += 1;
            while tokens.get(at).is_some_and(|token| !token.is("}") && !token.is(";")) {
                at = use_tree(tokens, at, &segments, handed_on, named);
                at += usize::from(tokens.get(at).is_some_and(|token| token.is(",")));
            }
            return at + 1;
        }
        if token.is("as") || token.is(",") || token.is("}") || token.is(";") {
            break;
        }
        if !token.is("::") {
            line = token.line;
            segments.push(token.text.clone());
        }
        at += 1;
    }
    let mut alias = None;
    if tokens.get(at).is_some_and(|token| token.is("as")) {
        alias = tokens.get(at + 1).map(|token| token.text.clone());
        at += 2;
    }
    // `use a::{self}` names a.
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    named.push(Named { line, segments, alias, handed_on });
    at
}

/// Takes out every item under `#[cfg(test)]` and counts the lines that are left.
fn without_tests(tokens: Vec<Token>, lines: usize, found: &mut Production) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut left_out = 0;
    let mut at = 0;
    while at < tokens.len() {
        let attribute: Vec<&str> = tokens[at..].iter().take(7).map(|token| token.text.as_str()).collect();
        if attribute != ["#", "[", "cfg", "(", "test", ")", "]"] {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let end = item_end(&tokens, at + 7);
        if let [.., module, name, semicolon] = &tokens[at..end]
            && module.is("mod")
            && semicolon.is(";")
        {
            found.test_modules.push(name.text.clone());
        }
        left_out += tokens[end - 1].line - tokens[at].line + 1;
        at = end;
    }
    found.lines = lines - left_out.min(lines);
    kept
}

/// Returns where the item at `at` has ended: after its `;`, or its closing brace.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                // The braces of a `use` tree are followed by its semicolon.
                let goes_on = tokens.get(at + 1).is_some_and(|token| token.is(";"));
                if depth == 0 && !goes_on {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at(length);
        let is_comment = token.starts_with("//") || token.starts_with("/*");
        if !is_comment && !first.is_whitespace() {
            let is_text = token.len() > 1 && (token.ends_with(['"', '\'']) || token.ends_with('#'));
            let plain = token.strip_prefix("r#").unwrap_or(token);
            tokens.push(Token { line, text: if is_text { String::new() } else { plain.to_owned() } });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Returns how long the token, comment or text is that begins here.
fn token_length(rest: &str, first: char) -> usize {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return until("\n", 0) - usize::from(rest.contains('\n'));
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if let Some(hashes) = raw_text(rest) {
        let close = format!("\"{}", "#".repeat(hashes));
        return until(&close, rest.find('"').map_or(0, |at| at + 1));
    }
    match first {
        '"' => quoted(rest, '"', 1),
        'b' | 'c' if rest[1..].starts_with('"') => quoted(rest, '"', 2),
        'b' if rest[1..].starts_with('\'') => quoted(rest, '\'', 2),
        '\'' if is_character(rest) => quoted(rest, '\'', 1),
        ':' if rest.starts_with("::") => 2,
        'r' if rest.starts_with("r#") => 2 + word(&rest[2..]),
        _ if first.is_alphanumeric() || first == '_' => word(rest),
        _ => first.len_utf8(),
    }
}

fn word(rest: &str) -> usize {
    rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Returns how many hashes a raw text has that begins here.
fn raw_text(rest: &str) -> Option<usize> {
    let after = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest[1..].chars();
    matches!((chars.next(), chars.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

fn quoted(rest: &str, quote: char, from: usize) -> usize {
    let mut escaped = false;
    for (at, char) in rest[from..].char_indices() {
        if !escaped && char == quote {
            return from + at + 1;
        }
        escaped = !escaped && char == '\\';
    }
    rest.len()
}
