"""Recognising what is not NDJSON: other encodings, other formats, compressed files; each with its remedy."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["GZIP_MAGIC", "wrong_first_line", "wrong_start"]

GZIP_MAGIC: Final = b"\x1f\x8b"
# First bytes -> what it is, and what reads it.
_PACKED: Final = (
    (b"\x28\xb5\x2f\xfd", "zstd data", "zstd -dc FILE | tensionwire ... -"),
    (b"BZh", "bzip2 data", "bzip2 -dc FILE | tensionwire ... -"),
    (b"\xfd7zXZ\x00", "xz data", "xz -dc FILE | tensionwire ... -"),
    (b"PK\x03\x04", "a ZIP archive", "unzip -p FILE | tensionwire ... -"),
    (b"PAR1", "a Parquet file", "export it as NDJSON, one JSON object a line"),
)
_UTF16: Final = re.compile(rb"\xff\xfe|\xfe\xff|[\[{]\x00|\x00[\[{]")
_UTF32: Final = re.compile(rb"\xff\xfe\x00\x00|\x00\x00\xfe\xff|[\[{]\x00\x00\x00|\x00\x00\x00[\[{]")
# A header of CSV: three or more short names, and nothing that JSON needs.
_CELL: Final = rb'"?[A-Za-z_][\w .-]{0,39}"?'
_CSV: Final = re.compile(rb"%s(?:(?:,%s){2,}|(?:;%s){2,}|(?:\t%s){2,})\Z" % ((_CELL,) * 4))
_ARRAY: Final = re.compile(rb"\[\s*(?:\{|\Z)")


def wrong_start(start: bytes) -> str | None:
    """Return what a file is that begins with `start` and cannot be lines of UTF-8, with the remedy; else None.

    >>> wrong_start(b"BZh91AY")
    'is bzip2 data; bzip2 -dc FILE | tensionwire ... -'
    """
    for magic, what, remedy in _PACKED:
        if start.startswith(magic):
            return f"is {what}; {remedy}"
    for pattern, name in ((_UTF32, "UTF-32"), (_UTF16, "UTF-16")):
        if pattern.match(start):
            return f"is {name}; make it UTF-8: iconv -f {name} -t UTF-8 FILE > reports.ndjson"
    return None


def wrong_first_line(line: bytes) -> str | None:
    """Return what a file is whose first line that is not blank is `line`, with the remedy; None if it may be NDJSON.

    >>> wrong_first_line(b'[{"text": "a"},')
    "is a JSON array, not one JSON object a line; jq -c '.[]' FILE > reports.ndjson"
    """
    if _ARRAY.match(line):
        return "is a JSON array, not one JSON object a line; jq -c '.[]' FILE > reports.ndjson"
    if line == b"{":
        return "holds JSON spread over several lines; one object a line: jq -c . FILE > reports.ndjson"
    if line.startswith(b"<") and line[1:2].isalpha() | (line[1:2] in {b"?", b"!"}):
        return "is XML or HTML, not one JSON object a line; convert it first"
    if _CSV.match(line):
        return "looks like CSV, not one JSON object a line; convert it, such as with: mlr --icsv --ojsonl cat FILE"
    return None
