//! The levels of a column, as Dremel tells nested values, out of Arrow's tree of arrays.
//!
//! Every column of Parquet holds, beside its values, an *entry* for each value and each place where there is none: on which level
//! of its path it is defined, and on which list of its path it repeats. All columns below a list or a struct share what stands
//! above them, so a [`Slots`] is made for a node and taken over by its children.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use arrow_buffer::NullBuffer;

/// The definition level of an entry that is not null so far. At the column itself it becomes the column's greatest.
pub const LIVE: u16 = u16::MAX;

/// The entries of a node, and where the living ones stand in its array.
#[derive(Clone)]
pub struct Slots {
    pub rows: usize,
    /// Repetition levels; empty where no list is above.
    pub repetitions: Rc<Vec<u16>>,
    pub definitions: Definitions,
    pub live: Live,
}

/// Definition levels.
#[derive(Clone)]
pub enum Definitions {
    /// All the same, so many.
    Same(u16, usize),
    Each(Rc<Vec<u16>>),
}

/// The places of living entries in an array.
#[derive(Clone)]
pub enum Live {
    Range(Range<usize>),
    At(Rc<Vec<u32>>),
}

impl Live {
    pub fn len(&self) -> usize {
        match self {
            Live::Range(range) => range.len(),
            Live::At(places) => places.len(),
        }
    }

    pub fn each(&self, mut take: impl FnMut(usize)) {
        match self {
            Live::Range(range) => range.clone().for_each(take),
            Live::At(places) => places.iter().for_each(|place| take(*place as usize)),
        }
    }

    fn place(&self, nth: usize) -> usize {
        match self {
            Live::Range(range) => range.start + nth,
            Live::At(places) => places[nth] as usize,
        }
    }
}

impl Slots {
    /// Those of a column of the table.
    pub fn of_rows(rows: usize) -> Slots {
        Slots {
            rows,
            repetitions: Rc::default(),
            definitions: Definitions::Same(LIVE, rows),
            live: Live::Range(0..rows),
        }
    }

    /// Ends the entries that are null, at level `level`.
    pub fn without_nulls(&self, nulls: Option<&NullBuffer>, level: u16) -> Cow<'_, Slots> {
        let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return Cow::Borrowed(self) };
        let mut places = Vec::with_capacity(self.live.len());
        match &self.live {
            Live::Range(range) => {
                let of_range = nulls.slice(range.start, range.len());
                places.extend(of_range.valid_indices().map(|at| (range.start + at) as u32));
            }
            Live::At(all) => places.extend(all.iter().filter(|place| nulls.is_valid(**place as usize))),
        }
        if places.len() == self.live.len() {
            return Cow::Borrowed(self);
        }
        let definitions = match &self.definitions {
            Definitions::Same(_, count) if places.is_empty() => Definitions::Same(level, *count),
            Definitions::Same(_, count) => self.ended(vec![LIVE; *count], nulls, level),
            Definitions::Each(above) => self.ended(above.to_vec(), nulls, level),
        };
        Cow::Owned(Slots {
            rows: self.rows,
            repetitions: self.repetitions.clone(),
            definitions,
            live: Live::At(Rc::new(places)),
        })
    }

    /// Sets the level of those living entries that are null.
    fn ended(&self, mut definitions: Vec<u16>, nulls: &NullBuffer, level: u16) -> Definitions {
        let mut entries = definitions.iter_mut().filter(|definition| **definition == LIVE);
        self.live.each(|place| {
            if let Some(entry) = entries.next()
                && nulls.is_null(place)
            {
                *entry = level;
            }
        });
        Definitions::Each(Rc::new(definitions))
    }

    /// Makes of each living entry those of its list's elements, or one that ends at level `level` where the list is empty. The
    /// list has repetition level `repetition`; its elements stand from one of `offsets` to the next.
    pub fn of_elements(&self, offsets: &[i32], level: u16, repetition: u16) -> Slots {
        let mut spread = Spread::default();
        let mut nth = 0;
        let mut entry = |at: usize, definition: u16| {
            let above = self.repetitions.get(at).copied().unwrap_or(0);
            if definition != LIVE {
                return spread.end(above, definition);
            }
            let place = self.live.place(nth);
            nth += 1;
            match offsets[place] as usize..offsets[place + 1] as usize {
                elements if elements.is_empty() => spread.end(above, level),
                elements => spread.elements(elements, above, repetition),
            }
        };
        match &self.definitions {
            Definitions::Same(definition, count) => (0..*count).for_each(|at| entry(at, *definition)),
            Definitions::Each(each) => each.iter().enumerate().for_each(|(at, definition)| entry(at, *definition)),
        }
        spread.finish(self.rows)
    }
}

/// The entries of lists' elements, as they come.
#[derive(Default)]
struct Spread {
    repetitions: Vec<u16>,
    definitions: Vec<u16>,
    /// Where the elements stand as long as there is no hole between them, else in `places`.
    range: Range<usize>,
    places: Option<Vec<u32>>,
}

impl Spread {
    fn end(&mut self, repetition: u16, definition: u16) {
        self.repetitions.push(repetition);
        self.definitions.push(definition);
    }

    fn elements(&mut self, elements: Range<usize>, first: u16, repetition: u16) {
        self.repetitions.push(first);
        self.repetitions.extend(std::iter::repeat_n(repetition, elements.len() - 1));
        self.definitions.extend(std::iter::repeat_n(LIVE, elements.len()));
        if self.range.is_empty() {
            self.range = elements;
        } else if self.places.is_none() && self.range.end == elements.start {
            self.range.end = elements.end;
        } else {
            let before = || self.range.clone().map(|place| place as u32).collect();
            self.places.get_or_insert_with(before).extend(elements.map(|place| place as u32));
        }
    }

    fn finish(self, rows: usize) -> Slots {
        Slots {
            rows,
            repetitions: Rc::new(self.repetitions),
            definitions: Definitions::Each(Rc::new(self.definitions)),
            live: self.places.map_or(Live::Range(self.range), |places| Live::At(Rc::new(places))),
        }
    }
}
