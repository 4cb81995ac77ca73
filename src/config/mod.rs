//! What the operator typed, and what the program uses.
//!
//! **What it is.** [`load`] reads one YAML file into [`Settings`]. The types in `file.rs` say what may be written; the check of a
//! file, [`example`], [`json_schema`] and [`reference`] are all made from them, so that none can fall behind.
//!
//! **Flow.**
//!
//! ```text
//! text ─ tree ─► nodes with places ─ form ─► values ─ serde ─► FileConfig ─ resolve ─► Settings
//!          │                          │ environment                         │
//!          └──── syntax               └──── unknown, missing, wrong         └──── rules between keys ──► ConfigErrors
//! ```
//!
//! **Promises.** Every mistake is told at once, with its place, except that nothing can be told beyond a break of the syntax. What
//! is wrong is left out of what is read on, so one mistake makes no other. A replacement from the environment is text within
//! one scalar, never structure. No message repeats a value,
//! but for the path of a file that cannot be read; snippets have secrets masked; nothing here is shown by `Debug` that librdkafka
//! might take for a secret.
//!
//! **Not here.** Whether Kafka, the bucket and the schemas agree with the file: `cli::check` asks them. What is found wrong with
//! the file then has its place by [`Origin`].

mod example;
mod file;
mod form;
mod mask;
mod mistake;
mod names;
mod origin;
mod places;
mod properties;
mod published;
mod quantities;
mod reference;
mod replace;
mod resolve;
mod scalar;
mod settings;
mod shape;
mod spans;
mod suggest;
mod topics;
mod tree;
mod wrong;

use std::path::Path;

pub use example::example;
pub use mistake::{ConfigErrors, Kind, Mistake, Warning};
pub use origin::Origin;
pub use published::json_schema;
pub use reference::reference;
pub use replace::Environment;
pub use settings::{
    ArchiveSettings, CutSettings, KafkaOptions, Protocol, S3Settings, Settings, TopicMatch, TopicSettings,
};

use mistake::{Findings, line_and_column};

/// Reads the file at `path`. Relative paths in it start at its folder.
pub fn load(path: &Path, env: &Environment) -> Result<(Settings, Vec<Warning>), ConfigErrors> {
    let name = path.display().to_string();
    let unread = |cause: String, help: &str| {
        let mistake = Mistake::new(Kind::Form, cause, help);
        ConfigErrors::new(&name, "", &[], vec![mistake])
    };
    let bytes = std::fs::read(path).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "`alluvium config example` prints a file to start from",
            _ => "it must be a file that this user may read",
        };
        unread(format!("the file cannot be read: {error}"), help)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| unread("the file is not UTF-8 text".into(), "save it as UTF-8"))?;
    parse(&name, &text, path.parent().unwrap_or(Path::new("")), env)
}

/// Reads a file's text; `name` is what messages call it.
pub fn parse(
    name: &str,
    text: &str,
    folder: &Path,
    env: &Environment,
) -> Result<(Settings, Vec<Warning>), ConfigErrors> {
    let mut found = Findings::default();
    let settings = read(name, text, folder, env, &mut found);
    match settings {
        Some(settings) if found.mistakes.is_empty() => {
            let warning =
                |(span, what): (spans::Span, String)| Warning { what, place: line_and_column(text, span.start) };
            Ok((settings, found.warnings.into_iter().map(warning).collect()))
        }
        _ => Err(ConfigErrors::new(name, text, &found.hidden, found.mistakes)),
    }
}

/// Returns nothing only where something was reported.
fn read(name: &str, text: &str, folder: &Path, env: &Environment, found: &mut Findings) -> Option<Settings> {
    let Some(root) = tree::parse(text, found) else {
        if found.mistakes.is_empty() {
            let help = "`alluvium config example` prints a file to start from";
            found.mistake("", Mistake::new(Kind::Form, "the file is empty", help));
        }
        return None;
    };
    let keys = shape::keys();
    let values = form::Form { source: text, env, keys: &keys, found }.read(&root);
    let file = serde_json::from_value(values).expect("`form` reads by the schema of these very types");
    let origin = Origin::new(name, text, found.places.clone());
    resolve::resolve(file, folder, origin, found)
}

#[cfg(test)]
mod tests;
