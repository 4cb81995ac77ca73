"""Archives the golden rows with the daemon, reads the table back with Trino (through a Glue API), Spark and DuckDB, and
compares every value with what protobuf says it is. Started by `run`, which has the servers ready."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import boto3
import golden
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import readers
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "prod.engines.golden.v1.Everything"
TABLE = "prod_engines_golden"
# An object has several pages, and tells where they are.
MANY = 20_000
WINDOW = slice(17_000, 17_010)
HOUR = 1_795_413_600_000  # 2026-11-23T06:00:00Z

CONFIG = """
kafka: {{ brokers: "{kafka}", group: engines }}
topics: [{{ name: {topic} }}]
schemas: {{ descriptors: [everything.binpb] }}
archive:
  url: s3://lake/golden
  s3: {{ endpoint: "{endpoint}", region: {region}, path_style: true }}
cut: {{ every: 20s, rows: {rows} }}
http: 127.0.0.1:0
"""


def main():
    arguments = argparse.ArgumentParser()
    for name in ("binary", "protos", "kafka", "s3", "glue"):
        arguments.add_argument(f"--{name}", required=True)
    arguments.add_argument("--trino", type=int, required=True)
    given = arguments.parse_args()
    s3 = {"endpoint": given.s3, "region": "eu-west-1"}
    with tempfile.TemporaryDirectory() as folder:
        everything, pool = golden.compile_set(given.protos, os.path.join(folder, "everything.binpb"))
        named = golden.values(everything, pool) + golden.many(everything, MANY)
        client = boto3.client(
            "s3", endpoint_url=given.s3, region_name=s3["region"], aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": s3["region"]})
        produce(given.kafka, [value for _, value in named])
        keys = archive(given, s3, folder, client, len(named))
        files = download(client, keys, folder)
        assert any(pa.parquet.read_metadata(file).row_group(0).column(0).has_offset_index for file in files)
        schema = pa.parquet.read_schema(files[0])
        declare(given.glue, s3, schema)
        def read(where):
            return {
                "trino": readers.trino_rows(schema, where, given.trino, TABLE),
                "duckdb": readers.duckdb_rows(schema, where, s3, f"s3://lake/golden/tables/{TABLE}/*/*/*.parquet"),
                "spark": readers.spark_rows(schema, where, os.path.join(folder, "golden", "tables", TABLE)),
            }

        found, window = read("TRUE"), read(f"_offset BETWEEN {WINDOW.start} AND {WINDOW.stop - 1}")
        expected = [golden.expected(everything, pool, value) for _, value in named]
    differences = [line for engine, rows in found.items() for line in compare(engine, rows, named, expected, schema)]
    differences += [f"{engine}: other rows by offset" for engine in found if window[engine] != found[engine][WINDOW]]
    print("\n".join(differences[:40]), file=sys.stderr)
    columns = len(schema)
    print(f"{', '.join(found)}: {len(named)} rows, {columns} columns, {len(differences)} differences")
    return 1 if differences else 0


def produce(brokers, values):
    admin = AdminClient({"bootstrap.servers": brokers})
    for future in admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)]).values():
        future.result()
    producer = Producer({"bootstrap.servers": brokers})
    for at, value in enumerate(values):
        headers = [("h", b"\x01"), ("h", None)] if at == 0 else []
        producer.produce(TOPIC, value=value, key=f"k{at}".encode(), timestamp=HOUR + at, headers=headers)
    assert producer.flush(30) == 0


def archive(given, s3, folder, client, count):
    """Runs the daemon until every record is in a visible object; returns the objects' keys."""
    path = os.path.join(folder, "alluvium.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(kafka=given.kafka, topic=TOPIC, rows=count, **s3))
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    daemon = subprocess.Popen([given.binary, "run", "-c", path], env=environment)
    try:
        end = time.monotonic() + 120
        while time.monotonic() < end and daemon.poll() is None:
            listed = client.list_objects_v2(Bucket="lake", Prefix="golden/").get("Contents", [])
            keys = [one["Key"] for one in listed if re.search(r"/(tables|quarantine)/", one["Key"])]
            rows = sum(rows_of(client, key) for key in keys)
            if rows == count:
                assert all("/tables/" in key for key in keys), f"quarantined: {keys}"
                return keys
            time.sleep(0.2)
        raise SystemExit(f"the daemon did not archive {count} records (exit code {daemon.poll()})")
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)


def rows_of(client, key):
    body = client.get_object(Bucket="lake", Key=key)["Body"].read()
    return pa.parquet.read_metadata(pa.BufferReader(body)).num_rows


def download(client, keys, folder):
    paths = []
    for key in keys:
        path = os.path.join(folder, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        client.download_file("lake", key, path)
        paths.append(path)
    return paths


def hive(kind):
    """Returns Glue's name of a Parquet type, as docs/mapping.md has it."""
    if pa.types.is_struct(kind):
        fields = (kind.field(at) for at in range(kind.num_fields))
        return "struct<" + ",".join(f"{field.name}:{hive(field.type)}" for field in fields) + ">"
    if pa.types.is_map(kind):
        return f"map<{hive(kind.key_type)},{hive(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"array<{hive(kind.value_type)}>"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    names = {"bool": "boolean", "int32": "int", "int64": "bigint", "float": "float", "double": "double"}
    return {**names, "string": "string", "binary": "binary"}[str(kind)]


def declare(endpoint, s3, schema):
    """Makes the table in Glue as one would for Athena: partitions are projected, none is registered."""
    glue = boto3.client(
        "glue", endpoint_url=endpoint, region_name=s3["region"], aws_access_key_id="test", aws_secret_access_key="test"
    )
    glue.create_database(DatabaseInput={"Name": "lake"})
    location = f"s3://lake/golden/tables/{TABLE}"
    parameters = {
        "classification": "parquet",
        "EXTERNAL": "TRUE",
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2026-11-20,2026-11-25",
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
        "storage.location.template": location + "/dt=${dt}/hour=${hour}/",
    }
    glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": TABLE,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": [{"Name": "dt", "Type": "string"}, {"Name": "hour", "Type": "string"}],
            "StorageDescriptor": {
                "Location": location + "/",
                "Columns": [{"Name": field.name, "Type": hive(field.type)} for field in schema],
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
            },
        },
    )


def compare(engine, rows, named, expected, schema):
    """Yields a line for each difference."""
    if len(rows) != len(named):
        yield f"{engine}: {len(rows)} rows, not {len(named)}"
        return
    for at, (row, (name, value), columns) in enumerate(zip(rows, named, expected)):
        envelope = {
            "_topic": TOPIC,
            "_partition": 0,
            "_offset": at,
            "_timestamp_type": "create",
            "_key": f"k{at}".encode().hex(),
            "_headers": [{"key": "h", "value": "01"}, {"key": "h", "value": None}] if at == 0 else [],
            "_framing": None,
            "_tombstone": value is None,
            "_raw": value.hex() if name in golden.NOT_CANONICAL else None,
        }
        if set(row) - set(envelope) - {"_timestamp", "_schema"} != set(columns):
            yield f"{engine}: columns {set(row) ^ set(columns)}"
        # Clients differ on the unit of a millisecond column.
        if row["_timestamp"] not in (HOUR + at, (HOUR + at) * 1_000):
            yield f"{engine}, {name}: _timestamp is {row['_timestamp']}"
        for column, wanted in {**envelope, **columns}.items():
            if not same(row.get(column), wanted):
                yield f"{engine}, {name}: {column} is {row.get(column)!r}, not {shown(wanted)}"


def same(found, wanted):
    if isinstance(wanted, golden.Json):
        return isinstance(found, str) and json.loads(found) == wanted.value
    if isinstance(wanted, dict):
        return isinstance(found, dict) and found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    return type(found) is type(wanted) and found == wanted


def shown(wanted):
    return json.dumps(wanted.value) if isinstance(wanted, golden.Json) else repr(wanted)


if __name__ == "__main__":
    sys.exit(main())
