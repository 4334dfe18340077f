"""The words of a frame, found one after the other behind its head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streams.core.clauses import Sentence
    from streams.core.lexicon import Frame, NounFrame, Slot
    from streams.core.roles import Roles

__all__ = ["GAP", "PASSIVE_GAP", "Pattern"]

# Words between one element of a frame and the next.
GAP: Final = 6
# In the passive, complements may stand behind the agent.
PASSIVE_GAP: Final = 14
_GAP_TAGS: Final = "DWZELFYaSOTQ-A"
# Words that bind to what is nearest: no other preposition may lie between them and the head.
_PREPOSITIONS: Final = frozenset("to with on of for in from by at into over about".split())
_COMITATIVE: Final = frozenset({"with", "between"})
_NOT_CROSSED: Final = frozenset("after before since until against despite from but".split())
# What was talked of and where may stand before "with".
_TOPIC_GAP: Final = 10


class Pattern:
    """Matches the elements of frames in one sentence."""

    def __init__(self, sentence: Sentence, roles: Roles) -> None:
        self._sentence, self._roles = sentence, roles
        self._words, self._tags = sentence.words, sentence.tags

    def behind_particles(self, particles: tuple[str, ...], start: int) -> int | None:
        """Return the index behind the particles of a verb that ends at `start`, or None if they are not there."""
        index = start
        for particle in particles:
            if index < len(self._words) and self._tags[index] == "Y" and self._words[index] != particle:
                index += 1
            if index >= len(self._words) or self._words[index] != particle:
                return None
            index += 1
        return index

    def literals_behind(self, slots: tuple[Slot, ...], start: int) -> int | None:
        """Return the index behind the words that a passive still needs, or None if one is missing."""
        index = start
        for slot in slots:
            if slot.role:
                return None
            found = next(
                (n for n in range(index, min(index + PASSIVE_GAP, len(self._words))) if self._words[n] in slot.words),
                None,
            )
            if found is None:
                return None
            index = found + 1
        return index

    def complements(
        self, slots: tuple[Slot, ...], start: int, frame: Frame | NounFrame, gap: int
    ) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
        """Return sources, targets and end of the elements behind a head, or None if one is missing."""
        if not slots:
            return (), (), start
        slot, rest = slots[0], slots[1:]
        if slot.role == "NP":
            return self.complements(rest, start, frame, gap) if self.has_noun(start) else None
        if slot.role:
            found, after = self._roles.object(self.over_insertion(start), place="place" in frame.flags)
            if found and not rest and self._is_compound(found[-1]):
                return None
            filled = self.complements(rest, after, frame, gap) if found else None
            if filled is None:
                return None
            sources, targets, end = filled
            return (sources, found, end) if slot.role == "T" else (found, targets, end)
        at = self._literal(slot, start, gap)
        while at is not None:
            filled = self.complements(rest, at, frame, gap)
            if filled is not None:
                return filled
            # "imports of seafood from X": the first word that fits need not be the one that leads to the actor.
            at = self._literal(slot, at, gap - (at - start)) if at - start < gap else None
        return None

    def _is_compound(self, actor: int) -> bool:
        """Return whether the actor at `actor` only names a thing: "the Russia inquiry"."""
        after = actor + 1
        if self._tags[actor] != "A" or after >= len(self._tags) or self._sentence.mentions[actor].kind != "state":
            return False
        inside = actor > 0 and self._tags[actor - 1] in "DWCQaA"
        return inside and self._tags[after] == "W" and not self._sentence.capital[after]

    def has_noun(self, start: int) -> bool:
        """Return whether a noun phrase begins at `start`."""
        for index in range(start, min(start + GAP, len(self._tags))):
            if self._tags[index] in "WZELF":
                return True
            if self._tags[index] not in "DaSYAT":
                break
        return False

    def _literal(self, slot: Slot, start: int, gap: int) -> int | None:
        index, left = start, gap
        if not slot.words.isdisjoint(_COMITATIVE):
            return self._literal_behind_topic(slot, start)
        crossing = _GAP_TAGS + ("PBU" if gap > GAP else "PU" if slot.words.isdisjoint(_PREPOSITIONS) else "")
        while index < len(self._words) and left >= 0:
            if self._words[index] in slot.words and self._tags[index] not in "Aa":
                return index + 1
            if self._tags[index] == ",":
                over = self.over_insertion(index)
                if over == index:
                    return None
                index = over
                continue
            if self._tags[index] not in crossing and not self._joins(index):
                return None
            index += 1
            left -= 1
        return None

    def _joins(self, index: int) -> bool:
        """Return whether the word at `index` only links nouns: "tents and blankets", "resolution drafted by"."""
        tags = self._tags
        if index + 1 >= len(tags):
            return False
        if tags[index] == "V":
            return tags[index + 1] == "B"
        return tags[index] == "C" and tags[index - 1] in "WEFZ" and tags[index + 1] in "WDEFZ"

    def _literal_behind_topic(self, slot: Slot, start: int) -> int | None:
        """Return the index behind "with" over what was talked of and where: "talks in Geneva on Syria with"."""
        for index in range(start, min(start + _TOPIC_GAP, len(self._words))):
            if self._words[index] in slot.words:
                return index + 1
            if self._tags[index] not in _GAP_TAGS + "CP" or self._words[index] in _NOT_CROSSED:
                return None
        return None

    def over_insertion(self, index: int) -> int:
        """Return the index behind a relative clause between commas that begins at `index`, or `index`."""
        tags = self._tags
        if index + 1 < len(tags) and tags[index] == "," and tags[index + 1] in "Rh":
            for position in range(index + 2, len(tags)):
                if tags[position] == ",":
                    return position + 1
        return index
