//! What one would write with the crates as they come, on the C library's allocator. Each kind is what a child process does; it
//! tells its figures as JSON.

use std::time::Duration;

use anyhow::Context;
use arrow_array::builder::{ArrayBuilder, BinaryBuilder};
use prost_reflect::{DescriptorPool, MessageDescriptor};
use ptars_core::{PtarsConfig, binary_array_to_record_batch_direct};
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, StreamConsumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::broker::{Broker, PARTITIONS, PER_PARTITION, RECORDS, TOPIC};
use crate::child::{From, Read};
use crate::clock::process_cpu;
use crate::corpus::{DESCRIPTORS, Shape};
use crate::encode::default_writer;

/// What a child is to do.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Child {
    /// Reads records with a StreamConsumer.
    Stream(From),
    /// Reads records with BaseConsumer.poll.
    Base(From),
    /// Reads records with BaseConsumer.poll and makes a Parquet file of each partition with ptars and ArrowWriter.
    Archive(From),
    /// Fills a broker, tells its address and keeps it until its standard input ends: to run one child under a profiler.
    Broker,
}

pub fn run(child: &Child) -> anyhow::Result<()> {
    let bytes = match child {
        Child::Stream(from) => stream(from)?,
        Child::Base(from) => {
            let mut bytes = 0;
            poll(from, |message| {
                bytes += message.payload_len();
                Ok(())
            })?;
            bytes
        }
        Child::Archive(from) => archive(from)?,
        Child::Broker => {
            let broker = Broker::filled()?;
            println!("{} {TOPIC} {RECORDS}", broker.address());
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
            return Ok(());
        }
    };
    let told = Read { cpu: process_cpu().as_nanos() as u64, bytes: bytes as u64 };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

fn consumer<C: FromClientConfig + Consumer>(from: &From) -> anyhow::Result<C> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &from.brokers).set("group.id", "reference").set("enable.auto.commit", "false");
    let consumer: C = config.create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(&from.topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    Ok(consumer)
}

fn stream(from: &From) -> anyhow::Result<usize> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let consumer: StreamConsumer = consumer(from)?;
        let mut bytes = 0;
        for _ in 0..from.count {
            bytes += consumer.recv().await?.payload_len();
        }
        Ok(bytes)
    })
}

fn poll(from: &From, mut each: impl FnMut(&BorrowedMessage<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let consumer: BaseConsumer = consumer(from)?;
    let mut read = 0;
    while read < from.count {
        let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
        each(&message?)?;
        read += 1;
    }
    Ok(())
}

fn archive(from: &From) -> anyhow::Result<usize> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    let descriptor = pool.get_message_by_name(Shape::Medium.message()).context("the message is in the set")?;
    let mut builders: Vec<BinaryBuilder> = (0..PARTITIONS).map(|_| BinaryBuilder::new()).collect();
    let mut bytes = 0;
    poll(from, |message| {
        let payloads = &mut builders[message.partition() as usize];
        payloads.append_value(message.payload().context("no event is null")?);
        if payloads.len() == PER_PARTITION as usize {
            bytes += file(&descriptor, payloads)?;
        }
        Ok(())
    })?;
    Ok(bytes)
}

fn file(descriptor: &MessageDescriptor, payloads: &mut BinaryBuilder) -> anyhow::Result<usize> {
    let batch = binary_array_to_record_batch_direct(&payloads.finish(), descriptor, &PtarsConfig::default())?;
    Ok(default_writer(&[batch]).len())
}
