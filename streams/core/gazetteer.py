"""The forms under which actors are written, and what each may mean: the index behind the one-pass matcher.

A form is a sequence of folded tokens (lower case, no accents, `U.S.` = `us`); what its spelling demands of the text's
capitals is kept beside it, so that `turkey` is a bird and `us` a pronoun. Forms are worked out when a text first holds
them: tens of thousands of entries are read in a fraction of a second.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streams.core.entries import OFFICES, Entry, first_day, items_of, last_day
from streams.core.errors import CodebookError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Agent", "Form", "Gazetteer", "Office", "Owner", "Token", "Words", "fold", "holder_of", "tokenize"]

# "surname_in_office": also a common word or name, taken only while its owner holds an office ("Moon", "Park").
Role = Literal["name", "demonym", "capital", "place", "metonym", "surname", "surname_in_office", "block"]
Kind = Literal["state", "person", "group"]
# A parsed TOML table: strings, lists, dates; each reader below checks the fields it takes.
Table = Mapping[str, Any]

_TOKEN: Final = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+|['\u2019]s\b|-(?=\s)|\n\s*\n|[^\w\s\-\u2013]")
# Letters without a decomposition, and the typographic apostrophe.
_PLAIN: Final = str.maketrans({"\u2019": "'", "\u0131": "i", "\u00f8": "o", "\u0142": "l", "\u0111": "d"})
# An initialism that may be written with dots: "UN", "U.N.".
_INITIALS: Final = re.compile(r"\b(?:[A-Z]\.){2,5}|\b[A-Z]{2,5}\b")


class Token(NamedTuple):
    """A word, punctuation mark or blank line with its offsets; hyphens inside words separate and are not tokens."""

    text: str
    key: str
    start: int
    end: int


class Office(NamedTuple):
    """What a person was from one day to another, both included; `actor` if not for the person's own country."""

    sector: str
    since: date
    until: date
    actor: str | None = None
    country: str | None = None
    name: str = ""


class Owner(NamedTuple):
    """The actor a form stands for between two days, both included; `place`: file and line of the entry."""

    actor: str
    country: str | None
    sector: str | None
    name: str
    kind: Kind
    role: Role
    since: date = date.min
    until: date = date.max
    offices: tuple[Office, ...] = ()
    place: str = ""


class Form(NamedTuple):
    """One spelling: `cases` per token is 0 any, 1 capitalised, 2 all capitals."""

    keys: tuple[str, ...]
    cases: tuple[int, ...]
    owners: tuple[Owner, ...]


class Agent(NamedTuple):
    """A role noun: `weak` ones ("officials") leave the sector to the word before; `verbal` ones are verbs too."""

    keys: tuple[str, ...]
    sector: str
    weak: bool
    title: bool
    verbal: bool


class Words(NamedTuple):
    """Closed word classes of `agents.toml`, folded."""

    modifiers: frozenset[str]
    given_names: frozenset[str]
    openers: frozenset[str]
    followers: frozenset[str]
    backed: frozenset[str]
    opposed: frozenset[str]
    opponents: frozenset[str]
    particles: frozenset[str]
    things: frozenset[str]
    apart: frozenset[str]
    kin: frozenset[str]
    regions: frozenset[str]


def fold(word: str) -> str:
    """Return `word` in lower case without accents and without the dots of an initialism.

    >>> fold("Élysée"), fold("U.S.")
    ('elysee', 'us')
    """
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = word.translate(_PLAIN)
    if "." in word and len(word) > 1:
        word = word.replace(".", "")
    return word.lower()


def tokenize(text: str) -> list[Token]:
    """Return the words and punctuation marks of `text` in order.

    >>> [token.text for token in tokenize("The U.S.-led force, Syria's ally")]
    ['The', 'U.S.', 'led', 'force', ',', 'Syria', "'s", 'ally']
    """
    return [Token(word := match[0], fold(word), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def _case_of(word: str) -> int:
    """Return what the spelling `word` demands: 2 all capitals, 1 a capital, 0 nothing."""
    letters = word.replace(".", "")
    if letters.isupper() and len(letters) > 1:
        return 2
    return int(letters[:1].isupper())


def _fail(file: str, entry: str, problem: str, remedy: str) -> CodebookError:
    return CodebookError(f"{file}: {entry}: {problem}; {remedy}")


def _strings(file: str, entry: str, table: Table, field: str) -> list[str]:
    value = table.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise _fail(file, entry, f"'{field}' is not a list of texts", f'write {field} = ["...", "..."]')
    return value


def _string(file: str, entry: str, table: Table, field: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not value:
        raise _fail(file, entry, f"'{field}' is missing", f'add {field} = "..."')
    return value


def _is_same(one: Owner, other: Owner) -> bool:
    return (one.actor, one.name, one.since, one.until) == (other.actor, other.name, other.since, other.until)


def _key(spelling: str) -> str:
    """Return the folded tokens of a spelling, joined by blanks."""
    if spelling.isascii() and spelling.replace(" ", "").isalnum():
        return spelling.lower()
    return " ".join(token.key for token in tokenize(spelling))


def holder_of(term: Entry) -> tuple[str, str]:
    """Return actor and name of the person a term belongs to: `Name`, or `Name@ACTOR` of another country."""
    name, _, own = term.fields[4].partition("@")
    return own or term.fields[0], name


class _Claim(NamedTuple):
    """A spelling of an entry, and what it is to it."""

    spelling: str
    role: Role
    entry: Entry


class Gazetteer:
    """Everything the catalogue looks up.

    `person_like`, `adjectival`, `shouted`, `unless`: see `rules.toml`. `first_words`: the folded words with which the
    names of states and groups begin. `names`: display name by actor id.
    """

    def __init__(self, entries: Mapping[str, Sequence[Entry]], agents: Table, rules: Table) -> None:
        self.names: dict[str, str] = {}
        self._countries: dict[str, str | None] = {}
        self._groups: set[str] = set()
        self._claims: dict[str, list[_Claim]] = defaultdict(list)
        self._forms: dict[str, tuple[Form, ...]] = {}
        self._terms: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for kind in ("states", "territories", "groups", "organisations"):
            for entry in entries.get(kind, ()):
                self._register(entry)
        for term in entries.get("terms", ()):
            self._terms[holder_of(term)].append(term)
        given: set[str] = set()
        for kind in ("places", *_ROLES):
            self._claim_all(kind, entries.get(kind, ()))
        self.first_words = frozenset(key.split(" ", 1)[0] for key in self._claims)
        for row in entries.get("persons", ()):
            given.add(self._claim_person(row))
        for phrase in _strings("rules.toml", "exclude", rules.get("exclude", {}), "phrases"):
            self._claims[_key(phrase)].append(_Claim(phrase, "block", _EXCLUDED))
        nouns = list(_read_agents(agents))
        self.agents = _by_first(nouns)
        self.titles = frozenset(agent.keys for agent in nouns if agent.title)
        words = Words(*(_folded(agents, field) for field in Words._fields))
        known = self.first_words | words.openers | {key for agent in nouns for key in agent.keys}
        self.words = words._replace(given_names=words.given_names | (given - known))
        traps = rules.get("traps", {})
        self.person_like = frozenset(map(fold, _strings("rules.toml", "traps", traps, "person_like")))
        self.adjectival = frozenset(map(fold, _strings("rules.toml", "traps", traps, "adjectival")))
        self.unless = {fold(form): frozenset(map(fold, words)) for form, words in traps.get("unless", {}).items()}
        self.shouted = frozenset(map(fold, _strings("rules.toml", "traps", traps, "shouted")))

    def phrases(self) -> Iterator[tuple[str, str]]:
        """Yield each spelling for the matcher, with and without the dots of initialisms, and the key of its forms."""
        for key, claims in self._claims.items():
            for spelling in {claim.spelling for claim in claims}:
                yield spelling, key
                if _INITIALS.search(spelling):
                    yield _INITIALS.sub(lambda m: m[0].replace(".", ""), spelling), key
                    yield _INITIALS.sub(lambda m: ".".join(m[0].replace(".", "")) + ".", spelling), key

    def forms(self, key: str) -> tuple[Form, ...]:
        """Return the forms whose folded tokens, joined by blanks, are `key`: the strictest spelling first."""
        forms = self._forms.get(key)
        if forms is None:
            by_case: dict[tuple[int, ...], list[Owner]] = {}
            for claim in self._claims[key]:
                cases = tuple(_case_of(token.text) for token in tokenize(claim.spelling))
                owners = by_case.setdefault(cases, [])
                owner = self.owner(claim.entry, claim.role)
                if not any(_is_same(owner, other) for other in owners):
                    owners.append(owner)
            keys = tuple(key.split(" "))
            found = [Form(keys, cases, tuple(owners)) for cases, owners in by_case.items()]
            forms = self._forms[key] = tuple(sorted(found, key=lambda form: sum(form.cases), reverse=True))
        return forms

    def agent_at(self, keys: Sequence[str], position: int) -> Agent | None:
        """Return the longest role noun that begins at `position` of the folded tokens `keys`."""
        for agent in self.agents.get(keys[position], ()):
            size = len(agent.keys)
            if size == 1 or tuple(keys[position : position + size]) == agent.keys:
                return agent
        return None

    def all_keys(self) -> Iterable[str]:
        """Return the keys of all forms."""
        return self._claims.keys()

    def names_to_misspell(self) -> Iterator[str]:
        """Yield the single words by which states, groups and persons are called, but not towns, firms and parties."""
        for key, claims in self._claims.items():
            if " " not in key and any(claim.entry.kind in _MISSPELT for claim in claims):
                yield key

    def country_of(self, actor: str) -> str | None:
        """Return the ISO code an actor belongs to; None for one of several countries.

        Raises: CodebookError if the actor is unknown.
        """
        try:
            return self._countries[actor]
        except KeyError:
            raise CodebookError(f"{actor!r} is no known actor; use the id of a state, territory or group") from None

    def owner(self, entry: Entry, role: Role) -> Owner:
        """Return whom `entry` means by a form of `role`."""
        if role == "block":
            return Owner("", None, None, "excluded phrase", "state", "block", place="rules.toml: exclude")
        if entry.kind == "persons":
            return self._person(entry, role)
        actor = entry.fields[0]
        kind: Kind = "group" if actor in self._groups else "state"
        since, until = first_day(entry.field("from")), last_day(entry.field("until"))
        sector = self._sector(entry, role)
        return Owner(
            actor, self.country_of(actor), sector, self.names[actor], kind, role, since, until, (), entry.place
        )

    def _sector(self, entry: Entry, role: Role) -> str | None:
        if entry.kind in ("institutions", "groups", "organisations"):
            return entry.field("sector")
        if entry.kind == "parties":
            return "PTY"
        return "GOV" if role in ("capital", "metonym") else None

    def _person(self, entry: Entry, role: Role) -> Owner:
        actor, name = entry.fields[:2]
        terms = sorted(self._terms.get((actor, name), ()), key=lambda term: _OFFICE_RANK[term.fields[1]])
        offices = tuple(self._office(term, actor) for term in terms)
        return Owner(actor, self.country_of(actor), None, name, "person", role, offices=offices, place=entry.place)

    def _office(self, term: Entry, own: str) -> Office:
        actor, code, since, until = term.fields[:4]
        office = Office(OFFICES[code], first_day(since), last_day(until), name=code)
        return office if actor == own else office._replace(actor=actor, country=self.country_of(actor))

    # -- reading -----------------------------------------------------------------------------------------------------

    def _register(self, entry: Entry) -> None:
        ident, names = entry.fields[0], items_of(entry.fields[1])
        if ident in self.names or not names:
            raise CodebookError(
                f"{entry.place}: {ident}: the id is taken, or it has no name; give it its own id and a name"
            )
        self.names[ident] = names[0]
        if entry.kind in ("states", "territories"):
            self._countries[ident] = ident
        else:
            self._groups.add(ident)
            self._countries[ident] = (entry.field("country") or None) if entry.kind == "groups" else None

    def _claim(self, spellings: str, role: Role, entry: Entry) -> None:
        if spellings:
            for spelling in spellings.split(";"):
                self._claims[_key(spelling)].append(_Claim(spelling, role, entry))

    def _claim_all(self, kind: str, rows: Sequence[Entry]) -> None:
        for row in rows:
            if kind == "places":
                if row.fields[1] != "ambiguous":
                    self._claim(row.fields[2], "metonym" if row.fields[1] == "seat" else "place", row)
                continue
            for column, role in _ROLES[kind]:
                self._claim(row.fields[column], role, row)

    def _claim_person(self, row: Entry) -> str:
        """Claim the forms of a person and return the folded first word of the name."""
        _, name, surnames, aliases = row.fields[:4]
        self._claim(name, "name", row)
        self._claim(aliases, "name", row)
        for surname in items_of(surnames):
            role: Role = "surname_in_office" if surname[-1] == "?" else "surname"
            self._claim(surname.rstrip("?"), role, row)
        return fold(name.split(" ", 1)[0]) if " " in name else ""


# Of two offices at one time that counts which stands first among OFFICES: a president leads a party too.
_OFFICE_RANK: Final = {office: rank for rank, office in enumerate(OFFICES)}
_MISSPELT: Final = frozenset({"states", "territories", "spellings", "peoples", "groups", "organisations", "persons"})
_EXCLUDED: Final = Entry("rules", 0, ())
_NAMES_AND_PEOPLE: Final[tuple[tuple[int, Role], ...]] = ((1, "name"), (2, "demonym"))
# Which columns hold spellings, and what they are to the entry.
_ROLES: Final[Mapping[str, tuple[tuple[int, Role], ...]]] = {
    "states": (*_NAMES_AND_PEOPLE, (3, "capital")),
    "territories": (*_NAMES_AND_PEOPLE, (3, "capital")),
    "spellings": ((1, "name"),),
    "peoples": ((1, "demonym"),),
    "institutions": ((2, "metonym"),),
    "parties": ((1, "metonym"),),
    "groups": _NAMES_AND_PEOPLE,
    "organisations": _NAMES_AND_PEOPLE,
}


def plural_of(noun: str) -> str:
    """Return the plural of the last word of `noun`, by the regular rules and -man.

    >>> plural_of("security agency"), plural_of("gunman"), plural_of("coach")
    ('security agencies', 'gunmen', 'coaches')
    """
    if noun.endswith("man"):
        return noun[:-2] + "en"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def _read_agents(agents: Table) -> Iterable[Agent]:
    """Return one agent a spelling; a noun may be listed twice, as itself and as a title, in one sector only."""
    file = "agents.toml"
    verbal = frozenset(_strings(file, "words", agents.get("words", {}), "verbal"))
    found: dict[tuple[str, ...], Agent] = {}
    for table in agents.get("agent", ()):
        sector = _string(file, "agent", table, "sector")
        nouns = _strings(file, sector, table, "nouns")
        weak, title = bool(table.get("weak", False)), bool(table.get("title", False))
        for noun in [*nouns, *map(plural_of, nouns), *_strings(file, sector, table, "fixed")]:
            keys = tuple(token.key for token in tokenize(noun))
            known = found.get(keys)
            if known is not None and (known.sector, known.weak) != (sector, weak):
                raise _fail(file, noun, f"listed under {known.sector} and {sector}", "keep it in one place")
            title_too = title or (known is not None and known.title)
            found[keys] = Agent(keys, sector, weak, title_too, noun in verbal)
    return found.values()


def _by_first(items: Iterable[Agent]) -> dict[str, tuple[Agent, ...]]:
    """Return `items` by first key, longest first."""
    index: dict[str, list[Agent]] = {}
    for item in items:
        index.setdefault(item.keys[0], []).append(item)
    return {key: tuple(sorted(group, key=lambda item: len(item.keys), reverse=True)) for key, group in index.items()}


def _folded(agents: Table, field: str) -> frozenset[str]:
    return frozenset(map(fold, _strings("agents.toml", "words", agents.get("words", {}), field)))
