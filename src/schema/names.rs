//! Column names: proto names in lower case, unique among siblings, and out of the way of ours.

use std::collections::HashSet;

/// Whose names are being given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Beside the envelope and the table's folders.
    Root,
    Nested,
}

/// Gives each sibling its name. All fields first, then the oneofs' case columns: a field keeps its name before a column of ours.
#[derive(Debug)]
pub struct Names {
    place: Place,
    taken: HashSet<String>,
}

/// A name, and whether it is another than the lower-cased one the schema's author wrote.
#[derive(Debug, PartialEq, Eq)]
pub struct Given {
    pub name: String,
    pub changed: bool,
}

impl Names {
    pub fn new(place: Place) -> Names {
        Names { place, taken: HashSet::new() }
    }

    /// Names a field: of two with one name, the later gets `_<number>`.
    pub fn field(&mut self, proto: &str, number: u32) -> Given {
        self.give(proto, &format!("_{number}"))
    }

    /// Names the case column of a oneof.
    pub fn case(&mut self, oneof: &str) -> Given {
        self.give(&format!("{oneof}_case"), "_oneof")
    }

    /// Names the second column of an enum that is wanted as name and number.
    pub fn enum_number(&mut self, column: &str, number: u32) -> Given {
        self.give(&format!("{column}_number"), &format!("_{number}"))
    }

    fn give(&mut self, proto: &str, suffix: &str) -> Given {
        let plain = proto.to_ascii_lowercase();
        let mut name = plain.clone();
        if self.place == Place::Root {
            if name.starts_with('_') {
                name.insert(0, 'f');
            }
            // The folders of the table are columns to its readers.
            if name == "dt" || name == "hour" {
                name.push_str(suffix);
            }
        }
        while !self.taken.insert(name.clone()) {
            name.push_str(suffix);
        }
        Given { changed: name != plain, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(place: Place, fields: &[(&str, u32)]) -> Vec<String> {
        let mut names = Names::new(place);
        fields.iter().map(|(name, number)| names.field(name, *number).name).collect()
    }

    #[test]
    fn the_later_of_two_names_that_differ_by_case_gets_its_number() {
        assert_eq!(named(Place::Nested, &[("userAgent", 1), ("UserAgent", 2)]), ["useragent", "useragent_2"]);
        assert_eq!(named(Place::Nested, &[("a_2", 3), ("a", 1), ("A", 2)]), ["a_2", "a", "a_2_2"]);
    }

    #[test]
    fn the_root_keeps_clear_of_folders_and_envelope() {
        assert_eq!(named(Place::Root, &[("dt", 4), ("Hour", 5), ("_offset", 6)]), ["dt_4", "hour_5", "f_offset"]);
        assert_eq!(named(Place::Nested, &[("dt", 4), ("_offset", 6)]), ["dt", "_offset"]);
    }

    #[test]
    fn a_case_column_gives_way_to_a_field() {
        let mut names = Names::new(Place::Root);
        assert_eq!(names.field("kind_case", 1), Given { name: "kind_case".into(), changed: false });
        assert_eq!(names.case("kind"), Given { name: "kind_case_oneof".into(), changed: true });
    }
}
