"""`tensionwire explain`: from a number, or an event, to the sentences and reports that made it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from streams.cli.explaining import explain_actor, tree_of
from streams.cli.fold import MOMENT
from streams.cli.scanning import Scanner
from streams.cli.terminal import open_console
from streams.cli.tracing import event_tree, trace_event
from streams.codebook import data_version
from streams.settings import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from rich.tree import Tree

    from streams.settings import Settings

_TOP: Final = 5
_EVENT: Final = re.compile(r"[0-9a-f]{6,32}")


@click.command()
@click.argument("what", metavar="EVENT_ID|ACTOR")
@click.option("--as-of", type=MOMENT, help="Moment of an actor's number; default: that of its row.")
@click.option("--top", type=click.IntRange(min=1), default=_TOP, help=f"Groups told in words; default {_TOP}.")
@click.option("--all", "all_", is_flag=True, help="All groups in words.")
@click.option("--format", "format_", type=click.Choice(["tree", "json"]), default="tree", help="Output format.")
def explain(what: str, as_of: datetime | None, top: int, *, all_: bool, format_: str) -> None:
    """Explain a number: which event groups make it, from which sentences of which reports, and where each lies.

    ACTOR is an id (RUS) or a name (Russia): its formula with numbers, each group as goldstein * c(n) * confidence *
    decay, the sentences, the reports, and the copies that were not counted in n. EVENT_ID, or its first 6 or more
    digits: the event, what its group weighs for both actors, its history and its report's. Places are
    topic[partition]@offset.

    \b
    Output:  a tree; JSON of an actor:
             {"actor", "name", "as_of", "place", "row", "half_life_days", "half_tension", "cooperation_relief",
              "sums": {"conflict", "cooperation", "pressure", "tension"}, "adds_up", "note",
              "groups": [{"dyad", "plover", "quad_class", "day", "instant", "goldstein", "outlets", "corroboration",
                          "confidence", "age_days", "decay", "weight", "event_ids", "registers": {report_id: place},
                          "events": [{"place", "event"}], "reports": [{"version", "copies": [...]}]}],
              "rest": {"groups", "conflict", "cooperation"}}
             JSON of an event:
             {"event_id", "standing", "event", "history": [{"place", "event"}], "versions": [...], "copies": [...],
              "shares": [{"actor", "name", "as_of", "conflict", "cooperation", "share", "group"}]}
    Exit:    0 ok, 1 unknown actor or event, or no broker, 2 topics missing
    Example: tensionwire explain Russia --top 3
    """
    settings = load_settings()
    with Scanner(settings.bootstrap) as scanner:
        if _EVENT.fullmatch(what):
            result, tree = _event(scanner, settings, what)
        else:
            result, tree = _actor(scanner, settings, what, as_of, None if all_ else top)
    if format_ == "json":
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        open_console().print(tree)


def _actor(
    scanner: Scanner, settings: Settings, what: str, as_of: datetime | None, top: int | None
) -> tuple[Any, Tree]:
    explanation = explain_actor(scanner, settings, data_version(), what, as_of=as_of, top=top)
    return explanation, tree_of(explanation)


def _event(scanner: Scanner, settings: Settings, what: str) -> tuple[Any, Tree]:
    trace = trace_event(scanner, settings, data_version(), what)
    return trace, event_tree(trace)
