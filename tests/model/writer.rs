//! A process that owns the partition, or thinks so: the machine, and what the pipeline holds around it.

use alluvium::chain::{Action, ChainId, Cut, CutObject, Machine, Proposal, object_key};
use alluvium::domain::{BucketHour, Digest, ObjectKind, Offset, StartAt, TopicPartition};

use super::log::{Log, Row};
use super::store::{Object, Stored, Write, digest};

/// How rows are bucketed: by their hour, or all into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    ByHour,
    AllInOne,
}

impl Layout {
    pub const BOTH: [Layout; 2] = [Layout::ByHour, Layout::AllInOne];

    pub fn fingerprint(self) -> Digest {
        Digest([self as u8 + 1; 32])
    }

    pub fn named(fingerprint: Digest) -> Option<Layout> {
        Layout::BOTH.into_iter().find(|layout| layout.fingerprint() == fingerprint)
    }

    /// Returns the hour of the object a row goes to; `log` is the row's own.
    pub fn hour(self, log: &Log, row: Row) -> BucketHour {
        let hour = match self {
            Layout::ByHour => log.hour(row.1).unwrap_or_default(),
            Layout::AllInOne => 0,
        };
        BucketHour::of(Some(i64::from(hour) * 3_600_000))
    }
}

/// A process. What is in `alive` is lost in a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    pub name: String,
    pub layout: Layout,
    /// How often it took the partition.
    pub lives: u8,
    pub alive: Option<Alive>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alive {
    pub machine: Machine,
    /// Questions and writes without an answer, in a fixed order.
    pub open: Vec<Asked>,
    pub reading: Option<Reading>,
    made: Option<Made>,
}

/// A request, and the body it carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    pub action: Action,
    pub body: Option<Object>,
}

/// Reading from a position on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    pub position: u8,
    pub rows: Vec<Row>,
    /// The cut whose range is read again.
    pub redo: Option<Box<Cut>>,
}

impl Reading {
    /// Whether nothing can come from this position, or the log ends before the range that is read again.
    pub fn is_out_of(&self, log: &Log) -> bool {
        let beyond = self.redo.as_ref().is_some_and(|cut| self.position == log.end && i64::from(log.end) < cut.next.0);
        self.position < log.first || log.end < self.position || beyond
    }
}

/// The bodies of a cut's objects, as the lane holds them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Made {
    nonce: String,
    bodies: Vec<Option<Vec<Row>>>,
}

impl Alive {
    pub fn new(writer: &str, life: u8) -> Alive {
        let session = format!("{writer}.{life}");
        let machine = Machine::new(partition(), "k".into(), writer.into(), session, StartAt::Earliest);
        Alive { machine, open: Vec::new(), reading: None, made: None }
    }

    pub fn ask(&mut self, action: Action) {
        let body = match &action {
            Action::PutObject { index, .. } => {
                let made = self.made.as_ref().expect("the chain uploads what was made");
                let rows = made.bodies[*index].clone().expect("the chain uploads what was made");
                Some(Object { nonce: made.nonce.clone(), rows })
            }
            _ => None,
        };
        self.open.push(Asked { action, body });
        self.open.sort_by_key(|asked| place(&asked.action));
    }

    pub fn read(&mut self, from: Offset, redo: Option<Box<Cut>>) {
        self.stop_reading();
        self.reading = Some(Reading { position: from.0 as u8, rows: Vec::new(), redo });
    }

    /// Drops what is buffered, and what was made for a cut that is not under way any more.
    pub fn stop_reading(&mut self) {
        self.reading = None;
        let underway = self.machine.underway().map(|cut| cut.nonce.as_str());
        self.made.take_if(|made| Some(made.nonce.as_str()) != underway);
    }

    pub fn finished(&mut self) {
        self.made = None;
    }
}

impl Writer {
    /// Makes the objects of what was read and returns the proposal.
    pub fn propose(&mut self, logs: &[Log]) -> Option<Proposal> {
        let Writer { name, layout, lives, alive } = self;
        let alive = alive.as_mut()?;
        let rows = std::mem::take(&mut alive.reading.as_mut()?.rows);
        let chain = alive.machine.chain()?;
        let first = alive.machine.tip().next;
        let nonce = format!("{name}.{lives}-{}@{first}", chain.topic_id.0[0]);
        let (objects, bodies) = pack(&chain, first, *layout, &rows, logs);
        alive.made = Some(Made { nonce: nonce.clone(), bodies: bodies.into_iter().map(Some).collect() });
        Some(Proposal {
            next: Offset(i64::from(rows.last()?.1) + 1),
            layout: layout.fingerprint(),
            nonce,
            min_timestamp: None,
            max_timestamp: None,
            objects,
        })
    }

    /// Makes the objects of a cut again, with a layout, and reads no more.
    pub fn redo(&mut self, cut: &Cut, layout: Layout, rows: &[Row], logs: &[Log]) -> Vec<CutObject> {
        let Some(alive) = self.alive.as_mut() else { return Vec::new() };
        alive.stop_reading();
        let (objects, mut bodies) = pack(&cut.chain(), cut.first, layout, rows, logs);
        let in_order = cut.objects.iter().map(|object| {
            let at = objects.iter().position(|made| object.key_matches(made))?;
            Some(std::mem::take(&mut bodies[at]))
        });
        alive.made = Some(Made { nonce: cut.nonce.clone(), bodies: in_order.collect() });
        objects
    }
}

/// Sorts the requests that may be open at once: what was asked first makes no difference.
fn place(action: &Action) -> (u8, usize) {
    match action {
        Action::PutObject { index, .. } => (0, *index),
        Action::LookAtObject { index, .. } => (1, *index),
        _ => (2, 0),
    }
}

/// Returns the objects of some rows, and the rows of each.
fn pack(chain: &ChainId, first: Offset, layout: Layout, rows: &[Row], logs: &[Log]) -> (Vec<CutObject>, Vec<Vec<Row>>) {
    let hour = |row: &Row| layout.hour(&logs[usize::from(row.0)], *row);
    let mut hours: Vec<BucketHour> = rows.iter().map(hour).collect();
    hours.sort();
    hours.dedup();
    let object = |wanted: BucketHour| {
        let rows: Vec<Row> = rows.iter().copied().filter(|row| hour(row) == wanted).collect();
        let object = CutObject {
            key: object_key(ObjectKind::Rows, "t", wanted, None, chain, first),
            kind: ObjectKind::Rows,
            hour: wanted,
            rows: rows.len() as u64,
            first: Offset(i64::from(rows[0].1)),
            next: Offset(i64::from(rows[rows.len() - 1].1) + 1),
            digest: digest(&rows),
        };
        (object, rows)
    };
    hours.into_iter().map(object).unzip()
}

pub fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// Returns the write that a request is, if it is one.
pub fn write_of(asked: &Asked) -> Option<Write> {
    match (&asked.action, &asked.body) {
        (Action::PutCut { key, bytes } | Action::PutLoss { key, bytes }, _) => {
            Some((key.clone(), Stored::record(key, bytes.clone())))
        }
        (Action::PutObject { key, .. }, Some(body)) => Some((key.clone(), Stored::object(key, body.clone()))),
        _ => None,
    }
}
