"""Which actor of a table somebody means: an id, a name, the beginning of a name, else what the catalogue knows."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from streams.cli.terminal import plain
from streams.core.errors import TensionwireError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NotFoundError", "find_actor", "named"]

_SUGGESTED = 5


class NotFoundError(TensionwireError):
    """What was asked for is not there; the message says what to do."""

    code = "not_found"


def find_actor(text: str, names: Mapping[str, str]) -> str:
    """Return the id among `names` (id -> name) that `text` means.

    Raises: NotFoundError with the ids that come nearest.

    >>> find_actor("russia", {"RUS": "Russia", "PRK": "North Korea", "KOR": "South Korea"})
    'RUS'
    """
    found = named(text, names)
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFoundError(f"{plain(text)!r} may mean {_listed(found, names)}; give the id")
    known = _in_catalogue(text)
    if known in names:
        return str(known)
    raise NotFoundError(_unknown(text, known, names))


def named(text: str, names: Mapping[str, str]) -> list[str]:
    """Return the ids among `names` that `text` fits in the strictest way that fits any; none needs the catalogue."""
    return next(filter(None, _tries(text.strip().casefold(), names)), [])


def _tries(wanted: str, names: Mapping[str, str]) -> list[list[str]]:
    """Return what fits, the strictest way first."""
    lower = {actor: name.casefold() for actor, name in names.items()}
    return [
        [actor for actor in names if actor.casefold() == wanted],
        [actor for actor, name in lower.items() if name == wanted],
        [actor for actor, name in lower.items() if wanted and name.startswith(wanted)],
        [actor for actor, name in lower.items() if len(wanted) > 2 and wanted in name],  # noqa: PLR2004 - else noise
    ]


def _in_catalogue(text: str) -> str | None:
    from streams.codebook import load_catalogue  # noqa: PLC0415 - a second of reading, for words the table lacks

    catalogue = load_catalogue()
    mention = catalogue.resolve(text, None) or catalogue.resolve(f"the {text.title()}", None)
    return None if mention is None else mention.actor


def _unknown(text: str, known: str | None, names: Mapping[str, str]) -> str:
    if not names:
        return "the table holds no rows yet; is a worker running, and are reports being fed?"
    said = f"{known} ({plain(text)})" if known and known.casefold() != text.casefold() else plain(text)
    near = _nearest(text, names)
    first = f"no row of {said}: " + ("no event of it in the last days" if known else "no such actor")
    return f"{first}; nearest: {_listed(near, names)}" if near else f"{first}; `tensionwire watch --once` lists them"


def _nearest(text: str, names: Mapping[str, str]) -> list[str]:
    by_word = {name.casefold(): actor for actor, name in names.items()} | {actor.casefold(): actor for actor in names}
    close = get_close_matches(text.strip().casefold(), by_word, n=_SUGGESTED, cutoff=0.5)
    return list(dict.fromkeys(by_word[word] for word in close))


def _listed(ids: list[str], names: Mapping[str, str]) -> str:
    shown = ", ".join(f"{plain(actor)} ({plain(names[actor])})" for actor in ids[:_SUGGESTED])
    return shown + (", ..." if len(ids) > _SUGGESTED else "")
