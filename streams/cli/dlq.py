"""`tensionwire dlq`: what was rejected, why, and how it goes back."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from streams.cli.exits import EXIT_FAILED, EXIT_REJECTED
from streams.cli.fold import MOMENT
from streams.cli.letters.listing import group_letters, print_groups
from streams.cli.letters.reading import CHEAP_RECORDS, Selection, parse_place, read_letters, read_redriven
from streams.cli.letters.redriving import Judge, Refusal, Returned, ReturnSender, parse_changes
from streams.cli.letters.showing import describe, print_letter
from streams.cli.lines import write_json
from streams.cli.terminal import open_console, plain
from streams.codebook import data_version
from streams.core.errors import REJECT_CODES, ConfigurationError
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from streams.cli.letters.reading import Letter
    from streams.settings import Settings

_STAGES: Final = ("deduplicate", "classify", "aggregate")
# Records that may wait for the broker's acknowledgement; the progress line moves once a batch.
_BATCH_RECORDS: Final = 500

_reason = click.option(
    "--reason", "codes", multiple=True, metavar="CODE", help="Reject code, such as misrouted; may be repeated."
)
_since = click.option("--since", type=MOMENT, help="Only records rejected at or after this moment.")


@click.group()
def dlq() -> None:
    """Look at rejected records and send them back.

    \b
    Example: tensionwire dlq list
    """


@dlq.command("list")
@_reason
@click.option("--stage", type=click.Choice(_STAGES), help="Only what this stage refused.")
@_since
@click.option("--redriven", is_flag=True, help="Count what was sent back, however much must be read for it.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "ndjson"]), default="table", help="Output.")
def list_(codes: tuple[str, ...], stage: str | None, since: datetime | None, format_: str, *, redriven: bool) -> None:
    """Group the rejected records by code and stage: how many, since when, what to do, and the commands for it.

    What was sent back is counted where no more than 50,000 records were fed since; else with --redriven.

    \b
    Output:  text; {"topic", "records", "groups": [{"code", "stage", "count", "first", "last", "examples",
             "origins", "redriven", "remedy", "hint", "show", "redrive"}]}; or one group a line
    Exit:    0 ok, 1 no broker, 2 topic missing or unknown code
    Example: tensionwire dlq list --reason misrouted --since 2026-01-01T00:00:00Z
    """
    settings = load_settings()
    selection = Selection(_known(codes), stage, since)
    back = read_redriven(settings, read_letters(settings, selection), most=None if redriven else CHEAP_RECORDS)
    groups, topic = group_letters(read_letters(settings, selection), back), settings.topic("reports.rejected")
    if format_ == "json":
        write_json({"topic": topic, "records": sum(group.count for group in groups), "groups": groups})
    elif format_ == "ndjson":
        for group in groups:
            write_json(group)
    else:
        print_groups(open_console(), topic, groups)


@dlq.command()
@click.argument("place", required=False, metavar="[COORD]")
@_reason
@click.option("--limit", type=click.IntRange(1), default=1, show_default=True, help="Most records shown.")
@click.option("--raw", is_flag=True, help="Write the record's exact bytes to standard output, nothing else.")
@click.option("--format", "format_", type=click.Choice(["text", "ndjson"]), default="text", help="Output format.")
def show(place: str | None, codes: tuple[str, ...], limit: int, format_: str, *, raw: bool) -> None:
    """Show rejected records: bytes, field, what is wrong, remedy, and whether it was sent back.

    COORD is partition@offset on reports.rejected, or the place where the record was refused: topic[partition]@offset.

    \b
    Output:  text; one JSON object a record; or with --raw the bytes themselves
    Exit:    0 ok, 1 no broker, 2 no such record
    Example: tensionwire dlq show --reason invalid_date --limit 3
    """
    if (place is None) == (not codes):
        raise click.UsageError("give either COORD or --reason CODE; `tensionwire dlq list` shows both")
    settings = load_settings()
    letters = list(islice(read_letters(settings, _selection(settings, codes, (place,) if place else ())), limit))
    if not letters:
        raise ConfigurationError(f"no rejected record {place or ', '.join(codes)}; `tensionwire dlq list` shows all")
    if raw:
        for letter in letters:
            sys.stdout.buffer.write(letter.value)
        return
    back = read_redriven(settings, letters)
    console = open_console()
    for letter in letters:
        known = None if back is None else letter.place in back
        if format_ == "ndjson":
            write_json(describe(letter, redriven=known))
        else:
            print_letter(console, letter, redriven=known)


@dlq.command()
@click.argument("places", nargs=-1, metavar="[COORD]...")
@_reason
@_since
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="Change a field first; empty takes it out.")
@click.option("--dry-run", is_flag=True, help="Say what would happen to each record, send nothing.")
@click.option("--again", is_flag=True, help="Also what was sent back before; it changes nothing twice.")
@click.option("--yes", is_flag=True, help="Do not ask, on a terminal.")
@click.option("--format", "format_", type=click.Choice(["text", "ndjson"]), default="text", help="Output format.")
def redrive(
    places: tuple[str, ...],
    codes: tuple[str, ...],
    since: datetime | None,
    given: tuple[str, ...],
    format_: str,
    *,
    dry_run: bool,
    again: bool,
    yes: bool,
) -> None:
    """Send rejected records back to the topic they came from, with their original bytes or with fields changed.

    Reports are completed, validated and keyed as `feed` does. What would be rejected again is not sent: it is listed
    with its reason. What was sent back before is left out, and would change nothing if it were not.

    \b
    Output:  with --dry-run or --format ndjson one line a record; then a summary (ndjson: on standard error)
    Exit:    0 all sent, 1 the broker refused some or is away, 2 usage, 3 some would be rejected again
    Example: tensionwire dlq redrive --reason misrouted --dry-run
    """
    if not places and not codes:
        raise click.UsageError("say what to send: --reason CODE, or places that `tensionwire dlq list` shows")
    if places and codes:
        raise click.UsageError("give either places or --reason CODE")
    settings, changes = load_settings(), parse_changes(given)
    selection = _selection(settings, codes, places)._replace(since=since)
    run = _Redrive(settings, selection, changes, again=again, report=_Report(format_, each=dry_run))
    if not dry_run and not yes and sys.stdin.isatty():
        run.rehearse()
        click.confirm(f"send {run.counts['accept']} records back?", abort=True, err=True)
    run.send(dry_run=dry_run)
    run.end(dry_run=dry_run)


class _Report:
    """Lines about single records, in the format asked for."""

    def __init__(self, format_: str, *, each: bool) -> None:
        self.format = format_
        self._each = each

    def say(self, letter: Letter, verdict: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
        if self.format == "ndjson":
            write_json({"place": letter.place, "origin": letter.origin, "was": letter.code, "verdict": verdict, **more})
        elif self._each or verdict == "reject":
            told = "; ".join(str(value) for value in more.values() if value)
            click.echo(
                plain(f"{letter.place}  {letter.code}  {verdict}{f': {told}' if told else ''}"), err=not self._each
            )


class _Redrive:
    """One run: every selected letter judged, those that would be accepted sent in batches."""

    def __init__(
        self, settings: Settings, selection: Selection, changes: dict[str, Any], *, again: bool, report: _Report
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._selection = selection
        self._changes = changes
        self._report = report
        self._back = set() if again else self._find_redriven()

    def _find_redriven(self) -> set[str]:
        # Twice is once: where a look would be long, sending again is as good.
        return read_redriven(self._settings, read_letters(self._settings, self._selection)) or set()

    def rehearse(self) -> None:
        """Count what would be sent."""
        self.counts.update("accept" if isinstance(item, Returned) else "reject" for item in self._judged(_Silent()))

    def send(self, *, dry_run: bool) -> None:
        """Send (or only name) what would be accepted."""
        self.counts.clear()
        sender = None if dry_run else ReturnSender(self._settings)
        for item in self._judged(self._report):
            if isinstance(item, Refusal):
                self.counts["reject"] += 1
                more = {"code": item.code, "detail": item.detail, "remedy": item.remedy}
                self._report.say(item.letter, "reject", **more)
                continue
            self.counts["accept"] += 1
            self._report.say(item.letter, "accept", note=item.note)
            if sender is not None:
                sender.give_back(item, partial(self._failed, item.letter))
                if self.counts["accept"] % _BATCH_RECORDS == 0:
                    sender.flush()
        if sender is not None:
            sender.close()

    def end(self, *, dry_run: bool) -> NoReturn:
        """Print the summary and exit."""
        counts = self.counts
        sent = 0 if dry_run else counts["accept"] - counts["failed"]
        summary = {
            "sent": sent,
            "would_send": counts["accept"] if dry_run else 0,
            "rejected": counts["reject"],
            "redriven_before": counts["redriven"],
            "failed": counts["failed"],
        }
        if self._report.format == "ndjson":
            click.echo(" ".join(f"{name}={value}" for name, value in summary.items()), err=True)
        else:
            what = f"{counts['accept']} would be sent" if dry_run else f"{sent} sent"
            click.echo(
                f"{what}, {counts['reject']} would be rejected again, {counts['redriven']} sent back before, "
                f"{counts['failed']} failed"
            )
        sys.exit(EXIT_FAILED if counts["failed"] else EXIT_REJECTED if counts["reject"] else 0)

    def _judged(self, report: _Report) -> Iterator[Returned | Refusal]:
        judge = Judge(self._settings, data_version(), self._changes)
        found = False
        try:
            for letter in _with_progress(read_letters(self._settings, self._selection)):
                found = True
                if letter.place in self._back:
                    self.counts["redriven"] += 1
                    report.say(letter, "redriven")
                else:
                    yield judge.judge(letter)
        finally:
            judge.close()
        if not found and self._selection.places:
            raise ConfigurationError("no rejected record at these places; `tensionwire dlq list` shows some")

    def _failed(self, letter: Letter, error: BaseException) -> None:
        self.counts["failed"] += 1
        click.echo(f"{letter.place}: not sent: {error}", err=True)


class _Silent(_Report):
    def __init__(self) -> None:
        super().__init__("text", each=False)

    def say(self, letter: Letter, verdict: str, **more: Any) -> None:  # noqa: ANN401 - as in the class above
        """Say nothing."""


def _with_progress(letters: Iterable[Letter]) -> Iterator[Letter]:
    console = open_console(stderr=True)
    if not console.is_terminal:
        yield from letters
        return
    with console.status("reading rejected records") as status:
        for number, letter in enumerate(letters, start=1):
            if number % _BATCH_RECORDS == 0:
                status.update(f"{number} rejected records")
            yield letter


def _selection(settings: Settings, codes: tuple[str, ...], places: tuple[str, ...]) -> Selection:
    return Selection(_known(codes), places=tuple(parse_place(text, settings) for text in places))


def _known(codes: tuple[str, ...]) -> tuple[str, ...]:
    for code in codes:
        if code not in REJECT_CODES:
            raise click.BadParameter(f"{code!r} is no reject code; known: {', '.join(REJECT_CODES)}")
    return codes
