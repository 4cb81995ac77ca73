//! The entries of `topics`: each alone, and against those before it.

use super::file::{FileForm, FileMapping, FileTopic};
use super::mistake::{Findings, Kind, Mistake};
use super::settings::{TopicMatch, TopicSettings};
use crate::domain::Topic;
use crate::schema::{Form, MappingOptions, TopicSchema, follows_convention};

/// Returns the entries in their order; nothing where one cannot be used.
pub(super) fn resolve(entries: Vec<FileTopic>, found: &mut Findings) -> Option<Vec<TopicSettings>> {
    let mut topics = Vec::with_capacity(entries.len());
    let mut whole = true;
    for (index, entry) in entries.into_iter().enumerate() {
        let path = format!("topics[{index}]");
        match topic(entry, &path, found) {
            // A hole would shift the numbers of those that follow.
            None => {
                whole = false;
                topics.push(None);
            }
            Some(topic) => {
                reached(&topic, index, &topics, found);
                topics.push(Some(topic));
            }
        }
    }
    if whole { topics.into_iter().collect() } else { None }
}

fn topic(entry: FileTopic, path: &str, found: &mut Findings) -> Option<TopicSettings> {
    let FileTopic { r#match, name, message, table, framing, time, mapping, bloom, start, incarnation } = entry;
    let key = |name: &str| format!("{path}.{name}");
    if let Some(name) = &name
        && !follows_convention(&name.0)
        && !found.is_mistaken(&key("message"))
        && !found.is_mistaken(&key("table"))
    {
        let missing = match (&message, &table) {
            (None, None) => "`message` and `table`",
            (None, Some(_)) => "`message`",
            (Some(_), None) => "`table`",
            (Some(_), Some(_)) => "",
        };
        if !missing.is_empty() {
            let what = format!("`{path}` needs {missing}: the topic's name does not tell");
            let help = "the convention is `<prod|sandbox|dev>.<service>.<event-name>.<schema>.<message>`";
            let mistake = Mistake::new(Kind::Meaning, what, help);
            found.mistake(path, mistake.at(found.place(&key("name")), "outside the convention"));
        }
    }
    let matches = match (r#match, name) {
        (Some(pattern), None) => TopicMatch::Pattern(pattern.0),
        (None, Some(name)) => TopicMatch::Name(name.0),
        (Some(_), Some(_)) => {
            let help = "keep one; use two entries if you mean both";
            let mistake = Mistake::new(Kind::Meaning, format!("`{path}` has both `match` and `name`"), help)
                .at(found.place(&key("match")), "by a pattern")
                .at(found.place(&key("name")), "and by its name");
            found.mistake(path, mistake);
            return None;
        }
        (None, None) => {
            // One that is written but wrong has been reported.
            if ![path.to_owned(), key("match"), key("name")].iter().any(|path| found.is_mistaken(path)) {
                let help = "write `match` with a regular expression, or `name` with one topic's name";
                let mistake = Mistake::new(Kind::Meaning, format!("`{path}` names no topics"), help);
                found.mistake(path, mistake.at(found.place(path), "neither `match` nor `name`"));
            }
            return None;
        }
    };
    let schema = TopicSchema {
        message: message.map(|message| message.0),
        table: table.map(|table| table.0),
        framing: framing.into(),
        time: time.0,
        mapping: mapping.into(),
    };
    Some(TopicSettings { matches, schema, bloom, start: start.0, incarnation })
}

/// Reports an entry that no topic can reach, as the first that speaks of a topic decides.
fn reached(topic: &TopicSettings, index: usize, before: &[Option<TopicSettings>], found: &mut Findings) {
    let speaks = |earlier: &TopicSettings| match (&earlier.matches, &topic.matches) {
        (matches, TopicMatch::Name(name)) => matches.takes(&Topic::new(name)),
        (TopicMatch::Pattern(earlier), TopicMatch::Pattern(pattern)) => earlier.as_str() == pattern.as_str(),
        (TopicMatch::Name(_), TopicMatch::Pattern(_)) => false,
    };
    let Some(earlier) = before.iter().position(|earlier| earlier.as_ref().is_some_and(speaks)) else { return };
    let place = |index: usize, found: &Findings| {
        let key = if found.has(&format!("topics[{index}].name")) { "name" } else { "match" };
        found.place(&format!("topics[{index}].{key}"))
    };
    let path = format!("topics[{index}]");
    let mistake = Mistake::new(
        Kind::Meaning,
        format!("`{path}` is never reached: `topics[{earlier}]` speaks of its topics first"),
        "put the narrower entry first, or drop one",
    )
    .at(place(index, found), "never reached")
    .at(place(earlier, found), "decides before");
    found.mistake(&path, mistake);
}

impl From<FileMapping> for MappingOptions {
    fn from(FileMapping { recursion, fields, extensions }: FileMapping) -> MappingOptions {
        let form = |form| match form {
            FileForm::Bigint => Form::Bigint,
            FileForm::String => Form::String,
            FileForm::Int => Form::Int,
            FileForm::Both => Form::Both,
        };
        let fields = fields.into_iter().map(|(path, wanted)| (path, form(wanted))).collect();
        MappingOptions { recursion, fields, extensions: extensions.into_iter().collect() }
    }
}
