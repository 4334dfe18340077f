"""Reading the corpus: the notation of MANUAL.md into sentences with spans, and errors with their place."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "CODED_MODES", "MODES", "SECTORS", "STYLES", "Event", "MarkError", "Mention", "Report", "Sentence",
    "files_of", "parse_sentence", "read_reports", "read_sentences",
]  # fmt: skip

MODES: Final = "asserted promised threatened alleged hypothetical negated historical".split()
# The modes in which an event is coded; in the others the act is marked so that a coder can learn to leave it out.
CODED_MODES: Final = frozenset({"asserted", "promised", "threatened"})
SECTORS: Final = frozenset("GOV MIL COP SPY LEG JUD PTY OPP REB CVL BUS LAB MED NGO REL EDU CRM IGO LOC".split())
STYLES: Final = frozenset("wire headline analysis quote live".split())
_MARK: Final = re.compile(r"\{(\S+)(?: ([^\s{}?^.]+|\?)(\^?)\.([A-Z]+))? ([^{}]+)\}")
_EVENT: Final = re.compile(r"([\d,]+)(<>([\d,]+))? ([a-s])(?: ([\d,]+))? ([A-Z]+)(?: ([a-z]+))?(?: @([t-z]))?")
_ACTOR: Final = re.compile(r"[A-Z][A-Z0-9_]{1,11}|\?")


class MarkError(ValueError):
    """A line that does not follow MANUAL.md; the message says where and what to do."""


class Mention(NamedTuple):
    """A marked actor: characters [start, end) of the text; `implied` if its id comes from the context."""

    start: int
    end: int
    actor: str
    sector: str
    implied: bool


class Event(NamedTuple):
    """An act of one mention on another, as indexes into the sentence's `mentions`, `triggers` and `dates`."""

    source: int
    target: int
    trigger: int
    plover: str
    mode: str
    date: int | None
    reciprocal: bool


class Sentence(NamedTuple):
    """A marked sentence: the plain text and what stands in it."""

    ident: str
    published_on: date
    topic: str
    style: str
    text: str
    mentions: tuple[Mention, ...]
    triggers: tuple[tuple[int, int], ...]
    dates: tuple[tuple[int, int], ...]
    events: tuple[Event, ...]

    @property
    def coded(self) -> tuple[Event, ...]:
        """The events a coder has to find; none makes the sentence a negative."""
        return tuple(event for event in self.events if event.mode in CODED_MODES)


class Report(NamedTuple):
    """A marked report: its title first, then its sentences."""

    ident: str
    published_on: date
    topic: str
    sentences: tuple[Sentence, ...]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise MarkError(f"{text.strip()!r} is no day; write 2018-09-18") from None


def _numbers(text: str, known: dict[str, int], what: str) -> list[int]:
    try:
        return [known[number] for number in text.split(",")]
    except KeyError as error:
        raise MarkError(f"event names {what} {error}, which is not marked") from None


def _events(text: str, mentions: dict[str, int], triggers: dict[str, int], dates: dict[str, int]) -> Iterator[Event]:
    if text.strip() == "NONE":
        return
    for part in text.split(";"):
        match = _EVENT.fullmatch(part.strip())
        if match is None:
            raise MarkError(f"event {part.strip()!r} is not 'SOURCE TRIGGER TARGET TYPE [MODE] [@t]'")
        left, _, right, letter, target, plover, mode, when = match.groups()
        if (right is None) == (target is None):
            raise MarkError(f"event {part.strip()!r} needs one target: '1 a 2 ASSAULT' or '1<>2 a CONSULT'")
        if plover not in PLOVER_TYPES or (mode or "asserted") not in MODES:
            raise MarkError(f"event {part.strip()!r}: {plover} {mode or ''} is no type or mode of MANUAL.md")
        trigger = _numbers(letter, triggers, "trigger")[0]
        when_index = None if when is None else _numbers(when, dates, "date")[0]
        sources, targets = _numbers(left, mentions, "mention"), _numbers(right or target, mentions, "mention")
        for source in sources:
            for other in targets:
                if source == other:
                    raise MarkError(f"event {part.strip()!r} names one mention as source and target")
                yield Event(source, other, trigger, plover, mode or "asserted", when_index, right is not None)
                if right is not None:
                    yield Event(other, source, trigger, plover, mode or "asserted", when_index, True)


def parse_sentence(line: str, ident: str, published_on: date, topic: str = "", style: str = "wire") -> Sentence:
    """Return the sentence that `line` (marked text, ` => `, events) describes.

    Raises: MarkError if the line does not follow MANUAL.md.

    >>> s = parse_sentence("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}. => 1 a 2 THREATEN threatened", "x",
    ...     date(2015, 11, 25))
    >>> s.text, s.mentions[1].actor, s.events[0].plover
    ('Moscow warned Ankara.', 'TUR', 'THREATEN')
    """
    marked, arrow, events = line.partition(" => ")
    if not arrow:
        raise MarkError("no ' => ' with the events after it; write ' => NONE' if there are none")
    pieces: list[str] = []
    mentions: list[Mention] = []
    triggers: list[tuple[int, int]] = []
    dates: list[tuple[int, int]] = []
    names: tuple[dict[str, int], ...] = ({}, {}, {})
    position = length = 0
    for match in _MARK.finditer(marked):
        before = marked[position : match.start()]
        label, actor, implied, sector, words = match.groups()
        start = length + len(before)
        span = (start, start + len(words))
        kind = 0 if label.isdigit() else 1 if "a" <= label <= "s" else 2
        if len(label) > 2 or label in names[kind] or (actor is None) == (kind == 0):  # noqa: PLR2004
            raise MarkError(f"mark {match[0]!r}: number an actor '{{1 RUS.GOV ...}}', letter a trigger '{{a ...}}'")
        if kind == 0:
            if not _ACTOR.fullmatch(actor) or sector not in SECTORS:
                raise MarkError(f"mark {match[0]!r}: {actor}.{sector} is no ID.SECTOR of MANUAL.md")
            names[0][label] = len(mentions)
            mentions.append(Mention(*span, actor, sector, bool(implied)))
        else:
            spans = triggers if kind == 1 else dates
            names[kind][label] = len(spans)
            spans.append(span)
        pieces += [before, words]
        position, length = match.end(), span[1]
    pieces.append(marked[position:])
    text = "".join(pieces).strip()
    if "{" in text or "}" in text or marked[:1] == " ":
        raise MarkError("a brace is left over, or the text begins with a blank; marks do not nest")
    found = tuple(_events(events, *names))
    return Sentence(ident, published_on, topic, style, text, tuple(mentions), tuple(triggers), tuple(dates), found)


def _header(line: str, header: dict[str, str]) -> None:
    for part in line.lstrip("# ").split():
        key, _, header[key] = part.partition("=")
    if header.get("style", "wire") not in STYLES or "topic" not in header:
        raise MarkError("a header is '## topic=sahel style=wire', with a style of MANUAL.md")


def read_sentences(path: Path) -> Iterator[Sentence | MarkError]:
    """Yield each sentence of a `<writer>.txt`, or the error of its line."""
    header: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            if line.startswith("##"):
                _header(line, header)
                continue
            day, bar, rest = line.partition(" | ")
            if not bar or "topic" not in header:
                raise MarkError("a line is '2018-09-18 | text => events', under a '## topic= style=' header")  # noqa: TRY301
            yield parse_sentence(rest, f"{path.stem}:{number}", _day(day), header["topic"], header.get("style", "wire"))
        except MarkError as error:
            yield MarkError(f"{path}:{number}: {error}")


def read_reports(path: Path) -> Iterator[Report | MarkError]:
    """Yield each report of a `<writer>.reports.txt`, or the error of its block."""
    header: dict[str, str] = {}
    block: list[tuple[int, str]] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, ""], 1):
        if line.startswith("##"):
            try:
                _header(line, header)
            except MarkError as error:
                yield MarkError(f"{path}:{number}: {error}")
        elif line.strip():
            block.append((number, line))
        elif block:
            yield _report(path, header, block)
            block = []


def _report(path: Path, header: dict[str, str], block: list[tuple[int, str]]) -> Report | MarkError:
    number, first = block[0]
    try:
        if not first.startswith("# ") or len(block) < 3:  # noqa: PLR2004
            raise MarkError("a report is '# 2018-09-18', a title line and its sentences, then a blank line")  # noqa: TRY301
        day = _day(first[2:])
        sentences: list[Sentence] = []
        for at, line in block[1:]:
            number = at
            style = "wire" if sentences else "headline"
            sentences.append(parse_sentence(line, f"{path.stem}:{at}", day, header.get("topic", ""), style))
    except MarkError as error:
        return MarkError(f"{path}:{number}: {error}")
    return Report(f"{path.stem}:{block[0][0]}", day, header.get("topic", ""), tuple(sentences))


def files_of(part: Path) -> tuple[list[Path], list[Path]]:
    """Return the sentence files and the report files of a part of the corpus, in order."""
    reports = sorted(part.glob("*.reports.txt"))
    return sorted(set(part.glob("*.txt")) - set(reports)), reports
