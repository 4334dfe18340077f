"""`tensionwire lint FILE`: what would be rejected, line by line, without a broker."""

from __future__ import annotations

import sys

import click

from streams.cli.lines import EXIT_REJECTED, ReportLines, write_json
from streams.core.errors import ReportRejectedError


@click.command()
@click.argument("file")
def lint(file: str) -> None:
    """Validate FILE (NDJSON of raw reports, - for standard input), one verdict a line.

    \b
    Output:  {"line", "verdict": "accept"|"reject", "code", "detail", "field", "remedy"}
    Exit:    0 all accepted, 3 some rejected, 2 FILE unreadable
    Example: tensionwire lint reports.ndjson | grep reject
    """
    rejected = 0
    for place in ReportLines((file,), keep=False):
        verdict = place.report
        if isinstance(verdict, ReportRejectedError):
            rejected += 1
            write_json(
                {
                    "line": place.line.number,
                    "verdict": "reject",
                    "code": verdict.code,
                    "detail": verdict.detail,
                    "field": verdict.field,
                    "remedy": verdict.remedy,
                }
            )
        else:
            write_json({"line": place.line.number, "verdict": "accept", "code": None, "detail": None, "field": None})
    sys.exit(EXIT_REJECTED if rejected else 0)
