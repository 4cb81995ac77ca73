//! What a fuzzer calls, and what `make test` calls with the corpus: each target makes a case of any bytes and says what is wrong.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use alluvium::chain::{Cut, LossRecord, cut_key};
use alluvium::domain::{Digest, Header, ObjectKind, Offset, Records, Timestamp};
use alluvium::encode::{Footer, read_records};
use alluvium::schema::{Framing, Layout, Schemas, TopicSchema, resolve};
use bytes::Bytes;
use prost_reflect::prost_types::FileDescriptorSet;

use super::check::check;
use super::choices::Choices;
use super::engines::{Engines, Through, ensure, topic};
use super::payload::Payload;
use super::schema::Schema;
use super::wire;

/// Fuzzers go through rows mostly, to be quick.
type Target = fn(&[u8], Through) -> Result<(), String>;

/// All targets by name; a folder of `tests/corpus/cases` has the name of each.
pub const TARGETS: [(&str, Target); 7] = [
    ("decoder", decoder),
    ("round_trip", round_trip),
    ("framing", framing),
    ("descriptors", descriptors),
    ("cut_record", cut_record),
    ("object", object),
    ("config", config),
];

/// The messages that the decoder's inputs are payloads of: the first byte says which.
pub const ROOTS: [&str; 8] = [
    "corpus.v1.Everything",
    "corpus.legacy.Legacy",
    "corpus.v1.Node",
    "google.protobuf.Struct",
    "google.protobuf.Any",
    "google.protobuf.Timestamp",
    "corpus.v1.Ping",
    "corpus.legacy.Names",
];

const FRAMINGS: [Framing; 5] =
    [Framing::Raw, Framing::Confluent, Framing::ConfluentHeader, Framing::Glue, Framing::LengthDelimited];

/// Engines of a fixed message, which serve case after case.
struct Fixed {
    schema: Schema,
    engines: Mutex<Engines>,
}

impl Fixed {
    fn new(root: &str, framing: Framing) -> Fixed {
        let schema = Schema::fixed(&corpus_set(), root);
        let rule = TopicSchema { framing, ..TopicSchema::default() };
        let engines = Engines::new(&schema, rule).expect("a layout of the corpus").expect("not too wide");
        Fixed { schema, engines: Mutex::new(engines) }
    }

    fn engines(&self) -> MutexGuard<'_, Engines> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Everything` under each framing.
static FRAMED: LazyLock<Vec<Fixed>> =
    LazyLock::new(|| FRAMINGS.iter().map(|framing| Fixed::new(ROOTS[0], *framing)).collect());

/// Compiles the corpus's messages.
pub fn corpus_set() -> Vec<u8> {
    static SET: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut compiler = protox::Compiler::new([corpus().join("proto")]).expect("the corpus is there");
        compiler.include_imports(true).open_files(["everything.proto", "legacy.proto"]).expect("the corpus compiles");
        compiler.encode_file_descriptor_set()
    });
    SET.clone()
}

/// Returns where the corpus is: the fuzzers' package stands in a folder of the program's.
pub fn corpus() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [package.join("tests/corpus"), package.join("../tests/corpus")];
    places.into_iter().find(|place| place.is_dir()).expect("a corpus")
}

/// Any bytes as a payload of a fixed message, between two others.
fn decoder(data: &[u8], through: Through) -> Result<(), String> {
    static FIXED: LazyLock<Vec<Fixed>> =
        LazyLock::new(|| ROOTS.iter().map(|root| Fixed::new(root, Framing::Raw)).collect());
    let Some((first, payload)) = data.split_first() else { return Ok(()) };
    let fixed = &FIXED[usize::from(*first) % FIXED.len()];
    let between = [&b""[..], payload, b""];
    let payloads = between.map(|bytes| Payload { bytes: bytes.to_vec(), regular: false });
    check(&mut fixed.engines(), &fixed.schema, &payloads, through, &mut Choices::new(&[]))
}

/// A schema and payloads of it, both made of the input: two bytes of length, the schema's part, the payloads'.
fn round_trip(data: &[u8], through: Through) -> Result<(), String> {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return Ok(()) };
    let (of_schema, of_payloads) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let schema = Schema::random(&mut Choices::new(of_schema));
    let mut choices = Choices::new(of_payloads);
    let payloads: Vec<Payload> = (0..1 + choices.below(16)).map(|_| Payload::random(&schema, &mut choices)).collect();
    let Some(mut engines) = Engines::new(&schema, TopicSchema::default())? else { return Ok(()) };
    let through = if choices.chance(10) { Through::Parquet } else { through };
    check(&mut engines, &schema, &payloads, through, &mut choices)
}

/// A value under a framing: any bytes, or a frame that was built around any payload, which then reads as without it.
fn framing(data: &[u8], through: Through) -> Result<(), String> {
    let mut choices = Choices::new(data);
    let at = choices.below(FRAMINGS.len());
    if choices.chance(50) {
        let length = choices.below(48);
        let header = choices.bytes(length);
        return FRAMED[at].engines().archive(&one_record(choices.rest(), Some(&header)), through).map(|_| ());
    }
    let Some(frame) = Frame::build(FRAMINGS[at], &mut choices) else { return Ok(()) };
    let payload = choices.rest();
    let plain = FRAMED[0].engines().archive(&one_record(payload, None), through)?;
    let framed = FRAMED[at].engines().archive(&one_record(&frame.around(payload), frame.header.as_deref()), through)?;
    ensure!(plain.kind(0) == framed.kind(0), "{:?} in a frame {frame:?}", framed.row(0));
    // These tell of the frame, or count it in.
    const OWN: [&str; 6] = ["_headers", "_schema", "_framing", "_raw", "value", "position"];
    for ((name, plain), (_, framed)) in plain.row(0).iter().zip(framed.row(0)) {
        ensure!(
            OWN.contains(&name.as_str()) || *plain == framed,
            "{name} is {framed}, {plain} without frame {frame:?}"
        );
    }
    Ok(())
}

fn one_record(value: &[u8], header: Option<&[u8]>) -> Records {
    let mut records = Records::default();
    let headers = header.map(|value| Header { name: b"__value_schema_id", value: Some(value) });
    records.push(Offset(0), Timestamp::Create(0), None, Some(value), headers);
    records
}

/// What stands around a payload.
#[derive(Debug)]
struct Frame {
    before: Vec<u8>,
    header: Option<Vec<u8>>,
    /// What is compressed with the payload.
    inside: Option<Vec<u8>>,
    delimited: bool,
}

impl Frame {
    fn build(framing: Framing, choices: &mut Choices<'_>) -> Option<Frame> {
        let mut frame = Frame { before: Vec::new(), header: None, inside: None, delimited: false };
        match framing {
            Framing::Raw => {}
            Framing::Confluent => {
                frame.before = [vec![0], choices.bytes(4), indexes(choices)].concat();
            }
            Framing::ConfluentHeader => {
                let guid = [vec![1], choices.bytes(16)].concat();
                let indexes = indexes(choices);
                if choices.chance(50) {
                    frame.header = Some([guid, indexes].concat());
                } else {
                    (frame.header, frame.before) = (Some(guid), indexes);
                }
            }
            Framing::Glue => {
                let uuid = choices.bytes(16);
                // An index always: without one, a payload may begin as if with one.
                let index = vec![choices.below(8) as u8];
                if choices.chance(50) {
                    (frame.before, frame.inside) = ([vec![3, 5], uuid].concat(), Some(index));
                } else {
                    frame.before = [vec![3, 0], uuid, index].concat();
                }
            }
            Framing::LengthDelimited => frame.delimited = true,
        }
        Some(frame)
    }

    fn around(&self, payload: &[u8]) -> Vec<u8> {
        let mut value = self.before.clone();
        match &self.inside {
            _ if self.delimited => value.extend(wire::varint(payload.len() as u64).iter().chain(payload)),
            Some(index) => {
                let whole = [index.as_slice(), payload].concat();
                value.extend(miniz_oxide::deflate::compress_to_vec_zlib(&whole, 1));
            }
            None => value.extend_from_slice(payload),
        }
        value
    }
}

/// A list of message indexes: zigzag varints, a count first.
fn indexes(choices: &mut Choices<'_>) -> Vec<u8> {
    let count = choices.below(3);
    let mut numbers = vec![count as u64];
    numbers.extend((0..count).map(|_| choices.below(200) as u64));
    numbers.into_iter().flat_map(|number| wire::varint(number << 1)).collect()
}

/// Any bytes as a descriptor set. What has a layout has the same one when that was stored, and reads any payload.
fn descriptors(data: &[u8], through: Through) -> Result<(), String> {
    use prost::Message;
    let (Ok(schemas), Ok(set)) = (Schemas::load([("s".to_owned(), data.to_vec())]), FileDescriptorSet::decode(data))
    else {
        return Ok(());
    };
    let messages = set.file.iter().flat_map(|file| {
        let package = Some(file.package()).filter(|package| !package.is_empty());
        file.message_type
            .iter()
            .map(move |message| [package, Some(message.name())].into_iter().flatten().collect::<Vec<_>>().join("."))
    });
    for message in messages.take(8) {
        let rule = TopicSchema { message: Some(message), ..TopicSchema::default() };
        let Ok(layout) = resolve(&topic(), &rule, &schemas) else { continue };
        let (json, binpb) = layout.to_stored();
        let again = Layout::from_stored(layout.fingerprint(), &json, &binpb).map_err(|e| e.to_string())?;
        ensure!(again.fingerprint() == layout.fingerprint(), "a stored layout compiles to another");
        Engines::of(Arc::new(layout)).archive(&one_record(data, None), through)?;
    }
    Ok(())
}

/// Any bytes as a cut record and as a loss record. What is read is written as it was meant.
fn cut_record(data: &[u8], _: Through) -> Result<(), String> {
    if let Ok(cut) = serde_json::from_slice::<Cut>(data)
        && Offset::ZERO <= cut.first
    {
        let key = cut_key(&cut.chain(), cut.first);
        if let Ok(read) = Cut::parse(&key, data) {
            ensure!(read == cut, "{read:?} is not {cut:?}");
            ensure!(Cut::parse(&key, &cut.to_bytes()) == Ok(cut.clone()), "{cut:?} does not come back");
            ensure!(
                cut.objects.iter().all(|object| cut.range().contains(object.first)),
                "an object outside of {cut:?}"
            );
        }
    }
    if let Ok(loss) = serde_json::from_slice::<LossRecord>(data) {
        let key = "chain/x.loss.json";
        if let Ok(read) = LossRecord::parse(key, data, loss.cut) {
            ensure!(LossRecord::parse(key, &loss.to_bytes(), loss.cut) == Ok(read), "{loss:?} does not come back");
        }
    }
    // Whatever it is, it may stand anywhere.
    let elsewhere = Cut::parse("chain/t/00000000000000000000000000000000/00000/0000000000000000007.json", data);
    ensure!(elsewhere.is_err() || data.len() > 100, "{elsewhere:?}");
    let _ = LossRecord::parse("chain/x.loss.json", data, Digest::of(data));
    Ok(())
}

/// Any bytes as an object. Reading ends, and says what is wrong.
fn object(data: &[u8], _: Through) -> Result<(), String> {
    if let Ok(needed) = Footer::needed(data) {
        let footer = Footer::read(data);
        ensure!(footer.is_err() || needed <= data.len(), "a footer of {needed} bytes out of {}", data.len());
    }
    let engines = FRAMED[0].engines();
    for (kind, layout) in
        [(ObjectKind::Rows, Some(engines.layout())), (ObjectKind::Rows, None), (ObjectKind::Quarantine, None)]
    {
        let _ = read_records(Bytes::copy_from_slice(data), kind, layout);
    }
    Ok(())
}

/// Any text as a configuration. All mistakes can be printed, and nothing from the environment is in them.
fn config(data: &[u8], _: Through) -> Result<(), String> {
    const SECRET: &str = "zq-never-shown";
    let Ok(text) = std::str::from_utf8(data) else { return Ok(()) };
    let environment = |_: &str| Some(SECRET.to_owned());
    if let Err(mistakes) = alluvium::config::parse("fuzz.yaml", text, Path::new("/"), &environment) {
        let shown = format!("{mistakes}\n{mistakes:?}");
        ensure!(!shown.contains(SECRET), "a value of the environment is shown: {shown}");
    }
    Ok(())
}
