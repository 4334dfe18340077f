"""`tensionwire code FILE`: coded events without deduplication; with `--given-pairs`, the type of a given pair."""

from __future__ import annotations

import sys
from typing import Any, Final

import click
import msgspec

from streams.cli.lines import EXIT_REJECTED, ReportLines, input_id, warn_rejected, write_json
from streams.codebook import load_codebook
from streams.core.classify import code_events, coder_of
from streams.core.errors import ReportRejectedError
from streams.core.models import ReportState
from streams.core.pairs import code_pair
from streams.feeds.files import open_file

# A pair's text is one sentence or a short passage; longer ones are a mistake.
_MAX_PAIR_CHARS: Final = 100_000


@click.command()
@click.argument("file")
@click.option("--format", "format_", type=click.Choice(["ndjson"]), default="ndjson", help="Output format.")
@click.option("--given-pairs", is_flag=True, help="Lines of FILE give a text and the pair; answer with its type.")
def code(file: str, format_: str, *, given_pairs: bool) -> None:
    """Code FILE (NDJSON of raw reports, - for standard input): one event a line, no deduplication.

    With --given-pairs the lines are {"id", "text", "source_span": [s, e], "target_span": [s, e]} and the answer is
    always the best type, even where nothing happened.

    \b
    Output:  coded events, each with the input's "id"; or {"id", "plover", "quad_class", "confidence"}
    Exit:    0 ok, 3 some lines rejected, 2 FILE unreadable
    Example: tensionwire code reports.ndjson | head -3
    """
    del format_
    sys.exit(_code_pairs(file) if given_pairs else _code_reports(file))


def _code_reports(file: str) -> int:
    codebook = load_codebook()

    rejected = False
    for seq, place in enumerate(ReportLines((file,), keep=False)):
        report = place.report
        if isinstance(report, ReportRejectedError):
            warn_rejected(place)
            rejected = True
            continue
        state = ReportState(
            report_id=report.report_id,
            rev=report.rev,
            seq=seq,
            state="unique" if report.status == "usable" else "withdrawn",
            language=report.language,
            updated_at=report.updated_at,
            report=report,
        )
        for event in code_events(state, coder_of(codebook), codebook.version):
            write_json({"id": input_id(place.line.raw, report), **msgspec.to_builtins(event)})
    return EXIT_REJECTED if rejected else 0


def _code_pairs(file: str) -> int:
    codebook = load_codebook().for_pairs()
    rejected = False
    source = open_file(file)
    click.get_current_context().call_on_close(source.close)
    for line in source.lines():
        try:
            id_, text, spans = _pair(line.raw)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            click.echo(f"{source.name}:{line.number}: invalid pair: {error}; see --help for the format", err=True)
            rejected = True
            continue
        answer = code_pair(codebook, text, *spans)
        write_json(
            {"id": id_, "plover": answer.plover, "quad_class": answer.quad_class, "confidence": answer.confidence}
        )
    return EXIT_REJECTED if rejected else 0


def _pair(raw: bytes) -> tuple[Any, str, list[tuple[int, int]]]:
    fields = msgspec.json.decode(raw)
    text = fields["text"]
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_PAIR_CHARS:
        raise ValueError(f"'text' is not a string of 1 to {_MAX_PAIR_CHARS} characters")
    return fields.get("id"), text, [_span(fields[name], len(text), name) for name in ("source_span", "target_span")]


def _span(value: Any, size: int, name: str) -> tuple[int, int]:  # noqa: ANN401 - untrusted JSON
    start, end = msgspec.convert(value, tuple[int, int])
    if not 0 <= start < end <= size:
        raise ValueError(f"'{name}' {value} is outside 0..{size} or empty")
    return start, end
