"""The record digest written a second time, from docs/formats.md alone. Prints v1.json; needs the package `blake3`."""
import json, struct, blake3

RECORDS = [
    {"offset": 41, "timestamp": ["create", 1795413599123], "key": "6b", "value": "0a0161", "headers": [["61", "31"], ["61", None], ["62", ""]]},
    {"offset": 42, "timestamp": ["append", 1795413600000], "key": None, "value": None, "headers": []},
    {"offset": 50, "timestamp": ["none", None], "key": "", "value": "", "headers": [["ff", "00"]]},
]
KIND = {"none": 0, "create": 1, "append": 2}

def part(text):
    if text is None:
        return struct.pack(">q", -1)
    raw = bytes.fromhex(text)
    return struct.pack(">q", len(raw)) + raw

h = blake3.blake3()
for r in RECORDS:
    kind, millis = r["timestamp"]
    h.update(struct.pack(">qBq", r["offset"], KIND[kind], -1 if millis is None else millis))
    h.update(part(r["key"]) + part(r["value"]) + struct.pack(">I", len(r["headers"])))
    for name, value in r["headers"]:
        h.update(part(name) + part(value))
print(json.dumps({"records": RECORDS, "digest": h.hexdigest()}, indent=1))
