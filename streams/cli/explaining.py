"""Why an actor's number is what it is: gathered from the topics, checked against the row, and printed as a tree."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from rich.text import Text
from rich.tree import Tree

from streams.cli.evidence import (
    TOLERANCE,
    Actor,
    GroupSeen,
    Sums,
    add_words,
    groups_of,
    read_ledger,
    read_rows,
    sums_of,
)
from streams.cli.scanning import Scanner
from streams.cli.terminal import moment, plain
from streams.cli.who import find_actor
from streams.cli.words import add_group_words
from streams.core.ledger import LEDGER_KEPT
from streams.core.tension import ActorRow  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from rich.console import Console

    from streams.core.tension import TensionSettings
    from streams.settings import Settings

__all__ = ["Explanation", "Rest", "explain_actor", "group_line", "print_explanation", "tree_of"]

_DEMO_GROUPS: Final = 3
# A report may come in between reading a row and reading the ledger; so often both are read again.
_TRIES: Final = 3


class Rest(msgspec.Struct, frozen=True, kw_only=True):
    """The groups whose words were not asked for; they are in the sums."""

    groups: int
    conflict: float
    cooperation: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An actor's number down to its reports. `row` lies at `place`; `sums` are what the groups add up to at `as_of`.

    `adds_up`: whether they agree with the row within 1e-6; null if the row is of another moment. `note`: if not, why.
    """

    actor: str
    name: str
    as_of: datetime
    place: str
    row: ActorRow
    half_life_days: float
    half_tension: float
    cooperation_relief: float
    sums: Sums
    adds_up: bool | None
    note: str | None
    groups: tuple[GroupSeen, ...]
    rest: Rest


def explain_actor(
    scanner: Scanner,
    settings: Settings,
    codebook_version: str,
    text: str,
    *,
    as_of: datetime | None = None,
    top: int | None = None,
) -> Explanation:
    """Return why the actor that `text` names is where it is; words for the `top` heaviest groups, None for all.

    Raises: NotFoundError, BrokerAwayError, TopicMissingError.
    """
    rows = read_rows(scanner, settings)
    actor = find_actor(text, {key: found.row.name for key, found in rows.items()})
    for _ in range(_TRIES):
        held = read_ledger(scanner, settings, codebook_version, [actor])
        found = rows[actor]
        groups = groups_of(held, actor, as_of or found.row.as_of, settings.tension())
        sums = sums_of(groups, settings.tension())
        if as_of is not None or _agree(sums, found.row):
            break
        rows = {**rows, **read_rows(scanner, settings)}
    words = add_words(scanner, settings, codebook_version, groups[:top])
    return _explanation(found, as_of, settings.tension(), sums, words, groups[len(words) :])


def _explanation(
    found: Actor,
    as_of: datetime | None,
    settings: TensionSettings,
    sums: Sums,
    groups: list[GroupSeen],
    left: list[GroupSeen],
) -> Explanation:
    row = found.row
    same = as_of is None or as_of == row.as_of
    rest = sums_of(left, settings)
    return Explanation(
        actor=row.actor,
        name=row.name,
        as_of=as_of or row.as_of,
        place=found.place,
        row=row,
        half_life_days=settings.half_life / timedelta(days=1),
        half_tension=settings.half_tension,
        cooperation_relief=settings.cooperation_relief,
        sums=sums,
        adds_up=_agree(sums, row) if same else None,
        note=_note(row, as_of if not same else None, sums, settings),
        groups=tuple(groups),
        rest=Rest(groups=len(left), conflict=rest.conflict, cooperation=rest.cooperation),
    )


def _agree(sums: Sums, row: ActorRow) -> bool:
    pairs = ((sums.conflict, row.conflict), (sums.cooperation, row.cooperation), (sums.pressure, row.pressure))
    return all(abs(ours - theirs) <= TOLERANCE for ours, theirs in pairs)


def _note(row: ActorRow, as_of: datetime | None, sums: Sums, settings: TensionSettings) -> str | None:
    if as_of is not None:
        gone = row.watermark is not None and as_of - settings.group_max_age < row.watermark - LEDGER_KEPT
        kept = f"; of its days some are gone, the ledger keeps {LEDGER_KEPT.days}" if gone else ""
        return f"computed for this moment from the ledger as it is now; the row is of {moment(row.as_of)} UTC{kept}"
    if _agree(sums, row):
        return None
    return (
        f"the ledger has moved on since the row was written (pressure {row.pressure:.6f} there, {sums.pressure:.6f} "
        "now), or TENSIONWIRE_HALF_LIFE_DAYS here is not the worker's; ask again in a moment"
    )


def tree_of(explanation: Explanation) -> Tree:
    """Return the explanation as a tree for a terminal."""
    sums = explanation.sums
    tree = Tree(Text(f"Why is {_who(explanation)} at {sums.tension:.1f}?", style="bold"))
    tree.add(Text(f"row as of {moment(explanation.row.as_of)} UTC at {explanation.place}", style="dim"))
    if explanation.note:
        tree.add(Text(explanation.note, style="yellow"))
    elif explanation.adds_up:
        tree.add(Text("the groups add up to the row's pressure", style="dim"))
    _add_formula(tree, explanation)
    for group in explanation.groups:
        add_group_words(tree.add(group_line(group)), group)
    rest = explanation.rest
    if rest.groups:
        said = f"conflict {rest.conflict:.4f}, cooperation {rest.cooperation:.4f}; --all shows them"
        tree.add(Text(f"... and {rest.groups} lighter group{'s' if rest.groups > 1 else ''}: {said}", style="dim"))
    if not explanation.groups:
        tree.add(Text("no event of the last 30 days counts at this moment: all is zero"))
    return tree


def _who(explanation: Explanation) -> str:
    actor, name = plain(explanation.actor), plain(explanation.name)
    return actor if name == actor else f"{actor} ({name})"


def _add_formula(tree: Tree, explanation: Explanation) -> None:
    sums, half, relief = explanation.sums, explanation.half_tension, explanation.cooperation_relief
    tree.add(
        Text(
            f"tension = 100 * pressure / (pressure + {half:g}) "
            f"= 100 * {sums.pressure:.4f} / {sums.pressure + half:.4f} = {sums.tension:.4f}"
        )
    )
    tree.add(
        Text(
            f"pressure = max(0, conflict - {relief:g} * cooperation) "
            f"= max(0, {sums.conflict:.4f} - {relief:g} * {sums.cooperation:.4f}) = {sums.pressure:.4f}"
        )
    )
    tree.add(
        Text(
            "weight of a group = goldstein * c(n) * confidence * decay, conflict if it is negative; "
            f"c(n) = min(1 + log2(n)/4, 2) for n outlets, decay = 2^(-age / {explanation.half_life_days:g} d)"
        )
    )


def group_line(group: GroupSeen) -> Text:
    """Return a group with its weight and the factors of it."""
    outlets = f"n={len(group.outlets)}: {', '.join(map(plain, group.outlets))}"
    line = Text(f"{group.weight:+.4f}", style="bold")
    line.append(f"  {plain(group.dyad)} {group.plover} on {group.day}", "bold")
    line.append(
        f" = {group.goldstein:+g} * {group.corroboration:.4f} ({outlets}) * {group.confidence:g} "
        f"* {group.decay:.6f} ({group.age_days:.2f} d)",
        "not bold",
    )
    return line


def print_explanation(console: Console, settings: Settings, codebook_version: str, row: ActorRow) -> None:
    """Print why `row` is what it is: its heaviest groups, and the sentences and reports behind them."""
    with Scanner(settings.bootstrap) as scanner:
        explanation = explain_actor(scanner, settings, codebook_version, row.actor, top=_DEMO_GROUPS)
    console.print(tree_of(explanation))
