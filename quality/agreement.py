"""How far two coders agree: sentences of the corpus that a second coder marked blind (`corpus/second.txt`)."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from corpus.marks import parse_sentence
from quality.data import CORPUS, read_part
from quality.intervals import Figure, f1_of, figure, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.marks import Event, Sentence

__all__ = ["Disagreement", "agreement_figures", "disagreements"]


# What one coder marks with the phrase and the other does not.
_ARTICLE: Final = re.compile(r"^(?:the|a|an|some|about|its|his|their|\d+)\s+", re.IGNORECASE)


class Disagreement(NamedTuple):
    """What the first and the second coder made of a sentence, as readable events."""

    ident: str
    text: str
    first: tuple[str, ...]
    second: tuple[str, ...]


def _pairs() -> Iterator[tuple[Sentence, Sentence]]:
    """Yield each sentence as the first and as the second coder marked it, matched by day and text."""
    first = {
        (sentence.published_on, sentence.text): sentence
        for part in ("train", "dev", "test")
        for sentence in read_part(part)
    }
    for number, line in enumerate((CORPUS / "second.txt").read_text("utf-8").splitlines(), 1):
        if line and line[0] != "#":
            day, _, rest = line.partition(" | ")
            second = parse_sentence(rest, f"second:{number}", date.fromisoformat(day))
            yield first[second.published_on, second.text], second


def _overlap(one: Sentence, here: int, other: Sentence, there: int) -> bool:
    a, b = one.mentions[here], other.mentions[there]
    return a.start < b.end and b.start < a.end


def _partner(one: Sentence, event: Event, other: Sentence) -> Event | None:
    """Return the coded event of `other` that shares most with `event`: both actors, else one of them."""

    def shared(candidate: Event) -> tuple[int, bool]:
        spans = _overlap(one, event.source, other, candidate.source) + _overlap(
            one, event.target, other, candidate.target
        )
        return spans, candidate.plover == event.plover

    best = max(other.coded, key=shared, default=None)
    return best if best is not None and shared(best)[0] else None


def agreement_figures() -> dict[str, Figure]:
    """Return the agreement on whether anything is coded, and on each part of the events both coded."""
    pairs = list(_pairs())
    relevance = [float(bool(a.coded) == bool(b.coded)) for a, b in pairs]
    types: list[float] = []
    modes: list[float] = []
    sources: list[float] = []
    targets: list[float] = []
    counts: list[tuple[int, int, int]] = []
    for one, other in pairs:
        right = 0
        for event in one.coded:
            partner = _partner(one, event, other)
            if partner is None:
                continue
            source = _overlap(one, event.source, other, partner.source)
            target = _overlap(one, event.target, other, partner.target)
            same = partner.plover == event.plover
            sources.append(float(source))
            targets.append(float(target))
            types.append(float(same))
            modes.append(float(partner.mode == event.mode))
            right += source and target and same
        counts.append((right, len(other.coded), len(one.coded)))
    return {
        "two coders: a sentence is coded or not": figure(relevance, share),
        "two coders: source of an event both coded": figure(sources, share),
        "two coders: target": figure(targets, share),
        "two coders: type": figure(types, share),
        "two coders: mode": figure(modes, share),
        "two coders: whole events, F1": figure(counts, f1_of),
    }


def _told(sentence: Sentence) -> tuple[str, ...]:
    def words(index: int) -> str:
        mention = sentence.mentions[index]
        return _ARTICLE.sub("", sentence.text[mention.start : mention.end])

    return tuple(sorted(f"{words(e.source)} > {words(e.target)}: {e.plover} {e.mode}" for e in sentence.coded))


def disagreements() -> Iterator[Disagreement]:
    """Yield the sentences whose coded events differ."""
    for one, other in _pairs():
        first, second = _told(one), _told(other)
        if first != second:
            yield Disagreement(one.ident, one.text, first, second)
