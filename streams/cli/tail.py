"""`tensionwire tail`: what passes on a topic, a line a message."""

from __future__ import annotations

import sys
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from streams.cli.exits import EXIT_REJECTED
from streams.client import FilterError, subscribe
from streams.client.listener import find_broker, parse_bootstrap
from streams.client.messages import full_name
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.client import Message, Subscription, UndecodableMessageError
    from streams.client.options import Options

__all__ = ["STAGES", "tail"]

# What a person types -> topic.
STAGES: Final = {
    "raw": "reports.raw",
    "unique": "reports.unique",
    "duplicate": "reports.duplicate",
    "rejected": "reports.rejected",
    "events": "events.coded",
    "actors": "tension.actors",
    "dyads": "tension.dyads",
    "alerts": "tension.alerts",
}
# Messages shown first on a terminal, and how far back they are looked for: offsets in each partition, the markers of
# transactions among them; a filter must see more of them to find as many.
_LAST: Final = 10
_BACK: Final = 200
_BACK_FILTERED: Final = 5000
# Silence after which it is said what is waited for.
_QUIET_SECONDS: Final = 2.0


class _Stage(click.ParamType):
    name = "stage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - click's
        topic = STAGES.get(value, value)
        if topic not in STAGES.values():
            self.fail(f"{value!r} is none of {', '.join(STAGES)}, nor a topic such as events.coded", param, ctx)
        return str(topic)


class _Since(click.ParamType):
    name = "earliest|latest|rfc3339"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | datetime:
        if value in ("earliest", "latest"):
            return str(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is none of earliest, latest, nor RFC 3339 such as 2018-09-18T12:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no zone; add Z or an offset", param, ctx)
        return moment


@click.command()
@click.argument("stage", type=_Stage())
@click.option("--where", metavar="EXPR", help="Only messages of which this is true, such as 'goldstein < -5'.")
@click.option("--actor", "actors", multiple=True, metavar="ID", help="Only messages about this actor; may be repeated.")
@click.option("--since", type=_Since(), help="Where to start: earliest, latest, or an ingest time.")
@click.option("--limit", type=click.IntRange(min=1), help="End after so many messages.")
@click.option("--follow/--no-follow", default=None, help="Wait for more at the end; default: on a terminal only.")
@click.option("--format", "form", type=click.Choice(["auto", "ndjson", "pretty"]), default="auto", show_default=True)
def tail(
    stage: str,
    where: str | None,
    actors: tuple[str, ...],
    since: Literal["earliest", "latest"] | datetime | None,
    limit: int | None,
    form: str,
    *,
    follow: bool | None,
) -> None:
    """Print the messages of STAGE: raw, unique, duplicate, rejected, events, actors, dyads, alerts, or a topic's name.

    On a terminal: the last 10, then whatever comes. In a pipe: everything, then the end. Messages of one key come in
    the order of the log.

    EXPR compares fields: goldstein < -5 and source == "RUS"; plover in ("ASSAULT", "THREATEN") and not retracted;
    "idlib" in lower(text). There are and, or, not, in, is None, + - * /, len, lower, abs; a null field compares false;
    the missing text of a retraction is taken as possibly true.

    \b
    Output:  on a terminal one line a message; else NDJSON: the message with _topic, _partition, _offset, _key;
             what lies there as bytes is in "raw", a tombstone is {"_deleted": true, ...}
    Exit:    0 also after Ctrl-C, 1 no broker, 2 no such topic or a bad EXPR, 3 messages that could not be decoded
    Example: tensionwire tail events --where 'goldstein < -5' --actor RUS --limit 5
    """
    settings = load_settings()
    shown = sys.stdout.isatty()
    how: Options = {"prefix": settings.prefix, "where": where, "actors": actors or None, "on_error": _complain}
    run = _Tail(settings.bootstrap, stage, how, limit, _printer(form, full_name(stage, settings.prefix), shown=shown))
    try:
        run.print(since, recent=since is None and shown, follow=shown if follow is None else follow)
    except KeyboardInterrupt:
        pass
    except FilterError as error:
        click.echo(error.pointer, err=True)
        raise
    sys.exit(EXIT_REJECTED if run.skipped else 0)


class _Tail:
    """One run: prints until the limit, the end or an interrupt; `skipped` counts what could not be decoded."""

    def __init__(
        self, bootstrap: str, topic: str, how: Options, limit: int | None, show: Callable[[Message[Any]], None]
    ) -> None:
        self.skipped = 0
        self._bootstrap, self._topic, self._how = bootstrap, topic, how
        self._left, self._show = limit, show
        self._read = self._matched = 0
        self._empty = self._away = False

    def print(self, since: Any, *, recent: bool, follow: bool) -> None:  # noqa: ANN401 - see subscribe
        how: Options = {**self._how, "since": since, "follow": follow}
        if recent:
            how["resume"] = self._print_recent()
        if self._left != 0 and (follow or not recent):
            with subscribe(self._bootstrap, self._topic, **how) as messages:
                self._print_all(messages, follow=follow)
        if self._matched == 0 and not follow:
            self._say("nothing to show", self._read)

    def _print_recent(self) -> dict[str, int]:
        filtered = self._how["where"] is not None or self._how["actors"] is not None
        back = _BACK_FILTERED if filtered else _BACK
        how: Options = {**self._how, "since": back, "follow": False}
        with subscribe(self._bootstrap, self._topic, **how) as messages:
            last = deque(messages, _LAST if self._left is None else min(_LAST, self._left))
            self._count(messages)
            for message in sorted(last, key=lambda one: one.ingested_at):
                self._print_one(message)
            return messages.positions

    def _print_all(self, messages: Subscription[Any], *, follow: bool) -> None:
        said = False
        while self._left != 0 and messages.is_open:
            message = messages.poll(_QUIET_SECONDS)
            if message is not None:
                self._print_one(message)
                continue
            self._tell_outage()
            if follow and not said and self._matched + messages.matched == 0:
                said = True
                self._empty = not any(messages.positions.values())
                self._say("waiting for more", self._read + messages.read)
        self._count(messages)

    def _tell_outage(self) -> None:
        """Say when the broker goes and when it is back: Kafka's client itself waits in silence."""
        problem = find_broker(parse_bootstrap(self._bootstrap))
        if problem is not None and not self._away:
            click.echo(f"tensionwire: no broker at {self._bootstrap}: {problem}; waiting for it", err=True)
        if problem is None and self._away:
            click.echo(f"tensionwire: the broker at {self._bootstrap} is back", err=True)
        self._away = problem is not None

    def _print_one(self, message: Message[Any]) -> None:
        self._show(message)
        if self._left is not None:
            self._left -= 1

    def _count(self, messages: Subscription[Any]) -> None:
        self._read += messages.read
        self._matched += messages.matched
        self._empty = not any(messages.positions.values())
        self.skipped += messages.skipped

    def _say(self, what: str, read: int) -> None:
        state = f"{self._topic} is empty" if self._empty else f"{self._topic}: {read} read, 0 matched"
        click.echo(f"{state}; {what}", err=True)


def _complain(error: UndecodableMessageError) -> None:
    click.echo(f"tensionwire: {error.topic}[{error.partition}]@{error.offset}: skipped: {error.reason}", err=True)


def _printer(form: str, topic: str, *, shown: bool) -> Callable[[Message[Any]], None]:
    if form == "ndjson" or (form == "auto" and not shown):
        from streams.cli.tail_lines import json_printer  # noqa: PLC0415 - only one of the two is needed

        return json_printer(topic)
    from streams.cli.tail_lines import pretty_printer  # noqa: PLC0415 - as above

    return pretty_printer()
