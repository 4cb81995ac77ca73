//! The file as written: a tree of texts that knows where each stands.
//!
//! Scalars stay text. What a text means is decided by the key that wants it, so that `group: 007` is no number and
//! `region: no` no truth value.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::mask::shown_name;
use super::mistake::{Findings, Kind, Mistake};
use super::spans::Span;

#[derive(Debug)]
pub(super) struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An alias, which has been reported.
    Unread,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Node {
    /// Whether the value is written as nothing: the key counts as left out.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

/// Reads the file's text. Nothing where it holds no document, or where its syntax is broken, which is reported: what follows
/// the break cannot be told.
pub(super) fn parse(source: &str, found: &mut Findings) -> Option<Node> {
    let mut reader = Reader { events: Parser::new_from_str(source), source, found };
    match reader.document() {
        Ok(node) => node,
        Err(error) => {
            let at = error.marker().byte_offset().unwrap_or(source.len()).min(source.len());
            let help = "look at the quotes, brackets, colons and blanks at the line's start here and just above; \
                        mistakes after this one show once it is repaired";
            found.mistake("", Mistake::new(Kind::Form, "this is not YAML", help).at(at..at, error.info()));
            None
        }
    }
}

struct Reader<'s, 'f> {
    events: Parser<'s, granit_parser::StrInput<'s>>,
    source: &'s str,
    found: &'f mut Findings,
}

impl<'s> Reader<'s, '_> {
    fn next(&mut self) -> Result<Option<(Event<'s>, Span)>, ScanError> {
        let Some((event, span)) = self.events.next().transpose()? else { return Ok(None) };
        Ok(Some((event, span.byte_range().unwrap_or(self.source.len()..self.source.len()))))
    }

    fn document(&mut self) -> Result<Option<Node>, ScanError> {
        let mut first = None;
        while let Some((event, span)) = self.next()? {
            let node = match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => continue,
                event => self.node(event, span)?,
            };
            if first.is_some() {
                let mistake = Mistake::new(Kind::Form, "the file holds more than one YAML document", "keep one");
                self.found.mistake("", mistake.at(node.span, "a second one begins here"));
                break;
            }
            first = Some(node);
        }
        Ok(first)
    }

    fn node(&mut self, event: Event<'s>, span: Span) -> Result<Node, ScanError> {
        match event {
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                let plain = style == ScalarStyle::Plain;
                Ok(Node { span, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(_, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                self.list(span)
            }
            Event::MappingStart(_, _, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                self.map(span)
            }
            _ => {
                let mistake = Mistake::new(Kind::Form, "aliases are not read", "write the value out");
                self.found.mistake("", mistake.at(span.clone(), "an alias"));
                Ok(Node { span, value: Value::Unread })
            }
        }
    }

    fn refuse_tag(&mut self, tagged: bool, span: &Span) {
        if tagged {
            let mistake = Mistake::new(Kind::Form, "tags are not read", "leave the `!…` out");
            self.found.mistake("", mistake.at(span.clone(), "this has a tag"));
        }
    }

    fn list(&mut self, start: Span) -> Result<Node, ScanError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, span)?);
        }
        let end = items.last().map_or(start.end, |item| item.span.end);
        Ok(Node { span: start.start..end.max(start.end), value: Value::List(items) })
    }

    fn map(&mut self, start: Span) -> Result<Node, ScanError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span)?;
            let Some((event, span)) = self.next()? else { break };
            let node = self.node(event, span)?;
            let Value::Scalar { text, .. } = key.value else {
                let mistake = Mistake::new(Kind::Form, "a key must be plain text", "write `name: value`");
                self.found.mistake("", mistake.at(key.span, "this is a list or a mapping"));
                continue;
            };
            if let Some(first) = seen.get(&text) {
                let what = format!("the key `{}` is written twice", shown_name(&text));
                let mistake = Mistake::new(Kind::Form, what, "keep one of the two")
                    .at(key.span, "again here")
                    .at(first.clone(), "first here");
                self.found.mistake("", mistake);
                continue;
            }
            seen.insert(text.clone(), key.span.clone());
            entries.push(Entry { key: text, key_span: key.span, node });
        }
        let end = entries.last().map_or(start.end, |entry| entry.node.span.end);
        Ok(Node { span: start.start..end.max(start.end), value: Value::Map(entries) })
    }
}
