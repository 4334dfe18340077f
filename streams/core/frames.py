"""Frames at work: which of the lexicon's frames a sentence fills, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.core.lexicon import Frame, NounFrame, Slot, Trigger
from streams.core.models import QUAD_CLASS
from streams.core.pattern import GAP, PASSIVE_GAP, Pattern
from streams.core.stance import Act, Stance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.clauses import Sentence
    from streams.core.codebook import Codebook
    from streams.core.roles import Roles, VerbGroup

__all__ = ["Finder"]

# Words left of a passive among which its object noun is looked for: "sanctions on X were lifted".
_PASSIVE_REACH: Final = 9
# Words between a noun and the first word of its frame: "attack late on Monday on".
_NOUN_GAP: Final = 2


class Finder:
    """Finds the acts of one sentence."""

    def __init__(self, codebook: Codebook, sentence: Sentence, roles: Roles) -> None:
        self._lexicon, self._grammar, self._modality = codebook.lexicon, codebook.grammar, codebook.modality
        self._words, self._tags, self._roles = sentence.words, sentence.tags, roles
        self._pattern, self._stance = Pattern(sentence, roles), Stance(codebook, sentence, roles)
        self._asserted_only = True
        self._has_speaker = not codebook.grammar.saying.isdisjoint(sentence.words)

    def acts(self, *, asserted_only: bool = True) -> Iterator[Act]:
        """Yield the acts of the sentence, left to right; without `asserted_only` also those it does not assert."""
        self._asserted_only = asserted_only
        verbs, nouns = self._lexicon.verbs, self._lexicon.nouns
        for index, tag in enumerate(self._tags):
            word = self._words[index]
            if word in verbs and (tag in "VG" or (tag == "X" and self._is_full_verb(index))):
                act = self._verb_act(index)
            elif tag in "WEFGZL" and word in nouns:
                act = self._noun_act(index)
            else:
                continue
            if act is not None:
                yield act

    def _is_full_verb(self, index: int) -> bool:
        """Return whether "have" at `index` owns something: "has an agreement with"."""
        return index + 1 < len(self._tags) and self._tags[index + 1] in "DW"

    def _verb_act(self, head: int) -> Act | None:
        for trigger in self._lexicon.verbs[self._words[head]]:
            group = self._roles.verb_group(head, trigger.forms)
            if self._asserted_only and (group.negated or group.modal):
                continue
            for frame in trigger.frames:
                act = self._fill(frame, group, trigger.forms)
                if act is not None and self._asserted_only:
                    return self._stance.asserted(self._stance.turn(act, group), group)
                if act is not None:
                    return act
            if self._asserted_only and self._has_speaker:
                return self._allegation(trigger, group)
        return None

    def _allegation(self, trigger: Trigger, group: VerbGroup) -> Act | None:
        """Return what "X said Y had shelled a village" says of Y, though the village names no actor."""
        for frame in trigger.frames:
            if QUAD_CLASS[frame.plover] != "material_conflict" or len(frame.slots) != 1 or frame.slots[0].role != "T":
                continue
            start = self._pattern.behind_particles(frame.particles, group.head + 1)
            if start is None or group.passive or group.infinitive or not self._pattern.has_noun(start):
                continue
            sources = self._subject(frame, group, trigger.forms)
            if not sources:
                return None
            act = self._stance.asserted(self._act(frame, sources, (), group.head, start), group)
            return act if act is not None and act.alleged else None
        return None

    def _fill(self, frame: Frame, group: VerbGroup, forms: frozenset[str]) -> Act | None:
        start = self._pattern.behind_particles(frame.particles, group.head + 1)
        if start is None:
            return None
        if group.passive or self._is_reduced_passive(group, forms, start):
            return self._fill_passive(frame, group, start)
        if group.infinitive and self._asserted_only and self._stance.turned(frame.plover, group) is None:
            return None
        if "participle" in forms and "past" not in forms and not group.perfect:
            return None
        filled = self._pattern.complements(frame.slots, start, frame, GAP)
        if filled is None:
            return None
        sources, targets, end = filled
        subject = self._subject(frame, group, forms)
        if frame.subject == "T":
            targets = subject
        else:
            sources = sources or subject
        among = frame.subject == "S+"
        if among and not frame.slots and self._has_object(end):
            return None
        if not sources or (not targets and not among) or (among and len(sources) < 2):  # noqa: PLR2004
            return None
        return self._act(frame, sources, targets, group.head, end, among=among)

    def _has_object(self, index: int) -> bool:
        """Return whether a noun phrase follows directly: they "met the deadline", not each other."""
        return self._tags[index : index + 1] in ([tag] for tag in "WAaZEF") or (
            self._tags[index : index + 1] == ["D"] and self._tags[index + 1 : index + 2] != ["T"]
        )

    def _subject(self, frame: Frame, group: VerbGroup, forms: frozenset[str]) -> tuple[int, ...]:
        if "help" in frame.flags:
            return self._helpers(group.first)
        found = self._roles.subject(group)
        bare = "base" in forms and "past" not in forms and group.first == group.head
        if bare and len(found) == 1 and found[0] >= 0 and not self._roles.is_plural(found[0]):
            return ()
        return found

    def _is_reduced_passive(self, group: VerbGroup, forms: frozenset[str], start: int) -> bool:
        if "participle" not in forms or group.first != group.head:
            return False
        return start < len(self._tags) and self._tags[start] == "B"

    def _fill_passive(self, frame: Frame, group: VerbGroup, start: int) -> Act | None:
        if frame.subject != "S" or frame.reciprocal:
            return None
        sources, by = self._roles.agent_behind(start)
        if not sources or not frame.slots:
            return None
        first, rest = frame.slots[0], frame.slots[1:]
        if first.role == "T":
            targets = self._roles.subject(group, lenient=True)
            end = self._pattern.literals_behind(rest, start)
        else:
            left = range(max(group.first - _PASSIVE_REACH, 0), group.first)
            noun = next((n for n in left if self._words[n] in first.words), None)
            if noun is None:
                return None
            filled = self._pattern.complements(rest, noun + 1, frame, _NOUN_GAP) or self._pattern.complements(
                rest, start, frame, PASSIVE_GAP
            )
            targets, end = (filled[1], filled[2]) if filled else ((), None)
        if not targets or end is None:
            return None
        return self._act(frame, sources, targets, group.head, max(by + 2, end))

    def _helpers(self, stop: int) -> tuple[int, ...]:
        """Return whose help it is: the owners of help nouns left of `stop` ("S's support", "backing from S")."""
        found: list[int] = []
        for index in range(stop):
            if self._tags[index] != "F":
                continue
            owner = self._owner(index)
            if owner is not None:
                found.append(owner)
            if index + 1 < stop and self._words[index + 1] in ("from", "of", "by"):
                found.extend(self._roles.object(index + 2, place=False)[0])
        return tuple(dict.fromkeys(found))

    def _owner(self, noun: int) -> int | None:
        first = noun
        while first > 0 and self._tags[first - 1] in "WZELFY":
            first -= 1
        owner = first - 1
        if owner >= 0 and self._tags[owner] == "S":
            owner -= 1
        return owner if owner >= 0 and self._tags[owner] in "aA" else None

    def _noun_act(self, head: int) -> Act | None:
        for frame in self._lexicon.nouns[self._words[head]]:
            act = self._fill_noun(frame, head)
            if act is not None:
                first, last = act.first, act.last
                if not self._asserted_only:
                    return act
                if (
                    self._is_wanted(first, head)
                    or self._modality.clause_marker(self._words, first, last)
                    or set("MNG") & set(self._tags[first:head])
                ):
                    return None
                return act
        return None

    def _is_wanted(self, first: int, head: int) -> bool:
        """Return whether a noun only names what somebody asks for or plans: "called for cooperation"."""
        grammar = self._grammar
        words = self._words[first:head]
        return not (grammar.blockers.isdisjoint(words) and grammar.requesting.isdisjoint(words))

    def _fill_noun(self, frame: NounFrame, head: int) -> Act | None:
        if frame.slots and frame.slots[-1].role == "S+":
            return self._fill_noun_among(frame, head)
        filled = self._pattern.complements(frame.slots, head + 1, frame, _NOUN_GAP)
        if filled is None or not filled[1]:
            return None
        sources, targets, end = filled
        if not sources:
            owner = self._owner(head)
            sources = (owner,) if owner is not None else self._roles.agent_behind(end)[0]
        if not sources:
            return None
        return self._act(frame, sources, targets, head, end)

    def _fill_noun_among(self, frame: NounFrame, head: int) -> Act | None:
        if len(frame.slots) == 1:
            owner = self._owner(head)
            if owner is None or owner < 2 or self._tags[owner - 1] != "-" or self._tags[owner - 2] not in "aA":  # noqa: PLR2004
                return None
            return self._act(frame, (owner - 2, owner), (), head, head + 1, among=True)
        filled = self._pattern.complements((*frame.slots[:-1], Slot("T", frozenset())), head + 1, frame, _NOUN_GAP)
        if filled is None or len(filled[1]) < 2:  # noqa: PLR2004
            return None
        return self._act(frame, filled[1], (), head, filled[2], among=True)

    def _act(
        self,
        frame: Frame | NounFrame,
        sources: tuple[int, ...],
        targets: tuple[int, ...],
        head: int,
        end: int,
        *,
        among: bool = False,
    ) -> Act:
        first = self._stance.clause_start(head)
        return Act(
            frame.plover,
            frame.cameo,
            frame.confidence,
            sources,
            targets,
            head,
            first,
            self._stance.clause_end(max(end, head + 1)),
            reciprocal=frame.reciprocal and not among,
            among=among,
        )
