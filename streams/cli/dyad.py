"""`tensionwire dyad`: two actors, both directions side by side."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from streams.cli.cards import dyad_card, events_list, next_steps
from streams.cli.evidence import groups_of, read_ledger, read_rows
from streams.cli.latest import latest_events, read_dyads
from streams.cli.scanning import Scanner
from streams.cli.terminal import open_console
from streams.cli.who import NotFoundError, find_actor
from streams.codebook import data_version
from streams.core.models import event_key
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Collection

    from streams.cli.evidence import GroupSeen, Ledger
    from streams.core.tension import DyadRow
    from streams.settings import Settings


@click.command()
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="[TARGET]", required=False)
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def dyad(source: str, target: str | None, format_: str) -> None:
    """Show what two actors do to each other: `RUS SYR`, or `"RUS>SYR"` in quotes; names do as well.

    \b
    Output:  a card; JSON: {"directions": [{"row", "place", "groups": [as in explain, without words]}],
             "events": [{"place", "event"}]}; the asked direction first, a silent one left out
    Exit:    0 ok, 1 no such actor or no row of the pair, or no broker, 2 topics missing
    Example: tensionwire dyad RUS SYR
    """
    first, second = _pair(source, target)
    settings = load_settings()
    with Scanner(settings.bootstrap) as scanner:
        names = {key: known.row.name for key, known in read_rows(scanner, settings).items()}
        a, b = find_actor(first, names), find_actor(second, names)
        keys = list(dict.fromkeys((event_key(a, b), event_key(b, a))))
        dyads = read_dyads(scanner, settings, keys.__contains__, within=keys)
        if not dyads.rows:
            raise NotFoundError(f"no events between {a} and {b}; `tensionwire actor {a}` lists its dyads")
        sides = sorted(dyads.rows, key=lambda row: keys.index(event_key(row.source, row.target)))
        held = read_ledger(scanner, settings, data_version(), {row.source for row in sides})
        groups = [_groups(held, row, settings) for row in sides]
        events = latest_events(scanner, settings, data_version(), keys)
    if format_ == "json":
        directions = [
            {"row": row, "place": dyads.places[event_key(row.source, row.target)], "groups": side}
            for row, side in zip(sides, groups, strict=True)
        ]
        sys.stdout.buffer.write(msgspec.json.encode({"directions": directions, "events": events}) + b"\n")
        return
    console = open_console()
    console.print(dyad_card(sides, groups), events_list(events))
    ids: Collection[str] = [seen.event.event_id[:12] for seen in events[:1]]
    console.print(next_steps(f"actor {a}", f"explain {b}", *(f"explain {id_}" for id_ in ids)))


def _pair(source: str, target: str | None) -> tuple[str, str]:
    if target is not None:
        return source, target
    first, arrow, second = source.partition(">")
    if not arrow or not first.strip() or not second.strip():
        raise click.UsageError('give two actors, such as RUS SYR, or "RUS>SYR" in quotes')
    return first, second


def _groups(held: Ledger, row: DyadRow, settings: Settings) -> list[GroupSeen]:
    key = event_key(row.source, row.target)
    return [group for group in groups_of(held, row.source, row.as_of, settings.tension()) if group.dyad == key]
