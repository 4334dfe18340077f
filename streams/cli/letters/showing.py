"""One dead letter on a terminal or as JSON: headers, bytes, what is wrong, what to do."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from streams.cli.letters.reading import Letter, remedy_of
from streams.cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

__all__ = ["describe", "print_letter"]

# Shown of a record that is longer; --raw gives all of it.
_SHOWN_LINES: Final = 60
_SHOWN_CHARS: Final = 400
_DUMPED_BYTES: Final = 512
_DUMP_WIDTH: Final = 16


def describe(letter: Letter, *, redriven: bool | None) -> dict[str, Any]:
    """Return everything about a letter for machines; `value` is text where the bytes are UTF-8, else `value_base64`."""
    described: dict[str, Any] = {
        "place": letter.place,
        "origin": letter.origin,
        "rejected_at": letter.at,
        "code": letter.code,
        "stage": letter.stage,
        "field": letter.field or None,
        "detail": letter.detail,
        "remedy": remedy_of(letter.code),
        "redriven": redriven,
        "key": None if letter.key is None else letter.key.decode("utf-8", "replace"),
        "bytes": len(letter.value),
    }
    try:
        described["value"] = letter.value.decode()
    except UnicodeDecodeError:
        described["value_base64"] = base64.b64encode(letter.value).decode()
    return described


def print_letter(console: Console, letter: Letter, *, redriven: bool | None) -> None:
    """Print one letter; its own text is never markup and cannot control the terminal."""
    back = {None: "not looked for: much was sent since; `tensionwire dlq list --redriven`", True: "yes", False: "no"}
    console.print(plain(f"{letter.code} at {letter.place}"), style="bold", markup=False)
    rows = {
        "wrong": letter.detail,
        "field": letter.field or "-",
        "remedy": remedy_of(letter.code),
        "stage": letter.stage,
        "origin": letter.origin,
        "rejected": f"{letter.at:%Y-%m-%d %H:%M:%S} UTC",
        "key": "-" if letter.key is None else letter.key.decode("utf-8", "replace"),
        "redriven": back[redriven],
        "bytes": str(len(letter.value)),
    }
    for name, value in rows.items():
        console.print(plain(f"  {name:<9} {value}"), markup=False, soft_wrap=True)
    console.print()
    for line in _body(letter):
        console.print(line, soft_wrap=True)
    console.print()


def _body(letter: Letter) -> Iterator[Text]:
    """Yield the lines of the record: JSON with the refused field marked, else text, else a dump of its bytes."""
    try:
        text = letter.value.decode()
    except UnicodeDecodeError:
        yield from _dump(letter.value)
        return
    try:
        pretty = json.dumps(msgspec.json.decode(letter.value), indent=2, ensure_ascii=False)
    except (msgspec.DecodeError, RecursionError):
        yield from _bounded(text.split("\n"), "")
        return
    yield from _bounded(pretty.split("\n"), letter.field)


def _bounded(lines: list[str], field: str) -> Iterator[Text]:
    for line in lines[:_SHOWN_LINES]:
        shown = _escaped(line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]} ... {len(line)} characters")
        # A pretty-printed object has its own fields two blanks in; deeper ones are somebody else's.
        marked = bool(field) and line.startswith(f"  {json.dumps(field)}:")
        yield Text(f"> {shown}" if marked else f"  {shown}", style="bold red" if marked else "")
    if len(lines) > _SHOWN_LINES:
        yield Text(f"  ... {len(lines) - _SHOWN_LINES} more lines; --raw gives all bytes", style="dim")


def _escaped(line: str) -> str:
    """Return `line` with what a terminal would obey written out, so that it can be seen.

    >>> _escaped("red\\x1b[31m")
    'red\\\\x1b[31m'
    """
    return "".join(char if plain(char) == char else char.encode("unicode_escape").decode() for char in line)


def _dump(value: bytes) -> Iterator[Text]:
    for start in range(0, min(len(value), _DUMPED_BYTES), _DUMP_WIDTH):
        chunk = value[start : start + _DUMP_WIDTH]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)  # noqa: PLR2004 - printable ASCII
        yield Text(f"  {start:06x}  {chunk.hex(' '):<{3 * _DUMP_WIDTH - 1}}  {letters}")
    if len(value) > _DUMPED_BYTES:
        yield Text(f"  ... {len(value) - _DUMPED_BYTES} more bytes; --raw gives all", style="dim")
