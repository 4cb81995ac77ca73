"""Three engines read one table; each returns its rows as plain values, ordered by offset.

Plain: structs are dicts, maps sorted lists of pairs, bytes hex, decimals integers, timestamps microseconds.
"""

import datetime
import decimal
import glob
import math
import os

import pyarrow as pa

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value, kind):
    """Turns what an engine's client returns for a column of Parquet type `kind` into a plain value."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        held = [value[f.name] for f in fields] if isinstance(value, dict) else list(value)
        assert len(held) == len(fields), (value, kind)
        return {field.name: plain(part, field.type) for field, part in zip(fields, held)}
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else (tuple(p.values()) if isinstance(p, dict) else p for p in value)
        return sorted(([plain(k, kind.key_type), plain(v, kind.item_type)] for k, v in pairs), key=repr)
    if pa.types.is_list(kind):
        return [plain(element, kind.value_type) for element in value]
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, decimal.Decimal):
        return int(value)
    if isinstance(value, datetime.datetime):
        value = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


def rows_of(table, schema):
    """Rows of an Arrow table; timestamps by their number, since Python's stop at the year 9999 in some time zones."""
    columns = {}
    for field in schema:
        held = table.column(table.schema.get_field_index(field.name))
        columns[field.name] = [plain(value, field.type) for value in numbered(held).to_pylist()]
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def numbered(column):
    return column.cast(without_times(column.type)) if without_times(column.type) != column.type else column


def without_times(kind):
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(without_times(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, without_times(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, without_times(f.type)) for f in (kind.field(at) for at in range(kind.num_fields))])
    return kind


def duckdb_rows(schema, where, s3, glob_url):
    import duckdb
    import duckdb_extension_httpfs

    home = os.path.dirname(duckdb_extension_httpfs.__file__)
    extension = glob.glob(os.path.join(home, "extensions", "*", "httpfs.duckdb_extension"))[0]
    config = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "TimeZone": "UTC"}
    connection = duckdb.connect(config={k: v for k, v in config.items() if k != "TimeZone"})
    connection.execute(f"LOAD '{extension}'")
    endpoint = s3["endpoint"].removeprefix("http://")
    connection.execute(
        f"CREATE SECRET s (TYPE s3, PROVIDER config, KEY_ID 'test', SECRET 'test', REGION '{s3['region']}', "
        f"ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false)"
    )
    names = ", ".join(f'"{field.name}"' for field in schema)
    query = f"SELECT {names} FROM read_parquet('{glob_url}', hive_partitioning=true) WHERE {where} ORDER BY _offset"
    return rows_of(connection.execute(query).to_arrow_table(), schema)


def spark_rows(schema, where, folder):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("engines")
    for key, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        frame = spark.read.parquet(folder).where(where).orderBy("_offset")
        assert {"dt", "hour"} <= set(frame.columns)
        # As numbers: a Python datetime is made in the local time zone and cannot hold the ends of the range.
        frame = frame.selectExpr(*(f"{spark_column(f'`{field.name}`', field.type)} AS `{field.name}`" for field in schema))
        rows = [row.asDict(recursive=True) for row in frame.collect()]
    finally:
        spark.stop()
    return [{field.name: plain(row[field.name], field.type) for field in schema} for row in rows]


def spark_column(text, kind):
    if pa.types.is_timestamp(kind):
        return f"unix_{'micros' if kind.unit == 'us' else 'millis'}({text})"
    if pa.types.is_list(kind) and pa.types.is_timestamp(kind.value_type):
        return f"transform({text}, t -> unix_micros(t))"
    if pa.types.is_struct(kind) and any(pa.types.is_timestamp(kind.field(at).type) for at in range(kind.num_fields)):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        parts = ", ".join(f"'{f.name}', {spark_column(f'{text}.`{f.name}`', f.type)}" for f in fields)
        return f"if({text} IS NULL, NULL, named_struct({parts}))"
    return text


def trino_rows(schema, where, port, table):
    import trino

    connection = trino.dbapi.connect(
        host="127.0.0.1", port=port, user="engines", catalog="glue", schema="lake", timezone="UTC"
    )
    cursor = connection.cursor()
    names = ", ".join(f"{trino_column(field)}" for field in schema)
    cursor.execute(f"SELECT {names} FROM {table} WHERE {where} ORDER BY _offset")
    return [{f.name: plain(value, f.type) for f, value in zip(schema, row)} for row in cursor.fetchall()]


def trino_column(field):
    # Entries: the client's dictionaries cannot be made of every kind of key.
    text = f'"{field.name}"'
    return f"map_entries({text})" if pa.types.is_map(field.type) else text
