"""Who a text names: mentions of states, persons and groups, with the whole phrase and the day's offices.

A mention grows from one *atom*, a form of the gazetteer ("Syrian", "Assad", "Hezbollah"), over the words that belong
to it: role nouns behind ("Syrian [air defence forces]"), titles before ("[President] Assad"), "[army] of Syria".
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from streams.core.gazetteer import Agent, Form, Gazetteer, Office, Owner, Token, fold, tokenize
from streams.core.matcher import Match, Matcher
from streams.core.misspelt import Misspelt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.core.entries import Entry

__all__ = ["Catalogue", "Finding", "Mention"]

# Words allowed between a nationality and its role noun ("Russian long-range strategic bombers"): a phrase, no clause.
_MAX_MODIFIERS: Final = 3
# Words of a name that is not in the catalogue, behind a title ("Defence Minister Juan Carlos Jobet").
_MAX_NAME_WORDS: Final = 4
# A surname shorter than this is a word or an initial too often ("Li", "No") to stand for someone named in full before.
_SHORTEST_SURNAME: Final = 4
_POSSESSIVES: Final = frozenset({"'s", "'"})
_HYPHENS: Final = "-\u2013"
_DETERMINERS: Final = frozenset({"the", "a", "an"})
_COORDINATORS: Final = frozenset({",", "and", "or", "&"})
_QUOTES: Final = frozenset('"\u201c\u201d')
# A quotation of more words than this is speech, not a title.
_LONGEST_TITLE: Final = 8
# Fewer words than this are a name given alone, whatever its capitals.
_SHORTEST_SHOUT: Final = 2
# In capitals before "US" these make it the pronoun.
_ASKING: Final = frozenset("ask asked asks guess know knew see tell told wonder wondered".split())
_BEFORE_PRONOUN: Final = frozenset("ask call contact follow for give help join let of show tell to trust with".split())
# Tokens on each side that tell running text from a headline in capitals.
_AROUND: Final = 9
# Tokens behind a name in which an apposition says what it is: comma, article and up to three words.
_APPOSITION: Final = 5
# Before a name these make it that of a place, a ship or a person.
_LEADING: Final = frozenset("little mount lake fort cape camp hms uss hmas".split())
_HONORIFICS: Final = frozenset("mr mrs ms miss dr".split())
_NUMERALS: Final = frozenset({"II", "III", "IV"})
_STATES: Final = frozenset(
    {"new york", "new hampshire", "new jersey", "new mexico", "north carolina", "south carolina", "north dakota"}
    | {"south dakota", "west virginia", "rhode island", "new south", "south australia", "british columbia"}
)
_FORMER: Final = frozenset({"former", "ex", "late", "then", "ousted", "deposed", "onetime"})
_INTERGOVERNMENTAL: Final = "IGO"
# In capitals these name a body of its own rather than a person of the country that is spoken of.
_BODIES: Final = frozenset(
    "association committee commission council federation forum institute office organisation".split()
)
_SUPRANATIONAL: Final = frozenset({"IGO", "NGO"})
_MILITARY: Final = "MIL"


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """An actor named in a text: [start, end) are offsets; `adjective` says a bare "Russian" or "Russia's" qualifies.

    `actor`: id of the catalogue. `country`: ISO alpha-3, None for an international organisation. `sector`: None
    if the words do not say.
    """

    start: int
    end: int
    text: str
    actor: str
    country: str | None
    sector: str | None
    name: str
    kind: Literal["state", "person", "group"]
    adjective: bool


class _Atom(NamedTuple):
    """Tokens [first, last) that spell a form of `owner`."""

    first: int
    last: int
    owner: Owner


class _Phrase(NamedTuple):
    """Tokens [first, last) of a mention whose head is `atom`; `agent` says a role noun was found."""

    first: int
    last: int
    atom: _Atom
    sector: str | None
    agent: bool
    adjective: bool


class Finding(NamedTuple):
    """What `Catalogue.explain` says of one form in a text: taken, or by which rule not; [start, end) are offsets."""

    start: int
    end: int
    form: str
    actor: str
    name: str
    place: str
    verdict: str


class Catalogue:
    """Names of actors and the rules by which a text mentions them.

    `triggers`: other phrases to look for in the same pass, such as those of the trigger lexicon.
    """

    def __init__(self, gazetteer: Gazetteer, triggers: Iterable[str] = ()) -> None:
        self._gazetteer = gazetteer
        self._keys: list[str] = []
        phrases: list[str] = []
        for phrase, key in gazetteer.phrases():
            phrases.append(phrase)
            self._keys.append(key)
        self._matcher = Matcher([*phrases, *triggers])
        self._misspelt: Misspelt | None = None
        self.names: Mapping[str, str] = MappingProxyType(gazetteer.names)

    @classmethod
    def build(
        cls,
        entries: Mapping[str, Sequence[Entry]],
        agents: Mapping[str, Any],
        rules: Mapping[str, Any],
        triggers: Iterable[str] = (),
    ) -> Catalogue:
        """Return the catalogue of the entries by kind and the two parsed TOML files.

        Raises: CodebookError naming file, entry and remedy.
        """
        return cls(Gazetteer(entries, agents, rules), triggers)

    def scan(self, text: str) -> tuple[list[Match], list[Match]]:
        """Return the forms of actors and the triggers in `text`; a trigger's `phrase` is its index among them."""
        size = len(self._keys)
        forms: list[Match] = []
        triggers: list[Match] = []
        for match in self._matcher.scan(text):
            if match.phrase < size:
                forms.append(match)
            else:
                triggers.append(Match(match.start, match.end, match.phrase - size))
        return forms, triggers

    def find(self, text: str, on: date, forms: Sequence[Match] | None = None) -> list[Mention]:
        """Return the mentions in `text` as understood on day `on`: in order, longest first, without overlap.

        `forms`: those of `scan`, if the text was scanned already.
        """
        forms = self.scan(text)[0] if forms is None else forms
        mentions = self._scan(text, on, forms, places=False).mentions() if forms else []
        return [] if len(mentions) == 1 and self._is_doubtful(mentions[0], text) else mentions

    def _is_doubtful(self, mention: Mention, text: str) -> bool:
        """Return whether a word like others is all that a text names: "Wagner runs five hours and the seats are wood".

        Nothing is lost by it: an event takes two.
        """
        key = fold(mention.text)
        common = key in self._gazetteer.shouted or (mention.kind == "group" and key in self._gazetteer.person_like)
        if not common or len(mention.text) == len(text):
            return False
        return not any(token.key in self._gazetteer.agents for token in tokenize(text))

    def resolve(self, text: str, on: date | None, context: str = "") -> Mention | None:
        """Return the actor a phrase such as "Russian Foreign Minister Sergei Lavrov" means, or None.

        Without a day, the last known office of a person counts, and former states are found by their names. `context`,
        the sentence or text of the phrase, tells whose "the rebels" or an unknown judge are.
        """
        forms = self.scan(text)[0]
        for places in (False, True):
            mentions = self._scan(text, on, forms, places=places).mentions() if forms else []
            if mentions:
                return max(mentions, key=_preference)
        return self._resolve_misspelt(text, on) or (self._resolve_within(text, on, context) if context else None)

    def _resolve_within(self, text: str, on: date | None, context: str) -> Mention | None:
        """Return the state that `context` names most, nearest first, for a phrase with a role or a person's name."""
        tokens = tokenize(text)
        keys = [token.key for token in tokens]
        sector, known = self._role_in(keys)
        named = sum(token.text[0].isupper() for token in tokens) > 1 and _BODIES.isdisjoint(keys)
        if sector in _SUPRANATIONAL or not (known or named or "ethnic" in keys):
            return None
        forms = self.scan(context)[0]
        mentions = self._scan(context, on, forms, places=True).mentions() if forms else []
        at = max(context.find(text), 0)
        counts: dict[str, int] = {}
        nearest: dict[str, int] = {}
        for mention in mentions:
            if mention.country is not None:
                counts[mention.country] = counts.get(mention.country, 0) + 1
                gap = abs(mention.start - at)
                nearest[mention.country] = min(gap, nearest.get(mention.country, gap))
        if not counts:
            return None
        country = min(counts, key=lambda code: (-counts[code], nearest[code], code))
        return Mention(
            start=0, end=len(text), text=text, actor=country, country=country, sector=sector,
            name=self.names[country], kind="state", adjective=False,
        )  # fmt: skip

    def _role_in(self, keys: Sequence[str]) -> tuple[str | None, bool]:
        """Return the sector of the last role noun among `keys`, and whether there is one."""
        for position in range(len(keys) - 1, -1, -1):
            for agent in self._gazetteer.agents.get(keys[position], ()):
                if tuple(keys[position : position + len(agent.keys)]) == agent.keys:
                    return agent.sector, True
        return None, False

    def _resolve_misspelt(self, text: str, on: date | None) -> Mention | None:
        """Return whom the nearest known names mean, if all of them mean one actor."""
        if self._misspelt is None:
            self._misspelt = Misspelt(self._gazetteer.names_to_misspell())
        for token in reversed(tokenize(text)):
            if not token.text[0].isupper() or self._is_common(token.key):
                continue
            found = [self._respelt(text, token, key, on) for key in self._misspelt.nearest(token.key)]
            known = [mention for mention in found if mention is not None]
            if known and len({mention.actor for mention in known}) == 1:
                return known[0]
        return None

    def _is_common(self, key: str) -> bool:
        words = self._gazetteer.words
        return key in self._gazetteer.agents or key in words.modifiers or key in words.openers

    def _respelt(self, text: str, token: Token, key: str, on: date | None) -> Mention | None:
        word = key.capitalize()
        whole = text[: token.start] + word + text[token.end :]
        forms = self.scan(whole)[0]
        mentions = self._scan(whole, on, forms, places=True).mentions() if forms else []
        for mention in mentions:
            if mention.start <= token.start < mention.end:
                end = max(mention.end - len(word) + len(token.text), token.end)
                return msgspec.structs.replace(mention, end=end, text=text[mention.start : end])
        return None

    def explain(self, text: str, on: date | None) -> list[Finding]:
        """Return each form of an actor in `text` with what became of it, in the order in which it was looked at."""
        findings: list[Finding] = []
        self._scan(text, on, self.scan(text)[0], places=True, findings=findings).mentions()
        return findings

    def _scan(
        self, text: str, on: date | None, forms: Sequence[Match], *, places: bool, findings: list[Finding] | None = None
    ) -> _Scan:
        keyed = [(match.start, self._keys[match.phrase]) for match in forms]
        return _Scan(self._gazetteer, text, on, keyed, places=places, findings=findings)


def _preference(mention: Mention) -> tuple[bool, bool, int, int]:
    return not mention.adjective, mention.sector is not None, mention.end - mention.start, -mention.start


class _Scan:
    """One pass over one text."""

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

    def mentions(self) -> list[Mention]:
        atoms = self._atoms()
        phrases: list[_Phrase] = []
        index = floor = 0
        while index < len(atoms):
            phrase, index = self._grow(atoms, index, floor)
            if phrase is not None:
                phrases.append(phrase)
                floor = phrase.last
        return [self._mention(phrase) for phrase in self._bare_surnames(self._share_agents(phrases))]

    # -- atoms -------------------------------------------------------------------------------------------------------

    def _atoms(self) -> list[_Atom]:
        atoms: list[_Atom] = []
        floor = 0
        for start, key in self._forms:
            position = self._at.get(start, -1)
            if position < floor:
                continue
            atom = self._atom_at(position, self._gazetteer.forms(key))
            if atom is not None:
                floor = atom.last
                if atom.owner.role != "block":
                    atoms.append(atom)
                    self._taken.update(range(atom.first, atom.last))
        return atoms

    def _atom_at(self, position: int, candidates: Sequence[Form]) -> _Atom | None:
        for form in candidates:
            last = position + len(form.keys)
            if not self._spelled(form, position, last):
                self._report(position, last, form.owners[0], "other words or capitals than the entry's")
                continue
            owner = self._owner(form)
            if owner is None:
                self._report(position, last, form.owners[0], "means nobody on that day")
                return _Atom(position, last, form.owners[0]._replace(role="block"))
            other = "" if owner.role == "block" else self._other_name(owner, form, position, last)
            refused = other or self._refusal(owner, form, position, last)
            self._report(position, last, owner, refused or ("excluded phrase" if owner.role == "block" else "taken"))
            if other:
                return _Atom(position, last, owner._replace(role="block"))
            if not refused:
                return _Atom(position, last, owner)
        return None

    def _report(self, first: int, last: int, owner: Owner, verdict: str) -> None:
        if self._findings is None:
            return
        last = min(last, len(self._tokens))
        start, end = self._tokens[first].start, self._tokens[last - 1].end
        self._findings.append(Finding(start, end, self._text[start:end], owner.actor, owner.name, owner.place, verdict))

    def _spelled(self, form: Form, first: int, last: int) -> bool:
        if tuple(self._keys[first:last]) != form.keys:
            return False
        for token, case in zip(self._tokens[first:last], form.cases, strict=False):
            if (case == 1 and not token.text[0].isupper()) or (case == 2 and not token.text.isupper()):  # noqa: PLR2004
                return False
        return True

    def _owner(self, form: Form) -> Owner | None:
        owner = self._valid_owner(form.owners)
        if owner is None or not owner.offices:
            return owner
        office = self._office(owner)
        if office is None or office.actor is None:
            return owner
        return owner._replace(actor=office.actor, country=office.country)

    def _valid_owner(self, owners: Sequence[Owner]) -> Owner | None:
        if self._on is None:
            return owners[0] if len(owners) == 1 else max(owners, key=_precedence)
        valid = [owner for owner in owners if owner.since <= self._on <= owner.until]
        if len(valid) > 1:
            return max(valid, key=lambda owner: (_is_bare(owner), _in_office(owner, self._on), _latest_office(owner)))
        return valid[0] if valid else None

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
        if len(behind) < _APPOSITION - 1 or behind[0] != "," or behind[1] not in _DETERMINERS:
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
        if self._keys[position - 1] in _POSSESSIVES and position > 1:
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
        for index in range(position, min(position + _MAX_MODIFIERS + 1, len(self._tokens))):
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

    def _starts_sentence(self, position: int) -> bool:
        return position == 0 or not self._tokens[position - 1].text[-1].isalnum()

    def _ends_title(self, last: int) -> bool:
        return self._title_before(last) < last

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

    # -- phrases -----------------------------------------------------------------------------------------------------

    def _grow(self, atoms: Sequence[_Atom], index: int, floor: int) -> tuple[_Phrase | None, int]:
        """Return the phrase that grows from `atoms[index]` and the index of the first atom behind it."""
        atom = atoms[index]
        if self._is_opposed(atom):
            self._report(atom.first, atom.last, atom.owner, "only says for or against whom")
            return None, index + 1
        limit = self._limit(atoms, index)
        phrase = self._extend_right(atom, self._extend_left(atom, floor), limit)
        following = index + 1
        while following < len(atoms) and atoms[following].first < phrase.last:
            following += 1
        guest = atoms[following] if following < len(atoms) else None
        if guest is not None and self._introduces(phrase, guest):
            return self._merge(phrase, guest, self._limit(atoms, following)), following + 1
        phrase = self._cover_unknown_name(phrase, guest.first if guest is not None else len(self._keys))
        if atom.owner.role == "place" and not phrase.agent and not self._places:
            return None, following
        return phrase, following

    def _limit(self, atoms: Sequence[_Atom], index: int) -> int:
        """Return where the role nouns of `atoms[index]` must end: at the next atom, unless "Peruvian Congress"."""
        for following in range(index + 1, len(atoms)):
            owner = atoms[following].owner
            if owner.role != "metonym" or owner.actor == atoms[index].owner.actor:
                return atoms[following].first
        return len(self._keys)

    def _is_opposed(self, atom: _Atom) -> bool:
        """Return whether the atom says for or against whom ("pro-Russian"), or of what descent ("ethnic Serbs")."""
        before = self._keys[atom.first - 1] if atom.first else ""
        if self._joined(atom.first) and before in self._words.opposed:
            return True
        if atom.last < len(self._keys) and self._keys[atom.last] in self._words.opponents:
            return True
        return before == "ethnic" and atom.owner.role == "demonym"

    def _joined(self, position: int) -> bool:
        """Return whether a hyphen ties the token at `position` to the one before."""
        if not 0 < position < len(self._tokens):
            return False
        before, here = self._tokens[position - 1], self._tokens[position]
        return here.start == before.end + 1 and self._text[before.end] in _HYPHENS

    def _extend_left(self, atom: _Atom, floor: int) -> int:
        if atom.owner.kind == "person":
            return max(self._title_before(atom.first), floor)
        if atom.owner.role == "demonym":
            return atom.first
        position = atom.first - 1
        if position > 0 and self._keys[position] in _DETERMINERS:
            position -= 1
        if position <= floor or self._keys[position] != "of":
            return atom.first
        head = self._agent_ending(position)
        return head if floor <= head < position else atom.first

    def _title_before(self, last: int) -> int:
        """Return where the titles that end before token `last` begin ("former Prime Minister")."""
        first = last
        while first > 0:
            begin = next((n for n in range(max(first - 4, 0), first) if self._is_title(n, first)), first)
            if begin == first:
                break
            first = begin
        while 0 < first < last and self._keys[first - 1] in _FORMER:
            first -= 1
        return first

    def _is_title(self, first: int, last: int) -> bool:
        return tuple(self._keys[first:last]) in self._gazetteer.titles

    def _agent_ending(self, last: int) -> int:
        """Return where the longest role noun ending before token `last` begins, or `last`."""
        for first in range(max(last - 4, 0), last):
            agent = self._agent_at(first, last)
            if agent is not None and first + len(agent.keys) == last:
                return first
        return last

    def _agent_at(self, position: int, limit: int) -> Agent | None:
        """Return the longest role noun that begins at `position`, before `limit`."""
        if position >= limit:
            return None
        for agent in self._gazetteer.agents.get(self._keys[position], ()):
            size = len(agent.keys)
            if size == 1 or tuple(self._keys[position : position + size]) == agent.keys:
                return agent
        return None

    def _extend_right(self, atom: _Atom, first: int, limit: int) -> _Phrase:
        position, possessive = atom.last, False
        if position < len(self._keys) and self._keys[position] in _POSSESSIVES:
            position, possessive = position + 1, True
        elif self._joined(position) and self._is_suffix(position):
            return _Phrase(atom.first, atom.last, atom, atom.owner.sector, agent=False, adjective=True)
        last, sector = self._agents_from(atom, position, limit, possessive=possessive)
        behind = last > position
        sector = self._sector(atom.owner, sector if behind else self._left_sector(atom, first), behind=behind)
        adjective = not behind and first == atom.first and (possessive or self._qualifies(atom))
        return _Phrase(first, last if behind else atom.last, atom, sector, behind or first < atom.first, adjective)

    def _is_suffix(self, position: int) -> bool:
        """Return whether the word behind a hyphen makes an adjective of the name: "-backed", "-wide", "-shaped"."""
        token = self._tokens[position]
        if token.key in self._words.backed:
            return True
        return (
            token.text.islower() and token.key not in self._gazetteer.agents and token.key not in self._words.modifiers
        )

    def _agents_from(self, atom: _Atom, position: int, limit: int, *, possessive: bool) -> tuple[int, str | None]:
        """Return the end of the role nouns that begin in [position, limit) (or `position`) and the sector they give."""
        end, sector, weak, skipped = position, None, True, 0
        wary = atom.owner.role in ("name", "capital") and not possessive and not self._adjectival(atom)
        while skipped <= _MAX_MODIFIERS:
            agent = self._agent_at(position, limit)
            if agent is not None and not (wary and agent.verbal and end == position):
                position += len(agent.keys)
                if not agent.weak or sector is None or weak:
                    sector, weak = agent.sector, agent.weak
                end, skipped = position, 0
            elif position < limit and self._is_modifier(position):
                position, skipped = position + 1, skipped + 1
            else:
                break
        return end, sector

    def _is_modifier(self, position: int) -> bool:
        key = self._keys[position]
        return key in self._words.modifiers or key.isdigit()

    def _adjectival(self, atom: _Atom) -> bool:
        return atom.owner.kind == "group" or self._keys[atom.first] in self._gazetteer.adjectival

    def _left_sector(self, atom: _Atom, first: int) -> str | None:
        agent = self._agent_at(first, atom.first) if first < atom.first else None
        return agent.sector if agent is not None else None

    def _sector(self, owner: Owner, agents: str | None, *, behind: bool) -> str | None:
        """Return the sector of a mention from its owner and its role nouns; `behind`: these follow the name."""
        if owner.kind == "person":
            return agents if behind else self._office_sector(owner)
        if owner.sector == _INTERGOVERNMENTAL:
            return agents if agents == _MILITARY else owner.sector
        if owner.kind == "group" or owner.role == "metonym" or agents is None:
            return owner.sector
        return agents

    def _office(self, owner: Owner) -> Office | None:
        """Return the office held on the day of the text; without a day, the one held last."""
        if self._on is None:
            return max(owner.offices, key=lambda office: office.until, default=None)
        return next((office for office in owner.offices if office.since <= self._on <= office.until), None)

    def _office_sector(self, owner: Owner) -> str | None:
        office = self._office(owner)
        return office.sector if office is not None else None

    def _qualifies(self, atom: _Atom) -> bool:
        """Return whether a bare demonym stands before the noun it qualifies ("Russian plane")."""
        if atom.owner.role != "demonym" or atom.last >= len(self._tokens):
            return False
        after = self._tokens[atom.last]
        if self._keys[atom.last - 1].endswith("s") and not self._keys[atom.last - 1].endswith(("ss", "us")):
            return False
        return after.text[0].isalnum() and after.key not in self._words.followers

    # -- neighbours --------------------------------------------------------------------------------------------------

    def _introduces(self, phrase: _Phrase, atom: _Atom) -> bool:
        """Return whether `phrase` only says whose the actor of `atom` is: "Lebanese [Hezbollah]"."""
        host, guest = phrase.atom.owner, atom.owner
        if host.kind == "person" or not self._adjacent(phrase, atom):
            return False
        if guest.kind == "person":
            return host.actor in (guest.actor, guest.country) or self._title_before(atom.first) <= phrase.first
        if guest.kind == "group":
            return host.kind == "state" and guest.country in (host.actor, None) and guest.sector != _INTERGOVERNMENTAL
        return guest.role == "metonym" and guest.actor == host.actor

    def _merge(self, phrase: _Phrase, atom: _Atom, limit: int) -> _Phrase:
        """Return one phrase for an actor and the nationality, organisation and title that introduce it."""
        grown = self._extend_right(atom, phrase.first, limit)
        host, guest = phrase.atom.owner, atom.owner
        if guest.country is None and host.kind == "state":
            grown = grown._replace(atom=atom._replace(owner=guest._replace(country=host.country)))
        before = self._keys[max(phrase.first - 1, 0) : atom.first]
        if grown.sector is None and _FORMER.isdisjoint(before):
            grown = grown._replace(sector=phrase.sector)
        return grown._replace(agent=True, adjective=False)

    def _adjacent(self, phrase: _Phrase, atom: _Atom) -> bool:
        position = phrase.last
        if position < atom.first and self._keys[position] in _POSSESSIVES:
            position += 1
        if atom.owner.kind != "person":
            return position <= atom.first and all(self._is_modifier(n) for n in range(position, atom.first))
        titles = self._title_before(atom.first)
        return position >= titles and (phrase.agent or titles < atom.first or phrase.last == atom.first)

    def _cover_unknown_name(self, phrase: _Phrase, limit: int) -> _Phrase:
        """Return `phrase` with the name behind its title: "Minister [Juan Carlos Jobet]"."""
        if not phrase.agent or not self._ends_title(phrase.last):
            return phrase
        stop = min(phrase.last + _MAX_NAME_WORDS, limit)
        end = position = phrase.last
        while position < stop:
            token = self._tokens[position]
            capital = token.text[0].isupper()
            if capital and token.key not in self._words.openers:
                end = position + 1
            elif token.key not in self._words.particles:
                break
            position += 1
        return phrase._replace(last=end)

    def _share_agents(self, phrases: list[_Phrase]) -> list[_Phrase]:
        """Return `phrases` with "Russian and Syrian forces" giving its role noun to both."""
        shared = list(phrases)
        for index in range(len(shared) - 2, -1, -1):
            here, after = shared[index], shared[index + 1]
            between = self._keys[here.last : after.first]
            tied = all(key in _COORDINATORS for key in between) and bool(between)
            bare = here.atom.owner.role == "demonym" and not here.agent and here.first == here.atom.first
            if tied and bare and after.agent and after.atom.owner.role == "demonym":
                sector = self._sector(here.atom.owner, after.sector, behind=True)
                shared[index] = here._replace(sector=sector, agent=True, adjective=False)
        return shared

    def _bare_surnames(self, phrases: list[_Phrase]) -> list[_Phrase]:
        """Return `phrases` with the bare surnames of those whom the text introduced in full ("Ann Ash ... Ash")."""
        introduced: dict[str, _Phrase] = {}
        filled: list[_Phrase] = []
        floor = 0
        for phrase in [*phrases, None]:
            limit = phrase.first if phrase is not None else len(self._tokens)
            if introduced:
                filled.extend(self._surnames_in(floor, limit, introduced))
            if phrase is None:
                break
            known = introduced.get(self._keys[phrase.atom.last - 1])
            if known is not None and phrase.atom.owner.role == "surname":
                filled.append(phrase._replace(atom=phrase.atom._replace(owner=known.atom.owner)))
            else:
                filled.append(phrase)
                if self._names_person(phrase):
                    introduced[self._keys[phrase.last - 1]] = phrase
            floor = phrase.last
        return filled

    def _surnames_in(self, floor: int, limit: int, introduced: Mapping[str, _Phrase]) -> Iterable[_Phrase]:
        for position in range(floor, limit):
            host = introduced.get(self._keys[position])
            if host is None or not self._tokens[position].text[0].isupper() or self._given_name_before(position):
                continue
            if self._surname_after(position + 1):
                continue
            atom = _Atom(position, position + 1, host.atom.owner)
            self._report(position, position + 1, atom.owner, "taken: the text gave the full name before")
            yield _Phrase(position, position + 1, atom, host.sector, agent=True, adjective=False)

    def _names_person(self, phrase: _Phrase) -> bool:
        """Return whether `phrase` ends in a person's name of two words or more, or in a name behind a title."""
        last = self._tokens[phrase.last - 1]
        if not last.text[0].isupper() or not last.text.isalpha() or len(last.text) < _SHORTEST_SURNAME:
            return False
        owner, atom = phrase.atom.owner, phrase.atom
        if owner.kind == "person":
            return owner.role == "name" and atom.last == phrase.last and atom.last - atom.first > 1
        named = phrase.last - phrase.atom.last
        return phrase.agent and named > 1 and last.key not in self._gazetteer.agents and self._follows_title(phrase)

    def _follows_title(self, phrase: _Phrase) -> bool:
        return any(self._ends_title(position) for position in range(phrase.atom.last + 1, phrase.last))

    def _mention(self, phrase: _Phrase) -> Mention:
        start, end = self._tokens[phrase.first].start, self._tokens[phrase.last - 1].end
        owner = phrase.atom.owner
        return Mention(
            start=start,
            end=end,
            text=self._text[start:end],
            actor=owner.actor,
            country=owner.country,
            sector=phrase.sector,
            name=owner.name,
            kind=owner.kind,
            adjective=phrase.adjective,
        )


def _in_office(owner: Owner, on: date | None) -> bool:
    return on is not None and any(office.since <= on <= office.until for office in owner.offices)


def _is_bare(owner: Owner) -> bool:
    """Return whether a form is more than a surname: "Montenegro" is the state, whoever else is called so."""
    return not owner.role.startswith("surname")


def _precedence(owner: Owner) -> tuple[bool, tuple[date, date]]:
    return _is_bare(owner), _latest_office(owner)


def _latest_office(owner: Owner) -> tuple[date, date]:
    return max((office.until for office in owner.offices), default=date.min), owner.until
