"""Who fills a role: the actors left of a verb, right of it, or behind "by"."""

from __future__ import annotations

from typing import Final, NamedTuple

from streams.core.phrases import MINE, PLACE_WORDS, Phrases

__all__ = ["Roles", "VerbGroup"]

# Words a noun phrase may span between its verb or preposition and its actor.
_REACH: Final = 9
_REACH_BY: Final = 12
_BE: Final = frozenset("is are was were be been being am get gets got gotten 's".split())
_HAVE: Final = frozenset("has have had having 've".split())
_ADVERBIAL_ING: Final = frozenset("after before while since when".split())
# How many governing verbs a subject may be fetched over, and how many insertions are tried.
_DEEPEST: Final = 2
_MOST_INSERTIONS: Final = 2


class VerbGroup(NamedTuple):
    """The verb at `head` with its auxiliaries from `first` on."""

    head: int
    first: int
    negated: bool
    modal: bool
    infinitive: bool
    passive: bool
    perfect: bool
    finite: bool


class Roles(Phrases):
    """Role finder of one sentence."""

    def verb_group(self, head: int, forms: frozenset[str]) -> VerbGroup:
        """Return the group of the verb at `head`, whose word may be any of `forms`."""
        tags, words = self.tags, self.words
        index = head - 1
        negated = modal = infinitive = False
        helpers: list[str] = []
        while index >= 0:
            tag = tags[index]
            if tag == "X":
                helpers.append(words[index])
            elif tag == "M":
                modal = True
            elif tag == "N":
                negated = True
                helpers.append(words[index].removesuffix("n't"))
            elif tag == "I" and index == head - 1:
                infinitive = True
            elif tag == "T":
                index = self._skip_time(index)
                continue
            elif tag not in "YQ" and words[index] not in ("both", "all"):
                break
            index -= 1
        passive = "participle" in forms and bool(helpers) and helpers[0] in _BE
        perfect = any(word in _HAVE for word in helpers)
        finite = bool(helpers) or "past" in forms or "s" in forms or ("base" in forms and not infinitive)
        return VerbGroup(head, index + 1, negated, modal, infinitive, passive, perfect, finite)

    def _skip_time(self, index: int) -> int:
        while index >= 0 and self.tags[index] in "TYD":
            index -= 1
        if index >= 0 and self.tags[index] == "P":
            index -= 1
        return index

    def subject(self, group: VerbGroup, depth: int = 0, *, lenient: bool = False) -> tuple[int, ...]:
        """Return the actors that are the subject of the group; `lenient` also takes things of an actor."""
        tags, index = self.tags, group.first - 1
        if index < 0:
            return ()
        if group.infinitive and tags[group.head - 1] == "I":
            return self._subject_of_infinitive(group, depth)
        tag = tags[index]
        if self._is_participial(group):
            return self._governing_subject(index, depth)
        if tag in "Rh":
            return self.antecedent(index, lenient=lenient)
        if tag == "C":
            return self._governing_subject(index - 1, depth) if self.words[index] != "or" else ()
        if tag in ",)":
            return self._over_parenthesis(index, depth, lenient=lenient)
        if tag == "V" and self.words[index] in self.grammar.implicatives and tags[group.head] == "G":
            return self._governing_subject(index, depth)
        if not group.finite:
            return ()
        return self.phrase_ending(index, lenient=lenient)

    def _is_participial(self, group: VerbGroup) -> bool:
        if self.tags[group.head] != "G" or group.first != group.head or group.head == 0:
            return False
        before = group.head - 1
        return self.tags[before] in ",U" or self.words[before] in _ADVERBIAL_ING or self.tags[before] == "B"

    def _subject_of_infinitive(self, group: VerbGroup, depth: int) -> tuple[int, ...]:
        before, grammar = group.head - 2, self.grammar
        word = self.words[before] if before >= 0 else ""
        if word in grammar.implicatives or word in grammar.refusing:
            return self._governing_subject(before, depth)
        if word in grammar.promising or word in grammar.threatening:
            return self._governing_subject(before, depth)
        return ()

    def _governing_subject(self, index: int, depth: int) -> tuple[int, ...]:
        """Return the subject of the nearest verb at or left of `index`."""
        if depth > _DEEPEST:
            return ()
        for position in range(index, -1, -1):
            if self.tags[position] == ";":
                break
            if self.tags[position] in "VX":
                if position + 1 < len(self.tags) and self.tags[position + 1] == "B":
                    continue
                group = self.verb_group(position, frozenset({"past"}))
                found = self.subject(group, depth + 1)
                if found or not self._is_embedded(group):
                    return found
        return ()

    def _is_embedded(self, group: VerbGroup) -> bool:
        before = group.first - 1
        return group.infinitive or (before >= 0 and self.tags[before] in "RhIPWB,")

    def _over_parenthesis(self, index: int, depth: int, *, lenient: bool) -> tuple[int, ...]:
        """Return the actors before the insertion that ends at `index`: "Russia, which ..., attacked"."""
        opener = "(" if self.tags[index] == ")" else ","
        tries = 0
        for position in range(index - 1, 0, -1):
            tag = self.tags[position]
            if tag == ";" or (tag == "U" and self.words[position] in ("after", "while", "when", "if")):
                break
            if tag == opener:
                tries += 1
                found = self.phrase_ending(position - 1, lenient=lenient)
                if found and self._may_insert(position, index):
                    return found
            if tries > _MOST_INSERTIONS:
                break
        return self._governing_subject(index - 1, depth)

    def _may_insert(self, left: int, right: int) -> bool:
        """Return whether what stands between two commas is an apposition or a relative clause, not the main verb."""
        first = self.tags[left + 1] if left + 1 < right else ""
        if first in "RhDWAaZPGVU(LT":
            return first in "RhGV" or not any(tag in "XM" for tag in self.tags[left + 1 : right])
        return False

    def object(self, start: int, *, place: bool) -> tuple[tuple[int, ...], int]:
        """Return the actors of the noun phrase that begins at `start` and where it ends; `place`: "targets in X"."""
        tags, words = self.tags, self.words
        nouns = 0
        index = start
        stop = min(start + _REACH, len(tags))
        while index < stop:
            tag = tags[index]
            if tag in "Aa":
                index = self._behind_owner(index)
                return self._series(index)
            if tag in "WZELF":
                nouns += 1
            elif tag == "P":
                if not (nouns and place and (words[index] in PLACE_WORDS or words[index] == "from")):
                    break
            elif tag == "D" and self.words[index] in ("the", "both", *MINE):
                found = self._definite(index)
                if found:
                    return found
            elif tag not in "DOTYQS":
                break
            index += 1
        return (), start

    def _definite(self, index: int) -> tuple[tuple[int, ...], int] | None:
        last = index
        while last + 1 < len(self.tags) and self.tags[last + 1] in "WZELFD":
            last += 1
        if last == index or self.words[last] in ("two", "both"):
            return None
        found = self.anaphor(index, last)
        return (found, last + 1) if found else None

    def _behind_owner(self, index: int) -> int:
        """Return the actor that a possessor introduces ("Syria's Kurds"), or `index`."""
        tags = self.tags
        after = index + 1
        if after < len(tags) and tags[after] == "S":
            after += 1
        while after < len(tags) and tags[after] == "W" and after < index + 4:
            after += 1
        owned = index + 1 < after or tags[index] == "a"
        if owned and after < len(tags) and tags[after] == "A" and tags[index] == "a" and after > index:
            return after
        return index

    def _series(self, first: int) -> tuple[tuple[int, ...], int]:
        """Return the actors coordinated from `first` on, and the index behind them."""
        tags, found, index = self.tags, [first], first + 1
        while True:
            index = self._behind_names(index)
            joint = index
            if joint < len(tags) and tags[joint] == ",":
                joint += 1
            joined = joint < len(tags) and tags[joint] == "C" and self.words[joint] in ("and", "&", "plus", "or")
            if joined:
                joint += 1
            if joint == index:
                break
            while joint < len(tags) and tags[joint] == "D":
                joint += 1
            if joint >= len(tags) or tags[joint] not in "Aa" or self._opens_clause(joint):
                break
            if not joined and not self.in_series(joint):
                break
            found.append(joint)
            index = joint + 1
        return tuple(found), found[-1] + 1

    def _behind_names(self, index: int) -> int:
        while index < len(self.tags) and (self.tags[index] in "WZSELF"):
            index += 1
        return index

    def _opens_clause(self, index: int) -> bool:
        after = self._behind_names(index + 1)
        return after < len(self.tags) and self.tags[after] in "VXM"

    def agent_behind(self, start: int) -> tuple[tuple[int, ...], int]:
        """Return the actors behind "by" right of `start`, and the index of "by"."""
        for index in range(start, min(start + _REACH_BY, len(self.tags))):
            tag = self.tags[index]
            if tag == "B":
                return self.object(index + 1, place=False)[0], index
            if tag in ";MXRUhV":
                break
        return (), start

    def is_plural(self, index: int) -> bool:
        """Return whether the actor at `index` agrees with a verb in its base form."""
        words, tags = self.words, self.tags
        if " " in words[index]:
            return words[index].endswith(("s", "men", "police", "people"))
        return words[index].endswith(("ans", "is", "ese", "ds", "ks", "bs", "rs")) or (
            index > 1 and tags[index - 1] == "C"
        )
