use std::path::Path;

use super::fixture::{compiled, layout, schemas, sets, topic};
use super::*;
use crate::domain::{Digest, Topic};

fn rule() -> TopicSchema {
    TopicSchema::default()
}

fn resolved(topic: &str, rule: &TopicSchema, schemas: &Schemas) -> Result<(String, String), String> {
    let layout = resolve(&Topic::new(topic), rule, schemas).map_err(|e| e.to_string())?;
    Ok((layout.table().to_owned(), layout.message().to_owned()))
}

fn named(table: &str, message: &str) -> Result<(String, String), String> {
    Ok((table.into(), message.into()))
}

/// Schemas of one file for each (package, message).
fn made(messages: &[(&str, &str)]) -> Schemas {
    let files: Vec<(String, String)> = messages
        .iter()
        .enumerate()
        .map(|(at, (package, message))| {
            let package = if package.is_empty() { String::new() } else { format!("package {package};") };
            (format!("f{at}.proto"), format!("syntax = \"proto3\"; {package} message {message} {{ int32 a = 1; }}"))
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Schemas::load([("made".to_owned(), compiled(&files))]).unwrap()
}

#[test]
fn a_topic_names_its_message_and_its_table() {
    let schemas = made(&[("flights", "Search"), ("acme.hotels", "Booked"), ("acme.cars.v1", "Rented")]);
    let named_by = |topic: &str| resolved(topic, &rule(), &schemas);
    assert_eq!(named_by("prod.web.Search-Run.flights.Search"), named("prod_web_search_run", "flights.Search"));
    assert_eq!(named_by("dev.svc.e.hotels.Booked"), named("dev_svc_e", "acme.hotels.Booked"));
    assert_eq!(named_by("sandbox.svc.e.acme_cars_v1.Rented"), named("sandbox_svc_e", "acme.cars.v1.Rented"));
    assert_eq!(named_by("sandbox.svc.e.v1.Rented"), named("sandbox_svc_e", "acme.cars.v1.Rented"));
}

#[test]
fn the_exact_type_is_taken_before_a_package_that_ends_alike() {
    let schemas = made(&[("flights", "Search"), ("acme.flights", "Search")]);
    let found = resolved("prod.a.b.flights.Search", &rule(), &schemas);
    assert_eq!(found, named("prod_a_b", "flights.Search"));
}

#[test]
fn a_topic_without_a_schema_is_refused_with_the_candidates() {
    let schemas = made(&[("a.flights", "Search"), ("b.flights", "Search"), ("hotels", "search")]);
    let topics =
        ["flights.Search", "trains.Search", "hotels.SEARCH", "trains.Nope"].map(|end| format!("prod.svc.e.{end}"));
    let topics = topics.iter().map(String::as_str).chain(["qa.svc.e.flights.Search", "prod..e.flights.Search", "x"]);
    let refused: Vec<String> = topics.map(|topic| resolved(topic, &rule(), &schemas).unwrap_err()).collect();
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn a_rule_names_what_the_convention_does_not() {
    let schemas = made(&[("flights", "Search")]);
    let given = |table: Option<&str>, message: Option<&str>| TopicSchema {
        table: table.map(str::to_owned),
        message: message.map(str::to_owned),
        ..rule()
    };
    assert_eq!(resolved("any", &given(Some("t_1"), Some("flights.Search")), &schemas), named("t_1", "flights.Search"));
    let message_only = given(None, Some("flights.Search"));
    assert_eq!(resolved("prod.a.b.c.D", &message_only, &schemas), named("prod_a_b", "flights.Search"));
    assert!(resolved("any", &message_only, &schemas).unwrap_err().contains("give it `message:` and `table:`"));
    for table in ["", "Upper", "a-b", "a/b", "ä"] {
        let refused = resolved("any", &given(Some(table), Some("flights.Search")), &schemas).unwrap_err();
        assert!(refused.contains("table name"), "{refused}");
    }
    let refused = resolved("any", &given(Some("t"), Some("flights.search")), &schemas).unwrap_err();
    assert!(refused.contains("similar: flights.Search"), "{refused}");
}

#[test]
fn sets_may_share_files_and_may_not_disagree_on_them() {
    let file =
        |field: &str| compiled(&[("f.proto", &format!("syntax = \"proto3\"; message M {{ int32 {field} = 1; }}"))]);
    let load = |second: Vec<u8>| Schemas::load([("one".to_owned(), file("a")), ("two".to_owned(), second)]);
    assert!(load(file("a")).is_ok());
    assert_eq!(
        load(file("b")).unwrap_err().to_string(),
        "f.proto is in one and in two with different content: compile both from the same sources"
    );
    let renamed = compiled(&[("g.proto", "syntax = \"proto3\"; message M { int32 a = 1; }")]);
    assert_eq!(
        load(renamed).unwrap_err().to_string(),
        "M is defined in f.proto and in g.proto: leave one of the files out"
    );
    assert!(load(vec![0xff]).unwrap_err().to_string().starts_with("two is no descriptor set"));
    assert!(load(Vec::new()).unwrap_err().to_string().contains("it holds no file"));
}

#[test]
fn comments_are_no_content() {
    let file = |comment: &str| format!("syntax = \"proto3\"; {comment} message M {{ int32 a = 1; }}");
    let sourced = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f.proto"), text).unwrap();
        let mut compiler = protox::Compiler::new([folder.path()]).unwrap();
        compiler.include_source_info(true).open_file("f.proto").unwrap();
        compiler.encode_file_descriptor_set()
    };
    let (one, two) = (sourced(&file("")), sourced(&file("\n// Told.\n")));
    assert_ne!(one, two);
    assert!(Schemas::load([("one".to_owned(), one), ("two".to_owned(), two)]).is_ok());
}

#[test]
fn a_missing_import_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.proto"), "syntax = \"proto3\"; message A {}").unwrap();
    std::fs::write(folder.path().join("b.proto"), "syntax = \"proto3\"; import \"a.proto\"; message B { A a = 1; }")
        .unwrap();
    let mut compiler = protox::Compiler::new([folder.path()]).unwrap();
    compiler.open_file("b.proto").unwrap();
    let schemas = Schemas::load([("b".to_owned(), compiler.encode_file_descriptor_set())]).unwrap();
    let rule = TopicSchema { message: Some("B".into()), table: Some("t".into()), ..rule() };
    assert_eq!(
        resolve(&topic(), &rule, &schemas).unwrap_err().to_string(),
        "b.proto needs a.proto, which is in no descriptor set: compile with `--include_imports`"
    );
}

#[test]
fn unrelated_files_leave_a_layout_as_it_is() {
    let alone = Schemas::load(sets().into_iter().take(1)).unwrap();
    let rule = TopicSchema { message: Some("corpus.v1.Point".into()), ..rule() };
    let fingerprint = |schemas: &Schemas| resolve(&topic(), &rule, schemas).unwrap().fingerprint();
    assert_eq!(fingerprint(&alone), fingerprint(schemas()));
    let other = TopicSchema { framing: Framing::Confluent, ..rule.clone() };
    assert_ne!(fingerprint(&alone), resolve(&topic(), &other, &alone).unwrap().fingerprint());
}

#[test]
fn a_requested_extension_brings_its_file() {
    let files = [
        ("m.proto", "syntax = \"proto2\"; package p; message M { extensions 10 to 20; }"),
        (
            "e.proto",
            "syntax = \"proto2\"; package q; import \"m.proto\"; message S { extend p.M { optional S s = 11; } optional int32 a = 1; }",
        ),
    ];
    let schemas = Schemas::load([("e".to_owned(), compiled(&files))]).unwrap();
    let columns = |extension: &str| {
        let mapping = MappingOptions { extensions: [extension.to_owned()].into(), ..MappingOptions::default() };
        let rule = TopicSchema { message: Some("p.M".into()), mapping, ..rule() };
        let layout = resolve(&topic(), &rule, &schemas).map_err(|e| e.to_string())?;
        Ok::<_, String>(layout.columns().iter().map(|column| column.name.clone()).collect::<Vec<_>>())
    };
    assert_eq!(columns("q.S.s"), Ok(vec!["s".to_owned()]));
    assert!(columns("q.S.t").unwrap_err().contains("no descriptor set declares that extension"));
}

#[test]
fn names_that_give_way_are_linted() {
    insta::assert_snapshot!(layout("corpus.v1.Everything").lints().join("\n"));
}

#[test]
fn a_glue_index_that_looks_like_a_tag_is_linted() {
    let lints = |message: &str| {
        let rule = TopicSchema { message: Some(message.into()), framing: Framing::Glue, ..rule() };
        resolve(&topic(), &rule, schemas()).unwrap().lints().to_vec()
    };
    assert!(lints("corpus.legacy.Inner").is_empty());
    assert!(lints("corpus.v1.Point")[0].starts_with("corpus.v1.Point has index "));
}

#[test]
fn the_root_becomes_columns_also_when_it_is_a_well_known_type() {
    let columns =
        |message: &str| -> Vec<String> { layout(message).columns().iter().map(|column| column.name.clone()).collect() };
    assert_eq!(columns("google.protobuf.Timestamp"), ["seconds", "nanos"]);
    assert_eq!(columns("google.protobuf.Any"), ["type_url", "value"]);
    assert_eq!(columns("google.protobuf.Struct"), ["fields"]);
    assert_eq!(columns("corpus.v1.Nothing"), [""; 0]);
}

#[test]
fn repeated_numbers_are_packed_as_syntax_option_and_feature_say() {
    let packed = |message: &str| -> Vec<String> {
        let layout = layout(message);
        let fields = &layout.types().message(layout.root()).fields;
        fields.iter().filter(|field| field.packed).map(|field| field.name.clone()).collect()
    };
    assert_eq!(packed("corpus.v1.Everything"), ["ints", "colors"]);
    assert_eq!(packed("corpus.legacy.Legacy"), ["packed_numbers"]);
    assert_eq!(packed("corpus.modern.Modern"), ["packed"]);
}

#[test]
fn a_time_field_must_be_one_timestamp() {
    let refused = |path: &str| {
        let time = TimeRule::Field(path.into());
        let rule = TopicSchema { message: Some("corpus.v1.Everything".into()), time, ..rule() };
        resolve(&topic(), &rule, schemas()).err().map(|e| e.to_string().split(": ").nth(1).unwrap().to_owned())
    };
    assert_eq!(refused("at"), None);
    assert_eq!(refused("choice_at"), None);
    assert_eq!(refused("itself.node.at"), None);
    assert_eq!(refused("no.such").unwrap(), "corpus.v1.Everything has no field \"no\"");
    assert_eq!(refused("instants").unwrap(), "instants holds many values");
    assert_eq!(refused("a_bool").unwrap(), "a_bool is no message");
    assert_eq!(refused("took").unwrap(), "it is a google.protobuf.Duration, not a google.protobuf.Timestamp");
}

#[test]
fn an_option_must_find_its_field_and_fit_it() {
    let refused = |path: &str, form: Form| {
        let mapping = MappingOptions { fields: [(path.to_owned(), form)].into(), ..MappingOptions::default() };
        let rule = TopicSchema { message: Some("corpus.v1.Everything".into()), mapping, ..rule() };
        resolve(&topic(), &rule, schemas()).err().map(|e| e.to_string())
    };
    assert_eq!(refused("a_uint64", Form::Bigint), None);
    assert!(refused("nope", Form::Bigint).unwrap().contains("no column stands at that path"));
    assert!(refused("a_int64", Form::Bigint).unwrap().contains("no column stands at that path"));
    assert!(refused("an_int64", Form::Bigint).unwrap().contains("for uint64"));
    assert!(refused("color", Form::String).unwrap().contains("for enums"));
}

#[test]
fn a_type_that_multiplies_is_refused() {
    let mut text = "syntax = \"proto3\"; message M0 { int32 a = 1; }".to_owned();
    for level in 1..8 {
        let fields: String = (1..=8).map(|n| format!("M{} f{n} = {n};", level - 1)).collect();
        text.push_str(&format!(" message M{level} {{ {fields} }}"));
    }
    let schemas = Schemas::load([("wide".to_owned(), compiled(&[("w.proto", &text)]))]).unwrap();
    let rule = TopicSchema { message: Some("M7".into()), ..rule() };
    assert!(matches!(resolve(&topic(), &rule, &schemas), Err(SchemaError::TooWide { .. })));
}

/// The golden pair of layout format version 1. The files change only together with the version.
#[test]
fn a_stored_layout_is_the_golden_pair_and_compiles_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/layout");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (json, binpb) = (read("v1.json"), read("v1.binpb"));
    let layout = Layout::from_stored(Digest::of(&json), &json, &binpb).unwrap();
    assert!(layout.to_stored() == (json, binpb));
    assert_eq!(layout.fingerprint().to_string(), "f82a2e236b62a574b3284eddc93156158046fa38bf0e937e53809b20fc3ddd4b");
    assert_eq!((layout.table(), layout.message()), ("golden", "corpus.legacy.Legacy"));
}

#[test]
fn every_corpus_message_compiles_again_from_its_stored_form() {
    for message in ["corpus.v1.Everything", "corpus.legacy.Legacy", "corpus.modern.Modern", "corpus.v1.Nothing"] {
        let made = layout(message);
        let (json, binpb) = made.to_stored();
        assert_eq!(Layout::from_stored(made.fingerprint(), &json, &binpb).unwrap().arrow_schema(), made.arrow_schema());
    }
}

#[test]
fn a_stored_layout_that_is_newer_or_damaged_is_refused() {
    let (json, binpb) = layout("corpus.v1.Point").to_stored();
    let changed = |from: &str, to: &str| String::from_utf8(json.clone()).unwrap().replacen(from, to, 1).into_bytes();
    let refused = |json: &[u8]| Layout::from_stored(Digest::of(json), json, &binpb).unwrap_err();
    for part in ["version", "mapping", "encoder"] {
        let newer = refused(&changed(&format!("\"{part}\":1"), &format!("\"{part}\":2")));
        assert!(matches!(newer, SchemaError::Newer { .. }), "{newer}");
        assert!(newer.to_string().contains(&format!("{part} 2")), "{newer}");
    }
    let other = refused(&changed("\"x\"", "\"z\""));
    assert!(other.to_string().contains("other columns"), "{other}");
    let wrong = Layout::from_stored(Digest::of(b""), &json, &binpb).unwrap_err();
    assert!(matches!(wrong, SchemaError::Damaged { .. }));
    let cut = Layout::from_stored(Digest::of(&json), &json, &binpb[1..]).unwrap_err();
    assert!(matches!(cut, SchemaError::Damaged { .. }));
    assert!(matches!(refused(b"{}"), SchemaError::Damaged { .. }));
}
