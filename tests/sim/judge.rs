//! The judge: looks at everything that appears in the bucket as it appears, with the truth about the log beside it, and at the
//! whole in the end. It shares no code with the daemon: JSON and Parquet are read by libraries, digests computed from
//! `docs/formats.md`.

use std::collections::{BTreeMap, BTreeSet};

use alluvium::domain::TopicId;
use bytes::Bytes;
use serde_json::Value;

use crate::agenda::Agenda;
use crate::bucket::{Bucket, Landed};
use crate::kafka::{Facts, HOUR, Key, State};
use crate::rows::{Object, hash};

/// What is known of the log, by topic id and partition.
pub type Truth = BTreeMap<Key, Facts>;

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

/// What a loss record says of an object: rows that were still found, and the digest over them.
type Lost = (u64, String);

#[derive(Default)]
pub struct Judge {
    /// Of each chain, by the cut's first offset.
    chains: BTreeMap<Key, BTreeMap<i64, Line>>,
    /// By the object's key.
    losses: BTreeMap<String, Vec<Lost>>,
    /// Rows of each object that is there.
    objects: BTreeMap<String, u64>,
    /// What each daemon that wrote a cut writes by.
    layouts: BTreeMap<String, String>,
    /// Which object each visible row is in.
    visible: BTreeMap<Key, BTreeMap<i64, String>>,
}

impl Judge {
    /// Looks at one create-only write that took effect.
    pub fn see(&mut self, landed: &Landed, bucket: &Bucket, truth: &Truth, agenda: &Agenda) -> Verdict {
        let (key, root) = (landed.key.as_str(), landed.key.split('/').next().unwrap_or_default());
        let bytes = bucket.get(key).ok_or_else(|| format!("{key} was deleted"))?;
        let judged = match root {
            "tables" | "quarantine" => self.object(landed, bytes, bucket, truth, agenda),
            "chain" if key.contains(".loss.") => self.loss(key, bytes, bucket, agenda),
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
                    return Err(format!(
                        "I7: a gap for retention to {}, but the log begins at {}",
                        line.next, facts.first
                    ));
                }
                Some("retention") => agenda.count("chain: gap by retention"),
                Some("skipped") => agenda.count("chain: gap by a later start"),
                other => return Err(format!("a gap for {other:?}")),
            }
        }
        if let Some(layout) = json["layout"].as_str() {
            self.layouts.insert(line.writer.clone(), layout.to_owned());
        }
        before.insert(line.first, line);
        Ok(())
    }

    fn loss(&mut self, key: &str, bytes: &Bytes, bucket: &Bucket, agenda: &Agenda) -> Verdict {
        let json: Value = serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))?;
        let cut = bucket.get(&key.replace(".loss", "")).ok_or("I3: a loss of a cut that is not there")?;
        if json["cut"].as_str() != Some(blake3::hash(cut).to_hex().as_str()) {
            return Err("a loss record of another cut".to_owned());
        }
        for object in json["objects"].as_array().into_iter().flatten() {
            let found = object["found"].as_u64().ok_or("no `found`")?;
            let lost = (found, object["digest"].as_str().unwrap_or_default().to_owned());
            self.losses.entry(object["key"].as_str().unwrap_or_default().to_owned()).or_default().push(lost);
        }
        agenda.count(if key.contains(".loss.loss.") { "chain: further loss record" } else { "chain: loss record" });
        Ok(())
    }

    fn object(&mut self, landed: &Landed, bytes: &Bytes, bucket: &Bucket, truth: &Truth, agenda: &Agenda) -> Verdict {
        let (key, object) = (landed.key.as_str(), Object::read(bytes)?);
        let cut = bucket.get(&object.cut).ok_or_else(|| format!("I3: its cut {} is not there", object.cut))?;
        let cut: Value = serde_json::from_slice(cut).map_err(|error| error.to_string())?;
        if cut["nonce"].as_str() != Some(&object.nonce) {
            return Err(format!("I3: made for a cut with nonce {}, which lost", object.nonce));
        }
        let named = cut["objects"].as_array().and_then(|all| all.iter().find(|named| named["key"] == key));
        let named = named.ok_or("I3: its cut does not name it")?;
        let (chain, _) = parse(&object.cut, &cut)?;
        let facts = truth.get(&chain).ok_or("an object of a partition that never was")?;
        self.count_redo(landed.sender, &cut, agenda);
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
        let losses = self.losses.get(key).map_or(&[][..], Vec::as_slice);
        if rows < wanted && !losses.contains(&(rows, digest)) {
            return Err(format!("I7: {rows} of {wanted} rows, and no loss record says so, but {losses:?}"));
        }
        self.objects.insert(key.to_owned(), rows);
        Ok(())
    }

    fn count_redo(&self, sender: u64, cut: &Value, agenda: &Agenda) {
        let sender = format!("daemon-{sender}");
        if cut["writer"] == *sender {
            return;
        }
        agenda.count("object: made by another than the cut's writer");
        let own = self.layouts.get(&sender);
        if own.is_some_and(|own| cut["layout"] != **own) {
            agenda.count("object: made with another layout than its maker's");
        }
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
        let losses = self.losses.get(&named.key);
        there == named.rows || losses.is_some_and(|losses| there > 0 || losses.iter().any(|(found, _)| *found == 0))
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

    fn chain(&self, chain: Key, facts: &Facts, bucket: &Bucket) -> Verdict {
        let (mut end, mut previous) = (0, None);
        let prefix = bucket.keys("chain/").find(|key| key.contains(&format!("/{}/{:05}/", chain.0, chain.1)));
        let prefix = prefix.and_then(|key| key.rsplit_once('/')).map_or("chain/none/", |(folder, _)| folder);
        let records: Vec<&str> = bucket.keys(prefix).filter(|key| !key.contains(".loss.")).collect();
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
            let unsaid =
                line.objects.iter().find(|named| rows(named) < named.rows && !self.losses.contains_key(&named.key));
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
