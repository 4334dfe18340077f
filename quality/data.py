"""The labelled sets that figures are measured on: our corpus, and others' where a machine has them.

Others' sets are read from the folder named by TENSIONWIRE_LABELLED (default `../shared/data/coding`); a figure whose
set is absent is left out and said so.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from corpus.marks import CODED_MODES, files_of, read_reports, read_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.marks import Report, Sentence

__all__ = [
    "CORPUS", "LABELLED", "GoldMention", "Pair", "as_yield", "gsr_mentions", "labelled", "modern_mentions",
    "pairs_of_gsr", "pairs_of_plv", "pairs_of_sentences", "pairs_of_start", "read_part", "read_part_reports",
    "read_traps",
]  # fmt: skip

ROOT: Final = Path(__file__).resolve().parents[1]
CORPUS: Final = ROOT / "corpus"
LABELLED: Final = Path(os.environ.get("TENSIONWIRE_LABELLED", ROOT.parent / "shared" / "data" / "coding"))
_TAG: Final = re.compile(r"<(/?)([st])>")
# Names of PLOVER's first gold standard that later versions changed.
_OLD_TYPES: Final = {"DEMAND": "REQUEST", "DISAPPROVE": "ACCUSE", "INVESTIGATE": "ACCUSE", "FIGHT": "ASSAULT"}
_OLD_COUNTRIES: Final = {"JAP": "JPN", "ROM": "ROU", "ZAR": "COD", "ITL": "ITA", "IMG": "IGO", "VTN": "VNM"}
_TRAP: Final = re.compile(r"<([^<>]+)>")


class Pair(NamedTuple):
    """A sentence with its actors given, and the type of what the source does to the target."""

    text: str
    source: tuple[int, int]
    target: tuple[int, int]
    plover: str


class GoldMention(NamedTuple):
    """A phrase, the country it means (`IGO`, `NGO` for organisations of several), its day and sentence, if known."""

    text: str
    country: str
    on: str | None
    context: str = ""


def as_yield(plover: str) -> str:
    """Return the type with CONCEDE and RETREAT as one, as sets of 15 types have them."""
    return "YIELD" if plover in ("CONCEDE", "RETREAT") else plover


def labelled(name: str) -> list[dict[str, Any]] | None:
    """Return the items of a labelled set, None where the machine has none."""
    path = LABELLED / f"{name}.jsonl"
    if not path.exists():
        return None
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_part(part: str) -> list[Sentence]:
    """Return the sentences of a part of the corpus. Raises: MarkError."""
    return [_right(item) for path in files_of(CORPUS / part)[0] for item in read_sentences(path)]


def read_part_reports(part: str) -> list[Report]:
    """Return the reports of a part of the corpus. Raises: MarkError."""
    return [_right(item) for path in files_of(CORPUS / part)[1] for item in read_reports(path)]


def _right(item: Any) -> Any:  # noqa: ANN401 - a sentence or a report goes through as it is
    if isinstance(item, Exception):
        raise item
    return item


def pairs_of_sentences(sentences: list[Sentence]) -> Iterator[Pair]:
    """Yield one pair for each coded event."""
    for sentence in sentences:
        for event in sentence.events:
            if event.mode in CODED_MODES:
                source, target = sentence.mentions[event.source], sentence.mentions[event.target]
                yield Pair(sentence.text, (source.start, source.end), (target.start, target.end), event.plover)


def untagged(marked: str) -> tuple[str, dict[str, tuple[int, int]]]:
    """Return the text of `<s>..</s>` and `<t>..</t>` marks, and their spans.

    >>> untagged("<s>A</s> hit <t>B</t>")
    ('A hit B', {'s': (0, 1), 't': (6, 7)})
    """
    text, position = "", 0
    spans: dict[str, tuple[int, int]] = {}
    starts: dict[str, int] = {}
    for match in _TAG.finditer(marked):
        text += marked[position : match.start()]
        position = match.end()
        if match[1]:
            spans[match[2]] = (starts[match[2]], len(text))
        else:
            starts[match[2]] = len(text)
    return text + marked[position:], spans


def _tagged(items: list[dict[str, Any]], field: str) -> Iterator[Pair]:
    for item in items:
        text, spans = untagged(item["marked"])
        if len(spans) == 2 and item[field] != "NONE":  # noqa: PLR2004 - a source and a target
            yield Pair(text, spans["s"], spans["t"], item[field])


def pairs_of_plv() -> list[Pair]:
    """Return the pairs of `plv_train`, for measuring alone; empty where it is absent."""
    return list(_tagged(labelled("plv_train") or [], "code"))


def pairs_of_start() -> list[Pair]:
    """Return the pairs with which the corpus began."""
    lines = (CORPUS / "pairs" / "start.ndjson").read_text("utf-8").splitlines()
    return list(_tagged([json.loads(line) for line in lines], "plover"))


def pairs_of_gsr() -> list[Pair]:
    """Return the usable pairs of PLOVER's gold standard (CC BY-SA 4.0); empty where it is absent."""
    pairs: list[Pair] = []
    for item in labelled("plover_gsr") or []:
        sources, targets = item["source"], item["target"] or item["source"][1:2]
        if sources and targets:
            start, end = item["text"].find(sources[0]["text"]), item["text"].find(targets[0]["text"])
            if start >= 0 and end >= 0 and start != end:
                spans = (start, start + len(sources[0]["text"])), (end, end + len(targets[0]["text"]))
                pairs.append(Pair(item["text"], *spans, _OLD_TYPES.get(item["code"], item["code"])))
    return pairs


def gsr_mentions() -> list[GoldMention]:
    """Return the actor mentions of PLOVER's gold standard that have a country or are of an organisation."""
    return [
        GoldMention(mention["text"], _OLD_COUNTRIES.get(mention["code"], mention["code"]), None, item["text"])
        for item in labelled("plover_gsr") or []
        for mention in (*item["source"], *item["target"])
        if mention["code"]
    ]


def modern_mentions() -> list[GoldMention]:
    """Return the actor mentions of `actor_mentions_dev` that name a country."""
    found: list[GoldMention] = []
    for item in labelled("actor_mentions_dev") or []:
        country = item["expected"].get("country", item["expected"].get("cc"))
        if country:
            day = item["query_date"] or ""
            on = day if len(day) == 10 else None  # noqa: PLR2004
            found.append(GoldMention(item["text"], country, on, item["context"] or ""))
    return found


def read_traps() -> list[tuple[str, str, list[tuple[int, int]]]]:
    """Return day, text and the spans that name nobody of each sentence of `corpus/traps.txt`."""
    traps: list[tuple[str, str, list[tuple[int, int]]]] = []
    for line in (CORPUS / "traps.txt").read_text("utf-8").splitlines():
        if not line or line[0] == "#":
            continue
        day, _, marked = line.partition(" | ")
        text, position = "", 0
        spans: list[tuple[int, int]] = []
        for match in _TRAP.finditer(marked):
            text += marked[position : match.start()]
            spans.append((len(text), len(text) + len(match[1])))
            text += match[1]
            position = match.end()
        traps.append((day, text + marked[position:], spans))
    return traps
