//! The file behind the settings, for mistakes that show only when what it says is tried.

use super::mask::masked;
use super::mistake::{ConfigErrors, Kind, Mistake, line_and_column};
use super::spans::Places;

/// The file that settings were read from.
#[derive(Clone, Debug)]
pub struct Origin {
    name: String,
    /// With secrets masked.
    source: String,
    places: Places,
}

impl Origin {
    pub(super) fn new(name: &str, source: &str, places: Places) -> Origin {
        Origin { name: name.to_owned(), source: masked(source), places }
    }

    /// Returns a mistake of the key at `path`: what is wrong, a few words at the place, and what to do.
    pub fn mistake(&self, path: &str, what: &str, label: &str, help: &str) -> Mistake {
        Mistake::new(Kind::Meaning, what, help).at(self.places.of(path), label)
    }

    /// Returns the line and column of the value of the key at `path`, both counted from one.
    pub fn place(&self, path: &str) -> (usize, usize) {
        line_and_column(&self.source, self.places.of(path).start)
    }

    pub fn errors(&self, mistakes: Vec<Mistake>) -> ConfigErrors {
        ConfigErrors::new(&self.name, &self.source, &[], mistakes)
    }
}
