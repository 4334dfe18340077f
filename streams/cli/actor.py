"""`tensionwire actor`: one actor's row in full, its dyads, its latest events."""

from __future__ import annotations

import sys

import click
import msgspec

from streams.cli.cards import actor_card, events_list, next_steps
from streams.cli.evidence import read_rows
from streams.cli.latest import latest_events, read_dyads
from streams.cli.scanning import Scanner
from streams.cli.terminal import open_console
from streams.cli.who import find_actor
from streams.codebook import data_version
from streams.settings import load_settings


@click.command()
@click.argument("actor", metavar="ACTOR")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def actor(actor: str, format_: str) -> None:
    """Show one actor: its number, what is usual, its windows, dyads and latest events.

    ACTOR is an id (RUS), a name (Russia, "hezbollah") or the beginning of one.

    \b
    Output:  a card; JSON: {"row", "place", "dyads": {"source": [rows], "target": [rows]},
             "events": [{"place", "event"}]}, newest events first
    Exit:    0 ok, 1 no such actor in the table or no broker, 2 topics missing
    Example: tensionwire actor Russia
    """
    settings = load_settings()
    with Scanner(settings.bootstrap) as scanner:
        rows = read_rows(scanner, settings)
        found = rows[find_actor(actor, {key: known.row.name for key, known in rows.items()})]
        id_ = found.row.actor
        dyads = read_dyads(scanner, settings, lambda key: id_ in key.split(">"))
        doing = [row for row in dyads.rows if row.source == id_]
        suffering = [row for row in dyads.rows if row.target == id_ and row.source != id_]
        events = latest_events(scanner, settings, data_version(), dyads.places.keys())
    if format_ == "json":
        result = {
            "row": found.row,
            "place": found.place,
            "dyads": {"source": doing, "target": suffering},
            "events": events,
        }
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        return
    console = open_console()
    console.print(actor_card(found.row, doing, suffering), events_list(events))
    pair = f"dyad {found.row.top_dyads[0].dyad.replace('>', ' ')}" if found.row.top_dyads else "watch"
    console.print(next_steps(f"explain {id_}", pair, *(f"explain {seen.event.event_id[:12]}" for seen in events[:1])))
