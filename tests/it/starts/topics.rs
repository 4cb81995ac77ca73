//! Topics that cannot be archived as the configuration has them.

use std::time::Instant;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::*;

const NAMESAKE: &str = "dev.shop.order_placed.v1.Order";
const SAME_TABLE: [&str; 2] = [
    "topics dev.shop.order-placed.v1.Order and dev.shop.order_placed.v1.Order would fill the same table, dev_shop_order_placed",
    "give each a `table:` of its own",
];
const GONE: &str = "dev.shop.order-gone.v1.Gone";
const NO_MESSAGE: [&str; 2] = [
    "topic dev.shop.order-gone.v1.Gone wants message v1.Gone, which is in no descriptor set",
    "add its descriptor set",
];

#[test]
fn a_check_names_two_topics_of_one_table_once_and_a_topic_without_a_message() {
    let (_cluster, brokers) = kafka(&[TOPIC, NAMESAKE]);
    let (stage, text) = Trial::new(&brokers).check();
    assert_eq!(stage, "schemas");
    has_all(&text, &SAME_TABLE);
    let (_cluster, brokers) = kafka(&[TOPIC, GONE]);
    let (stage, text) = Trial::new(&brokers).check();
    assert_eq!(stage, "schemas");
    has_all(&text, &NO_MESSAGE);
}

/// Such a topic stands alone: it may have appeared while others are archived, which go on.
#[test]
fn the_daemon_refuses_such_topics_one_by_one_and_writes_nothing_of_theirs() {
    let (_cluster, brokers) = kafka(&[TOPIC, NAMESAKE, GONE]);
    let trial = Trial::new(&brokers);
    let mut child = trial.spawn(&["run"]);
    let (tell, lines) = mpsc::channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let mut refused = Vec::new();
    let mut told = String::new();
    while refused.len() < 3 {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            signal(child.id(), "KILL");
            panic!("refused only {refused:?} in\n{told}");
        };
        told += &format!("{line}\n");
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["level"] == "ERROR" {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            refused.push((text("topic"), format!("{}; {}", text("cause"), text("remedy"))));
        }
    }
    signal(child.id(), "TERM");
    assert!(child.wait().unwrap().success());
    refused.sort();
    for ((topic, text), (name, wanted)) in
        refused.iter().zip([(GONE, NO_MESSAGE), (TOPIC, SAME_TABLE), (NAMESAKE, SAME_TABLE)])
    {
        assert_eq!(topic, name);
        has_all(text, &wanted);
    }
    let written: Vec<_> = std::fs::read_dir(trial.lake()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(written.iter().all(|name| name == "probe" || name == ".staging"), "{written:?}");
}

/// Two entries, one topic each, with these tables.
fn with_tables(brokers: &str, tables: [&str; 2]) -> Trial {
    let entries = [TOPIC, NAMESAKE].iter().zip(tables);
    let entries: String =
        entries.map(|(topic, table)| format!("  - {{ name: {topic}, incarnation: first{table} }}\n")).collect();
    Trial::new(brokers).with("  - match: 'dev\\..+'\n    incarnation: first\n", &entries)
}

#[test]
fn one_of_two_topics_of_a_table_may_not_be_given_it_alone() {
    let (_cluster, brokers) = kafka(&[TOPIC, NAMESAKE]);
    let (stage, text) = with_tables(&brokers, [", table: dev_shop_order_placed", ""]).check();
    assert_eq!(stage, "schemas");
    has_all(&text, &SAME_TABLE);
}

#[test]
fn two_topics_that_are_both_given_one_table_fill_it() {
    let (_cluster, brokers) = kafka(&[TOPIC, NAMESAKE]);
    let trial =
        with_tables(&brokers, [", table: orders", ", table: orders"]).with("http:", "cut: { every: 100ms }\nhttp:");
    let checked = trial.start(&["check"]).end();
    assert!(checked.status.success(), "{}", texts(&checked).0);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    for topic in [TOPIC, NAMESAKE] {
        producer.send(BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&[]).timestamp(1)).unwrap();
    }
    producer.flush(PATIENCE).unwrap();

    let daemon = trial.start(&["run"]);
    let hour = trial.lake().join("tables/orders/dt=1970-01-01/hour=00");
    let began = Instant::now();
    let mut objects = Vec::new();
    while objects.len() < 2 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(20));
        objects = std::fs::read_dir(&hour).map_or(Vec::new(), |entries| {
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        });
    }
    signal(daemon.pid, "TERM");
    let ended = daemon.end();
    assert!(ended.status.success(), "{}", texts(&ended).1);
    // The same partition and offset of two topics: their ids keep them apart.
    let ids: Vec<_> = objects.iter().map(|name| name.split('-').nth(1).unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{objects:?}");
    assert!(objects.iter().all(|name| name.ends_with("-00000-00000000000000000000.parquet")), "{objects:?}");
}
