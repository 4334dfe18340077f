"""The lines of `tensionwire tail`: NDJSON for machines, one coloured line a message for people."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streams.client.messages import RawRecord, RejectedRecord
from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick, event_key
from streams.core.tension import ActorRow, DyadRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text

    from streams.client import Message

__all__ = ["json_printer", "pretty_printer"]

# A style of rich and a text, from left to right; what is foreign has been made harmless.
Cells = list[tuple[str, str]]

_BAR_CELLS: Final = 10
# Leading hex digits of an id that tell it apart by eye.
_ID_SHOWN: Final = 8


def json_printer(topic: str) -> Callable[[Message[Any]], None]:
    """Return a function that writes a message of `topic` (full name) as a line of JSON with its coordinates."""
    output = sys.stdout.buffer

    def show(message: Message[Any]) -> None:
        fields = {"_deleted": True} if message.value is None else _fields(message.value)
        place = {"_topic": topic, "_partition": message.partition, "_offset": message.offset, "_key": message.key}
        output.write(msgspec.json.encode({**fields, **place}) + b"\n")
        output.flush()

    return show


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - the value of a message
    if isinstance(value, RawRecord):
        return value.fields or {"raw": _text(value.raw)}
    if isinstance(value, RejectedRecord):
        return {**msgspec.structs.asdict(value), "raw": _text(value.raw)}
    fields: dict[str, Any] = msgspec.to_builtins(value)
    return fields


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def pretty_printer() -> Callable[[Message[Any]], None]:
    """Return a function that prints a message as one line, cut at the width of the terminal."""
    from rich.text import Text  # noqa: PLC0415 - machines do not wait for it

    from streams.cli.terminal import open_console, plain  # noqa: PLC0415 - as above

    console = open_console()

    def show(message: Message[Any]) -> None:
        line: Text = Text(no_wrap=True, overflow="ellipsis")
        for style, text in _cells_of(message):
            line.append(plain(text), style)
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    return show


def _cells_of(message: Message[Any]) -> Cells:
    if message.value is None:
        return [("dim", f"{_time(message.ingested_at)}{message.key or '':<10}has no row any more")]
    return _cells(message.value, message.ingested_at)


@singledispatch
def _cells(value: Any, at: datetime) -> Cells:  # noqa: ANN401 - an object without a contract yet
    return [("dim", _time(at)), ("", msgspec.json.encode(value).decode())]


@_cells.register
def _(event: CodedEvent, at: datetime) -> Cells:
    del at
    dyad = event_key(event.source_actor.id, event.target_actor.id)
    style = "dim" if event.retracted else "red" if event.goldstein < 0 else "green"
    words = "retracted" if event.retracted else event.text
    return [
        ("dim", _time(event.published_at)),
        ("bold", f"{dyad:<11} "),
        (style, f"{event.plover:<9} {event.goldstein:+5.1f}  "),
        ("dim" if event.retracted else "", words),
    ]


@_cells.register
def _(row: ActorRow, at: datetime) -> Cells:
    del at
    change = "" if row.change is None else f"{row.change:+.1f}"
    return [*_row_cells(row.as_of, row.actor, row.tension, row.pressure), ("", f" {change:>6}  {row.name}")]


@_cells.register
def _(row: DyadRow, at: datetime) -> Cells:
    del at
    dyad = event_key(row.source, row.target)
    return [*_row_cells(row.as_of, dyad, row.tension, row.pressure), ("", f"  {row.windows.week.events} in 7 d")]


def _row_cells(as_of: datetime, key: str, tension: float, pressure: float) -> Cells:
    from streams.cli.terminal import bar, style_of  # noqa: PLC0415 - loads rich

    filled = f"{bar(tension, _BAR_CELLS):<{_BAR_CELLS}}"
    return [
        ("dim", _time(as_of)),
        ("bold", f"{key:<11} "),
        (style_of(tension), f"{tension:5.1f} {filled}"),
        ("", f" {pressure:6.1f}"),
    ]


@_cells.register
def _(state: ReportState, at: datetime) -> Cells:
    words = "" if state.report is None else f"{state.report.source}: {state.report.title or state.report.text}"
    style = {"unique": "green", "duplicate": "yellow"}.get(state.state, "red")
    return [
        ("dim", _time(at)),
        (style, f"{state.state:<9} "),
        ("", f"{state.language:<3} {state.report_id[:_ID_SHOWN]}  {words}"),
    ]


@_cells.register
def _(tick: Tick, at: datetime) -> Cells:
    return [("dim", f"{_time(at)}tick      {tick.language:<3} {tick.watermark:%Y-%m-%dT%H:%MZ}")]


@_cells.register
def _(copy: DuplicateRecord, at: datetime) -> Cells:
    return [
        ("dim", _time(at)),
        ("", f"{copy.source}/{copy.id} "),
        ("yellow", f"repeats {copy.duplicate_of[:_ID_SHOWN]}, similarity {copy.similarity:.2f}"),
    ]


@_cells.register
def _(record: RejectedRecord, at: datetime) -> Cells:
    return [
        ("dim", _time(at)),
        ("red", f"{record.code:<14} "),
        ("", f"{record.topic}[{record.partition}]@{record.offset}: {record.detail}"),
    ]


@_cells.register
def _(record: RawRecord, at: datetime) -> Cells:
    fields = record.fields
    words = fields.get("title") or fields.get("text") or _text(record.raw[:500])
    return [("dim", _time(at)), ("bold", f"{fields.get('source', '')}: "), ("", str(words))]


def _time(moment: datetime) -> str:
    return f"{moment:%m-%d %H:%M}  "
