"""Noun phrases left of a position: which actors head them, and what pronouns and "the kingdom" stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from streams.core.clauses import Grammar, Sentence

__all__ = ["MINE", "PLACE_WORDS", "Antecedents", "Phrases"]

PLACE_WORDS: Final = frozenset("in inside near at on along across around within outside over into".split())
MINE: Final = frozenset("its his her their our my".split())
_FROM: Final = frozenset("of from in inside".split())
_CONJUNCTIONS: Final = frozenset("after before since until".split())
_PAIRS: Final = frozenset("they them both we".split())
# How many prepositional phrases and conjuncts a subject may be built of.
_DEEPEST: Final = 4
_LONGEST_SERIES: Final = 6


class Antecedents(NamedTuple):
    """What pronouns may stand for: actors by index, the newest topic and the newest two that acted together."""

    topic: tuple[int, ...] = ()
    pair: tuple[int, ...] = ()


class Phrases:
    """Noun phrases of one sentence. Actors are word indexes; what an earlier sentence named is below zero."""

    def __init__(self, sentence: Sentence, grammar: Grammar, antecedents: Antecedents) -> None:
        self.words, self.tags = sentence.words, sentence.tags
        self.sentence, self.grammar, self.antecedents = sentence, grammar, antecedents
        self._topic: tuple[int, ...] | None = None

    def antecedent(self, index: int, *, lenient: bool) -> tuple[int, ...]:
        """Return the actors that the relative word at `index` ("who", "which", "whose") takes up."""
        before = index - 1
        while before >= 0 and self.tags[before] in ",Q":
            before -= 1
        if self.words[index] in ("whom", "where") or before < 0:
            return ()
        if self.tags[index] == "h" and self.tags[before] in "VGX":
            return ()
        if self.words[index] == "which" and self._is_place(before):
            return ()
        if self.tags[before] == "A" and not (before and self.tags[before - 1] in "C-"):
            return (before,)
        return self.phrase_ending(before, lenient=lenient)

    def _is_place(self, last: int) -> bool:
        """Return whether the actor at `last` only says where: "in Goma, Congo, which"."""
        if self.tags[last] != "A" or last == 0:
            return False
        return self.words[last - 1] in PLACE_WORDS or self.tags[max(last - 2, 0) : last] == ["W", ","]

    def phrase_ending(self, last: int, *, lenient: bool = False, depth: int = 0) -> tuple[int, ...]:
        """Return the actors that head the noun phrase whose last word is `last`."""
        while last >= 0 and self.tags[last] in "QTY":
            last -= 1
        if last < 0 or depth > _DEEPEST:
            return ()
        tag = self.tags[last]
        if tag == "H":
            return self._pronoun(last)
        if tag == "A":
            return self._ending_in_actor(last, last, lenient=lenient, depth=depth)
        if tag == ")":
            opening = next((n for n in range(last - 1, max(last - 6, -1), -1) if self.tags[n] == "("), 0)
            return self.phrase_ending(opening - 1, lenient=lenient, depth=depth + 1) if opening else ()
        if tag in {"S", "a"}:
            return self._ending_in_actor(last, last, lenient=lenient, depth=depth) if lenient and tag == "a" else ()
        if tag not in "WZELFG":
            return ()
        return self._ending_in_noun(last, lenient=lenient, depth=depth)

    def _ending_in_noun(self, last: int, *, lenient: bool, depth: int) -> tuple[int, ...]:
        tags, first = self.tags, last
        while first > 0 and tags[first - 1] in "WZELFYT":
            first -= 1
        owner = first - 1
        if owner >= 0 and tags[owner] == "S":
            owner -= 1
        if owner < 0:
            return ()
        agent = tags[last] in "ZEL" or self.sentence.capital[last]
        if tags[owner] in "aA":
            named = tags[owner] == "A" and all(self.sentence.capital[first : last + 1])
            if named or agent or lenient:
                return self._ending_in_actor(owner, owner, lenient=lenient, depth=depth)
            return ()
        if tags[owner] == "R" and self.words[owner] == "whose" and agent:
            return self.antecedent(owner, lenient=lenient)
        if tags[owner] == "D":
            found = self.anaphor(owner, last)
            if found or owner == 0 or tags[owner - 1] not in "PO":
                return found
            owner -= 1
        if tags[owner] in "PO" and depth < 3:  # noqa: PLR2004
            return self._before_preposition(owner, lenient=lenient, depth=depth)
        return ()

    def _before_preposition(self, preposition: int, *, lenient: bool, depth: int) -> tuple[int, ...]:
        before = preposition - 1
        if before > 0 and self.tags[before] == "V" and self.tags[before - 1] in "WZEA":
            before -= 1
        return self.phrase_ending(before, lenient=lenient, depth=depth + 1)

    def _ending_in_actor(self, actor: int, first: int, *, lenient: bool, depth: int) -> tuple[int, ...]:
        """Return `actor` and what is coordinated with it, unless a preposition makes it a mere attribute."""
        tags, before = self.tags, first - 1
        while before >= 0 and tags[before] in "DYWQ" and (tags[before] != "W" or self._is_modifier(before)):
            before -= 1
        if before < 0:
            return (actor,)
        tag = tags[before]
        if tag == "-" and before > 0 and tags[before - 1] in "Aa":
            return (*self._ending_in_actor(before - 1, before - 1, lenient=lenient, depth=depth + 1), actor)
        if tag in "PO" and self.words[before] not in _CONJUNCTIONS:
            return self._governed(actor, before, lenient=lenient, depth=depth)
        if tag == "C" or (tag == "," and self.in_series(actor)):
            return self._joined(actor, before, lenient=lenient, depth=depth)
        if tag in "BI":
            return ()
        return (actor,)

    def _is_modifier(self, index: int) -> bool:
        # A word between the article and the actor: "the Islamist Hezbollah"; not a noun before an apposition.
        return index > 0 and self.tags[index - 1] in "DaP"

    def _governed(self, actor: int, preposition: int, *, lenient: bool, depth: int) -> tuple[int, ...]:
        head, word = preposition - 1, self.words[preposition]
        if head < 0:
            return ()
        tag = self.tags[head]
        if tag in "Aa" or (tag == "W" and self._owner_of(head) is not None):
            return self.phrase_ending(head, lenient=lenient, depth=depth + 1)
        if (tag in "ZEL" and word in _FROM) or (tag == "D" and word == "of"):
            return (actor,)
        if tag == "V" and head > 0 and self.tags[head - 1] in "WZEA":
            return self.phrase_ending(head - 1, lenient=lenient, depth=depth + 1)
        if lenient and tag in "WZELF" and (word in PLACE_WORDS or word in _FROM):
            return (actor,)
        return ()

    def _owner_of(self, last: int) -> int | None:
        first = last
        while first > 0 and self.tags[first - 1] in "WZELF":
            first -= 1
        owner = first - 1
        if owner >= 0 and self.tags[owner] == "S":
            owner -= 1
        return owner if owner >= 0 and self.tags[owner] in "aA" else None

    def in_series(self, actor: int) -> bool:
        """Return whether "and" and another actor follow: "A, B and C"."""
        tags = self.tags
        index = actor + 1
        while index < len(tags) and tags[index] in "AaD,WS":
            index += 1
        return index + 1 < len(tags) and tags[index] == "C" and any(tag in "Aa" for tag in tags[index + 1 : index + 3])

    def _joined(self, actor: int, joint: int, *, lenient: bool, depth: int) -> tuple[int, ...]:
        before = joint - 1
        while before >= 0 and self.tags[before] in ",QY":
            before -= 1
        if before < 0 or (self.tags[joint] == "C" and self.words[joint] in ("but", "or", "nor")):
            return (actor,)
        if self.tags[before] == "H":
            return (*self._pronoun(before), actor)
        start = before
        while start > 0 and self.tags[start] in "WZ" and self.sentence.capital[start]:
            start -= 1
        if self.tags[start] not in "Aa":
            return (actor,)
        left = start - 1
        while left >= 0 and self.tags[left] in "DY":
            left -= 1
        if left >= 0 and self.tags[left] in "VGX":
            return (actor,)
        others = (
            self._ending_in_actor(start, start, lenient=lenient, depth=depth + 1) if depth < _LONGEST_SERIES else ()
        )
        if others:
            return (*others, actor)
        return () if left >= 0 and self.tags[left] in "PO" and self.tags[joint] == "C" else (actor,)

    def topic(self) -> tuple[int, ...]:
        """Return the actors of the first noun phrase that no preposition governs."""
        if self._topic is None:
            self._topic = ()
            for index in self.sentence.mentions:
                if index >= 0 and self.tags[index] == "A":
                    last = index
                    while last + 2 < len(self.tags) and self.tags[last + 1] in "C," and self.tags[last + 2] in "AD":
                        step = 2 if self.tags[last + 2] == "A" else 3
                        if last + step >= len(self.tags) or self.tags[last + step] != "A":
                            break
                        last += step
                    found = self._ending_in_actor(last, last, lenient=False, depth=0)
                    if found:
                        self._topic = found
                        break
        return self._topic

    def _pronoun(self, index: int) -> tuple[int, ...]:
        word = self.words[index]
        if word in _PAIRS:
            here = self.topic()
            own = here if len(here) > 1 and here[-1] < index else ()
            if own or not self._may_reach_back(index):
                return own
            return self.antecedents.pair or (self.antecedents.topic if word != "we" else ())
        if word in ("it", "itself"):
            return self._one_before(index, person=False)
        if word in ("he", "she", "himself", "herself"):
            return self._one_before(index, person=True)
        return ()

    def _one_before(self, index: int, *, person: bool) -> tuple[int, ...]:
        """Return the one actor that a reference at `index` means: the topic left of it or of the sentence before."""
        here = self.topic()
        if not here or here[0] >= index:
            here = self.antecedents.topic if self._may_reach_back(index) else ()
        fitting = here[:1] if person or len(here) == 1 else ()
        return fitting if fitting and self._is_person(fitting[0]) == person else ()

    def _is_person(self, index: int) -> bool:
        mention = self.sentence.mentions[index]
        words = mention.text.lower().split()
        titled = len(words) > 1 and not self.grammar.persons.isdisjoint(words)
        return mention.kind == "person" or titled

    def _may_reach_back(self, index: int) -> bool:
        """Return whether a reference at `index` may mean the sentence before: no other clause stands in front."""
        return not any(tag in "VX" for tag in self.tags[:index])

    def anaphor(self, determiner: int, last: int) -> tuple[int, ...]:
        """Return what "the kingdom", "the two countries", "his government" stand for."""
        word, noun = self.words[determiner], self.words[last]
        if word in MINE and self.tags[last] in "ZEL":
            return self._one_before(determiner, person=word in ("his", "her"))
        if noun in self.grammar.anaphora_two and self._says_two(determiner, last):
            here = self.topic()
            return here if len(here) > 1 and here[-1] < determiner else self.antecedents.pair
        if word == "the" and noun in self.grammar.anaphora_one and last == determiner + 1:
            return self._one_before(determiner, person=False)
        return ()

    def _says_two(self, determiner: int, last: int) -> bool:
        before = determiner - 1
        words = {*self.words[determiner:last], self.words[before] if before >= 0 else ""}
        return bool(words & {"two", "both"})
