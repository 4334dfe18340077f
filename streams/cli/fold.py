"""`tensionwire fold FILE...`: the whole pipeline in one process, no broker."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams.cli.lines import EXIT_REJECTED, ReportLines, warn_rejected
from streams.cli.tables import print_actors
from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import coder_of
from streams.core.errors import ReportRejectedError
from streams.core.fold import Fold
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.core.tension import TensionSettings

__all__ = ["MOMENT", "fold", "fold_lines", "result_of"]


class _Moment(click.ParamType):
    name = "RFC3339"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        if isinstance(value, datetime):
            return value
        try:
            moment: datetime = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            self.fail(f"{value!r} is not RFC 3339, such as 2018-09-18T12:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no zone; add Z or an offset", param, ctx)
        return moment.astimezone(UTC)


MOMENT = _Moment()


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--as-of", type=MOMENT, help="Moment of the tables; default: the newest accepted updated_at.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def fold(files: tuple[str, ...], as_of: datetime | None, format_: str) -> None:
    """Fold FILE... (NDJSON of raw reports, - for standard input) into tension tables, in one process.

    \b
    Output:  a table, or {"as_of", "digest", "counts", "actors": [rows], "dyads": [rows]}, tension descending
    Exit:    0 ok, 3 some lines rejected, 2 FILE unreadable
    Example: tensionwire fold reports.ndjson --as-of 2018-09-18T12:00:00Z --format json
    """
    codebook = load_codebook()
    lines = ReportLines(files)
    pipeline = Fold(coder_of(codebook), codebook.version, lines.report)
    rejected = fold_lines(lines, pipeline)
    result = result_of(pipeline, as_of, codebook.catalogue.names, load_settings().tension())
    if format_ == "json":
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        print_actors(result)
    sys.exit(EXIT_REJECTED if rejected else 0)


def fold_lines(lines: ReportLines, pipeline: Fold) -> int:
    """Push every line through `pipeline`, say which are rejected, and return how many were."""
    rejected = 0
    for seq, place in enumerate(lines):
        verdict: Any = place.report
        if not isinstance(verdict, ReportRejectedError):
            verdict = pipeline.push(verdict, seq=seq)
        else:
            pipeline.counts[f"rejected_{verdict.code}"] += 1
        pipeline.counts["read"] += 1
        if isinstance(verdict, ReportRejectedError):
            rejected += 1
            warn_rejected(place._replace(report=verdict))
    return rejected


def result_of(
    pipeline: Fold, as_of: datetime | None, names: Mapping[str, str], settings: TensionSettings
) -> dict[str, Any]:
    """Return the JSON result of a fold; `as_of` null and no rows if nothing was accepted."""
    moment = as_of or pipeline.newest
    if moment is None:
        return {"as_of": None, "digest": None, "counts": dict(pipeline.counts), "actors": [], "dyads": []}
    state = pipeline.ledger
    actors = [tension.actor_row(state, actor, moment, names, settings) for actor in tension.actors(state)]
    dyads = [tension.dyad_row(state, *dyad, moment, settings) for dyad in tension.dyads(state)]
    digest = pipeline.digest(moment)
    return {
        "as_of": moment,
        "digest": digest.hexdigest,
        "counts": {**pipeline.counts, "present_entries": digest.entries},
        "actors": sorted(actors, key=lambda row: (-row.tension, row.actor)),
        "dyads": sorted(dyads, key=lambda row: (-row.tension, row.source, row.target)),
    }
