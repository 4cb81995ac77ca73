use std::path::Path;

use secrecy::ExposeSecret;

use super::shape::{keys, walk};
use super::*;
use crate::domain::Topic;
use crate::schema::{Form, Framing, TimeRule};
use crate::source::StartAt;

fn env(name: &str) -> Option<String> {
    match name {
        "LAKE" => Some("lake".into()),
        "EVERY" => Some("30s".into()),
        "PASSWORD" => Some("hunter2".into()),
        // Would be a section, were it not one scalar.
        "STRUCTURE" => Some("x\nmemory: 1B\n- [a".into()),
        _ => None,
    }
}

fn read(text: &str) -> Result<(Settings, Vec<Warning>), ConfigErrors> {
    parse("alluvium.yaml", text, Path::new("/etc/alluvium"), &env)
}

const GOOD: &str = r#"
kafka:
  brokers: localhost:9092
  group: ${GROUP:-lake-writers}
  protocol: consumer
  properties: { security.protocol: SASL_SSL, sasl.password: "${PASSWORD}", socket.timeout.ms: 5000, group.id: mine }
topics:
  - name: dev.a.b.c.D
    message: acme.v1.D
    table: ds
    framing: confluent_header
    time: meta.created_at
    start: 2026-11-23T06:00:00Z
    mapping: { recursion: 2, fields: { a.b: both }, extensions: [acme.v1.ext] }
    bloom: [id, a.b]
    incarnation: 007
  - match: 'prod\..+'
schemas:
  descriptors: [schemas/events.binpb, /abs/x.binpb]
archive:
  url: s3://${LAKE}/alluvium/
  s3: { endpoint: "http://localhost:4566", region: "${REGION:-}", path_style: "true" }
cut: { every: "${EVERY}", bytes: 64MiB, rows: 1000 }
memory: 1GiB
lanes: 2
http: 0.0.0.0:9700
stop_within: 20s
"#;

const LEAST: &str = r"
kafka: { brokers: 'localhost:9092' }
topics: [ { match: 'prod\..+' } ]
schemas: { descriptors: [ events.binpb ] }
archive: { url: 'file:///var/lib/alluvium' }
";

#[test]
fn everything_written_is_used() {
    let (settings, warnings) = read(GOOD).unwrap();
    assert_eq!((settings.kafka.brokers.as_str(), settings.kafka.group.as_str()), ("localhost:9092", "lake-writers"));
    assert_eq!(settings.kafka.protocol, Protocol::Consumer);
    let properties: Vec<_> = settings.kafka.properties.iter().map(|(k, v)| (k.as_str(), v.expose_secret())).collect();
    assert_eq!(
        properties,
        [
            ("group.id", "mine"),
            ("sasl.password", "hunter2"),
            ("security.protocol", "SASL_SSL"),
            ("socket.timeout.ms", "5000")
        ]
    );
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].to_string().starts_with("line 6, column 101: `kafka.properties.group.id` has no effect"),
        "{}",
        warnings[0]
    );
    let topic = &settings.topics[0];
    assert_eq!(topic.schema.message.as_deref(), Some("acme.v1.D"));
    assert_eq!(topic.schema.table.as_deref(), Some("ds"));
    assert_eq!(topic.schema.framing, Framing::ConfluentHeader);
    assert_eq!(topic.schema.time, TimeRule::Field("meta.created_at".into()));
    let mapping = &topic.schema.mapping;
    assert_eq!((mapping.recursion, &mapping.fields["a.b"], mapping.extensions.len()), (2, &Form::Both, 1));
    assert_eq!(topic.bloom.iter().collect::<Vec<_>>(), ["a.b", "id"]);
    assert_eq!(topic.start, StartAt::Time(1_795_413_600_000));
    assert_eq!(topic.incarnation.as_deref(), Some("007"));
    assert_eq!(settings.descriptors, [Path::new("/etc/alluvium/schemas/events.binpb"), Path::new("/abs/x.binpb")]);
    let ArchiveSettings::S3(s3) = &settings.archive else { panic!("{:?}", settings.archive) };
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.path_style), ("lake", "alluvium", true));
    assert_eq!((s3.endpoint.as_deref(), s3.region.as_deref()), (Some("http://localhost:4566"), None));
    assert_eq!(settings.cut.every.as_secs(), 30);
    assert_eq!((settings.cut.bytes, settings.cut.rows, settings.memory, settings.lanes), (64 << 20, 1000, 1 << 30, 2));
    assert_eq!((settings.http.to_string().as_str(), settings.stop_within.as_secs()), ("0.0.0.0:9700", 20));
}

#[test]
fn what_is_left_out_is_what_the_reference_says() {
    let (settings, warnings) = read(LEAST).unwrap();
    assert!(warnings.is_empty());
    assert_eq!((settings.kafka.group.as_str(), settings.kafka.protocol), ("alluvium", Protocol::Classic));
    assert_eq!((settings.cut.every.as_secs(), settings.cut.bytes, settings.cut.rows), (60, 64 << 20, 1_000_000));
    assert_eq!((settings.memory, settings.http.to_string().as_str()), (1 << 30, "127.0.0.1:9700"));
    assert!(settings.lanes >= 1);
    assert!(matches!(settings.topics[0].start, StartAt::Earliest));
}

#[test]
fn the_first_entry_that_speaks_of_a_topic_decides() {
    let (settings, _) = read(GOOD).unwrap();
    let topic = |name| settings.topic(&Topic::new(name));
    assert_eq!(topic("dev.a.b.c.D").unwrap().schema.table.as_deref(), Some("ds"));
    assert!(topic("prod.a.b.c.D").is_some());
    assert!(topic("xprod.a.b.c.D").is_none());
}

#[test]
fn debug_shows_no_secret() {
    let (settings, _) = read(GOOD).unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_replacement_never_becomes_structure() {
    let file = LEAST.replace("{ brokers:", r#"{ group: "${STRUCTURE}", brokers:"#);
    let (settings, _) = read(&file).unwrap();
    assert_eq!(settings.kafka.group, env("STRUCTURE").unwrap());
    assert_eq!(settings.memory, 1 << 30);
}

/// Every kind of mistake, alone, in a file that is right otherwise.
const MISTAKES: &[(&str, &str)] = &[
    ("empty", "# nothing\n"),
    ("syntax", "kafka:\n  brokers: [a\ntopics: []\n"),
    ("syntax_beside_a_secret", "kafka:\n  properties:\n    sasl.password: hunter2\n   sasl.username: \"me\n"),
    ("no_mapping", "- kafka\n"),
    ("two_documents", "lanes: 0\n---\nlanes: 1\n"),
    (
        "alias_and_tag",
        "kafka: &k { brokers: !!str 'a:1' }\ntopics: *k\nschemas: { descriptors: [a] }\narchive: { url: s3://lake }\n",
    ),
];

const WRONG_KEYS: &[(&str, &str)] = &[
    ("unknown_key", "memroy: 1GiB"),
    ("unknown_key_of_another_section", "path_style: true"),
    ("unknown_key_like_no_other", "quux: 1"),
    ("duplicate_key", "memory: 1GiB\nlanes: 2\nmemory: 2GiB"),
    ("wrong_kind", "cut: 60s\nlanes: [2]\nhttp: { port: 9700 }"),
    ("whole_number", "lanes: two"),
    ("whole_number_out_of_bounds", "lanes: 0"),
    ("duration_without_unit", "cut: { every: 60 }"),
    ("duration_out_of_bounds", "cut: { every: 1ms }\nstop_within: 2h"),
    ("size_with_unknown_unit", "memory: 1Gb"),
    ("size_out_of_bounds", "memory: 1MiB\ncut: { bytes: 1B }"),
    ("address", "http: localhost:9700"),
    ("more_in_a_cut_than_in_memory", "cut: { bytes: 512MiB }\nmemory: 256MiB"),
    ("undefined_variable", "memory: ${MEMORY}\ncut: { every: \"${LAKE}${A-B}\" }"),
    ("unclosed_reference", "memory: ${MEMORY"),
];

const WRONG_LINES: &[(&str, &str, &str)] = &[
    ("missing_key", "kafka: { brokers: 'localhost:9092' }", "kafka: { group: a }"),
    ("missing_section", "archive: { url: 'file:///var/lib/alluvium' }", ""),
    ("missing_value", "archive: { url: 'file:///var/lib/alluvium' }", "archive:\n  url: \"${NOTHING:-}\"\n"),
    ("brokers", "'localhost:9092'", "localhost"),
    ("protocol", "brokers:", "protocol: new, brokers:"),
    (
        "properties",
        "brokers:",
        "properties: { sesion.timeout.ms: 6000, security.protocol: TSL, socket.timeout.ms: soon, sasl.pasword: hunter2, fetch.min.bytes: 0, auto.offset.reset: nowhere }, brokers:",
    ),
    ("property_without_value", "brokers:", "properties: {sasl.password:hunter2}, brokers:"),
    ("no_topics", r"[ { match: 'prod\..+' } ]", "[]"),
    ("topic_is_no_section", r"[ { match: 'prod\..+' } ]", "[ a ]"),
    ("topic_without_match_and_name", r"match: 'prod\..+'", "table: a"),
    ("topic_with_match_and_name", r"match: 'prod\..+'", "match: a, name: prod.a.b.c.D"),
    ("regular_expression", r"prod\..+", "prod(.+"),
    ("topic_name", "match:", "name:"),
    ("topic_outside_the_convention", r"match: 'prod\..+'", "name: clicks, table: clicks"),
    ("topic_never_reached", "} ]", "}, { name: prod.a.b.c.D } ]"),
    ("start", "} ]", ", start: 2026-11-23 06:00 } ]"),
    ("mapping", "} ]", ", mapping: { recursion: 99, fields: { a.b: text, c: [] }, extension: x } } ]"),
    ("time", "} ]", ", time: created-at } ]"),
    ("table_and_message", "} ]", ", table: My.Table, message: .a.B } ]"),
    ("no_descriptors", "[ events.binpb ]", "[]"),
    ("archive_scheme", "file:///var/lib/alluvium", "s3a://lake/alluvium"),
    ("archive_folder", "file:///var/lib/alluvium", "file://lib/alluvium"),
    ("archive_bucket", "file:///var/lib/alluvium", "s3://My_Lake"),
    ("archive_credentials", "file:///var/lib/alluvium", "s3://me:hunter2@lake/alluvium"),
    ("endpoint", "url: 'file:///var/lib/alluvium'", "url: s3://lake, s3: { endpoint: 'localhost:4566' }"),
    (
        "endpoint_credentials",
        "url: 'file:///var/lib/alluvium'",
        "url: s3://lake, s3: { endpoint: 'http://a:hunter2@b' }",
    ),
    ("flag", "url: 'file:///var/lib/alluvium'", "url: s3://lake, s3: { path_style: yes }"),
];

/// Returns what is told of a file, which must be something, and never the secret.
fn told(file: &str) -> String {
    let errors = read(file).map(drop).expect_err(file);
    let report = errors.to_string();
    assert!(!report.contains("hunter2") && !format!("{errors:?}").contains("hunter2"), "{report}");
    report
}

fn same_as_stored(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn each_kind_of_mistake_is_told_with_its_place_and_remedy() {
    let mut all = String::new();
    let mut tell = |name: &str, file: &str| all += &format!("-- {name} --\n{}\n\n", told(file));
    MISTAKES.iter().for_each(|(name, file)| tell(name, file));
    WRONG_KEYS.iter().for_each(|(name, keys)| tell(name, &format!("{}{keys}\n", LEAST.trim_start())));
    for (name, right, wrong) in WRONG_LINES {
        assert!(LEAST.contains(right), "{name}");
        tell(name, &LEAST.trim_start().replacen(right, wrong, 1));
    }
    same_as_stored("each_kind_of_mistake", &all);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let file = r#"
kafka:
  broker: localhost:9092
  protocol: consumer
  properties:
    sasl.password: hunter2
    session.timeout.ms: 6000
    socket.timeout.ms: soon
topics:
  - match: 'prod(\..+'
    name: prod.a.b.c.D
  - name: clicks
    start: yesterday
  - match: dev.+
    match: prod.+
schemas:
archive:
  url: s3a://lake
cut: { every: 60, bytes: 2GiB }
memory: ${MEMORY}
http: localhost:9700
"#;
    let errors = read(file).map(drop).unwrap_err();
    let lines: Vec<usize> = errors.mistakes().iter().map(|m| errors.place(m).unwrap().0).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    same_as_stored("all_at_once", &errors.to_string());
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let errors = load(Path::new("/nowhere/alluvium.yaml"), &env).map(drop).unwrap_err();
    let report = errors.to_string();
    assert!(report.contains("/nowhere/alluvium.yaml: the file cannot be read: No such file"), "{report}");
    assert!(report.contains("alluvium config example"), "{report}");
}

/// Takes the `#` before keys away, except before those named.
fn in_force(example: &str, but: &[&str]) -> String {
    let keep = |line: &str| but.iter().any(|name| line.trim_start().starts_with(&format!("#{name}:")));
    let line = |line: &str| match line.split_once('#') {
        Some((blank, rest)) if blank.trim().is_empty() && !rest.starts_with(' ') && !keep(line) => {
            format!("{blank}{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    example.lines().map(line).collect()
}

#[test]
fn the_example_names_every_key_and_can_be_used_with_and_without_its_defaults() {
    let example = example();
    walk(&keys(), "", &mut |path, key| {
        let written =
            |start: &str| example.lines().any(|line| line.trim_start_matches([' ', '-', '#']).starts_with(start));
        assert!(written(&format!("{}:", key.name)), "{path}");
    });
    let (plain, _) = read(&example).unwrap_or_else(|errors| panic!("{errors}"));
    let (full, _) = read(&in_force(&example, &["name"])).unwrap_or_else(|errors| panic!("{errors}"));
    // What stands behind `#` as a default is the default.
    assert_eq!(
        (plain.cut, plain.memory, plain.http, plain.stop_within),
        (full.cut, full.memory, full.http, full.stop_within)
    );
    assert_eq!((plain.kafka.group, plain.kafka.protocol), (full.kafka.group, full.kafka.protocol));
}

/// As much of JSON Schema as ours uses.
fn fits(value: &serde_json::Value, schema: &serde_json::Value) -> bool {
    use serde_json::Value::*;
    if let Some(either) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return either.iter().any(|schema| fits(value, schema));
    }
    if schema.get("const").is_some_and(|word| word != value) {
        return false;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Array(kinds) => kinds.iter().filter_map(|kind| kind.as_str()).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let pattern = |text: &str| schema["pattern"].as_str().is_none_or(|p| regex::Regex::new(p).unwrap().is_match(text));
    match value {
        Null => kinds.contains(&"null"),
        Bool(_) => kinds.contains(&"boolean"),
        Number(n) => {
            let bound = |name: &str, default: u64| schema[name].as_u64().unwrap_or(default);
            (kinds.contains(&"integer") || kinds.contains(&"number"))
                && (bound("minimum", 0)..=bound("maximum", u64::MAX)).contains(&n.as_u64().unwrap())
        }
        String(text) => kinds.contains(&"string") && pattern(text),
        Array(items) => kinds.contains(&"array") && items.iter().all(|item| fits(item, &schema["items"])),
        Object(entries) => {
            let required = schema["required"].as_array().into_iter().flatten();
            kinds.contains(&"object")
                && required.into_iter().all(|name| entries.contains_key(name.as_str().unwrap()))
                && entries.iter().all(|(name, value)| match schema["properties"].get(name) {
                    Some(schema) => fits(value, schema),
                    None => schema["additionalProperties"].is_object() && fits(value, &schema["additionalProperties"]),
                })
        }
    }
}

/// Returns a file as an editor sees it, before any replacement.
fn as_json(node: &tree::Node) -> serde_json::Value {
    match &node.value {
        _ if node.is_null() => serde_json::Value::Null,
        tree::Value::Scalar { text, plain: true } => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
        }
        tree::Value::Scalar { text, .. } => text.as_str().into(),
        tree::Value::Unread => unreachable!(),
        tree::Value::List(items) => items.iter().map(as_json).collect(),
        tree::Value::Map(entries) => entries.iter().map(|e| (e.key.clone(), as_json(&e.node))).collect(),
    }
}

#[test]
fn the_schema_for_editors_takes_good_files_and_refuses_others() {
    let schema = json_schema();
    let judged = |file: &str| fits(&as_json(&tree::parse(file, &mut Findings::default()).unwrap()), &schema);
    // A quoted truth value and an unquoted 007 are taken by the program and not by editors.
    let good = GOOD.replace("\"true\"", "true");
    for file in [LEAST, &good, &example(), &in_force(&example(), &["name"])] {
        assert!(judged(file), "{file}");
    }
    for (name, keys) in WRONG_KEYS {
        let blind = ["duplicate_key", "duration_out_of_bounds", "size_out_of_bounds", "address"];
        let blind = blind.contains(name) || matches!(*name, "more_in_a_cut_than_in_memory" | "undefined_variable");
        assert!(blind || !judged(&format!("{LEAST}{keys}\n")), "{name}");
    }
}

proptest::proptest! {
    /// Bad input is normal input, and `form` and the types must agree on what is good.
    #[test]
    fn no_file_makes_it_panic(at in 0..GOOD.len(), cut in 0usize..40, put in "[ \\n:\\[\\]{}&*!|>'\"%#a-zA-Z0-9$.-]{0,12}") {
        let mut file = GOOD.as_bytes().to_vec();
        file.splice(at..(at + cut).min(GOOD.len()), put.bytes());
        if let Err(errors) = read(&String::from_utf8(file).unwrap()) {
            assert!(!errors.mistakes().is_empty());
            assert!(!errors.to_string().is_empty());
        }
    }
}

#[test]
fn the_page_of_all_keys_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("ALLUVIUM_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, reference()).unwrap();
    }
    let page = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(page == reference(), "docs/configuration.md is out of date: run the tests once with ALLUVIUM_BLESS=1");
}
