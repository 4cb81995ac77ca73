//! The judge: looks at everything that appears in the bucket as it appears, with the truth about the log beside it, and at the
//! whole in the end. It shares no code with the daemon: JSON and Parquet are read by libraries, digests computed from
//! `docs/formats.md`.

use std::collections::{BTreeMap, BTreeSet};

use alluvium::domain::{Timestamp, TopicId};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prost::Message;
use serde_json::Value;

use crate::agenda::Agenda;
use crate::bucket::{Bucket, Landed};
use crate::kafka::{Fact, HOUR, Key, State};

/// What is known of the log, by topic id and partition.
pub type Truth = BTreeMap<Key, crate::kafka::Facts>;

/// Nothing, or which invariant was broken and how.
pub type Verdict = Result<(), String>;

/// A cut record as the judge reads it.
#[derive(Clone, Debug)]
struct Line {
    key: String,
    first: i64,
    next: i64,
    gap: bool,
    writer: String,
    objects: Vec<Named>,
}

#[derive(Clone, Debug)]
struct Named {
    key: String,
    rows: u64,
}

/// What a loss record says of an object.
#[derive(Clone, Debug)]
struct Lost {
    found: u64,
}

#[derive(Default)]
pub struct Judge {
    /// Of each chain, by the cut's first offset.
    chains: BTreeMap<Key, BTreeMap<i64, Line>>,
    /// By the object's key.
    losses: BTreeMap<String, Lost>,
    /// Rows of each object that is there.
    objects: BTreeMap<String, u64>,
    /// Which object each visible row is in.
    visible: BTreeMap<Key, BTreeMap<i64, String>>,
}

impl Judge {
    /// Looks at one create-only write that took effect.
    pub fn see(&mut self, landed: &Landed, bucket: &Bucket, truth: &Truth, agenda: &Agenda) -> Verdict {
        let (key, root) = (landed.key.as_str(), landed.key.split('/').next().unwrap_or_default());
        let bytes = bucket.get(key).ok_or_else(|| format!("{key} was deleted"))?;
        let judged = match root {
            "tables" | "quarantine" => self.object(key, bytes, bucket, truth),
            "chain" if key.ends_with(".loss.json") => self.loss(key, bytes, bucket, agenda),
            "chain" => self.cut(key, bytes, bucket, truth, agenda),
            "layouts" | "probe" => Ok(()),
            _ => Err(format!("{key}: nothing belongs there")),
        };
        judged.map_err(|broken| format!("{broken} ({key})"))
    }

    fn cut(&mut self, key: &str, bytes: &Bytes, bucket: &Bucket, truth: &Truth, agenda: &Agenda) -> Verdict {
        let json: Value = serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))?;
        let (chain, line) = parse(key, &json)?;
        let facts = truth.get(&chain).ok_or("a cut of a partition that never was")?;
        let before = self.chains.entry(chain).or_default();
        if before.contains_key(&line.first) {
            return Err(format!("I1: two cuts begin at {}", line.first));
        }
        let (last, end) = before.last_key_value().map_or((None, 0), |(_, last)| (Some(last), last.next));
        if line.first != end {
            return Err(format!("I2: the cut begins at {}, the chain ends at {end}", line.first));
        }
        let hash = last.and_then(|last| bucket.get(&last.key)).map(|bytes| blake3::hash(bytes).to_hex().to_string());
        if json["previous"].as_str() != hash.as_deref() {
            return Err(format!("I2: previous is {}, should be {hash:?}", json["previous"]));
        }
        if let Some(last) = last {
            for named in &last.objects {
                let there = self.objects.get(&named.key).copied().unwrap_or(0);
                if there != named.rows && !self.losses.contains_key(&named.key) {
                    return Err(format!("I4: a cut follows, but {} has {there} of {} rows", named.key, named.rows));
                }
            }
            if last.writer != line.writer {
                agenda.count("chain: taken over by another daemon");
            }
        }
        if line.next > facts.facts.len() as i64 {
            return Err(format!("the cut ends at {}, beyond the log", line.next));
        }
        if line.gap {
            match json["reason"].as_str() {
                Some("retention") if line.next > facts.first => {
                    return Err(format!("I7: a gap for retention to {}, but the log begins at {}", line.next, facts.first));
                }
                Some("retention") => agenda.count("chain: gap by retention"),
                Some("skipped") => agenda.count("chain: gap by a later start"),
                other => return Err(format!("a gap for {other:?}")),
            }
        }
        before.insert(line.first, line);
        Ok(())
    }

    fn loss(&mut self, key: &str, bytes: &Bytes, bucket: &Bucket, agenda: &Agenda) -> Verdict {
        let json: Value = serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))?;
        let cut = bucket.get(&key.replace(".loss.json", ".json")).ok_or("I3: a loss of a cut that is not there")?;
        if json["cut"].as_str() != Some(blake3::hash(cut).to_hex().as_str()) {
            return Err("a loss record of another cut".to_owned());
        }
        for object in json["objects"].as_array().into_iter().flatten() {
            let found = object["found"].as_u64().ok_or("no `found`")?;
            self.losses.insert(object["key"].as_str().unwrap_or_default().to_owned(), Lost { found });
        }
        agenda.count("chain: loss record");
        Ok(())
    }

    fn object(&mut self, key: &str, bytes: &Bytes, bucket: &Bucket, truth: &Truth) -> Verdict {
        let object = Object::read(bytes)?;
        let cut = bucket.get(&object.cut).ok_or_else(|| format!("I3: its cut {} is not there", object.cut))?;
        let cut: Value = serde_json::from_slice(cut).map_err(|error| error.to_string())?;
        if cut["nonce"].as_str() != Some(&object.nonce) {
            return Err(format!("I3: made for a cut with nonce {}, which lost", object.nonce));
        }
        let named = cut["objects"].as_array().and_then(|all| all.iter().find(|named| named["key"] == key));
        let named = named.ok_or("I3: its cut does not name it")?;
        let (chain, _) = parse(&object.cut, &cut)?;
        let facts = truth.get(&chain).ok_or("an object of a partition that never was")?;
        let time_in_payload = time_in_payload(bucket, &cut)?;
        let mut digest = blake3::Hasher::new();
        for row in &object.rows {
            let fact = facts.facts.get(row.offset as usize).filter(|fact| fact.state == State::Live);
            let fact = fact.ok_or_else(|| format!("offset {} is no record of the log", row.offset))?;
            row.check(fact, key)?;
            hash(&mut digest, row.offset, fact);
            let payload = fact.payload_time.filter(|_| time_in_payload && !object.quarantine);
            let hour = payload.or(fact.record.timestamp.millis()).unwrap_or(0).div_euclid(HOUR);
            if key_hour(key) != Some(hour) {
                return Err(format!("I6: offset {} belongs into hour {hour}, not {:?}", row.offset, key_hour(key)));
            }
            let there = self.visible.entry(chain).or_default();
            if let Some(other) = there.insert(row.offset, key.to_owned()) {
                return Err(format!("I5: offset {} is in {other} already", row.offset));
            }
        }
        let digest = digest.finalize().to_hex().to_string();
        if object.digest != digest {
            return Err(format!("the footer's digest is {}, the log's records give {digest}", object.digest));
        }
        let (rows, wanted) = (object.rows.len() as u64, named["rows"].as_u64().unwrap_or(0));
        if rows > wanted || (rows == wanted && named["digest"].as_str() != Some(&digest)) {
            return Err("I3: other rows than the cut names".to_owned());
        }
        if rows < wanted && !self.losses.contains_key(key) {
            return Err(format!("I7: {rows} of {wanted} rows, and no loss record says so"));
        }
        self.objects.insert(key.to_owned(), rows);
        Ok(())
    }

    /// Returns what of the existing topics is not archived yet, which is no fault while daemons are at work.
    pub fn awaited(&self, truth: &Truth) -> Option<String> {
        truth.iter().filter(|(_, facts)| !facts.deleted).find_map(|(chain, facts)| {
            let line = self.chains.get(chain).and_then(|line| line.last_key_value()).map(|(_, line)| line);
            let name = || format!("{} {}", chain.0, chain.1);
            let end = line.map_or(0, |line| line.next);
            // What compaction took before anybody read it leaves no trace; what retention took does.
            let left = |at: &i64| {
                let fact = &facts.facts[*at as usize];
                fact.state == State::Live && (!fact.dropped || *at < facts.first)
            };
            if let Some(at) = (end..facts.facts.len() as i64).find(left) {
                return Some(format!("{}: offset {at}, the chain ends at {end}", name()));
            }
            let open = line?.objects.iter().find(|named| !self.is_settled(named))?;
            Some(format!("{}: {}", name(), open.key))
        })
    }

    fn is_settled(&self, named: &Named) -> bool {
        let there = self.objects.get(&named.key).copied().unwrap_or(0);
        // Of a loss, what was still found is uploaded after the record.
        there == named.rows || self.losses.get(&named.key).is_some_and(|lost| there > 0 || lost.found == 0)
    }

    /// Looks at the bucket as a whole, when nothing is on its way any more.
    pub fn end(&self, bucket: &Bucket, truth: &Truth) -> Verdict {
        let objects: BTreeSet<&str> = bucket.keys("tables/").chain(bucket.keys("quarantine/")).collect();
        let seen: BTreeSet<&str> = self.objects.keys().map(String::as_str).collect();
        if let Some(odd) = objects.symmetric_difference(&seen).next() {
            return Err(format!("{odd} came or went without a trace"));
        }
        for (chain, facts) in truth {
            self.chain(*chain, facts, bucket).map_err(|broken| format!("{broken} ({} {})", chain.0, chain.1))?;
        }
        self.awaited(truth).map_or(Ok(()), |missing| Err(format!("I7: never archived: {missing}")))
    }

    fn chain(&self, chain: Key, facts: &crate::kafka::Facts, bucket: &Bucket) -> Verdict {
        let (mut end, mut previous) = (0, None);
        let prefix = bucket.keys("chain/").find(|key| key.contains(&format!("/{}/{:05}/", chain.0, chain.1)));
        let prefix = prefix.and_then(|key| key.rsplit_once('/')).map_or("chain/none/", |(folder, _)| folder);
        let records: Vec<&str> = bucket.keys(prefix).filter(|key| !key.ends_with(".loss.json")).collect();
        let visible = self.visible.get(&chain);
        for key in records.iter().rev() {
            let bytes = bucket.get(key).expect("just listed");
            let json: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let (_, line) = parse(key, &json)?;
            if line.first != end || json["previous"].as_str().map(str::to_owned) != previous {
                return Err(format!("I2: {key} does not follow"));
            }
            (end, previous) = (line.next, Some(blake3::hash(bytes).to_hex().to_string()));
            let rows = |named: &Named| self.objects.get(&named.key).copied().unwrap_or(0);
            let short: u64 = line.objects.iter().map(|named| named.rows - rows(named)).sum();
            let is_missing = |at: &i64| {
                let live = facts.facts[*at as usize].state == State::Live;
                live && !visible.is_some_and(|visible| visible.contains_key(at))
            };
            let missing: Vec<i64> = (line.first..line.next).filter(is_missing).collect();
            let skipped = json["reason"] == "skipped";
            if let Some(at) = missing.iter().find(|at| !skipped && !facts.facts[**at as usize].dropped) {
                return Err(format!("I7: offset {at} is missing, and Kafka has it still"));
            }
            if short > missing.len() as u64 {
                return Err(format!("{key} names {short} rows more than there ever were"));
            }
            let unsaid = line.objects.iter().find(|named| rows(named) < named.rows && !self.losses.contains_key(&named.key));
            // Of a topic that was deleted amid an upload nobody can say any more what is lost: the newest cut stays open.
            if let Some(named) = unsaid.filter(|_| !facts.deleted || records.first() != Some(key)) {
                return Err(format!("I7: {} is short of rows, and no loss record says so", named.key));
            }
        }
        Ok(())
    }
}

fn parse(key: &str, json: &Value) -> Result<(Key, Line), String> {
    let number = |name: &str| json[name].as_i64().ok_or_else(|| format!("no number {name}"));
    let text = |name: &str| json[name].as_str().ok_or_else(|| format!("no text {name}"));
    let id: TopicId = text("topic_id")?.parse().map_err(|_| "no topic id".to_owned())?;
    let (partition, first, next) = (number("partition")?, number("first")?, number("next")?);
    let wanted = format!("chain/{}/{id}/{partition:05}/{:019}.json", text("topic")?, i64::MAX - first);
    if key != wanted || next <= first {
        return Err(format!("stands at {key}, says {wanted} to {next}"));
    }
    let named = |object: &Value| {
        let (key, rows) = (object["key"].as_str()?.to_owned(), object["rows"].as_u64()?);
        Some(Named { key, rows })
    };
    let objects = json["objects"].as_array().map(|all| all.iter().map(named).collect::<Option<Vec<_>>>());
    let objects = objects.flatten().ok_or("no objects")?;
    let gap = json["kind"] == "gap";
    let line = Line { key: key.to_owned(), first, next, gap, writer: text("writer")?.to_owned(), objects };
    Ok(((id, partition as i32), line))
}

/// Whether the cut's layout takes the bucket hour from the payload.
fn time_in_payload(bucket: &Bucket, cut: &Value) -> Result<bool, String> {
    let rule = format!("layouts/{}.json", cut["layout"].as_str().unwrap_or_default());
    let rule = bucket.get(&rule).ok_or_else(|| format!("{rule} is not there, though a cut names it"))?;
    let rule: Value = serde_json::from_slice(rule).map_err(|error| error.to_string())?;
    Ok(rule["time"] != "record")
}

/// Hours since the epoch from `…/dt=2026-11-23/hour=06/…`.
fn key_hour(key: &str) -> Option<i64> {
    let (_, rest) = key.split_once("/dt=")?;
    let (date, rest) = rest.split_once("/hour=")?;
    let date: jiff::civil::Date = date.parse().ok()?;
    let days = (date - jiff::civil::date(1970, 1, 1)).get_days();
    Some(i64::from(days) * 24 + rest.get(..2)?.parse::<i64>().ok()?)
}

/// Adds a record as `docs/formats.md` says.
fn hash(into: &mut blake3::Hasher, offset: i64, fact: &Fact) {
    let (kind, millis) = match fact.record.timestamp {
        Timestamp::None => (0, -1),
        Timestamp::Create(millis) => (1, millis),
        Timestamp::Append(millis) => (2, millis),
    };
    into.update(&[&offset.to_be_bytes()[..], &[kind], &millis.to_be_bytes()].concat());
    part(into, fact.record.key.as_deref());
    part(into, fact.record.value.as_deref());
    into.update(&(fact.record.headers.len() as u32).to_be_bytes());
    for (name, value) in &fact.record.headers {
        part(into, Some(name));
        part(into, value.as_deref());
    }
}

fn part(into: &mut blake3::Hasher, bytes: Option<&[u8]>) {
    into.update(&bytes.map_or(-1, |bytes| bytes.len() as i64).to_be_bytes());
    into.update(bytes.unwrap_or_default());
}

/// A row as a reader sees it.
struct Row {
    offset: i64,
    millis: Option<i64>,
    key: Option<Vec<u8>>,
    search: Option<String>,
}

impl Row {
    /// Compares with the log, by what is easily read without our code; the digest covers the rest.
    fn check(&self, fact: &Fact, key: &str) -> Verdict {
        #[derive(Message)]
        struct Ids {
            #[prost(string, tag = "1")]
            first: String,
            #[prost(string, tag = "7")]
            seventh: String,
        }
        let same = self.millis == fact.record.timestamp.millis() && self.key == fact.record.key;
        let rows = key.starts_with("tables/");
        let ids = fact.record.value.as_deref().filter(|value| rows && !value.is_empty());
        let ids = ids.and_then(|value| Ids::decode(value).ok());
        let wanted = ids.map(|ids| if key.contains("flight_search") { ids.first } else { ids.seventh });
        let search = self.search.as_deref().unwrap_or_default();
        if same && search == wanted.as_deref().unwrap_or_default() {
            return Ok(());
        }
        Err(format!("offset {} reads as another record: search_id {search:?}, not {wanted:?}", self.offset))
    }
}

/// A Parquet object as the judge reads it.
struct Object {
    cut: String,
    nonce: String,
    digest: String,
    quarantine: bool,
    rows: Vec<Row>,
}

impl Object {
    fn read(bytes: &Bytes) -> Result<Object, String> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|error| error.to_string())?;
        let facts = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
        let fact = |name: &str| {
            let name = format!("alluvium.{name}");
            let found = facts.iter().find(|entry| entry.key == name).and_then(|entry| entry.value.clone());
            found.ok_or_else(|| format!("the footer has no {name}"))
        };
        let (cut, nonce, digest) = (fact("cut.key")?, fact("cut.nonce")?, fact("digest")?);
        let quarantine = fact("kind")? == "quarantine";
        let names = ["_offset", "_timestamp", "_key", "search_id"];
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let reader = builder.with_projection(mask).build().map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| error.to_string())?;
            rows_of(&batch, &mut rows).ok_or("a column has another type")?;
        }
        Ok(Object { cut, nonce, digest, quarantine, rows })
    }
}

fn rows_of(batch: &RecordBatch, rows: &mut Vec<Row>) -> Option<()> {
    let offsets = batch.column_by_name("_offset")?.as_primitive_opt::<Int64Type>()?;
    let times = batch.column_by_name("_timestamp")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let keys = batch.column_by_name("_key")?.as_binary_opt::<i32>()?;
    let searches = batch.column_by_name("search_id").map(|column| column.as_string::<i32>());
    for at in 0..batch.num_rows() {
        rows.push(Row {
            offset: offsets.value(at),
            millis: times.is_valid(at).then(|| times.value(at)),
            key: keys.is_valid(at).then(|| keys.value(at).to_vec()),
            search: searches.filter(|searches| searches.is_valid(at)).map(|searches| searches.value(at).to_owned()),
        });
    }
    Some(())
}
