"""What must hold in the files of the actor catalogue; `tensionwire actors check` and the tests run it.

Each problem names file, line, what is wrong and what to do.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from streams.core.entries import COLUMNS, OFFICES, SOLE_OFFICES, Entry, first_day, items_of, last_day
from streams.core.gazetteer import Gazetteer, Owner, holder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

__all__ = ["check_catalogue"]

# What may stand in a column.
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "source": frozenset({"own", "phoenix"}),
    "kind": frozenset({"seat", "region", "city", "ambiguous"}),
    "sector": frozenset(OFFICES.values()),
    "office": frozenset(OFFICES),
}
_LISTS: Final = frozenset({"names", "demonyms", "capitals", "surnames", "aliases", "governed"})


def check_catalogue(
    entries: Mapping[str, Sequence[Entry]], agents: Mapping[str, Any], rules: Mapping[str, Any]
) -> list[str]:
    """Return the problems of the catalogue; what spellings mean is looked at once the rows are right."""
    return list(_rows(entries)) or list(_double_meanings(Gazetteer(entries, agents, rules)))


def _rows(entries: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    actors = {
        entry.fields[0]
        for kind in ("states", "territories", "groups", "organisations")
        for entry in entries.get(kind, ())
    }
    persons = {(entry.fields[0], entry.fields[1]) for entry in entries.get("persons", ())}
    for kind, rows in entries.items():
        for before, after in pairwise(rows):
            if before.fields >= after.fields:
                yield f"{after.place}: not in order, or twice; sort the rows of the file as Python sorts tuples"
        for row in rows:
            yield from _fields(row)
            yield from _references(row, actors, persons)
        if kind == "terms":
            yield from _overlaps(rows)
        if kind == "persons":
            yield from _same_names(rows)


def _fields(row: Entry) -> Iterator[str]:
    values = dict(zip(COLUMNS[row.kind], row.fields, strict=True))
    for column, value in values.items():
        if value != value.strip() or (column in _LISTS and any(i != i.strip() or not i for i in items_of(value))):
            yield f"{row.place}: {column} has a blank too many or an empty item; write a;b;c"
    for column, allowed in _ALLOWED.items():
        if column in values and values[column] not in allowed:
            yield f"{row.place}: {column} {values[column]!r} is unknown; use one of {', '.join(sorted(allowed))}"
    try:
        if not 0.0 < float(values["confidence"]) <= 1.0:
            raise ValueError  # noqa: TRY301 - the same problem as no number
    except ValueError:
        yield f"{row.place}: confidence {values['confidence']!r} is not within (0, 1]; write 0.9"
    if "from" in values:
        try:
            if first_day(values["from"]) > last_day(values["until"]):
                yield f"{row.place}: 'from' {values['from']} is after 'until' {values['until']}; correct the days"
        except ValueError:
            yield f"{row.place}: {values['from']!r} or {values['until']!r} is no day; write 2018, 2018-09 or 2018-09-18"


def _references(row: Entry, actors: set[str], persons: set[tuple[str, str]]) -> Iterator[str]:
    named = [row.fields[0]] if COLUMNS[row.kind][0] == "actor" else []
    named += [row.field(column) for column in ("country", "sovereign") if column in COLUMNS[row.kind]]
    if row.kind == "terms":
        own, name = holder_of(row)
        named.append(own)
        if (own, name) not in persons:
            yield f"{row.place}: {own} has no person {name!r}; add the person to persons.psv or correct the name"
    for actor in filter(None, named):
        if actor not in actors:
            yield f"{row.place}: {actor!r} is no known actor; use the id of a state, territory, group or organisation"


def _overlaps(rows: Iterable[Entry]) -> Iterator[str]:
    """Yield the pairs of terms of one office that overlap by more than what their days leave open."""
    by_office: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for row in rows:
        if row.fields[1] in SOLE_OFFICES:
            by_office[row.fields[0], row.fields[1]].append(row)
    for (actor, office), terms in by_office.items():
        try:
            ordered = sorted(terms, key=lambda term: (first_day(term.fields[2]), last_day(term.fields[3])))
            for before, after in pairwise(ordered):
                if _earliest_end(before) > _latest_start(after):
                    yield (
                        f"{after.place}: {after.fields[4]} begins as {office} of {actor} before {before.fields[4]} "
                        f"({before.place}) ends; correct the days"
                    )
        except ValueError:
            continue  # a day that is none was reported already


def _earliest_end(term: Entry) -> date:
    until = term.fields[3]
    return first_day(until) if until else last_day(until)


def _latest_start(term: Entry) -> date:
    since = term.fields[2]
    return last_day(since) if since else first_day(since)


def _same_names(rows: Iterable[Entry]) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row.fields[0], row.fields[1])
        if key in seen:
            yield f"{row.place}: {key[0]} has {key[1]!r} already ({seen[key]}); make them one entry"
        seen[key] = row.place


def _double_meanings(gazetteer: Gazetteer) -> Iterator[str]:
    """Yield the spellings that mean two actors on one day though no rule says which."""
    for key in gazetteer.all_keys():
        for form in gazetteer.forms(key):
            for index, one in enumerate(form.owners):
                for other in form.owners[index + 1 :]:
                    if one.since <= other.until and other.since <= one.until and not _ruled(one, other):
                        yield (
                            f"{other.place}: {' '.join(form.keys)!r} means {one.actor} ({one.place}) and {other.actor} "
                            f"({other.name}); remove it from one of them, or give them days that do not overlap"
                        )


def _ruled(one: Owner, other: Owner) -> bool:
    """Return whether a rule says which is meant: offices among surnames, a full name before a surname."""
    return one.role.startswith("surname") or other.role.startswith("surname") or one.actor == other.actor
