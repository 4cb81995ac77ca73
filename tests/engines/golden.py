"""The golden rows: messages that use every construct of proto3, and what each column must hold.

A second implementation of docs/mapping.md, on Python's protobuf, so that the two can disagree.
"""

import importlib.resources
import json
import math
import os
import random

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

MESSAGE = "corpus.v1.Everything"
JSON_TYPES = {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
WRAPPERS = {
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
}
# Names that have to give way, and what becomes of them.
RENAMED = {
    ("corpus.v1.Everything", "dt"): "dt_90",
    ("corpus.v1.Everything", "Hour"): "hour_91",
    ("corpus.v1.Everything", "_offset"): "f_offset",
    ("corpus.legacy.Names", "UserAgent"): "useragent_4",
    ("corpus.legacy.Names", "a"): "a_6",
}
CASES = {("corpus.v1.Everything", "choice"): "choice_case_oneof"}


class Json:
    """A JSON text, compared by what it says."""

    def __init__(self, value):
        self.value = value


def compile_set(protos, target):
    """Compiles the corpus and returns the message class."""
    wkt = str(importlib.resources.files("grpc_tools") / "_proto")
    arguments = ["protoc", f"-I{protos}", f"-I{wkt}", "--include_imports", f"--descriptor_set_out={target}"]
    if protoc.main([*arguments, os.path.join(protos, "everything.proto")]):
        raise SystemExit("the corpus does not compile")
    with open(target, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(MESSAGE)), pool


def values(everything, pool):
    """Returns the record values, with names: bytes, or None for a tombstone."""
    full, odd = everything(), everything()
    json_format.Parse(json.dumps(FULL), full, descriptor_pool=pool)
    json_format.Parse(json.dumps(ODD), odd, descriptor_pool=pool)
    point = message_factory.GetMessageClass(pool.FindMessageTypeByName("corpus.v1.Point"))(x=0.5)
    full.any.Pack(point)
    full.anys.add().Pack(point)
    full.anys.add(type_url="types.example/no.Such", value=b"\x00\xff")
    return [
        ("full", full.SerializeToString()),
        ("empty", b""),
        ("tombstone", None),
        ("odd", odd.SerializeToString()),
        # An unknown enum number, a duplicate key, numbers out of order and unknown fields.
        ("strange", bytes.fromhex("8001 4d 9203 06 0a0161 120131 9203 06 0a0162 120132 9203 06 0a0161 120133 10 07 a83805")),
    ]


# Whose payload no row gives back, so that it is kept.
NOT_CANONICAL = {"strange"}


def many(everything, count):
    """Returns so many random record values, with names: enough for several pages, of every encoding."""
    dice = random.Random(1)
    few = [f"text {at}" for at in range(40)]

    def record(at):
        message = everything(
            a_bool=dice.random() < 0.5, an_int32=dice.randrange(-9, 9), an_int64=at * 1000 + dice.randrange(900),
            a_sint64=dice.getrandbits(63), a_uint64=dice.getrandbits(64), a_uint32=at // 100, a_float=dice.randrange(80) / 8,
            a_double=dice.random(), a_string=f"{dice.getrandbits(128):032x}", a_bytes=dice.randbytes(dice.randrange(9)),
            color=dice.choice([0, 1, 2, -1]), texts=dice.choices(few, k=dice.randrange(4)),
            ints=[dice.getrandbits(30) for _ in range(dice.randrange(4))], longs=[at] * dice.randrange(3),
            labels={dice.choice(few): f"{dice.getrandbits(64):x}" for _ in range(dice.randrange(3))},
            opt_string=dice.choice(few + [None] * 40), opt_int32=dice.choice([None, dice.getrandbits(31)]),
            _offset=few[at // 5_000],
        )
        message.at.FromMilliseconds(1_795_413_600_000 + at * 10)
        if dice.random() < 0.7:
            message.point.x = dice.choice([0.5, dice.random()])
        for _ in range(dice.randrange(3)):
            message.points.add(y=dice.random())
        return message.SerializeToString()

    return [(f"record {at} of many", record(at)) for at in range(count)]


FULL = {
    "a_bool": True, "an_int32": -2**31, "a_sint32": -5, "an_sfixed32": 7, "an_int64": -2**63, "a_sint64": 6,
    "an_sfixed64": -8, "a_uint32": 2**32 - 1, "a_fixed32": 2**31, "a_uint64": 2**64 - 1, "a_fixed64": 2**63,
    "a_float": 0.5, "a_double": 1e300, "a_string": "größer, \"quoted\"\n", "a_bytes": "AP8=", "color": "COLOR_GREEN",
    "point": {"x": 1.5, "y": -2.0}, "nothing": {}, "empty": {},
    "opt_int32": 0, "opt_string": "", "opt_color": "COLOR_UNSPECIFIED", "opt_point": {},
    "choice_point": {"x": 3.0},
    "ints": [1, -1, 0], "longs": [0, 2**64 - 1], "texts": ["a", "", "ü"], "colors": ["COLOR_RED", "COLOR_NEGATIVE"],
    "points": [{"x": 1}, {}], "nothings": [{}, {}], "instants": ["1970-01-01T00:00:00Z", "2026-11-23T06:59:59.999999Z"],
    "wrapped": ["w", ""], "values": [1.5, None, "s", {"k": [True]}],
    "masks": ["a.b,c", ""], "spans": ["1.5s", "-0.000000001s"],
    "labels": {"b": "1", "a": "2"}, "points_by_id": {"7": {"y": 1}, "-1": {}},
    "colors_by_flag": {"true": "COLOR_RED", "false": "COLOR_GREEN"}, "blobs": {str(2**64 - 1): "AQ==", "0": ""},
    "spans_by_id": {str(2**32 - 1): "2s"}, "nothings_by_id": {"-3": {}}, "counts": {"n": "8", "": "-9"},
    "at": "2026-11-23T06:07:08.123456Z", "took": "-3.000000004s", "mask": "foo.barBaz,q",
    "structure": {"n": 1.5, "l": [None, True, "s"], "o": {}}, "value": "text", "list": [1, "two"],
    "w_bool": True, "w_int32": -1, "w_int64": "-2", "w_uint32": 2**32 - 1, "w_uint64": str(2**64 - 1), "w_float": 1.5,
    "w_double": -2.5, "w_string": "w", "w_bytes": "/w==",
    "itself": {"an_int64": "-9", "color": "COLOR_RED", "labels": {"k": "v"}, "at": "1969-12-31T23:59:59Z"},
    "more": [{"a_string": "m"}, {}], "by_name": {"k": {"a_bool": True}},
    "node": {"name": "n", "children": [{"name": "c"}], "named": {"x": {"name": "y"}}, "at": "2000-01-01T00:00:00Z"},
    "ping": {"hops": 1, "pong": {"ping": {"hops": 2}}},
    "dt": "not the folder", "Hour": 25, "_offset": "not ours", "choice_case": "a field",
    "names": {"dt": "d", "_inner": "i", "userAgent": "one", "UserAgent": "two", "a": "z"},
}
ODD = {
    "a_float": "NaN", "a_double": "-Infinity", "point": {"x": "NaN"}, "at": "9999-12-31T23:59:59.999999Z",
    "instants": ["0001-01-01T00:00:00Z"], "choice_at": "1582-10-10T00:00:00Z", "took": "9223372036.854775807s",
    "w_bool": False, "w_string": "", "mask": "", "structure": {}, "list": [], "value": None,
    "points": [], "labels": {"": ""}, "node": {}, "ping": {"pong": {}}, "names": {},
}


def expected(everything, pool, value):
    """Returns the message columns of a row by name."""
    if value is None:
        return {name: None for name in struct_columns(everything.DESCRIPTOR)}
    return struct(everything.FromString(value), [everything.DESCRIPTOR], pool)


def name_of(field):
    return RENAMED.get((field.containing_type.full_name, field.name), field.name.lower())


def case_of(oneof):
    return CASES.get((oneof.containing_type.full_name, oneof.name), f"{oneof.name.lower()}_case")


def real_oneofs(descriptor):
    return [o for o in descriptor.oneofs if not (len(o.fields) == 1 and o.name == f"_{o.fields[0].name}")]


def struct_columns(descriptor):
    return [name_of(f) for f in descriptor.fields] + [case_of(o) for o in real_oneofs(descriptor)]


def struct(message, path, pool):
    row = {name_of(field): column(message, field, path, pool) for field in message.DESCRIPTOR.fields}
    for oneof in real_oneofs(message.DESCRIPTOR):
        member = message.WhichOneof(oneof.name)
        row[case_of(oneof)] = name_of(message.DESCRIPTOR.fields_by_name[member]) if member else None
    return row


def column(message, field, path, pool):
    held = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        return sorted(([one(k, key, path, pool), one(held[k], value, path, pool)] for k in held), key=repr)
    if field.is_repeated:
        return [one(element, field, path, pool) for element in held]
    if field.has_presence and not message.HasField(field.name):
        return None
    return one(held, field, path, pool)


def one(value, field, path, pool):
    if field.enum_type is not None:
        first = {v.number: v.name for v in reversed(field.enum_type.values)}
        return first.get(value, str(value))
    if field.message_type is not None:
        return of_message(value, path, pool)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


def of_message(value, path, pool):
    descriptor = value.DESCRIPTOR
    name = descriptor.full_name
    if name == "google.protobuf.Timestamp":
        return value.seconds * 1_000_000 + value.nanos // 1_000
    if name == "google.protobuf.Duration":
        return value.seconds * 1_000_000_000 + value.nanos
    if name == "google.protobuf.FieldMask":
        return list(value.paths)
    if name == any_pb2.Any.DESCRIPTOR.full_name:
        return {"type_url": value.type_url, "value": value.value.hex(), "json": of_any(value, pool)}
    if name in WRAPPERS:
        return one(value.value, descriptor.fields_by_name["value"], path, pool)
    if name in JSON_TYPES or any(on.full_name == name for on in path):
        return Json(json_format.MessageToDict(value, preserving_proto_field_name=True, descriptor_pool=pool))
    if not descriptor.fields:
        return True
    return struct(value, [*path, descriptor], pool)


def of_any(value, pool):
    try:
        content = message_factory.GetMessageClass(pool.FindMessageTypeByName(value.type_url.split("/")[-1]))
    except KeyError:
        return None
    return Json(json_format.MessageToDict(content.FromString(value.value), preserving_proto_field_name=True))
