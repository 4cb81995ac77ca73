//! A start by a wrong file: it ends with 2, and every mistake is told with its place.

use super::*;

impl Trial {
    /// Asserts that the daemon ends for the file's sake with these words, and that a check tells them of this stage.
    #[track_caller]
    fn is_wrong(&self, stage: &str, wanted: &[&str]) {
        let output = self.start(&["run"]).end();
        let (stdout, stderr) = texts(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(2), ""), "{stderr}");
        has_all(&stderr, wanted);
        self.untouched();
        let (failed, told) = failures(&self.start(&["check", "-o", "json"]).end(), 2);
        assert!(failed.iter().all(|failed| failed == stage), "{failed:?}");
        let words = wanted.iter().filter(|word| !word.contains(':'));
        has_all(&told, &words.copied().collect::<Vec<_>>());
        has_all(&told, &["line ", "column "]);
    }
}

#[test]
fn a_wrong_file_ends_with_2_and_shows_the_place_and_the_remedy() {
    for (right, wrong, wanted) in [
        ("[events.binpb]", "[events.binpb", &["this is not YAML", "alluvium.yaml:"][..]),
        ("topics:", "topic:", &["unknown key `topic`", "alluvium.yaml:3:1", "did you mean `topics`?"]),
        (
            "127.0.0.1:1\n",
            "'${BROKERS_OF_NOWHERE}'\n",
            &["the environment has no `BROKERS_OF_NOWHERE`", "alluvium.yaml:2:13", "give a default"],
        ),
        ("127.0.0.1:0", "nowhere", &["`http`", "alluvium.yaml:10:7"]),
    ] {
        let trial = Trial::new("127.0.0.1:1").with(right, wrong);
        for command in [["run"], ["check"]] {
            let output = trial.start(&command).end();
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            has_all(&stderr, wanted);
            assert_eq!(stderr.matches('×').count(), 1, "{stderr}");
            assert_eq!(stdout.is_empty(), command == ["run"], "{stdout}");
        }
        trial.untouched();
    }
}

#[test]
fn descriptors_that_cannot_be_read_are_named_with_how_to_make_them() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    let missing = Trial::new(&brokers).with("events.binpb", "absent.binpb");
    let garbage = Trial::new(&brokers).with("events.binpb", "events.proto");
    let both = Trial::new(&brokers).with("events.binpb", "absent.binpb, events.proto");
    let (absent, garbled) = ("absent.binpb cannot be read", "events.proto is no descriptor set");
    for (trial, wanted) in [(&missing, &[absent][..]), (&garbage, &[garbled]), (&both, &[absent, garbled])] {
        trial.is_wrong("schemas", &[wanted, &["protoc --include_imports", "7:17"]].concat());
    }
}

#[test]
fn a_descriptor_set_that_contradicts_another_is_told_at_its_place() {
    let (_cluster, brokers) = kafka(&[TOPIC]);
    let trial = Trial::new(&brokers).with("[events.binpb]", "[events.binpb, other.binpb]");
    trial.compile("message Order { int64 id = 1; }", "other.binpb");
    trial.is_wrong("schemas", &["events.proto", "other.binpb", "all compiled from the same sources", "7:31"]);
}

/// Each was told alone, without its place, and ended with 1.
#[test]
fn properties_that_librdkafka_refuses_are_all_told_at_once_with_their_places() {
    let with = |properties: &str| {
        let line = format!("brokers: 127.0.0.1:1\n  properties: {properties}\n");
        Trial::new("127.0.0.1:1").with("brokers: 127.0.0.1:1\n", &line)
    };
    let alone = with("{ sesion.timeout.ms: 6000, security.protocol: TSL, socket.timeout.ms: soon }");
    let output = alone.start(&["run"]).end();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    has_all(
        &stderr,
        &["sesion.timeout.ms", "security.protocol", "socket.timeout.ms", "3:17", "3:42", "3:66", "3 mistakes"],
    );
    // Each is right, and they do not fit together.
    let together = with(
        "{ security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, ssl.ca.location: /nowhere, sasl.username: me, max.poll.interval.ms: 1000 }",
    );
    together.is_wrong("kafka", &["max.poll.interval.ms", "3:3", "CONFIGURATION.md"]);
}
