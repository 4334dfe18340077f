"""Groups of dead letters: how many of each code and stage, since when, and what can be done about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streams.cli.letters.reading import UNKNOWN, Letter, remedy_of
from streams.cli.terminal import plain
from streams.core.errors import REJECT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rich.console import Console

__all__ = ["Group", "group_letters", "print_groups"]

# Places of a group that are kept as examples: the oldest and the newest ones say most.
_EXAMPLES: Final = 3
# What no redrive can change: the command would only refuse.
_BROKEN: Final = "no field can be set in these bytes: `tensionwire dlq show PLACE --raw > report.json`, mend, feed"
_HOPELESS: Final = {
    "too_late": "a language's event time never goes back: these are refused again until a replay into new tables",
    UNKNOWN: "these were not rejected by a worker: there is nowhere to send them back to",
    **dict.fromkeys(("too_large", "invalid_utf8", "invalid_json", "too_deep", "not_an_object"), _BROKEN),
}
# What a redrive without any change mends.
_MENDED: Final = {
    "misrouted": "a redrive keys each by its language again, which is all that is wrong",
    "in_the_future": "a redrive is enough once the date has passed",
    "internal_error": "a redrive is enough once a worker that no longer fails is running",
}
_FIELDS: Final = "set the field on the way back: --set FIELD=VALUE"
_INNER: Final = "only the worker writes to this topic: find out who else did; the report is still on reports.raw"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The letters of one code and stage. `redriven`: how many were sent back, null if not counted."""

    code: str
    stage: str
    count: int
    first: datetime
    last: datetime
    examples: list[str]
    origins: list[str]
    redriven: int | None
    remedy: str
    hint: str
    show: str
    redrive: str | None


class _Tally:
    def __init__(self, letter: Letter) -> None:
        self.first = self.last = letter.at
        self.count = 0
        self.places: list[str] = []
        self.origins: list[str] = []

    def add(self, letter: Letter) -> None:
        self.count += 1
        self.first, self.last = min(self.first, letter.at), max(self.last, letter.at)
        if len(self.places) < _EXAMPLES:
            self.places.append(letter.place)
            self.origins.append(letter.origin)


def group_letters(letters: Iterable[Letter], redriven: set[str] | None) -> list[Group]:
    """Return the groups, largest first; `redriven`: places that were sent back, None if unknown."""
    tallies: dict[tuple[str, str], _Tally] = {}
    back: dict[tuple[str, str], int] = {}
    for letter in letters:
        name = letter.code, letter.stage
        tallies.setdefault(name, _Tally(letter)).add(letter)
        back[name] = back.get(name, 0) + (redriven is not None and letter.place in redriven)
    groups = [_group(*name, tally, None if redriven is None else back[name]) for name, tally in tallies.items()]
    return sorted(groups, key=lambda group: (-group.count, group.code, group.stage))


def _group(code: str, stage: str, tally: _Tally, redriven: int | None) -> Group:
    inner = stage in ("classify", "aggregate") and code != "internal_error"
    hopeless = inner or code in _HOPELESS or code not in REJECT_CODES
    hint = _INNER if inner else _HOPELESS.get(code) or _MENDED.get(code) or _FIELDS
    return Group(
        code=code,
        stage=stage,
        count=tally.count,
        first=tally.first,
        last=tally.last,
        examples=tally.places,
        origins=tally.origins,
        redriven=redriven,
        remedy=remedy_of(code),
        hint=hint,
        show=f"tensionwire dlq show {tally.places[0]}",
        redrive=None if hopeless else f"tensionwire dlq redrive --reason {code} --dry-run",
    )


def print_groups(console: Console, topic: str, groups: list[Group]) -> None:
    """Print the groups for people; nothing is markup, and control characters are gone."""
    total = sum(group.count for group in groups)
    _say(console, f"{topic}: {total} rejected record{'' if total == 1 else 's'}")
    for group in groups:
        _say(console, "")
        back = "redriven: not counted (--redriven)" if group.redriven is None else f"redriven: {group.redriven}"
        console.print(f"{plain(group.code)}  x{group.count}", style="bold", markup=False, soft_wrap=True)
        _say(console, f"  stage    {group.stage}; {back}")
        _say(console, f"  between  {group.first:%Y-%m-%d %H:%M:%S} and {group.last:%Y-%m-%d %H:%M:%S} UTC")
        pairs = zip(group.examples, group.origins, strict=True)
        _say(console, f"  such as  {', '.join(f'{place} (from {origin})' for place, origin in pairs)}")
        _say(console, f"  sender   {group.remedy}")
        _say(console, f"  redrive  {group.hint}")
        _say(console, f"  $ {group.show}")
        if group.redrive is not None:
            _say(console, f"  $ {group.redrive}")


def _say(console: Console, text: str) -> None:
    console.print(plain(text), markup=False, soft_wrap=True)
