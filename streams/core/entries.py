"""The files of the actor catalogue: one kind of entry each, a row a line, fields between bars.

A file begins with `#` comments and a header of column names. Lists inside a field are divided by `;`. Days are
`2018`, `2018-09` or `2018-09-18`: `from` begins with the first day of what is written and `until` ends with the last,
so that `1995|1999` and `1999|2003` may follow each other. What is trusted here, `catalogue_check` proves.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.core.errors import CodebookError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "OFFICES", "SOLE_OFFICES", "Entry", "first_day", "items_of", "last_day", "read_entries"]

_END: Final = ("from", "until", "source", "confidence")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "states": ("id", "names", "demonyms", "capitals", *_END),
    "territories": ("id", "names", "demonyms", "capitals", "sovereign", *_END),
    "spellings": ("actor", "names", *_END),
    "peoples": ("actor", "names", *_END),
    "places": ("actor", "kind", "names", *_END),
    "institutions": ("actor", "sector", "names", *_END),
    "parties": ("actor", "names", "governed", *_END),
    "groups": ("id", "names", "demonyms", "country", "sector", *_END),
    "organisations": ("id", "names", "demonyms", "sector", *_END),
    "persons": ("actor", "name", "surnames", "aliases", "source", "confidence"),
    "terms": ("actor", "office", "from", "until", "person", "source", "confidence"),
}
# What an office makes of its holder; the weightier office first.
OFFICES: Final[Mapping[str, str]] = {
    "hos": "GOV", "hog": "GOV", "fm": "GOV", "dm": "GOV", "im": "GOV", "leader": "GOV", "gov": "GOV", "igo": "IGO",
    "cds": "MIL", "mil": "MIL", "intel": "SPY", "spy": "SPY", "spk": "LEG", "leg": "LEG", "jud": "JUD", "cop": "COP",
    "reb": "REB", "opp": "OPP", "pty": "PTY", "rel": "REL", "med": "MED", "bus": "BUS", "lab": "LAB", "ngo": "NGO",
    "cvl": "CVL", "edu": "EDU", "crm": "CRM",
}  # fmt: skip
# Head of state, head of government, foreign, defence and interior minister: one holder at a time.
SOLE_OFFICES: Final = ("hos", "hog", "fm", "dm", "im")


class Entry(NamedTuple):
    """One row: its file and line, and its fields as written."""

    kind: str
    line: int
    fields: tuple[str, ...]

    def field(self, column: str) -> str:
        """Return what stands in `column`."""
        return self.fields[COLUMNS[self.kind].index(column)]

    @property
    def place(self) -> str:
        """Where the entry stands, as file and line."""
        return f"{self.kind}.psv:{self.line}"


def read_entries(kind: str, text: str) -> list[Entry]:
    """Return the rows of a file.

    Raises: CodebookError if the header or the number of fields of a row is wrong.
    """
    columns = COLUMNS[kind]
    entries: list[Entry] = []
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line[0] == "#":
            continue
        fields = tuple(line.split("|"))
        if header is None:
            header = fields
            if header != columns:
                raise CodebookError(f"{kind}.psv:{number}: the header is not {'|'.join(columns)}; restore it")
        elif len(fields) != len(columns):
            raise CodebookError(
                f"{kind}.psv:{number}: {len(fields)} fields instead of {len(columns)}; write {'|'.join(columns)}"
            )
        else:
            entries.append(Entry(kind, number, fields))
    return entries


def items_of(field: str) -> list[str]:
    """Return the parts of a list field."""
    return field.split(";") if field else []


def first_day(text: str) -> date:
    """Return the first day of `2018`, `2018-09` or `2018-09-18`; the first day of all if empty.

    Raises: ValueError if it is none of these.
    """
    if not text:
        return date.min
    if len(text) == 10:  # noqa: PLR2004
        return date.fromisoformat(text)
    return date.fromisoformat(f"{text}-01-01" if len(text) == 4 else f"{text}-01")  # noqa: PLR2004


def last_day(text: str) -> date:
    """Return the last day of `2018`, `2018-09` or `2018-09-18`; the last day of all if empty.

    Raises: ValueError if it is none of these.
    """
    if not text:
        return date.max
    first = first_day(text)
    if len(text) == 10:  # noqa: PLR2004
        return first
    if len(text) == 4:  # noqa: PLR2004
        return date(first.year, 12, 31)
    return first.replace(day=monthrange(first.year, first.month)[1])
