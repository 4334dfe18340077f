"""The forms under which actors are written, indexed by first word, and the checks on the data they come from.

A form is a sequence of folded tokens (lower case, no accents, `U.S.` = `us`); what its spelling demands of the text's
capitals is kept beside it, so that `turkey` is a bird and `us` a pronoun.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, TypeVar

from streams.core.errors import CodebookError

__all__ = ["Agent", "Form", "Gazetteer", "Office", "Owner", "Token", "Words", "build_gazetteer", "fold", "tokenize"]

# "surname_in_office": also a common word or name, taken only while its owner holds an office ("Moon", "Park").
Role = Literal["name", "demonym", "capital", "place", "metonym", "surname", "surname_in_office", "block"]
Kind = Literal["state", "person", "group"]
# A parsed TOML table: strings, lists, dates; each reader below checks the fields it takes.
Table = Mapping[str, Any]

_TOKEN: Final = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+|['\u2019]s\b|-(?=\s)|\n\s*\n|[^\w\s\-\u2013]")
# Letters without a decomposition, and the typographic apostrophe.
_PLAIN: Final = str.maketrans({"\u2019": "'", "\u0131": "i", "\u00f8": "o", "\u0142": "l", "\u0111": "d"})
_Item = TypeVar("_Item", "Form", "Agent")
_FIRST_DAY: Final = date.min
_LAST_DAY: Final = date.max


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


class Owner(NamedTuple):
    """The actor a form stands for between two days, both included."""

    actor: str
    country: str | None
    sector: str | None
    name: str
    kind: Kind
    role: Role
    since: date = _FIRST_DAY
    until: date = _LAST_DAY
    offices: tuple[Office, ...] = ()


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
    particles: frozenset[str]
    regions: frozenset[str]


class Gazetteer(NamedTuple):
    """Everything the catalogue looks up; `unless` maps a form to words that forbid it.

    `person_like`, `adjectival`, `shouted`: see `traps` in states.toml.
    """

    forms: dict[str, tuple[Form, ...]]
    agents: dict[str, tuple[Agent, ...]]
    titles: frozenset[tuple[str, ...]]
    words: Words
    person_like: frozenset[str]
    adjectival: frozenset[str]
    unless: dict[str, frozenset[str]]
    shouted: frozenset[str]
    names: dict[str, str]


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


def _day(file: str, entry: str, table: Table, field: str, default: date) -> date:
    value = table.get(field, default)
    if type(value) is not date:
        raise _fail(file, entry, f"'{field}' is not a date", f"write {field} = 2018-09-18")
    return value


def _term(file: str, entry: str, table: Table) -> tuple[date, date]:
    since = _day(file, entry, table, "from", _FIRST_DAY)
    until = _day(file, entry, table, "until", _LAST_DAY)
    if since > until:
        raise _fail(file, entry, f"'from' {since} is after 'until' {until}", "swap or correct the dates")
    return since, until


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


class _Builder:
    """Collects forms and names while the files are read, and refuses contradictions."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.groups: dict[str, Table] = {}
        self._owners: dict[tuple[str, ...], dict[tuple[int, ...], list[tuple[Owner, str]]]] = {}

    def register(self, file: str, table: Table, kind: str) -> str:
        ident = _string(file, f"{kind} without id", table, "id")
        if ident in self.names:
            raise _fail(file, ident, "this id is taken already", "give each actor its own id")
        names = _strings(file, ident, table, "names")
        if not names:
            raise _fail(file, ident, "'names' is empty", "add at least the display name")
        self.names[ident] = names[0]
        return ident

    def claim(self, file: str, spellings: Iterable[str], owner: Owner) -> None:
        for spelling in spellings:
            tokens = tokenize(spelling)
            if not tokens:
                raise _fail(file, owner.name, f"alias {spelling!r} has no word", "remove it")
            cases = tuple(_case_of(token.text) for token in tokens)
            claims = self._owners.setdefault(tuple(t.key for t in tokens), {}).setdefault(cases, [])
            self._refuse_second_claim(file, spelling, owner, claims)
            if not any(_is_same(owner, other) for other, _ in claims):
                claims.append((owner, file))

    @staticmethod
    def _refuse_second_claim(file: str, spelling: str, owner: Owner, claims: Sequence[tuple[Owner, str]]) -> None:
        for other, other_file in claims:
            shared = owner.role.startswith("surname") and other.role.startswith("surname")
            if shared or _is_same(owner, other) or owner.since > other.until or owner.until < other.since:
                continue
            raise _fail(
                file,
                f"{owner.actor} ({owner.name})",
                f"alias {spelling!r} is claimed by {other.actor} ({other.name}) in {other_file} as well",
                "remove it from one of them, or give them dates that do not overlap",
            )

    def country_of(self, actor: str) -> str | None:
        table = self.groups.get(actor)
        return actor if table is None else table.get("country")

    def forms(self) -> Iterator[Form]:
        for keys, by_case in self._owners.items():
            for cases, claims in by_case.items():
                yield Form(keys, cases, tuple(owner for owner, _ in claims))


def _read_states(builder: _Builder, states: Table) -> None:
    file = "states.toml"
    for table in states.get("state", ()):
        ident = builder.register(file, table, "state")
        since, until = _term(file, ident, table)
        owner = Owner(ident, ident, None, builder.names[ident], "state", "name", since, until)
        builder.claim(file, _strings(file, ident, table, "names"), owner)
        builder.claim(file, _strings(file, ident, table, "demonyms"), owner._replace(role="demonym"))
        builder.claim(file, _strings(file, ident, table, "capitals"), owner._replace(role="capital", sector="GOV"))
        builder.claim(file, _strings(file, ident, table, "places"), owner._replace(role="place"))
    for table in states.get("metonym", ()):
        _read_metonym(builder, file, table)
    block = Owner("", None, None, "excluded phrase", "state", "block")
    builder.claim(file, _strings(file, "exclude", states.get("exclude", {}), "phrases"), block)


def _read_metonym(builder: _Builder, file: str, table: Table) -> None:
    names = _strings(file, "metonym", table, "names")
    entry = f"metonym {names[:1]}"
    state = _known(builder, file, entry, _string(file, entry, table, "state"))
    since, until = _term(file, entry, table)
    sector = _string(file, entry, table, "sector")
    builder.claim(file, names, Owner(state, state, sector, builder.names[state], "state", "metonym", since, until))


def _known(builder: _Builder, file: str, entry: str, ident: str) -> str:
    if ident not in builder.names:
        raise _fail(file, entry, f"{ident!r} is no known actor", "use the id of a state or group of the catalogue")
    return ident


def _read_groups(builder: _Builder, groups: Table) -> None:
    file = "groups.toml"
    for table in groups.get("group", ()):
        ident = builder.register(file, table, "group")
        country = table.get("country")
        if country is not None:
            _known(builder, file, ident, country)
        since, until = _term(file, ident, table)
        sector = _string(file, ident, table, "sector")
        owner = Owner(ident, country, sector, builder.names[ident], "group", "name", since, until)
        builder.claim(file, _strings(file, ident, table, "names"), owner)
        builder.claim(file, _strings(file, ident, table, "demonyms"), owner._replace(role="demonym"))
        builder.groups[ident] = table


def _read_persons(builder: _Builder, persons: Table) -> None:
    file = "persons.toml"
    for table in persons.get("person", ()):
        name = _string(file, "person without name", table, "name")
        offices = tuple(_read_office(builder, name, office) for office in table.get("offices", ()))
        actor = _known(builder, file, name, _string(file, name, table, "group" if "group" in table else "country"))
        owner = Owner(actor, builder.country_of(actor), None, name, "person", "name", offices=offices)
        builder.claim(file, [name, *_strings(file, name, table, "aliases")], owner)
        builder.claim(file, _strings(file, name, table, "surnames"), owner._replace(role="surname"))
        in_office = _strings(file, name, table, "surnames_in_office")
        builder.claim(file, in_office, owner._replace(role="surname_in_office"))


def _read_office(builder: _Builder, name: str, table: Table) -> Office:
    file = "persons.toml"
    office = Office(_string(file, name, table, "sector"), *_term(file, name, table))
    if "of" not in table:
        return office
    actor = _known(builder, file, name, _string(file, name, table, "of"))
    return office._replace(actor=actor, country=builder.country_of(actor))


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


def _by_first(items: Iterable[_Item]) -> dict[str, tuple[_Item, ...]]:
    """Return `items` by first key, longest and strictest spelling first."""
    index: dict[str, list[_Item]] = {}
    for item in items:
        index.setdefault(item.keys[0], []).append(item)
    return {key: tuple(sorted(group, key=_rank, reverse=True)) for key, group in index.items()}


def _rank(item: Form | Agent) -> tuple[int, int]:
    return len(item.keys), sum(item.cases) if isinstance(item, Form) else 0


def _folded(agents: Table, field: str) -> frozenset[str]:
    return frozenset(map(fold, _strings("agents.toml", "words", agents.get("words", {}), field)))


def build_gazetteer(states: Table, persons: Table, groups: Table, agents: Table) -> Gazetteer:
    """Return the index over the four parsed data files.

    Raises: CodebookError naming file, entry and remedy.
    """
    builder = _Builder()
    _read_states(builder, states)
    _read_groups(builder, groups)
    _read_persons(builder, persons)
    nouns = list(_read_agents(agents))
    traps = states.get("traps", {})
    return Gazetteer(
        forms=_by_first(builder.forms()),
        agents=_by_first(nouns),
        titles=frozenset(agent.keys for agent in nouns if agent.title),
        words=Words(*(_folded(agents, field) for field in Words._fields)),
        person_like=frozenset(map(fold, _strings("states.toml", "traps", traps, "person_like"))),
        adjectival=frozenset(map(fold, _strings("states.toml", "traps", traps, "adjectival"))),
        unless={fold(form): frozenset(map(fold, words)) for form, words in traps.get("unless", {}).items()},
        shouted=frozenset(map(fold, _strings("states.toml", "traps", traps, "shouted"))),
        names=builder.names,
    )
