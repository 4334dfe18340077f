"""The trigger lexicon's files: one entry a line, with a sentence of its own in which it acts.

`FRAME | CAMEO | FLAGS | EXAMPLE` in a file per PLOVER type: the frame in the notation of `streams.core.lexicon`, flags
`-` or of reciprocal, place, help; the example marks `[S the source]` and `[T the target]`. `shifters.psv` holds what
turns an act: `PHRASE | EFFECT | SCOPE | EXAMPLE` ("lift|ease | SANCTION>CONCEDE | after | ...").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streams.core.errors import CodebookError
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["EFFECTS", "Example", "Shifter", "TriggerEntry", "frames_of", "read_shifters", "read_triggers"]

_FIELDS: Final = 4
_MARK: Final = re.compile(r"\[([ST]) ([^\[\]]+)\]")
_FLAGS: Final = frozenset({"reciprocal", "place", "help"})
# What a shifter may make of an act, apart from another type (`SANCTION>CONCEDE`).
EFFECTS: Final = frozenset({"negated", "hypothetical", "threatened", "promised", "alleged", "historical"})
_CLASSES: Final = frozenset({*PLOVER_TYPES, "friendly", "hostile"})


class Example(NamedTuple):
    """A plain sentence with the spans of source and target."""

    text: str
    source: tuple[int, int]
    target: tuple[int, int]


class TriggerEntry(NamedTuple):
    """One entry; `place`: file and line."""

    plover: str
    frame: str
    cameo: str
    flags: frozenset[str]
    example: Example
    place: str

    @property
    def verbal(self) -> bool:
        """Whether the head is a verb; else it is a noun of action."""
        return self.frame.split(" ", 1)[0] in ("S", "T", "S+")

    @property
    def head(self) -> str:
        """The verb with its particles, or the noun."""
        return self.frame.split()[1 if self.verbal else 0]


class Shifter(NamedTuple):
    """A phrase (alternatives by `|`) that changes mode or type of the act it governs; `scope`: after or before it."""

    phrase: str
    effects: tuple[str, ...]
    scope: str
    example: str
    place: str


def _lines(file: str, text: str) -> Iterator[tuple[str, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line and line[0] != "#":
            fields = [field.strip() for field in line.split(" | ")]
            place = f"{file}:{number}"
            if len(fields) != _FIELDS:
                raise CodebookError(f"{place}: {len(fields)} fields instead of {_FIELDS}; divide them by ' | '")
            yield place, fields


def _example(marked: str, place: str) -> Example:
    text, position = "", 0
    spans: dict[str, tuple[int, int]] = {}
    for match in _MARK.finditer(marked):
        text += marked[position : match.start()]
        spans.setdefault(match[1], (len(text), len(text) + len(match[2])))
        text += match[2]
        position = match.end()
    if set(spans) != {"S", "T"}:
        raise CodebookError(f"{place}: the example does not mark source and target; write [S Tehran] ... [T Riyadh]")
    return Example(text + marked[position:], spans["S"], spans["T"])


def read_triggers(plover: str, text: str) -> list[TriggerEntry]:
    """Return the entries of one type's file.

    Raises: CodebookError naming file, line and remedy.
    """
    entries: list[TriggerEntry] = []
    for place, (frame, cameo, flags, marked) in _lines(f"{plover}.psv", text):
        given = frozenset(() if flags == "-" else flags.split())
        if not given <= _FLAGS:
            raise CodebookError(f"{place}: flags {flags!r}; use - or of {', '.join(sorted(_FLAGS))}")
        entries.append(TriggerEntry(plover, frame, cameo, given, _example(marked, place), place))
    return entries


def read_shifters(text: str) -> list[Shifter]:
    """Return the entries of `shifters.psv`.

    Raises: CodebookError naming file, line and remedy.
    """
    shifters: list[Shifter] = []
    for place, (phrase, effects, scope, example) in _lines("shifters.psv", text):
        given = tuple(effect.strip() for effect in effects.split(","))
        for effect in given:
            turned, arrow, into = effect.partition(">")
            if not (effect in EFFECTS or (arrow and turned in _CLASSES and into in PLOVER_TYPES)):
                raise CodebookError(f"{place}: effect {effect!r}; use {', '.join(sorted(EFFECTS))} or TYPE>TYPE")
        if scope not in ("after", "before"):
            raise CodebookError(f"{place}: scope {scope!r}; write after or before")
        shifters.append(Shifter(phrase, given, scope, example, place))
    return shifters


def frames_of(entries: Iterable[TriggerEntry]) -> dict[str, Any]:
    """Return the entries as a parsed file of frames, as `build_lexicon` reads them."""
    groups: dict[tuple[str, str, frozenset[str]], dict[str, Any]] = {}
    for entry in entries:
        key = (entry.plover, entry.cameo, entry.flags)
        group = groups.setdefault(
            key,
            {
                "plover": entry.plover,
                "cameo": entry.cameo,
                "flags": sorted(entry.flags - {"reciprocal"}),
                "reciprocal": "reciprocal" in entry.flags,
                "verbs": "",
                "nouns": "",
            },
        )
        group["verbs" if entry.verbal else "nouns"] += entry.frame + "\n"
    return {"frames": list(groups.values())}
