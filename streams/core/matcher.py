"""One pass over a text for all phrases of the catalogue and the lexicon: an Aho-Corasick automaton in Rust.

A phrase is a row of folded words ("islamic state", "u.s.", "called off"); it matches whole words, whatever their
capitals and accents, across hyphens, line ends and quotation marks. What a match means is decided by those who ask.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

# ahocorasick_rs: the Rust crate aho-corasick (ripgrep's) with wheels for every platform; pyahocorasick is C and slower.
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Match", "Matcher"]

# What separates words: white space, hyphens, apostrophes, quotation marks, brackets, slashes.
_SEPARATORS: Final = b"\t\n\v\f\r -'\"`()[]{}<>/\\|*_"
# Stands for a letter that folds to no ASCII letter, so that offsets stay and no word ends beside it.
_OTHER_LETTER: Final = "\x01"
_WORD_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789\x01")
_TABLE: Final = bytes(32 if byte in _SEPARATORS else byte for byte in bytes(range(256)).lower())
_NON_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_BLANKS: Final = re.compile(rb" {2,}")
_PLAIN: Final = {
    "\u0131": "i",
    "\u00f8": "o",
    "\u00d8": "o",
    "\u0142": "l",
    "\u0141": "l",
    "\u0111": "d",
    "\u0110": "d",
}


class Match(NamedTuple):
    """Characters [start, end) of the text spell phrase number `phrase`."""

    start: int
    end: int
    phrase: int


def _plain(match: re.Match[str]) -> str:
    """Return one ASCII character for one that is none: its base letter, a blank, or the mark of another letter."""
    char = match[0]
    known = _PLAIN.get(char)
    if known is None:
        base = unicodedata.normalize("NFKD", char)[:1]
        category = unicodedata.category(char)
        known = base.lower() if base.isascii() and base.isalnum() else " " if category[0] in "PZSC" else _OTHER_LETTER
        if len(_PLAIN) < 5_000:  # noqa: PLR2004 - bounded: a text may hold any of a million characters
            _PLAIN[char] = known
    return known


def _prepared(text: str) -> bytes:
    if not text.isascii():
        text = _NON_ASCII.sub(_plain, text)
    return b" " + text.encode("ascii").translate(_TABLE)


class Matcher:
    """The automaton over `phrases`; a match names its phrase by the index there."""

    def __init__(self, phrases: Iterable[str]) -> None:
        patterns: list[bytes] = []
        self._phrase: list[int] = []
        for index, phrase in enumerate(phrases):
            pattern = _BLANKS.sub(b" ", _prepared(phrase)).rstrip()
            if pattern:
                patterns.append(pattern)
                self._phrase.append(index)
        self._automaton = BytesAhoCorasick(
            patterns, matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
        )

    def scan(self, text: str) -> list[Match]:
        """Return all matches in `text`, by start, the longest of one start first; they may overlap.

        >>> matcher = Matcher(["korea", "north korea", "called off"])
        >>> matcher.scan("North\\nKorea's fleet called off it")
        [Match(start=0, end=11, phrase=1), Match(start=6, end=11, phrase=0), Match(start=20, end=30, phrase=2)]
        """
        data = _prepared(text)
        runs: list[tuple[int, int]] = []
        if b"  " in data:
            data = _collapse(data, runs)
        phrase, size, word = self._phrase, len(data), _WORD_BYTES
        found = [
            (start, -end, phrase[index])
            for index, start, end in self._automaton.find_matches_as_indexes(data, overlapping=True)
            if end == size or data[end] not in word
        ]
        found.sort()
        if not runs:
            return [Match(start, -end - 1, index) for start, end, index in found]
        places = [place for place, _ in runs]
        matches: list[Match] = []
        for start, end, index in found:
            # The pattern begins with the blank before its first word.
            first, last = bisect_left(places, start + 1), bisect_left(places, -end)
            removed = runs[first - 1][1] if first else 0
            matches.append(Match(start + removed, -end - 1 + (runs[last - 1][1] if last else 0), index))
        return matches


def _collapse(data: bytes, runs: list[tuple[int, int]]) -> bytes:
    """Return `data` with one blank for each run; `runs`: (index of that blank, blanks left out so far)."""
    pieces: list[bytes] = []
    position = removed = 0
    for match in _BLANKS.finditer(data):
        first, last = match.span()
        pieces.append(data[position : first + 1])
        runs.append((first - removed, removed + last - first - 1))
        removed += last - first - 1
        position = last
    pieces.append(data[position:])
    return b"".join(pieces)
