"""Who a text names: mentions of states, persons and groups, with the whole phrase and the day's offices.

A mention grows from one *atom*, a form of the gazetteer ("Syrian", "Assad", "Hezbollah"), over the words that belong
to it: role nouns behind ("Syrian [air defence forces]"), titles before ("[President] Assad"), "[army] of Syria".
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from streams.core.gazetteer import Form, Gazetteer, Owner, Token, fold, tokenize
from streams.core.matcher import Match, Matcher
from streams.core.misspelt import Misspelt
from streams.core.namesakes import DETERMINERS, FORMER, MAX_MODIFIERS, POSSESSIVES, Finding, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.core.entries import Entry

__all__ = ["Catalogue", "Finding", "Mention"]

# Words of a name that is not in the catalogue, behind a title ("Defence Minister Juan Carlos Jobet").
_MAX_NAME_WORDS: Final = 4
# A surname shorter than this is a word or an initial too often ("Li", "No") to stand for someone named in full before.
_SHORTEST_SURNAME: Final = 4
_COORDINATORS: Final = frozenset({",", "and", "or", "&"})
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
        mentions = self._mentions(text, on, places=False, forms=forms)
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
            mentions = self._mentions(text, on, places=places, forms=forms)
            if mentions:
                return max(mentions, key=_preference)
        return self._resolve_misspelt(text, on) or (self._resolve_within(text, on, context) if context else None)

    def _resolve_within(self, text: str, on: date | None, context: str) -> Mention | None:
        """Return the state that `context` names most, nearest first, for a phrase with a role or a person's name."""
        tokens = tokenize(text)
        keys = [token.key for token in tokens]
        roles = [agent for place in range(len(keys)) if (agent := self._gazetteer.agent_at(keys, place)) is not None]
        sector = roles[-1].sector if roles else None
        named = sum(token.text[0].isupper() for token in tokens) > 1 and _BODIES.isdisjoint(keys)
        if sector in _SUPRANATIONAL or not (roles or named or "ethnic" in keys):
            return None
        at = max(context.find(text), 0)
        counts: dict[str, int] = {}
        nearest: dict[str, int] = {}
        for mention in self._mentions(context, on, places=True):
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
        for mention in self._mentions(whole, on, places=True):
            if mention.start <= token.start < mention.end:
                end = max(mention.end - len(word) + len(token.text), token.end)
                return msgspec.structs.replace(mention, end=end, text=text[mention.start : end])
        return None

    def explain(self, text: str, on: date | None) -> list[Finding]:
        """Return each form of an actor in `text` with what became of it, in the order in which it was looked at."""
        findings: list[Finding] = []
        self._mentions(text, on, places=True, findings=findings)
        return findings

    def _mentions(
        self,
        text: str,
        on: date | None,
        *,
        places: bool,
        forms: Sequence[Match] | None = None,
        findings: list[Finding] | None = None,
    ) -> list[Mention]:
        forms = self.scan(text)[0] if forms is None else forms
        if not forms:
            return []
        keyed = [(match.start, self._keys[match.phrase]) for match in forms]
        return _Scan(self._gazetteer, text, on, keyed, places=places, findings=findings).mentions()


def _preference(mention: Mention) -> tuple[bool, bool, int, int]:
    return not mention.adjective, mention.sector is not None, mention.end - mention.start, -mention.start


class _Scan(Surroundings):
    """One pass over one text."""

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

    def _extend_left(self, atom: _Atom, floor: int) -> int:
        if atom.owner.kind == "person":
            return max(self._title_before(atom.first), floor)
        if atom.owner.role == "demonym":
            return atom.first
        position = atom.first - 1
        if position > 0 and self._keys[position] in DETERMINERS:
            position -= 1
        if position <= floor or self._keys[position] != "of":
            return atom.first
        head = self._agent_ending(position)
        return head if floor <= head < position else atom.first

    def _agent_ending(self, last: int) -> int:
        """Return where the longest role noun ending before token `last` begins, or `last`."""
        for first in range(max(last - 4, 0), last):
            agent = self._agent_at(first, last)
            if agent is not None and first + len(agent.keys) == last:
                return first
        return last

    def _extend_right(self, atom: _Atom, first: int, limit: int) -> _Phrase:
        position, possessive = atom.last, False
        if position < len(self._keys) and self._keys[position] in POSSESSIVES:
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
        while skipped <= MAX_MODIFIERS:
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
        if grown.sector is None and FORMER.isdisjoint(before):
            grown = grown._replace(sector=phrase.sector)
        return grown._replace(agent=True, adjective=False)

    def _adjacent(self, phrase: _Phrase, atom: _Atom) -> bool:
        position = phrase.last
        if position < atom.first and self._keys[position] in POSSESSIVES:
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
