//! The bucket, and each daemon's wire to it: a request takes effect after a while, its answer comes later, lies or never comes,
//! and what was sent takes effect also when its sender has died meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use alluvium::store::{ArchiveStore, Head, Operation, Page, Right, StoreError, Tags};
use async_trait::async_trait;
use bytes::Bytes;

use crate::agenda::{Agenda, Due, Millis};

/// What may be wrong with the world on purpose, so that the judge has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The store ignores `If-None-Match: *`.
    IgnoresCondition,
    /// It keeps it for probes only.
    OverwritesLater,
    /// A refused create is answered as done.
    CreatedTwice,
    /// HEAD tells of objects that nobody wrote.
    InventsObjects,
    /// An object is deleted, and its name is free again.
    Deletes,
    /// The source leaves a record out.
    SkipsRecord,
}

/// A create-only request that took effect, or was refused.
#[derive(Clone, Debug)]
pub struct Landed {
    pub key: String,
    pub sender: u64,
    pub created: bool,
    /// Whether what stands there now is what was sent.
    pub same: bool,
    /// Whether its sender had given up waiting.
    pub late: bool,
}

#[derive(Debug)]
struct Object {
    body: Bytes,
    tags: Tags,
}

/// What is in the bucket.
#[derive(Debug)]
pub struct Bucket {
    objects: BTreeMap<String, Object>,
    pub landed: Vec<Landed>,
    sabotage: Option<Sabotage>,
}

impl Bucket {
    pub fn new(sabotage: Option<Sabotage>) -> Bucket {
        Bucket { objects: BTreeMap::new(), landed: Vec::new(), sabotage }
    }

    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.objects.get(key).map(|object| &object.body)
    }

    pub fn keys<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.objects.range(prefix.to_owned()..);
        from.map(|(key, _)| key.as_str()).take_while(move |key| key.starts_with(prefix))
    }

    fn create(&mut self, key: &str, body: Bytes, tags: Tags, sender: u64, late: bool) -> Result<(), StoreError> {
        let there = self.objects.get(key).map(|object| object.body == body);
        let overwrite = match self.sabotage {
            Some(Sabotage::IgnoresCondition) => true,
            Some(Sabotage::OverwritesLater) => !key.starts_with("probe/"),
            _ => false,
        };
        let created = there.is_none() || overwrite;
        let same = created || there == Some(true);
        self.landed.push(Landed { key: key.to_owned(), sender, created, same, late });
        if created {
            self.objects.insert(key.to_owned(), Object { body, tags });
            return Ok(());
        }
        match self.sabotage {
            Some(Sabotage::CreatedTwice) if !key.starts_with("probe/") => Ok(()),
            _ => Err(StoreError::Taken { key: key.to_owned() }),
        }
    }

    fn head(&self, key: &str, invent: impl FnOnce() -> bool) -> Option<Head> {
        let stored = self.objects.get(key);
        if stored.is_none() && self.sabotage == Some(Sabotage::InventsObjects) && invent() {
            // Only what the cut itself says makes a believable lie.
            return self.claimed(key);
        }
        stored.map(|object| Head { size: object.body.len() as u64, tags: Some(object.tags.clone()) })
    }

    fn claimed(&self, key: &str) -> Option<Head> {
        let cuts = self.keys("chain/").filter_map(|at| serde_json::from_slice(self.get(at)?).ok());
        let found = cuts.into_iter().find_map(|cut: serde_json::Value| {
            let object = cut["objects"].as_array()?.iter().find(|object| object["key"] == key)?.clone();
            let text = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
            Some(Tags::from([
                ("alluvium-rows".to_owned(), text(&object["rows"])),
                ("alluvium-nonce".to_owned(), text(&cut["nonce"])),
                ("alluvium-digest".to_owned(), text(&object["digest"])),
            ]))
        });
        found.map(|tags| Head { size: 1, tags: Some(tags) })
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Page {
        let mut keys: Vec<String> =
            self.keys(prefix).filter(|key| after.is_none_or(|after| *key > after)).map(str::to_owned).collect();
        let more = keys.len() > limit;
        keys.truncate(limit);
        Page { keys, more }
    }

    /// Deletes what no newest cut needs, as nobody may.
    pub fn delete_one(&mut self) {
        let oldest = self.keys("tables/").next().map(str::to_owned);
        oldest.and_then(|key| self.objects.remove(&key));
    }
}

/// How likely a request goes wrong, in thousandths, for all daemons at once.
pub type Trouble = Arc<Mutex<u64>>;

/// A daemon's wire to the bucket.
#[derive(Clone)]
pub struct Wire {
    pub agenda: Agenda,
    pub bucket: Arc<Mutex<Bucket>>,
    pub trouble: Trouble,
    pub sender: u64,
}

/// What becomes of one request.
struct Course {
    lands: Option<Millis>,
    answers: Millis,
    /// What is answered whatever happened.
    lie: Option<StoreError>,
    late: bool,
}

const CLIENT_WAITS: Millis = 20_000;

impl Wire {
    fn course(&self, operation: Operation, key: &str) -> Course {
        let agenda = &self.agenda;
        let lands = if agenda.one_in(20) { agenda.between(50, 3_000) } else { agenda.between(2, 60) };
        let answers = lands + agenda.between(1, if agenda.one_in(20) { 2_000 } else { 30 });
        if *self.trouble.lock().expect("one thread") <= agenda.below(1000) {
            return Course { lands: Some(lands), answers, lie: None, late: false };
        }
        let unavailable = |cause: &str| {
            Some(StoreError::Unavailable { operation: operation.name(), key: key.to_owned(), cause: cause.to_owned() })
        };
        let taken = Some(StoreError::Taken { key: key.to_owned() });
        let gone = agenda.between(1_000, CLIENT_WAITS);
        let choice = agenda.below(if operation == Operation::PutNew { 9 } else { 4 });
        let (name, lands, answers, lie, late) = match choice {
            0 => ("store: 500", None, answers, unavailable("500"), false),
            1 => ("store: 503 slow down", None, answers, unavailable("503"), false),
            2 => ("store: request lost", None, gone, unavailable("no answer in time"), false),
            3 => {
                let lands = agenda.one_in(2).then_some(lands);
                ("store: connection torn", lands, answers, unavailable("connection reset"), false)
            }
            4 => ("store: 409", None, answers, unavailable("409"), false),
            5 => ("store: 412 for a free key", None, answers, taken, false),
            6 => ("store: 412 for an own write", Some(lands), answers, taken, false),
            7 => ("store: answer lost", Some(lands), gone.max(lands), unavailable("no answer in time"), false),
            _ => {
                let lands = gone + agenda.between(0, if agenda.one_in(3) { 7_200_000 } else { 30_000 });
                ("store: lands after the client gave up", Some(lands), gone, unavailable("no answer in time"), true)
            }
        };
        agenda.note(name, || format!("{operation} {key} by {}", self.sender));
        Course { lands, answers, lie, late }
    }

    /// Sends a request that does `run` at the bucket.
    async fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        key: &str,
        run: impl FnOnce(&mut Bucket, bool) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let course = self.course(operation, key);
        let answer = Arc::new(Mutex::new(None));
        if let Some(lands) = course.lands {
            let (bucket, slot) = (self.bucket.clone(), answer.clone());
            let land = move || {
                let done = run(&mut bucket.lock().expect("one thread"), course.late);
                *slot.lock().expect("one thread") = Some(done);
            };
            self.agenda.after(lands, Due::Land(Box::new(land)));
        }
        self.agenda.sleep(course.answers).await;
        if let Some(lie) = course.lie {
            return Err(lie);
        }
        answer.lock().expect("one thread").take().expect("a request that is answered has landed")
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.sender)
    }
}

#[async_trait]
impl ArchiveStore for Wire {
    async fn put_new(&self, _: Right, key: &str, body: Bytes, tags: &Tags) -> Result<(), StoreError> {
        let (name, tags, sender) = (key.to_owned(), tags.clone(), self.sender);
        self.call(Operation::PutNew, key, move |bucket, late| bucket.create(&name, body, tags, sender, late)).await
    }

    async fn overwrite(&self, key: &str, _: Bytes) -> Result<(), StoreError> {
        panic!("nothing but progress is ever overwritten, not {key}")
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let name = key.to_owned();
        self.call(Operation::Get, key, move |bucket, _| Ok(bucket.get(&name).cloned())).await
    }

    async fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Bytes>, StoreError> {
        let name = key.to_owned();
        let tail = move |body: &Bytes| body.slice(body.len().saturating_sub(bytes as usize)..);
        self.call(Operation::GetTail, key, move |bucket, _| Ok(bucket.get(&name).map(tail))).await
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let (name, agenda) = (key.to_owned(), self.agenda.clone());
        self.call(Operation::Head, key, move |bucket, _| Ok(bucket.head(&name, || agenda.one_in(2)))).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let (below, after) = (prefix.to_owned(), after.map(str::to_owned));
        let (agenda, sent) = (self.agenda.clone(), self.agenda.now());
        let bucket = self.bucket.clone();
        let page = self
            .call(Operation::List, prefix, move |bucket, _| Ok(bucket.list(&below, after.as_deref(), limit)))
            .await?;
        let newest = bucket.lock().expect("one thread").list(prefix, None, 1).keys;
        if prefix.starts_with("chain/") && limit == 1 && newest != page.keys {
            agenda.note("a listing is old when it arrives", || format!("{prefix} asked at {sent} ms"));
        }
        Ok(page)
    }

    fn url(&self) -> String {
        "simulated:".to_owned()
    }
}
