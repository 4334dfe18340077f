"""Who a text names: mentions of states, persons and groups, with the whole phrase and the day's offices.

A mention grows from one *atom*, a form of the gazetteer ("Syrian", "Assad", "Hezbollah"), over the words that belong
to it: role nouns behind ("Syrian [air defence forces]"), titles before ("[President] Assad"), "[army] of Syria".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import msgspec

from streams.core.gazetteer import Agent, Form, Gazetteer, Owner, Token, build_gazetteer, tokenize

__all__ = ["Catalogue", "Mention"]

# Words allowed between a nationality and its role noun ("Russian long-range strategic bombers"); a phrase, not a clause.
_MAX_MODIFIERS: Final = 3
# Words of a name that is not in the catalogue, behind a title ("Defence Minister Juan Carlos Jobet").
_MAX_NAME_WORDS: Final = 4
_POSSESSIVES: Final = frozenset({"'s", "’s", "'", "’"})
_DETERMINERS: Final = frozenset({"the", "a", "an"})
_COORDINATORS: Final = frozenset({",", "and", "or", "&"})
_FORMER: Final = frozenset({"former", "ex", "late", "then", "acting", "current", "vice", "deputy"})
_INTERGOVERNMENTAL: Final = "IGO"


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


class Catalogue:
    """Names of actors and the rules by which a text mentions them."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self.names: Mapping[str, str] = MappingProxyType(gazetteer.names)

    @classmethod
    def build(
        cls, states: Mapping[str, Any], persons: Mapping[str, Any], groups: Mapping[str, Any], agents: Mapping[str, Any]
    ) -> Catalogue:
        """Return the catalogue of four parsed data files.

        Raises: CodebookError naming file, entry and remedy.
        """
        return cls(build_gazetteer(states, persons, groups, agents))

    def find(self, text: str, on: date) -> list[Mention]:
        """Return the mentions in `text` as understood on day `on`: in order, longest first, without overlap."""
        return _Scan(self._gazetteer, text, on, places=False).mentions()

    def resolve(self, text: str, on: date | None) -> Mention | None:
        """Return the actor a phrase such as "Russian Foreign Minister Sergei Lavrov" means, or None.

        Without a day, the last known office of a person counts, and former states are found by their names.
        """
        for places in (False, True):
            mentions = _Scan(self._gazetteer, text, on, places=places).mentions()
            if mentions:
                return max(mentions, key=_preference)
        return None


def _preference(mention: Mention) -> tuple[bool, bool, int, int]:
    return not mention.adjective, mention.sector is not None, mention.end - mention.start, -mention.start


class _Scan:
    """One pass over one text."""

    def __init__(self, gazetteer: Gazetteer, text: str, on: date | None, *, places: bool) -> None:
        self._gazetteer = gazetteer
        self._words = gazetteer.words
        self._text = text
        self._on = on
        self._places = places
        self._tokens: list[Token] = tokenize(text)
        self._keys = [token.key for token in self._tokens]

    def mentions(self) -> list[Mention]:
        atoms = self._atoms()
        phrases: list[_Phrase] = []
        index = floor = 0
        while index < len(atoms):
            phrase, index = self._grow(atoms, index, floor)
            if phrase is not None:
                phrases.append(phrase)
                floor = phrase.last
        return [self._mention(phrase) for phrase in self._share_agents(phrases)]

    # -- atoms -------------------------------------------------------------------------------------------------------

    def _atoms(self) -> list[_Atom]:
        forms, keys = self._gazetteer.forms, self._keys
        atoms: list[_Atom] = []
        position = 0
        while position < len(keys):
            candidates = forms.get(keys[position])
            atom = self._atom_at(position, candidates) if candidates else None
            if atom is None:
                position += 1
                continue
            if atom.owner.role != "block":
                atoms.append(atom)
            position = atom.last
        return atoms

    def _atom_at(self, position: int, candidates: Sequence[Form]) -> _Atom | None:
        for form in candidates:
            last = position + len(form.keys)
            if self._spelled(form, position, last):
                owner = self._owner(form)
                if owner is not None and self._allowed(owner, form, position, last):
                    return _Atom(position, last, owner)
        return None

    def _spelled(self, form: Form, first: int, last: int) -> bool:
        if len(form.keys) > 1 and tuple(self._keys[first:last]) != form.keys:
            return False
        for token, case in zip(self._tokens[first:last], form.cases, strict=False):
            if (case == 1 and not token.text[0].isupper()) or (case == 2 and not token.text.isupper()):  # noqa: PLR2004
                return False
        return True

    def _owner(self, form: Form) -> Owner | None:
        owners = form.owners
        if self._on is None:
            return owners[0] if len(owners) == 1 else max(owners, key=_latest_office)
        valid = [owner for owner in owners if owner.since <= self._on <= owner.until]
        if len(valid) > 1:
            return max(valid, key=lambda owner: (_in_office(owner, self._on), _latest_office(owner)))
        return valid[0] if valid else None

    def _allowed(self, owner: Owner, form: Form, first: int, last: int) -> bool:
        if owner.role == "surname":
            return not self._given_name_before(first)
        if len(form.keys) == 1:
            key = form.keys[0]
            forbidden = self._gazetteer.unless.get(key)
            if forbidden and not forbidden.isdisjoint(self._keys):
                return False
            if key in self._gazetteer.person_like and self._is_part_of_person(first, last):
                return False
        return not self._in_american_state(last)

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
        known = before.key in self._words.openers or self._ends_title(first) or before.key in self._gazetteer.forms
        return not known and not self._starts_sentence(first - 1)

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
        return after.key not in self._gazetteer.forms and after.key not in self._gazetteer.agents

    def _in_american_state(self, last: int) -> bool:
        return (
            last + 1 < len(self._keys)
            and self._keys[last] == ","
            and self._tokens[last + 1].text[0].isupper()
            and self._keys[last + 1] in self._words.regions
        )

    # -- phrases -----------------------------------------------------------------------------------------------------

    def _grow(self, atoms: Sequence[_Atom], index: int, floor: int) -> tuple[_Phrase | None, int]:
        """Return the phrase that grows from `atoms[index]` and the index of the first atom behind it."""
        atom = atoms[index]
        if self._joined(atom.first) and self._keys[atom.first - 1] in self._words.opposed:
            return None, index + 1
        first = self._extend_left(atom, floor)
        phrase = self._extend_right(atom, first)
        following = index + 1
        while following < len(atoms) and atoms[following].first < phrase.last:
            following += 1
        if following < len(atoms):
            merged = self._merge(phrase, atoms[following])
            if merged is not None:
                return merged, following + 1
        phrase = self._cover_unknown_name(phrase, atoms[following].first if following < len(atoms) else None)
        if atom.owner.role == "place" and not phrase.agent and not self._places:
            return None, following
        return phrase, following

    def _joined(self, position: int) -> bool:
        """Return whether a hyphen ties the token at `position` to the one before."""
        if not 0 < position < len(self._tokens):
            return False
        before, here = self._tokens[position - 1], self._tokens[position]
        return here.start == before.end + 1 and self._text[before.end] in "-–"

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
            agent = self._agent_at(first)
            if agent is not None and first + len(agent.keys) == last:
                return first
        return last

    def _agent_at(self, position: int) -> Agent | None:
        if position >= len(self._keys):
            return None
        for agent in self._gazetteer.agents.get(self._keys[position], ()):
            size = len(agent.keys)
            if size == 1 or tuple(self._keys[position : position + size]) == agent.keys:
                return agent
        return None

    def _extend_right(self, atom: _Atom, first: int) -> _Phrase:
        position, possessive = atom.last, False
        if position < len(self._keys) and self._keys[position] in _POSSESSIVES:
            position, possessive = position + 1, True
        elif self._joined(position) and self._keys[position] in self._words.backed:
            return _Phrase(first, atom.last, atom, atom.owner.sector, agent=False, adjective=True)
        last, sector = self._agents_from(atom, position, possessive=possessive)
        behind = last > position
        sector = self._sector(atom, sector if behind else self._left_sector(atom, first))
        adjective = not behind and first == atom.first and (possessive or self._qualifies(atom))
        return _Phrase(first, last if behind else atom.last, atom, sector, behind or first < atom.first, adjective)

    def _agents_from(self, atom: _Atom, position: int, *, possessive: bool) -> tuple[int, str | None]:
        """Return the end of the role nouns from `position` on (or `position`) and the sector they give."""
        end, sector, weak, skipped = position, None, True, 0
        wary = atom.owner.role in ("name", "capital") and not possessive and not self._adjectival(atom)
        while skipped <= _MAX_MODIFIERS:
            agent = self._agent_at(position)
            if agent is not None and not (wary and agent.verbal and end == position):
                position += len(agent.keys)
                if not agent.weak or sector is None or weak:
                    sector, weak = agent.sector, agent.weak
                end, skipped = position, 0
            elif position < len(self._keys) and self._is_modifier(position):
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
        agent = self._agent_at(first) if first < atom.first else None
        return agent.sector if agent is not None else None

    def _sector(self, atom: _Atom, agents: str | None) -> str | None:
        owner = atom.owner
        if owner.kind == "person":
            return agents if agents is not None and not self._title_only(atom) else self._office_sector(owner)
        if owner.kind == "group" and owner.sector != _INTERGOVERNMENTAL:
            return owner.sector
        if owner.role == "metonym":
            return owner.sector
        return agents if agents is not None else owner.sector

    def _title_only(self, atom: _Atom) -> bool:
        """Return whether a role noun stands only before the person, where the dated office knows better."""
        behind = atom.last + (atom.last < len(self._keys) and self._keys[atom.last] in _POSSESSIVES)
        return self._agents_from(atom, behind, possessive=True)[0] == behind

    def _office_sector(self, owner: Owner) -> str | None:
        if self._on is None:
            return max(owner.offices, key=lambda office: office.until).sector if owner.offices else None
        held = [office for office in owner.offices if office.since <= self._on <= office.until]
        return held[0].sector if held else None

    def _qualifies(self, atom: _Atom) -> bool:
        """Return whether a bare demonym stands before the noun it qualifies ("Russian plane")."""
        if atom.owner.role != "demonym" or atom.last >= len(self._tokens):
            return False
        after = self._tokens[atom.last]
        if self._keys[atom.last - 1].endswith("s") and not self._keys[atom.last - 1].endswith(("ss", "us")):
            return False
        return after.text[0].isalnum() and after.key not in self._words.followers

    # -- neighbours --------------------------------------------------------------------------------------------------

    def _merge(self, phrase: _Phrase, atom: _Atom) -> _Phrase | None:
        """Return one phrase for a nationality and the person or group it introduces, or None."""
        host, guest = phrase.atom.owner, atom.owner
        if host.kind != "state" or guest.kind == "state" or self._keys[atom.last - 1] in _POSSESSIVES:
            return None
        if not self._adjacent(phrase, atom):
            return None
        if guest.kind == "person" and guest.country != host.actor:
            return None
        if guest.kind == "group" and (guest.country not in (host.actor, None) or guest.sector == _INTERGOVERNMENTAL):
            return None
        grown = self._extend_right(atom, phrase.first)
        sector = grown.sector if guest.kind == "group" or grown.sector is not None else None
        return grown._replace(sector=sector, agent=True, adjective=False)

    def _adjacent(self, phrase: _Phrase, atom: _Atom) -> bool:
        position = phrase.last
        if position < atom.first and self._keys[position] in _POSSESSIVES:
            position += 1
        titles = self._title_before(atom.first) if atom.owner.kind == "person" else atom.first
        if position < titles and atom.owner.kind == "group":
            return all(self._is_modifier(n) for n in range(position, titles))
        if position >= titles:
            return phrase.agent or atom.owner.kind == "group" or titles < atom.first or phrase.last == atom.first
        return False

    def _cover_unknown_name(self, phrase: _Phrase, limit: int | None) -> _Phrase:
        """Return `phrase` with the name behind its title: "Minister [Juan Carlos Jobet]"."""
        if not phrase.agent or not self._ends_title(phrase.last):
            return phrase
        stop = min(phrase.last + _MAX_NAME_WORDS, len(self._tokens) if limit is None else limit)
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
                sector = self._sector(here.atom, after.sector)
                shared[index] = here._replace(sector=sector, agent=True, adjective=False)
        return shared

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


def _latest_office(owner: Owner) -> tuple[date, date]:
    return max((office.until for office in owner.offices), default=date.min), owner.until
