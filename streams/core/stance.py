"""How a sentence stands to an act it names: asserts it, alleges it, turns it into something else, or none of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streams.core.models import QUAD_CLASS

if TYPE_CHECKING:
    from streams.core.clauses import Sentence
    from streams.core.codebook import Codebook
    from streams.core.roles import Roles, VerbGroup

__all__ = ["Act", "Stance"]

# What another party says of a friendly act is a little less sure.
_REPORTED_FACTOR: Final = 0.9
# Words before a verb of saying among which a reporter is looked for, and sectors that report rather than accuse.
_SPEAKER_REACH: Final = 5
_BYSTANDERS: Final = frozenset({"NGO", "MED", "COP"})
# Words between a comma and the verb of saying behind it: ", a ministry spokesman said".
_TAIL_REACH: Final = 9
# Verbs of saying that leave open whether it is so; what an unnamed speaker alleges is rumour.
_ALLEGING: Final = frozenset("allege alleges alleged alleging claim claims claimed claiming".split())
_OPENERS: Final = frozenset("after when while because since as although though whereas before until amid".split())


class Act(NamedTuple):
    """A filled frame. `first`, `last`: words [first, last) of its clause. `among`: the sources act on each other."""

    plover: str
    cameo: str
    confidence: float
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    head: int
    first: int
    last: int
    reciprocal: bool = False
    among: bool = False
    alleged: bool = False


class Stance:
    """Judges the acts of one sentence."""

    def __init__(self, codebook: Codebook, sentence: Sentence, roles: Roles) -> None:
        self._grammar, self._modality = codebook.grammar, codebook.modality
        self._sentence, self._roles = sentence, roles
        self._words, self._tags = sentence.words, sentence.tags

    def turned(self, plover: str, group: VerbGroup) -> tuple[str, str, int] | None:
        """Return type, code and first word of what an infinitive amounts to under its governing verb, or None."""
        governor = group.head - 2
        if governor < 0 or not group.infinitive:
            return None
        word, friendly = self._words[governor], QUAD_CLASS[plover].endswith("cooperation")
        if word in self._grammar.implicatives:
            return plover, "", governor
        if word in self._grammar.refusing and friendly:
            return "REJECT", "120", governor
        if word in self._grammar.promising:
            return ("AGREE", "030", governor) if friendly else ("THREATEN", "130", governor)
        if word in self._grammar.threatening and not friendly:
            return "THREATEN", "130", governor
        return None

    def turn(self, act: Act, group: VerbGroup) -> Act:
        """Return the act as its governing verb turns it: a refused act is a REJECT."""
        turned = self.turned(act.plover, group) if group.infinitive else None
        if turned is None or not turned[1]:
            return act
        plover, cameo, governor = turned
        return act._replace(plover=plover, cameo=cameo, head=governor, reciprocal=False)

    def clause_start(self, head: int) -> int:
        """Return the index of the first word of the clause around `head`."""
        tags = self._tags
        if tags[head] == "G" and head and tags[head - 1] == ",":
            return head
        for index in range(head - 1, -1, -1):
            if tags[index] in ";R(":
                return index + 1
            if tags[index] == "C" and index and tags[index - 1] == "," and self._words[index] in ("and", "but", "or"):
                return index + 1
            if self._words[index] in _OPENERS and tags[index] in "PU" and index + 1 < head and tags[index + 1] != "T":
                return index + 1
        return 0

    def clause_end(self, end: int) -> int:
        """Return the index behind the clause whose last known word is before `end`."""
        tags = self._tags
        for index in range(end, len(tags)):
            if tags[index] in ";RUX)MV" or (tags[index] == "C" and tags[index - 1] == ","):
                return index
        return len(tags)

    def asserted(self, act: Act, group: VerbGroup) -> Act | None:
        """Return the act as the sentence stands to it: itself, an allegation of it, or None."""
        if self._modality.clause_marker(self._words, act.first, act.head):
            return None
        first = group.first
        if first and self._tags[first - 1] in "Rh":
            return act
        speakers = self._speakers(act, group)
        if speakers is None:
            return act
        if not speakers and QUAD_CLASS[act.plover] == "material_conflict" and self._is_alleged(act, group):
            return None
        return self._as_said(act, speakers)

    def _is_alleged(self, act: Act, group: VerbGroup) -> bool:
        """Return whether the clause is put into the mouth of somebody who alleges it."""
        around = (*self._words[: group.first], *self._words[act.last :])
        return not _ALLEGING.isdisjoint(around)

    def _as_said(self, act: Act, speakers: tuple[int, ...]) -> Act | None:
        actors = {self._sentence.mentions[index].actor for index in speakers}
        own = {self._sentence.mentions[index].actor for index in act.sources}
        if not actors or actors & own:
            return act
        if QUAD_CLASS[act.plover] == "material_conflict":
            return act._replace(sources=speakers, targets=act.sources, alleged=True, reciprocal=False, among=False)
        if QUAD_CLASS[act.plover] == "verbal_conflict":
            return None
        return act._replace(confidence=act.confidence * _REPORTED_FACTOR)

    def _speakers(self, act: Act, group: VerbGroup) -> tuple[int, ...] | None:
        """Return who says the clause: actors, () for an unnamed reporter, or None if it stands on its own."""
        saying = self._grammar.saying
        for index in range(group.first - 1, -1, -1):
            if self._tags[index] == ";" or (self._tags[index] == "C" and self._tags[index - 1 : index] == [","]):
                break
            if self._words[index] in saying and self._tags[index] == "V" and index < act.head:
                between = self._tags[index + 1 : group.first]
                if any(tag in "VM" for tag in between):
                    continue
                return self._subject_of_saying(index)
        return self._speakers_behind(act.last)

    def _subject_of_saying(self, index: int) -> tuple[int, ...]:
        group = self._roles.verb_group(index, frozenset({"past"}))
        around = self._words[max(group.first - _SPEAKER_REACH, 0) : group.first]
        if not self._grammar.reporters.isdisjoint(around):
            return ()
        return tuple(index for index in self._roles.subject(group) if self._speaks_for_itself(index))

    def _speaks_for_itself(self, index: int) -> bool:
        """Return whether the actor is a party, not a bystander: neither press nor "officials in X"."""
        before = index - 1
        while before >= 0 and self._tags[before] in "DW":
            before -= 1
        governed = index >= 0 and before >= 0 and self._tags[before] == "P"
        mention = self._sentence.mentions[index]
        reporter = not self._grammar.reporters.isdisjoint(mention.text.lower().split())
        return not governed and not reporter and mention.sector not in _BYSTANDERS

    def _speakers_behind(self, start: int) -> tuple[int, ...] | None:
        """Return the speakers of ", the ministry said" or "according to X" at the end of the sentence."""
        words, tags = self._words, self._tags
        for index in range(max(start, 1), len(words)):
            if words[index] in self._grammar.saying and tags[index] == "V":
                comma = next((n for n in range(index - 1, max(index - _TAIL_REACH, 0), -1) if tags[n] in ",Q"), None)
                if comma is None:
                    return None
                return (
                    self._subject_of_saying(index)
                    if comma < index - 1
                    else self._roles.object(index + 1, place=False)[0]
                )
            if words[index] == "according" and index + 1 < len(words):
                return self._roles.object(index + 2, place=False)[0]
        return None
