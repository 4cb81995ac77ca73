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

    /// Appends what `of` makes of each place.
    pub fn extend<T>(&self, out: &mut Vec<T>, mut of: impl FnMut(usize) -> T) {
        match self {
            Live::Range(range) => out.extend(range.clone().map(of)),
            Live::At(places) => out.extend(places.iter().map(|place| of(*place as usize))),
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
        let mut most = self.entries();
        self.live.each(|place| most += (offsets[place + 1] - offsets[place]) as usize);
        let (mut repetitions, mut definitions) = (vec![repetition; most], vec![LIVE; most]);
        let (mut places, mut nth, mut end) = (Places::default(), 0, 0);
        let mut entry = |at: usize, definition: u16| {
            repetitions[end] = self.repetitions.get(at).copied().unwrap_or(0);
            if definition != LIVE {
                definitions[end] = definition;
                end += 1;
                return;
            }
            let place = self.live.place(nth);
            nth += 1;
            let elements = offsets[place] as usize..offsets[place + 1] as usize;
            if elements.is_empty() {
                definitions[end] = level;
                end += 1;
            } else {
                end += elements.len();
                places.extend(elements);
            }
        };
        match &self.definitions {
            Definitions::Same(definition, count) => (0..*count).for_each(|at| entry(at, *definition)),
            Definitions::Each(each) => each.iter().enumerate().for_each(|(at, definition)| entry(at, *definition)),
        }
        repetitions.truncate(end);
        definitions.truncate(end);
        Slots {
            rows: self.rows,
            repetitions: Rc::new(repetitions),
            definitions: Definitions::Each(Rc::new(definitions)),
            live: places.finish(),
        }
    }

    fn entries(&self) -> usize {
        match &self.definitions {
            Definitions::Same(_, count) => *count,
            Definitions::Each(each) => each.len(),
        }
    }
}

/// Places, as they come.
#[derive(Default)]
struct Places {
    /// All of them, as long as there is no hole between them.
    range: Range<usize>,
    /// All of them, from the first hole on.
    each: Option<Vec<u32>>,
}

impl Places {
    fn extend(&mut self, places: Range<usize>) {
        if let Some(each) = &mut self.each {
            each.extend(places.map(|place| place as u32));
        } else if self.range.is_empty() {
            self.range = places;
        } else if self.range.end == places.start {
            self.range.end = places.end;
        } else {
            self.each = Some(self.range.clone().chain(places).map(|place| place as u32).collect());
        }
    }

    fn finish(self) -> Live {
        self.each.map_or(Live::Range(self.range), |each| Live::At(Rc::new(each)))
    }
}
