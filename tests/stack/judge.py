"""Reads a whole archive with pyarrow and with DuckDB and compares it with what was produced.

The manifest has one JSON object a line: topic_id (its first 8 hex digits), may_miss, partition, offset, timestamp, kind (row,
tombstone, quarantine), row, key, value (base64), headers. Exit code 1 and one line for each difference, up to twenty, if the archive says anything else.
"""

import argparse
import base64
import collections
import glob
import json
import os
import re
import sys

import duckdb
import duckdb_extension_httpfs
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

NAME = re.compile(r"/dt=\d{4}-\d\d-\d\d/hour=\d\d/\d\d-([0-9a-f]{8})-(\d{5})-(\d{20})\.parquet$")


class Verdict:
    def __init__(self):
        self.differences = 0

    def differ(self, text):
        self.differences += 1
        if self.differences <= 20:
            print(text, file=sys.stderr)

    def equal(self, what, found, expected):
        if found != expected:
            self.differ(f"{what}: found {found!r}, expected {expected!r}")


def unbase64(text):
    return None if text is None else base64.b64decode(text)


def read_manifest(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return {(record["topic_id"], record["partition"], record["offset"]): record for record in records}


def plain(table):
    """Timestamps as the numbers they are stored as: Python's have too small a range and too much arithmetic."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
    return table


def compare_row(verdict, place, row, expected, topic):
    verdict.equal(f"{place} topic", row["_topic"], topic)
    verdict.equal(f"{place} timestamp", row["_timestamp"], expected["timestamp"])
    verdict.equal(f"{place} timestamp type", row["_timestamp_type"], "create")
    key = expected["key"]
    verdict.equal(f"{place} key", row["_key"], None if key is None else key.encode())
    # A name in quarantine need not be UTF-8, so there it is bytes.
    name = str.encode if expected["kind"] == "quarantine" else str
    headers = [(name(key), None if value is None else value.encode()) for key, value in expected["headers"]]
    verdict.equal(f"{place} headers", [(header["key"], header["value"]) for header in row["_headers"]], headers)


def compare_message(verdict, place, row, expected):
    # Where the columns tell the payload whole, it is not kept.
    if row["_raw"] is not None:
        verdict.equal(f"{place} raw", row["_raw"], unbase64(expected["value"]))
    verdict.equal(f"{place} tombstone", row["_tombstone"], expected["kind"] == "tombstone")
    message = expected["row"] or {}
    found = {name: value for name, value in row.items() if not name.startswith("_")}
    wanted = dict.fromkeys(found) | message
    if message:
        wanted["token"] = unbase64(message["token"])
        wanted["seats"] = [tuple(entry) for entry in message["seats"]]
        found["number"] = str(found["number"])
    verdict.equal(f"{place} columns", found, wanted)


def objects_below(files, folder):
    selector = pa.fs.FileSelector(folder, recursive=True, allow_not_found=True)
    return sorted(file.path for file in files.get_file_info(selector) if file.is_file)


def rows_by_pyarrow(verdict, files, root):
    """Yields the kind of object, its path and each of its rows."""
    for kind in ["tables", "quarantine"]:
        for path in objects_below(files, f"{root}/{kind}"):
            table = plain(pyarrow.parquet.read_table(path, filesystem=files, partitioning=None))
            offsets = table.column("_offset").to_pylist()
            if offsets != sorted(offsets):
                verdict.differ(f"{path}: rows are not in offset order")
            yield from ((kind, path, row) for row in table.to_pylist())


def rows_by_duckdb(connection, root):
    """The same, from one query over each folder."""
    for kind, times in [("tables", ", epoch_us(made_at) AS made_at"), ("quarantine", "")]:
        paths = f"{root}/{kind}/*/*/*/*.parquet"
        if not connection.execute("SELECT count(*) FROM glob(?)", [paths]).fetchone()[0]:
            continue  # DuckDB takes a pattern without files for a mistake
        found = connection.execute(
            f"""SELECT * REPLACE (epoch_ms(_timestamp) AS _timestamp{times})
                FROM read_parquet(?, hive_partitioning = false, filename = true)""",
            [paths],
        )
        names = [column[0] for column in found.description]
        while values := found.fetchone():
            row = dict(zip(names, values))
            if row.get("seats") is not None:
                row["seats"] = list(row["seats"].items())
            yield kind, row.pop("filename"), row


def judge_rows(verdict, reader, rows, topic, manifest):
    """Compares each row with the record that was produced, and returns how many there were of what, and what was missing."""
    seen, kinds, objects = set(), collections.Counter(), set()
    for kind, path, row in rows:
        name = NAME.search(path)
        if not name:
            verdict.differ(f"{reader}: {path}: not a name of an object")
            continue
        objects.add((kind, path))
        if row["_topic"] != topic:
            continue
        place = (name[1], row["_partition"], row["_offset"])
        told = f"{reader}: {place}"
        if place in seen:
            verdict.differ(f"{told}: there twice")
        seen.add(place)
        expected = manifest.get(place)
        if expected is None:
            verdict.differ(f"{told}: in {path}, never produced or aborted")
            continue
        kinds[expected["kind"]] += 1
        verdict.equal(f"{told} partition in the name", int(name[2]), place[1])
        verdict.equal(f"{told} is quarantined", kind == "quarantine", expected["kind"] == "quarantine")
        compare_row(verdict, told, row, expected, topic)
        if kind == "tables":
            compare_message(verdict, told, row, expected)
        else:
            verdict.equal(f"{told} value", row["value"], unbase64(expected["value"]))
    missing = manifest.keys() - seen
    for place in missing:
        if not manifest[place]["may_miss"]:
            verdict.differ(f"{reader}: {place}: produced and not in the archive")
    kinds["missed"] = len(missing)
    kinds.update(f"{kind} objects" for kind, _ in objects)
    return kinds, missing


def duck(endpoint):
    if endpoint is None:
        return duckdb.connect()
    folder = os.path.dirname(duckdb_extension_httpfs.__file__)
    extension = glob.glob(f"{folder}/extensions/*/httpfs.duckdb_extension")[0]
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"""CREATE SECRET (TYPE s3, PROVIDER config, KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}',
        SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false,
        ENDPOINT '{endpoint.removeprefix("http://")}')""")
    return connection


def judge_totals(verdict, connection, root, topic, records):
    """Asks in SQL, as an analyst would, and of the folder, as a reader that knows nothing of chains."""
    rows = [record for record in records if record["kind"] != "quarantine"]
    found = connection.execute(
        f"""SELECT count(*), count(DISTINCT (filename[-43:-36], _partition, _offset)), count(*) FILTER (_tombstone), sum(number)::VARCHAR,
                count(paid), sum(len(_headers)), min(epoch_ms(_timestamp)), max(epoch_ms(_timestamp)),
                count(DISTINCT (dt, hour))
            FROM read_parquet('{root}/tables/*/*/*/*.parquet', hive_partitioning = true, filename = true) WHERE _topic = ?""",
        [topic],
    ).fetchone()
    messages = [record["row"] for record in rows if record["row"]]
    times = [record["timestamp"] for record in rows]
    expected = (
        len(rows),
        len(rows),
        len(rows) - len(messages),
        str(sum(int(message["number"]) for message in messages)),
        sum(message["paid"] is not None for message in messages),
        sum(len(record["headers"]) for record in rows),
        min(times),
        max(times),
        len({time // 3_600_000 for time in times}),
    )
    verdict.equal("DuckDB's totals", found, expected)


def open_files(endpoint):
    if endpoint is None:
        return pa.fs.LocalFileSystem()
    return pa.fs.S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
        scheme="http",
        endpoint_override=endpoint.removeprefix("http://"),
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--archive", required=True, help="bucket and prefix, or a folder where there is no endpoint")
    arguments.add_argument("--endpoint")
    arguments.add_argument("--topic", required=True)
    arguments.add_argument("--manifest", required=True)
    options = arguments.parse_args()
    manifest = read_manifest(options.manifest)
    files, root = open_files(options.endpoint), options.archive
    verdict = Verdict()
    kinds, missing = judge_rows(verdict, "pyarrow", rows_by_pyarrow(verdict, files, root), options.topic, manifest)
    connection = duck(options.endpoint)
    url = root if options.endpoint is None else f"s3://{root}"
    same = judge_rows(verdict, "DuckDB", rows_by_duckdb(connection, url), options.topic, manifest)
    verdict.equal("what DuckDB finds beside pyarrow", same, (kinds, missing))
    records = [record for place, record in manifest.items() if place not in missing]
    judge_totals(verdict, connection, url, options.topic, records)
    print(json.dumps({"produced": len(manifest), "differences": verdict.differences} | kinds))
    return verdict.differences > 0


if __name__ == "__main__":
    sys.exit(main())
