"""Names that are spelt a letter or two off ("Quatar", "Mitterand"): for phrases given alone, never for running text."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Misspelt", "edits"]

# Shorter words are near too many others; longer ones may be two letters off.
_SHORTEST: Final = 6
_SHORTEST_KNOWN: Final = 5
_TWO_EDITS: Final = 8


def edits(one: str, other: str, most: int) -> int:
    """Return how many letters must be put in, left out, changed or swapped with a neighbour; `most` + 1 if more.

    >>> edits("quatar", "qatar", 2), edits("mitterand", "mitterrand", 2), edits("iran", "oman", 1)
    (1, 1, 2)
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


class Misspelt:
    """Looks up the nearest of `words`: folded single words; the first letter must be right."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_start: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(set(words)):
            if len(word) >= _SHORTEST_KNOWN and word.isalpha():
                self._by_start[word[0], len(word)].append(word)

    def nearest(self, word: str) -> list[str]:
        """Return the words at the least distance within one edit, two for long words; not the word itself."""
        if len(word) < _SHORTEST:
            return []
        most = 2 if len(word) >= _TWO_EDITS else 1
        found: dict[int, list[str]] = {}
        for size in range(len(word) - most, len(word) + most + 1):
            for known in self._by_start.get((word[0], size), ()):
                distance = edits(word, known, most)
                if 0 < distance <= most:
                    found.setdefault(distance, []).append(known)
        return found[min(found)] if found else []
