"""Sketches of texts and their similarity, a frozen specification of our own: docs/reference/sketch.md.

A sketch is a bottom-k sample of the hashed word 3-shingles of a text, their exact number, and a small signature of
its figures and names. Sketches lie in changelogs: any change of what this module computes is a new `SKETCH_VERSION`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from struct import pack, unpack
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

import msgspec
from xxhash import xxh3_64_intdigest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "KEYS",
    "SAMPLE",
    "SKETCH_VERSION",
    "Sketch",
    "copy_similarity",
    "is_similar",
    "similarity",
    "sketch_keys",
    "sketch_text",
]

SKETCH_VERSION: Final = 1
# Hashes kept of a text, 4 bytes each: a copy cut to a tenth still leaves a dozen to compare.
SAMPLE: Final = 128
# Smallest hashes a sketch is filed under; sketches that share none of them are never compared.
KEYS: Final = 16
# Marks of figures, and as many of names, kept of a text, 2 bytes each.
MARKS: Final = 48
# Distinct shingles below which a text is short: too few words for containment to mean a copy.
SHORT: Final = 8
# Shingles the poorer text must share, as long as that asks for a containment between the two limits below:
# bulletins of one template share a few phrases, and a few phrases are much of a brief text.
MIN_SHARED: Final = 16
# Containment below which no two texts are copies (all measured, see docs/reference/sketch.md).
MIN_CONTAINMENT: Final = 0.25
# Containment that is enough however brief the text.
ENOUGH_CONTAINMENT: Final = 0.6
# Jaccard similarity from which two texts are copies if one of them is short.
MIN_JACCARD: Final = 0.5
# Shingles a containment is measured over, at least; missing ones count as different.
MIN_EVIDENCE: Final = 8
# Figures (or names) the poorer text must have before their disagreement counts.
MIN_MARKS: Final = 3
# Share of the poorer text's figures (or names) a copy keeps; less scales the similarity down in proportion.
MARKS_KEPT: Final = 0.6

# Scripts written without spaces, where each character is a word: Thai, Lao, Burmese, Khmer, Kana, Han.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Indic vowel signs are no letters to `re`, yet belong to their word.
_INDIC: Final = "\u0900-\u0963\u0966-\u0dff"
_WORD: Final = re.compile(f"[{_UNSPACED}]|(?:[^\\W_{_UNSPACED}]|[{_INDIC}])+")
# The same words, found faster, where all characters are ASCII.
_ASCII_WORD: Final = re.compile("[0-9A-Za-z]+")
_FIGURE: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")

# Phrases any report may share with any other. Their shingles say nothing about copying and are left out.
_COMMON_PHRASES: Final = """
all rights reserved
this material may not be published broadcast rewritten or redistributed without permission
rewritten or redistributed all rights reserved
the associated press contributed to this report
could not immediately be reached for comment
was not immediately available for comment
did not immediately respond to a request for comment
did not immediately respond to requests for comment
could not be independently verified
was not immediately clear
declined to comment on the
spoke on condition of anonymity because they were not authorized to speak publicly
spoke on condition of anonymity because he was not authorized to speak to the media
speaking on condition of anonymity
said in a statement on monday tuesday
said in a statement that
said in an interview with
said in a speech
said at a news conference
told a news conference in
told a press conference
told reporters on
told reporters in
told the news agency
according to the
according to a statement
according to a report
a spokesman for the
a spokeswoman for the
a spokesperson for the company
the president of the united states of america
the prime minister of the
the foreign minister of
the secretary general of the united nations
the united nations security council
the ministry of foreign affairs
the ministry of defence
the ministry of defense
the state department said
the white house said
the foreign ministry said in a statement
the defense ministry said
the defence ministry said
the interior ministry said
the state news agency
state news agency reported
one of the most
some of the most
as well as the
as part of the
at the end of the
by the end of the
in the wake of the
in the middle of the
for the first time in
for the first time since
the first time in
in the past year
over the past year
at the same time
on the other hand
in addition to the
in order to
a member of the
members of the
a number of
the number of
the rest of the
the end of the year
earlier this week
earlier this month
earlier this year
later this year
at the time of the
said it would
said it was
said he was
said he would
said they were
said the company
the company said it
the company also said
the company said the
the company has
will be able to
is expected to be
are expected to
has been a
have been killed
were killed and
more than a
it would be
it will be
there is no
there was no
there has been no
there have been
the u s government
of the u s
in the u s
sign up for our newsletter
sign up to our newsletter
click here to
follow us on twitter and facebook
reporting by
editing by
writing by
additional reporting by
copyright by
the views expressed in this article are
this is a developing story
this story has been updated
please check back for updates
read the full story
en conferencia de prensa
el presidente de la
el presidente de los estados unidos
el ministro de
de los estados unidos
dijo en un comunicado
en un comunicado
de la union europea
todos los derechos reservados
le president de la republique
le premier ministre
dans un communique
selon l agence
tous droits reserves
der deutschen presse agentur
teilte am
in einer mitteilung
alle rechte vorbehalten
in den vereinigten staaten
"""


class Sketch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is remembered of a text, at most 720 bytes serialised.

    `size`: distinct shingles, exact. `sample`: the smallest hashes of them, ascending, 4 bytes little-endian each.
    `figures`, `names`: the smallest marks of each, ascending, 2 bytes each. `version`: the specification it follows.
    """

    version: int
    size: int
    sample: bytes
    figures: bytes
    names: bytes


def sketch_text(title: str, text: str) -> Sketch:
    """Return the sketch of a report's title and text.

    >>> sketch_text("Two ships collide", "in the Kerch Strait").size
    5
    """
    title, text = normalize("NFKC", title), normalize("NFKC", text)
    words = _words(text)
    hashes = _shingle_hashes(_words(title) + words)
    figures = {figure.replace(",", "") for figure in _FIGURE.findall(f"{title}\n{text}")}
    names = {word.casefold() for word in set(words) if len(word) > 1 and word[0].isupper()}
    sample = sorted(hashes)[:SAMPLE]
    packed = pack(f"<{len(sample)}I", *sample)
    return Sketch(SKETCH_VERSION, len(hashes), packed, _marks(figures), _marks(names))


def sketch_keys(sketch: Sketch) -> tuple[int, ...]:
    """Return the hashes the sketch is filed under: its smallest, at most `KEYS`."""
    count = min(KEYS, len(sketch.sample) // 4)
    return unpack(f"<{count}I", sketch.sample[: 4 * count])


def similarity(a: Sketch, b: Sketch) -> float:
    """Return how much of the poorer text the richer one repeats: 0..1, 4 decimals, symmetric.

    Containment, so that a truncated copy is like its original; Jaccard where one text is short. Scaled down where
    the figures or the names disagree. 0 between different versions of the specification.
    """
    return _similarity(a, b, 0.0)


def copy_similarity(a: Sketch, b: Sketch) -> float:
    """Return the similarity of two texts that tell one report in the same words, 0 for all others."""
    # Most texts that meet share next to nothing: the least that could be enough is tested first.
    if _shared(a.sample, b.sample, 4) < MIN_CONTAINMENT * MIN_EVIDENCE and min(a.size, b.size) >= SHORT:
        return 0.0
    needed = _needed(a, b)
    found = _similarity(a, b, needed)
    return found if found >= needed else 0.0


def is_similar(a: Sketch, b: Sketch) -> bool:
    """Return whether the two texts tell one report in the same words."""
    return copy_similarity(a, b) > 0


def _similarity(a: Sketch, b: Sketch, needed: float) -> float:
    """Return the similarity, or 0 as soon as it is sure to be below `needed`."""
    if a.version != b.version or not a.size or not b.size:
        return 0.0
    short = _is_short(a) or _is_short(b)
    words = _jaccard(a, b) if short else _containment(a, b, needed)
    if words < needed or not words:
        return 0.0
    figures = _agreement(a.figures, b.figures, 1 if short else MIN_MARKS)
    names = 1.0 if short else _agreement(a.names, b.names, MIN_MARKS)
    return round(words * figures * names, 4)


def _words(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def _shingles(words: list[str]) -> set[str]:
    return set(map(" ".join, zip(words, words[1:], words[2:], strict=False)))


_COMMON: Final = frozenset(shingle for phrase in _COMMON_PHRASES.splitlines() for shingle in _shingles(_words(phrase)))


def _shingle_hashes(words: list[str]) -> set[int]:
    words = " ".join(words).casefold().split()
    shingles = _shingles(words) or ({" ".join(words)} if words else set())
    # A text of nothing but common phrases keeps them: it must still equal itself.
    return {xxh3_64_intdigest(shingle.encode()) >> 32 for shingle in shingles - _COMMON or shingles}


def _marks(words: Iterable[str]) -> bytes:
    marks = sorted({xxh3_64_intdigest(word.encode()) >> 48 for word in words})[:MARKS]
    return pack(f"<{len(marks)}H", *marks)


def _is_short(sketch: Sketch) -> bool:
    return sketch.size < SHORT


def _needed(a: Sketch, b: Sketch) -> float:
    if _is_short(a) or _is_short(b):
        return MIN_JACCARD
    return max(MIN_CONTAINMENT, min(MIN_SHARED / min(a.size, b.size), ENOUGH_CONTAINMENT))


def _jaccard(a: Sketch, b: Sketch) -> float:
    shared = _shared(a.sample, b.sample, 4)
    return shared / (a.size + b.size - shared)


def _containment(a: Sketch, b: Sketch, needed: float) -> float:
    shared = _shared(a.sample, b.sample, 4)
    if shared < needed * MIN_EVIDENCE:
        return 0.0
    return shared / max(_fewest(a.sample, b.sample, 4, SAMPLE), MIN_EVIDENCE)


def _agreement(a: bytes, b: bytes, enough: int) -> float:
    if a == b or min(len(a), len(b)) < 2 * enough:
        return 1.0
    fewest = _fewest(a, b, 2, MARKS)
    return min(1.0, _shared(a, b, 2) / (fewest * MARKS_KEPT)) if fewest >= enough else 1.0


def _fewest(a: bytes, b: bytes, width: int, limit: int) -> int:
    """Return the values of the poorer sample, counted up to where both samples are complete.

    What they share is never beyond: a sample that ends there would not hold it.
    """
    full = [sample for sample in (a, b) if len(sample) == limit * width]
    if not full:
        return min(len(a), len(b)) // width
    bound = min(_values(sample, width)[-1] for sample in full)
    return min(bisect_right(_values(sample, width), bound) for sample in (a, b))


def _shared(a: bytes, b: bytes, width: int) -> int:
    return len(_members(a, width).intersection(_values(b, width)))


def _values(packed: bytes, width: int) -> tuple[int, ...]:
    return unpack(f"<{len(packed) // width}{'H' if width == 2 else 'I'}", packed)  # noqa: PLR2004 - two widths


# A text is compared with many in a row, always as the first of the two: this saves unpacking it each time.
@lru_cache(maxsize=128)
def _members(packed: bytes, width: int) -> frozenset[int]:
    return frozenset(_values(packed, width))
