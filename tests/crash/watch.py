"""Lists an archive again and again, as a reader that knows nothing of chains, until its input ends; reads each object that has
appeared. Exit code 1 if a listing ever showed a row twice, or an object changed or gone.

Objects stay as they are (which is looked after), so reading each once is as good as reading all at each look.
"""

import argparse
import json
import os
import re
import select
import sys

import pyarrow.fs
import pyarrow.parquet

NAME = re.compile(r"/\d\d-([0-9a-f]{8})-\d{5}-\d{20}\.parquet$")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--archive", required=True)
    arguments.add_argument("--endpoint")
    options = arguments.parse_args()
    files = pyarrow.fs.LocalFileSystem()
    if options.endpoint:
        files = pyarrow.fs.S3FileSystem(
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region="us-east-1",
            scheme="http",
            endpoint_override=options.endpoint.removeprefix("http://"),
        )
    sizes, rows, looks, wrong = {}, {}, 0, []
    last = False
    while True:
        listed = {}
        for folder in ["tables", "quarantine"]:
            selector = pyarrow.fs.FileSelector(f"{options.archive}/{folder}", recursive=True, allow_not_found=True)
            listed |= {file.path: file.size for file in files.get_file_info(selector) if file.is_file}
        wrong += [f"{path} was there and is gone" for path in sizes.keys() - listed.keys()]
        wrong += [f"{path} has changed" for path, size in sizes.items() if listed.get(path, size) != size]
        for path in listed.keys() - sizes.keys():
            columns = ["_topic", "_partition", "_offset"]
            table = pyarrow.parquet.read_table(path, filesystem=files, partitioning=None, columns=columns)
            for row in table.to_pylist():
                place = (NAME.search(path)[1], *row.values())
                if place in rows:
                    wrong.append(f"{place} is in {rows[place]} and in {path}")
                rows[place] = path
        sizes, looks = listed, looks + 1
        if last:
            break
        last = bool(select.select([sys.stdin], [], [], 1.0)[0])
    print(json.dumps({"looks": looks, "objects": len(sizes), "rows": len(rows)}))
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
