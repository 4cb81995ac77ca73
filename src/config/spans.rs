//! Where things stand in the file's text.

use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of the file.
pub(super) type Span = Range<usize>;

/// Where the value of each key stands, by the key's path (`topics[0].match`).
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    keys: BTreeMap<String, Span>,
    /// Where what is written under a name of the operator's own stands; its name stands in `keys`.
    values: BTreeMap<String, Span>,
}

impl Places {
    pub fn note(&mut self, path: &str, span: Span) {
        self.keys.insert(path.to_owned(), span);
    }

    pub fn note_value(&mut self, path: &str, span: Span) {
        self.values.insert(path.to_owned(), span);
    }

    pub fn of_value(&self, path: &str) -> Option<Span> {
        self.values.get(path).cloned()
    }

    /// Whether the key at `path` is written.
    pub fn has(&self, path: &str) -> bool {
        self.keys.contains_key(path)
    }

    /// Returns where a key's value stands; for a key that is left out, its section's.
    pub fn of(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            match (self.keys.get(path), path.rfind(['.', '['])) {
                (Some(span), _) => return span.clone(),
                (None, Some(at)) => path = &path[..at],
                (None, None) => return 0..0,
            }
        }
    }
}
