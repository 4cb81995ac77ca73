//! From bytes to what they are and say.

use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::super::output::time;
use super::object::{self, ObjectFacts};
use super::words::Words;
use crate::chain::{Cut, CutKind, LossRecord, cut_key};
use crate::domain::Digest;
use crate::schema::Layout;

/// One thing of an archive, explained.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub name: String,
    pub bytes: usize,
    /// BLAKE3 of the bytes. Of a cut record it is what the next one names as `previous`, of a layout its fingerprint.
    pub blake3: Digest,
    #[serde(flatten)]
    pub thing: Thing,
    /// What is wrong with it.
    pub faults: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "what", content = "says", rename_all = "snake_case")]
pub(super) enum Thing {
    CutRecord(Box<Cut>),
    LossRecord(LossRecord),
    Layout(Value),
    Object(Box<ObjectFacts>),
}

/// `layout` is the one that an object's footer names, or why it is not to be had.
pub(super) fn explain(name: &str, bytes: Bytes, layout: &Result<Arc<Layout>, String>) -> anyhow::Result<Explained> {
    let mut faults = Vec::new();
    let (length, blake3) = (bytes.len(), Digest::of(&bytes));
    let thing = match bytes.starts_with(b"PAR1") {
        true => Thing::Object(Box::new(object::facts(name, bytes, layout, &mut faults)?)),
        false => record(name, &bytes, &mut faults)?,
    };
    Ok(Explained { name: name.to_owned(), bytes: length, blake3, thing, faults })
}

/// Tells the JSON records apart by their fields, so that a copy under another name is explained, too.
fn record(name: &str, bytes: &[u8], faults: &mut Vec<String>) -> anyhow::Result<Thing> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        bail!(
            "{name} is neither JSON nor Parquet: a cut record, a loss record, a layout (.json) or an object is expected"
        );
    };
    let has = |field: &str| value.get(field).is_some();
    if has("previous") && has("first") {
        return cut(name, bytes, faults);
    }
    if has("cut") && has("objects") {
        let loss: LossRecord =
            serde_json::from_value(value).with_context(|| format!("{name} is a damaged loss record"))?;
        return Ok(Thing::LossRecord(loss));
    }
    if has("mapping") && has("columns") {
        if let Some(stem) = file_stem(name)
            && stem != Digest::of(bytes).to_string()
        {
            faults.push(format!("its name says fingerprint {stem}"));
        }
        return Ok(Thing::Layout(value));
    }
    bail!("{name} is JSON, and neither a cut record nor a loss record nor a layout");
}

fn cut(name: &str, bytes: &[u8], faults: &mut Vec<String>) -> anyhow::Result<Thing> {
    let cut: Cut = serde_json::from_slice(bytes).with_context(|| format!("{name} is a damaged cut record"))?;
    let key = cut_key(&cut.chain(), cut.first);
    if let Err(error) = Cut::parse(&key, bytes) {
        faults.push(error.to_string());
    }
    // A prefix or a folder may stand before the key.
    if !name.ends_with(&key) {
        faults.push(format!("it belongs at {key}"));
    }
    Ok(Thing::CutRecord(Box::new(cut)))
}

fn file_stem(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.strip_suffix(".json")
}

impl Explained {
    /// Whether nothing is wrong with it, as far as it tells by itself.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn in_words(&self) -> String {
        let mut words = Words::default();
        match &self.thing {
            Thing::CutRecord(cut) => words.cut(self, cut),
            Thing::LossRecord(loss) => words.loss(self, loss),
            Thing::Layout(layout) => words.layout(self, layout),
            Thing::Object(facts) => words.object(&self.name, self.bytes, facts),
        }
        for fault in &self.faults {
            words.line("FAULT", fault);
        }
        words.into_text()
    }
}

impl Words {
    fn cut(&mut self, explained: &Explained, cut: &Cut) {
        self.line("cut record", &explained.name);
        self.line("topic", format!("{}, id {}", cut.topic, cut.topic_id));
        self.line("partition", cut.partition);
        let what = match (cut.kind, cut.reason) {
            (CutKind::Gap, Some(reason)) => format!("a gap: {}", reason.word()),
            _ => "data".into(),
        };
        self.line("range", format!("{}..{}, {what}", cut.first, cut.next));
        if let (Some(min), Some(max)) = (cut.min_timestamp, cut.max_timestamp) {
            self.line("timestamps", format!("{} to {}", time(min), time(max)));
        }
        if let Some(layout) = cut.layout {
            self.line("layout", format!("layouts/{layout}.json"));
        }
        let cluster = if cut.cluster.is_empty() { "unknown" } else { &cut.cluster };
        self.line(
            "writer",
            format!("{}, nonce {}, leader epoch {}, cluster {cluster}", cut.writer, cut.nonce, cut.leader_epoch),
        );
        self.line("previous", cut.previous.map_or("none: the first of its chain".into(), |digest| digest.to_string()));
        self.line("this record", format!("{} (its successor's `previous`)", explained.blake3));
        self.line("rows", cut.objects.iter().map(|object| object.rows).sum::<u64>());
        for object in &cut.objects {
            self.line("object", &object.key);
            let kind = format!("{:?}", object.kind).to_lowercase();
            self.line(
                "",
                format!("{kind} of {}: {} rows in {}..{}", object.hour, object.rows, object.first, object.next),
            );
            self.line("", format!("digest {}", object.digest));
        }
    }

    fn loss(&mut self, explained: &Explained, loss: &LossRecord) {
        self.line("loss record", &explained.name);
        self.line("of cut record", loss.cut);
        self.line("writer", &loss.writer);
        for object in &loss.objects {
            self.line("object", &object.key);
            self.line(
                "",
                format!("{} of {} rows were left in Kafka, digest {}", object.found, object.rows, object.digest),
            );
        }
    }

    fn layout(&mut self, explained: &Explained, layout: &Value) {
        let text = |field: &str| match &layout[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.line("layout", &explained.name);
        self.line("fingerprint", explained.blake3);
        for field in ["table", "message", "framing", "time", "descriptor", "options"] {
            self.line(field, text(field));
        }
        self.line(
            "versions",
            format!("format {}, mapping {}, encoder {}", text("version"), text("mapping"), text("encoder")),
        );
        for column in layout["columns"].as_array().into_iter().flatten() {
            let path = |field: &str| {
                let parts = column[field].as_array().into_iter().flatten();
                parts.map(|part| part.as_str().map_or(part.to_string(), str::to_owned)).collect::<Vec<_>>().join(".")
            };
            let kind = column["parquet"].as_str().unwrap_or("?");
            self.line(
                "column",
                format!("{:<40} {kind:<28} from {} ({})", path("name"), path("proto"), path("numbers")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{CutObject, GapReason, LostObject, VERSION, loss_key};
    use crate::domain::{BucketHour, ObjectKind, Offset, OffsetRange, Topic, TopicId};
    use crate::replay::tests as fixture;

    fn cut() -> Cut {
        let object = CutObject {
            key: "tables/t/x.parquet".into(),
            kind: ObjectKind::Rows,
            hour: BucketHour::of(Some(0)),
            rows: 3,
            first: Offset(1),
            next: Offset(5),
            digest: Digest::of(b"rows"),
        };
        Cut {
            version: VERSION,
            topic: Topic::new("prod.a.b.c.D"),
            topic_id: TopicId([7; 16]),
            partition: 4,
            cluster: String::new(),
            first: Offset(0),
            next: Offset(9),
            kind: CutKind::Data,
            reason: None,
            layout: Some(Digest::of(b"layout")),
            writer: "w-0".into(),
            nonce: "n".into(),
            leader_epoch: -1,
            min_timestamp: Some(0),
            max_timestamp: Some(i64::MAX),
            objects: vec![object],
            previous: None,
        }
    }

    fn explained(name: &str, bytes: impl Into<Bytes>) -> Explained {
        explain(name, bytes.into(), &Ok(fixture::layout())).unwrap()
    }

    #[test]
    fn a_cut_record_says_range_rows_objects_and_what_its_successor_names() {
        let (cut, key) = (cut(), cut_key(&cut().chain(), Offset(0)));
        let bytes = cut.to_bytes();
        let digest = Digest::of(&bytes).to_string();
        let explained = explained(&format!("/lake/p/{key}"), bytes);
        assert!(explained.is_sound(), "{:?}", explained.faults);
        let words = explained.in_words();
        for part in [
            "0..9, data",
            "1970-01-01T00:00:00Z to 9223372036854775807 ms",
            "tables/t/x.parquet",
            "3 rows in 1..5",
            &digest,
        ] {
            assert!(words.contains(part), "{part} is not in\n{words}");
        }
        let json = serde_json::to_value(&explained).unwrap();
        assert_eq!((json["what"].as_str(), json["says"]["next"].as_i64()), (Some("cut_record"), Some(9)));
    }

    #[test]
    fn a_cut_record_that_stands_elsewhere_or_contradicts_itself_has_a_fault() {
        let explained = explained("copy.json", Cut { reason: Some(GapReason::Skipped), ..cut() }.to_bytes());
        assert_eq!(explained.faults.len(), 2, "{:?}", explained.faults);
        assert!(explained.in_words().contains("FAULT"));
    }

    #[test]
    fn a_loss_record_and_a_layout_are_told_apart_by_their_fields() {
        let lost = LostObject { key: "k".into(), rows: 5, found: 2, digest: Digest::of(b"") };
        let loss = LossRecord { version: VERSION, cut: Digest::of(b"c"), writer: "w".into(), objects: vec![lost] };
        let name = loss_key(&cut().chain(), Offset(0));
        assert!(explained(&name, loss.to_bytes()).in_words().contains("2 of 5 rows"));
        let layout = r#"{"table":"t","mapping":1,"columns":[{"name":["a","b"],"proto":["a","b"],"numbers":[1,2],"parquet":"INT64"}]}"#;
        let words = explained("layouts/abc.json", layout).in_words();
        assert!(
            words.contains("a.b") && words.contains("(1.2)") && words.contains("its name says fingerprint abc"),
            "{words}"
        );
    }

    #[test]
    fn an_object_says_its_footer_its_columns_and_the_digest_of_its_records() {
        let range = OffsetRange::new(Offset(0), Offset(9)).unwrap();
        let samples = fixture::records(&[(1, Some(5)), (2, Some(6))]);
        let (object, bytes) = fixture::objects(&fixture::chain(0), range, &samples).remove(0);
        let explained = explained(&object.key, bytes.clone());
        assert!(explained.is_sound(), "{:?}", explained.faults);
        let words = explained.in_words();
        for part in [
            "2 in 1 row groups",
            "payloads kept 0: ",
            "1..3",
            "alluvium.cut.next = 9",
            "ZSTD",
            "message ",
            &object.digest.to_string(),
        ] {
            assert!(words.contains(part), "{part} is not in\n{words}");
        }
        let faults = explain("x.parquet", bytes.clone(), &Err("no layout".into())).unwrap().faults;
        assert!(faults[0].ends_with("it takes their layout to make them: no layout"), "{faults:?}");
        let error = explain("x.parquet", bytes.slice(..bytes.len() - 9), &Err("none".into())).unwrap_err().to_string();
        assert!(error.contains("no whole Parquet file"), "{error}");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_expected() {
        for bytes in ["", "{}", "hello"] {
            let error = explain("x", Bytes::from(bytes), &Err("none".into())).unwrap_err().to_string();
            assert!(error.contains("cut record"), "{error}");
        }
    }
}
