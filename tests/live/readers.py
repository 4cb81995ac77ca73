"""Reads objects with pyarrow and with DuckDB and compares every value with what was expected.

Usage: readers.py FOLDER. Beside NAME.parquet stands NAME.jsonl with one JSON object a row: offset, and columns as texts in the form of
tests/oracle/show.rs. Exit code 1 and one line for each difference, up to twenty, if a reader says anything else.
"""

import json
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet


def texts(array):
    """Says each value of an Arrow array as text."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return texts(array.dictionary_decode())
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        rows = zip(*(texts(child) for child in array.flatten()))
        said = ["(" + ", ".join(f"{name}={text}" for name, text in zip(names, row)) + ")" for row in rows]
    elif pa.types.is_map(kind):
        pairs = [f"{key}: {value}" for key, value in zip(texts(array.keys), texts(array.items))]
        said = ["{" + ", ".join(part) + "}" for part in parts(array, pairs)]
    elif pa.types.is_list(kind):
        said = ["[" + ", ".join(part) + "]" for part in parts(array, texts(array.values))]
    elif pa.types.is_timestamp(kind):
        said = [f"{value}{kind.unit}" for value in array.cast(pa.int64()).to_pylist()]
    elif pa.types.is_float32(kind):
        said = [f"{value or 0:#010x}" for value in array.view(pa.uint32()).to_pylist()]
    elif pa.types.is_float64(kind):
        said = [f"{value or 0:#018x}" for value in array.view(pa.uint64()).to_pylist()]
    elif pa.types.is_boolean(kind):
        said = [str(value).lower() for value in array.to_pylist()]
    elif pa.types.is_binary(kind):
        said = [(value or b"").hex() for value in array.to_pylist()]
    elif pa.types.is_string(kind):
        said = [json.dumps(value, ensure_ascii=False) for value in array.to_pylist()]
    elif pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        said = [str(int(value or 0)) for value in array.to_pylist()]
    else:
        raise TypeError(f"no table has a {kind}")
    return [text if valid else "null" for text, valid in zip(said, array.is_valid().to_pylist())]


def parts(array, texts):
    """Cuts the texts of a list's elements into lists."""
    ends = array.offsets.to_pylist()
    return [texts[start:end] for start, end in zip(ends, ends[1:])]


def rows(table):
    """Returns the texts of each row, by its offset."""
    columns = {name: texts(table.column(name).combine_chunks()) for name in table.column_names}
    offsets = table.column("_offset").to_pylist()
    return {offset: {name: said[row] for name, said in columns.items()} for row, offset in enumerate(offsets)}


def main():
    folder = pathlib.Path(sys.argv[1])
    differences, objects, compared = 0, 0, 0
    for path in sorted(folder.glob("*.parquet")):
        expected = [json.loads(line) for line in path.with_suffix(".jsonl").open(encoding="utf-8")]
        found = {
            "pyarrow": pa.parquet.read_table(path, partitioning=None),
            "DuckDB": duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).to_arrow_table(),
        }
        objects += 1
        compared += len(expected)
        for reader, table in found.items():
            by_offset = rows(table)
            if sorted(by_offset) != [row["offset"] for row in expected]:
                differences += 1
                print(f"{path.name}: {reader} finds offsets {sorted(by_offset)}")
                continue
            for row in expected:
                said = {name: text for name, text in by_offset[row["offset"]].items() if not name.startswith("_")}
                if said == row["columns"]:
                    continue
                differences += 1
                for name in said.keys() | row["columns"].keys():
                    one, other = said.get(name), row["columns"].get(name)
                    if one != other and differences <= 20:
                        print(f"{path.name}, offset {row['offset']}: {reader} reads {name} as {one}, expected {other}")
    if not differences:
        print(f"{objects} objects, {compared} rows")
    return differences > 0


if __name__ == "__main__":
    sys.exit(main())
