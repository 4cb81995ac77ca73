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

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn mistakes_that_show_later_have_their_place_and_no_secret() {
        let text = "
kafka: { brokers: 'localhost:9092', properties: { sasl.password: hunter2 } }
topics:
  - match: 'dev.+'
schemas: { descriptors: [a.binpb, b.binpb] }
archive: { url: 'file:///lake' }
";
        let (settings, _) = crate::config::parse("alluvium.yaml", text, Path::new("/"), &|_: &str| None).unwrap();
        let tell = |path: &str| settings.origin.mistake(path, "it does not fit", "this", "mend it");
        let paths = ["schemas.descriptors[1]", "kafka.properties", "topics[0].time"];
        let report = settings.origin.errors(paths.map(tell).into()).to_string();
        for place in ["alluvium.yaml:5:35", "alluvium.yaml:2:37", "alluvium.yaml:4:5"] {
            assert!(report.contains(place), "{report}");
        }
        assert!(report.contains("sasl.password: ***") && !report.contains("hunter2"), "{report}");
        assert_eq!(settings.origin.place("topics[0]"), (4, 5));
    }
}
