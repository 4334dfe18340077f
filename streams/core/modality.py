"""What keeps a clause from being an assertion: negation, supposition, future, history.

Sport and markets, which only sound like conflict, are told by their words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Modality", "build_modality"]

_CLAUSE_CLASSES: Final = ("negated", "averted", "hypothetical", "future")
_FIELD_CLASSES: Final = ("sport", "markets")
# Words of a field that must meet in a sentence before it is that field's.
_FIELD_WORDS: Final = 2

_SCORE: Final = re.compile(r"\d{1,3}-\d{1,3}\Z")

_Phrase = tuple[frozenset[str], ...]


class Modality(NamedTuple):
    """Marker phrases by their first word: (rest of the phrase, class)."""

    clause: Mapping[str, tuple[tuple[_Phrase, str], ...]]
    history: Mapping[str, tuple[tuple[_Phrase, str], ...]]
    anaphoric: Mapping[str, tuple[tuple[_Phrase, str], ...]]
    fields: Mapping[str, str]

    def clause_marker(self, words: Sequence[str], first: int, last: int) -> str | None:
        """Return the class of the first marker in `words[first:last]`, or None."""
        if any(word.endswith("n't") for word in words[first:last]):
            return "negated"
        return _find(self.clause, words, first, last)

    def is_background(self, words: Sequence[str]) -> bool:
        """Return whether the sentence tells history, rumour, sport or markets."""
        if _find(self.history, words, 0, len(words)) is not None:
            return True
        seen: dict[str, set[str]] = {}
        for word in " ".join(words).split():
            field = "sport" if _SCORE.match(word) else self.fields.get(word)
            if field is not None:
                seen.setdefault(field, set()).add(word)
        return any(len(found) >= _FIELD_WORDS for found in seen.values())

    def dates_from_before(self, words: Sequence[str]) -> bool:
        """Return whether the sentence takes its time from the sentence before ("on the sixth day", "weeks later")."""
        return _find(self.anaphoric, words, 0, len(words)) is not None


def build_modality(data: Mapping[str, Any]) -> Modality:
    """Return the compiled markers of a parsed `modality.toml`."""
    return Modality(
        _compile(data, _CLAUSE_CLASSES),
        _compile(data, ("historical", "whole")),
        _compile(data, ("anaphoric",)),
        {word: name for name in _FIELD_CLASSES for line in _lines(data[name]) for word in line.split("|")},
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _compile(data: Mapping[str, Any], classes: Sequence[str]) -> dict[str, tuple[tuple[_Phrase, str], ...]]:
    index: dict[str, list[tuple[_Phrase, str]]] = {}
    for name in classes:
        lines = data[name].split() if name == "negated" else _lines(data[name])
        for line in lines:
            first, *rest = line.split()
            phrase = tuple(frozenset(word.split("|")) for word in rest)
            for word in first.split("|"):
                index.setdefault(word, []).append((phrase, name))
    return {word: tuple(phrases) for word, phrases in index.items()}


def _find(
    index: Mapping[str, tuple[tuple[_Phrase, str], ...]], words: Sequence[str], first: int, last: int
) -> str | None:
    for position in range(first, last):
        for phrase, name in index.get(words[position], ()):
            after = words[position + 1 : position + 1 + len(phrase)]
            if len(after) == len(phrase) and all(w in ws for w, ws in zip(after, phrase, strict=True)):
                return name
    return None
