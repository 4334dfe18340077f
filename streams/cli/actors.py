"""`tensionwire actors resolve`: who a phrase means, on a date."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from streams.cli.lines import EXIT_REJECTED, write_json
from streams.codebook import catalogue_problems, load_catalogue
from streams.feeds.files import open_file

if TYPE_CHECKING:
    from streams.core.actors import Catalogue, Finding

EXIT_UNKNOWN = 1


class _Day(click.ParamType):
    name = "DATE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ANN401
        try:
            return parse_day(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_day(value: str) -> date:
    """Return the day of an ISO date or RFC 3339 moment.

    Raises: ValueError that quotes `value`.
    """
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a date such as 2018-09-18") from None


@click.group()
def actors() -> None:
    """Ask the actor catalogue.

    \b
    Example: tensionwire actors resolve "Russian Foreign Minister Sergei Lavrov" --on 2018-09-18
    """


@actors.command()
@click.argument("text", required=False)
@click.option("--on", type=_Day(), help="Day for which office holders are resolved; default: whenever.")
@click.option(
    "--batch", metavar="FILE", help='NDJSON of {"id", "text", "on", "context"}; answers {"id", "actor"} a line.'
)
@click.option("--explain", is_flag=True, help="Tell which forms stand in TEXT and which rule took or refused each.")
def resolve(text: str | None, on: date | None, batch: str | None, *, explain: bool) -> None:
    """Resolve TEXT to an actor of the catalogue.

    \b
    Output:  {"actor", "country", "sector", "name", "mention"}; with --batch {"id", "actor"}, where an optional
             "context", the sentence of the phrase, tells whose "the rebels" are;
             with --explain also "findings": [{"form", "span", "actor", "name", "entry", "verdict"}]
    Exit:    0 ok, 1 TEXT names no known actor, 3 some lines of FILE unreadable
    Example: tensionwire actors resolve "the Kremlin critic Alexei Navalny" --explain
    """
    if (text is None) == (batch is None):
        raise click.UsageError("give either TEXT or --batch FILE")
    if explain and batch is not None:
        raise click.UsageError("--explain goes with TEXT, not with --batch")
    catalogue = load_catalogue()
    if batch is not None:
        sys.exit(_resolve_batch(catalogue, batch))
    mention = catalogue.resolve(text or "", on)
    fields = ("actor", "country", "sector", "name", "text")
    answer = {"mention" if name == "text" else name: getattr(mention, name, None) for name in fields}
    if explain:
        answer["findings"] = [_finding(finding) for finding in catalogue.explain(text or "", on)]
    write_json(answer)
    if mention is None:
        click.echo(f"tensionwire: no known actor in {text!r}; names are in streams/data/actors", err=True)
        sys.exit(EXIT_UNKNOWN)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "form": finding.form,
        "span": [finding.start, finding.end],
        "actor": finding.actor or None,
        "name": finding.name,
        "entry": finding.place,
        "verdict": finding.verdict,
    }


@actors.command("check")
def check_data() -> None:
    """Check the catalogue's files: order, days, terms of one office, ids, and spellings that mean two actors.

    \b
    Output:  one problem a line: file, line, what is wrong, what to do
    Exit:    0 all right, 3 problems found
    Example: tensionwire actors check
    """
    problems = catalogue_problems()
    for problem in problems:
        click.echo(problem)
    click.echo(f"tensionwire: {len(problems)} problems in the catalogue", err=True)
    if problems:
        sys.exit(EXIT_REJECTED)


def _resolve_batch(catalogue: Catalogue, name: str) -> int:
    rejected = False
    source = open_file(name)
    click.get_current_context().call_on_close(source.close)
    for line in source.lines():
        try:
            fields = msgspec.json.decode(line.raw)
            text, day = fields["text"], fields.get("on")
            if not isinstance(text, str):
                raise TypeError("'text' is not a string")  # noqa: TRY301 - one place says what a line must be
            context = fields.get("context") or ""
            if not isinstance(context, str):
                raise TypeError("'context' is not a string")  # noqa: TRY301 - as above
            mention = catalogue.resolve(text, parse_day(day) if day else None, context)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            click.echo(f"{source.name}:{line.number}: invalid line: {error}; see --help for the format", err=True)
            rejected = True
            continue
        write_json({"id": fields.get("id"), "actor": mention.actor if mention else None})
    return EXIT_REJECTED if rejected else 0
