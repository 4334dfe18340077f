"""Whether a form in a text is the actor's name at all: the words around it, and the rules against namesakes.

"Japan Tobacco", "Castro Street", "her grandmother Georgia", "Berlin, New Hampshire" and "LET US HELP" name no actor.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.core.gazetteer import Agent, Form, Gazetteer, Office, Owner, Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["DETERMINERS", "FORMER", "MAX_MODIFIERS", "POSSESSIVES", "Finding", "Surroundings"]

# Words allowed between a nationality and its role noun ("Russian long-range strategic bombers"): a phrase, no clause.
MAX_MODIFIERS: Final = 3
POSSESSIVES: Final = frozenset({"'s", "'"})
_HYPHENS: Final = "-\u2013"
DETERMINERS: Final = frozenset({"the", "a", "an"})
_QUOTES: Final = frozenset('"\u201c\u201d')
# A quotation of more words than this is speech, not a title.
_LONGEST_TITLE: Final = 8
# Fewer words than this are a name given alone, whatever its capitals.
_SHORTEST_SHOUT: Final = 2
# Before "WHO" these make it the question word.
_ASKING: Final = frozenset("ask asked asks guess know knew see tell told wonder wondered".split())
# In capitals before "US" these make it the pronoun.
_BEFORE_PRONOUN: Final = frozenset("ask call contact follow for give help join let of show tell to trust with".split())
# Tokens on each side that tell running text from a headline in capitals.
_AROUND: Final = 9
# Tokens behind a name in which an apposition says what it is: comma, article and up to three words.
_APPOSITION: Final = 5
# Before a name these make it that of a place, a ship or a person.
_LEADING: Final = frozenset("little mount lake fort cape camp hms uss hmas".split())
_HONORIFICS: Final = frozenset("mr mrs ms miss dr".split())
_NUMERALS: Final = frozenset({"II", "III", "IV"})
# Those of two words; `regions` in agents.toml holds those of one.
_STATES: Final = frozenset(
    {"new york", "new hampshire", "new jersey", "new mexico", "north carolina", "south carolina", "north dakota"}
    | {"south dakota", "west virginia", "rhode island", "new south", "south australia", "british columbia"}
)
FORMER: Final = frozenset({"former", "ex", "late", "then", "ousted", "deposed", "onetime"})


class Finding(NamedTuple):
    """What `Catalogue.explain` says of one form in a text: taken, or by which rule not; [start, end) are offsets."""

    start: int
    end: int
    form: str
    actor: str
    name: str
    place: str
    verdict: str


class Surroundings:
    """A text, its tokens and where forms begin in it; `on`: the day it is read for."""

    def __init__(
        self,
        gazetteer: Gazetteer,
        text: str,
        on: date | None,
        forms: Sequence[tuple[int, str]],
        *,
        places: bool,
        findings: list[Finding] | None,
    ) -> None:
        self._gazetteer = gazetteer
        self._forms = forms
        self._findings = findings
        self._words = gazetteer.words
        self._text = text
        self._on = on
        self._places = places
        self._tokens: list[Token] = tokenize(text)
        self._keys = [token.key for token in self._tokens]
        self._vocabulary = frozenset(self._keys)
        self._all_capitals = len(self._tokens) > _SHORTEST_SHOUT and text.isupper()
        self._at = {token.start: index for index, token in enumerate(self._tokens)}
        # Where forms begin, and the tokens of those taken so far.
        self._starts = {self._at[start] for start, _ in forms if start in self._at}
        self._taken: set[int] = set()
        self._titles = self._quoted_titles() if any(mark in text for mark in _QUOTES) else []

    def _joined(self, position: int) -> bool:
        """Return whether a hyphen ties the token at `position` to the one before."""
        if not 0 < position < len(self._tokens):
            return False
        before, here = self._tokens[position - 1], self._tokens[position]
        return here.start == before.end + 1 and self._text[before.end] in _HYPHENS

    def _title_before(self, last: int) -> int:
        """Return where the titles that end before token `last` begin ("former Prime Minister")."""
        first = last
        while first > 0:
            begin = next((n for n in range(max(first - 4, 0), first) if self._is_title(n, first)), first)
            if begin == first:
                break
            first = begin
        while 0 < first < last and self._keys[first - 1] in FORMER:
            first -= 1
        return first

    def _ends_title(self, last: int) -> bool:
        return self._title_before(last) < last

    def _is_title(self, first: int, last: int) -> bool:
        return tuple(self._keys[first:last]) in self._gazetteer.titles

    def _agent_at(self, position: int, limit: int) -> Agent | None:
        """Return the longest role noun that begins at `position`, before `limit`."""
        return self._gazetteer.agent_at(self._keys, position) if position < limit else None

    def _is_modifier(self, position: int) -> bool:
        key = self._keys[position]
        return key in self._words.modifiers or key.isdigit()

    def _office(self, owner: Owner) -> Office | None:
        """Return the office held on the day of the text; without a day, the one held last."""
        if self._on is None:
            return max(owner.offices, key=lambda office: office.until, default=None)
        return next((office for office in owner.offices if office.since <= self._on <= office.until), None)

    def _starts_sentence(self, position: int) -> bool:
        return position == 0 or not self._tokens[position - 1].text[-1].isalnum()

    # -- namesakes ---------------------------------------------------------------------------------------------------

    def _refusal(self, owner: Owner, form: Form, first: int, last: int) -> str:
        """Return the rule that keeps a form from being taken, or nothing."""
        if owner.role == "block":
            return ""
        if owner.role == "surname":
            if self._given_name_before(first):
                return "another given name stands before it"
            return "another person of that name" if self._is_told_apart(last) else ""
        if owner.role == "surname_in_office":
            if self._office(owner) is None:
                return "a common word, and its owner held no office on that day"
            in_name = self._is_part_of_person(first, last) or self._unknown_before(first)
            return "part of another person's name" if in_name else ""
        if len(form.keys) == 1:
            trap = self._trap(form, first, last)
            if trap:
                return trap
        return "a place in an American state" if self._in_american_state(last) else ""

    def _other_name(self, owner: Owner, form: Form, first: int, last: int) -> str:
        """Return why a form is but a part of the name of something else, or nothing."""
        if owner.kind != "group" and self._in_title(first):
            return "stands in the quoted title of a work"
        if owner.role != "demonym" and self._names_thing(form, last, surname=owner.role.startswith("surname")):
            return "the first part of another proper name"
        if owner.role != "demonym" and last < len(self._keys) and self._is_thing(last):
            return "says what sort of thing it is"
        if first > 0 and (self._is_led_by_place(owner, first) or self._is_relative(owner, first)):
            return "the last part of another proper name"
        if owner.role != "demonym" and self._is_apposed(last):
            return "said to be something else"
        return ""

    def _is_thing(self, position: int) -> bool:
        """Return whether goods or an occupation follow: "Panama hat", "the White House plumber", "Assad the baker"."""
        if self._keys[position] == "the":
            return self._keys[position + 1 : position + 2] != [] and self._keys[position + 1] in self._words.apart
        return self._keys[position] in self._words.things or self._keys[position] in self._words.apart

    def _is_apposed(self, last: int) -> bool:
        """Return whether a word behind a comma says what it is, and that is no actor: "Wagner, an opera of"."""
        behind = self._keys[last : last + _APPOSITION]
        if len(behind) < _APPOSITION - 1 or behind[0] != "," or behind[1] not in DETERMINERS:
            return False
        return not self._words.apart.isdisjoint(behind[2:])

    def _trap(self, form: Form, first: int, last: int) -> str:
        key = form.keys[0]
        forbidden = self._gazetteer.unless.get(key)
        if forbidden and not forbidden.isdisjoint(self._vocabulary):
            return "the text holds a word that speaks against it"
        shouted = self._all_capitals or self._is_shouted(first) or self._is_counted(first)
        if key in self._gazetteer.shouted and shouted:
            return "a word like others that stand in capitals"
        if key in self._gazetteer.person_like and self._is_part_of_person(first, last):
            return "part of a person's name"
        if key == "who" and first and self._keys[first - 1] in _ASKING:
            return "a question word in capitals"
        if (
            key == "us"
            and first
            and self._tokens[first - 1].text.isupper()
            and self._keys[first - 1] in _BEFORE_PRONOUN
        ):
            return "a pronoun in capitals"
        named = form.cases == (1,) and first > 0 and self._is_given_name(first - 1)
        return "a surname behind a given name" if named else ""

    def _is_given_name(self, position: int) -> bool:
        """Return whether the token is a given name and nothing else, not at the end of a place or a title."""
        token = self._tokens[position]
        if not token.text[0].isupper() or token.key not in self._words.given_names or self._ends_title(position + 1):
            return False
        return position not in self._taken

    def _is_shouted(self, position: int) -> bool:
        """Return whether a neighbour is a word in capitals that is no name either: "LET US HELP"."""
        for neighbour in (position - 1, position + 1):
            if 0 <= neighbour < len(self._tokens) and len(self._tokens) > _SHORTEST_SHOUT:
                text = self._tokens[neighbour].text
                if len(text) > 1 and text.isupper() and text.isalpha() and neighbour not in self._starts:
                    return True
        return False

    def _is_counted(self, position: int) -> bool:
        """Return whether a lone acronym is a thing of which there are several: "an ETA of", "an IRA before"."""
        if position == 0 or position + 1 >= len(self._keys):
            return False
        if self._keys[position - 1] in POSSESSIVES and position > 1:
            return self._tokens[position - 2].text[0].islower()
        if self._keys[position - 1] not in ("a", "an"):
            return False
        after = self._tokens[position + 1]
        return after.key in self._words.followers or not after.text[0].isalnum()

    def _in_title(self, position: int) -> bool:
        """Return whether the token stands inside quotation marks that hold a title: few words, all with capitals."""
        return any(first <= position < last for first, last in self._titles)

    def _quoted_titles(self) -> list[tuple[int, int]]:
        marks = [index for index, token in enumerate(self._tokens) if token.text in _QUOTES]
        titles: list[tuple[int, int]] = []
        for first, last in pairwise(marks):
            inside = self._tokens[first + 1 : last]
            words = [token for token in inside if len(token.text) > 3 and token.text.isalpha()]  # noqa: PLR2004
            short = 0 < len(inside) <= _LONGEST_TITLE and all(token.text[0].isupper() for token in words)
            if short and words and inside[-1].text[-1].isalnum() and inside[0].text[0].isupper():
                titles.append((first + 1, last))
        return titles

    def _names_thing(self, form: Form, last: int, *, surname: bool) -> bool:
        """Return whether a capitalised word of no known name follows in running text: "Japan Tobacco"."""
        if last >= len(self._tokens) or form.cases[-1] != 1 or form.keys[-1] in self._gazetteer.adjectival:
            return False
        after = self._tokens[last]
        if not after.text[0].isupper() or last in self._starts:
            return False
        if after.text.isupper() and len(after.text) > 1:
            return after.text in _NUMERALS
        known = (
            after.key in self._words.openers
            or after.key in self._words.given_names
            or (self._agent_at(last, len(self._tokens)) is not None if surname else self._leads_to_role(last))
        )
        if known or self._text[self._tokens[last - 1].end : after.start] not in (" ", "-"):
            return False
        return self._is_running_text(last)

    def _leads_to_role(self, position: int) -> bool:
        """Return whether a role noun stands at `position` or behind the modifiers there ("Interior Ministry")."""
        for index in range(position, min(position + MAX_MODIFIERS + 1, len(self._tokens))):
            if self._agent_at(index, len(self._tokens)) is not None or index in self._starts:
                return True
            if not self._is_modifier(index):
                return False
        return False

    def _is_told_apart(self, last: int) -> bool:
        """Return whether "the" and a word that is no office follow: "Assad the carpenter"."""
        if last + 1 >= len(self._keys) or self._keys[last] != "the" or not self._tokens[last + 1].text.islower():
            return False
        return self._keys[last + 1] not in self._gazetteer.agents and self._keys[last + 1] not in self._words.modifiers

    def _is_led_by_place(self, owner: Owner, first: int) -> bool:
        """Return whether "Little", "HMS" or, before a state, "Mrs" makes the form another name."""
        before = self._tokens[first - 1]
        if not before.text[0].isupper() or owner.kind == "group":
            return False
        return before.key in _LEADING or (owner.kind == "state" and before.key in _HONORIFICS)

    def _is_relative(self, owner: Owner, first: int) -> bool:
        """Return whether a word of kin or calling stands before a state's name: "her grandmother Georgia"."""
        if owner.kind != "state" or owner.role not in ("name", "capital", "place"):
            return False
        before = self._keys[max(first - 2, 0) : first]
        return (
            before[-1] in self._words.kin
            or before[0] == "named"
            or (before[-1] == "," and before[0] in self._words.kin)
        )

    def _is_running_text(self, position: int) -> bool:
        """Return whether words in small letters stand around, as they do not in a headline all in capitals."""
        around = self._tokens[max(position - _AROUND, 0) : position + _AROUND]
        small = [len(token.text) for token in around if token.text.islower()]
        long = sum(size > 3 for size in small)  # noqa: PLR2004 - headlines write "of" and "the" small
        return long > 1 or (long > 0 and len(small) > 2)  # noqa: PLR2004

    def _is_part_of_person(self, first: int, last: int) -> bool:
        return self._given_name_before(first) or self._surname_after(last)

    def _given_name_before(self, first: int) -> bool:
        if first == 0:
            return False
        before = self._tokens[first - 1]
        if before.text == ".":
            return first > 1 and len(self._keys[first - 2]) == 1
        if not before.text[0].isupper():
            return False
        if before.key in self._words.given_names:
            return True
        known = (
            before.key in self._words.openers or self._ends_title(first) or before.key in self._gazetteer.first_words
        )
        return not known and not self._starts_sentence(first - 1)

    def _unknown_before(self, first: int) -> bool:
        """Return whether a capitalised word that is no known opener, name or title stands before, even at the start."""
        if first == 0 or not self._tokens[first - 1].text[0].isupper() or not self._tokens[first - 1].text.isalpha():
            return False
        key = self._keys[first - 1]
        known = key in self._words.openers or key in self._gazetteer.agents or key in self._gazetteer.first_words
        return not known and not self._ends_title(first) and key not in self._words.modifiers

    def _surname_after(self, last: int) -> bool:
        if last >= len(self._tokens):
            return False
        after = self._tokens[last]
        if not after.text[0].isupper() or after.text.isupper():
            return False
        return after.key not in self._gazetteer.first_words and after.key not in self._gazetteer.agents

    def _in_american_state(self, last: int) -> bool:
        if self._keys[last : last + 1] == ["and"] and self._keys[last + 1 : last + 2]:
            return self._keys[last - 1] in ("georgia", "washington") and self._keys[last + 1] in self._words.regions
        if last + 1 >= len(self._keys) or self._keys[last] != "," or not self._tokens[last + 1].text[0].isupper():
            return False
        return self._keys[last + 1] in self._words.regions or " ".join(self._keys[last + 1 : last + 3]) in _STATES
