//! Topics that cannot be archived as the configuration has them.

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
