"""`tensionwire feed`: send reports to Kafka and say what became of each."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kafka.errors import KafkaError

from streams.cli.feed_run import FeedRun, Plan
from streams.cli.topics import connect_admin, require_topics
from streams.client.errors import BrokerAwayError
from streams.core.errors import ConfigurationError
from streams.feeds.files import DEFAULT_SOURCE, open_file
from streams.feeds.pacing import MAX_GAP_SECONDS, FullSpeed, Rate, Speedup
from streams.feeds.resuming import Position, StateFile, state_path
from streams.feeds.sending import PATIENCE_SECONDS, Sender
from streams.settings import load_settings

if TYPE_CHECKING:
    from streams.feeds.files import ReportFile
    from streams.settings import Settings


class _PerSecond(click.ParamType):
    name = "N/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/s)?", value)
        if found is None or not float(found[1]):
            self.fail(f"{value!r} is not reports per second, such as 50 or 0.5/s", param, ctx)
        return float(found[1])


@click.group()
def feed() -> None:
    """Send reports to Kafka.

    \b
    Example: tensionwire feed file reports.ndjson
    """


@feed.command("file")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--rate", type=_PerSecond(), metavar="N/s", help="Reports a second, evenly spaced; default: as fast as it goes."
)
@click.option(
    "--speedup",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help=f"Replay by published_at, X times as fast; 3600: an hour a second. No gap over {MAX_GAP_SECONDS:.0f} s.",
)
@click.option("--resume", is_flag=True, help="Go on behind the last line that an earlier run had acknowledged.")
@click.option("--state", type=click.Path(path_type=Path), help="Where to keep that; default: FILE.feed-state.json.")
@click.option("--dry-run", is_flag=True, help="Validate only: no broker, nothing sent.")
@click.option("--progress/--no-progress", default=None, help="Progress on standard error; default: yes.")
@click.option(
    "--source", default=DEFAULT_SOURCE, show_default=True, metavar="NAME", help="Source of reports that name none."
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, 600),
    metavar="SECONDS",
    default=PATIENCE_SECONDS,
    show_default=True,
    help="How long the broker may acknowledge nothing before it counts as lost.",
)
def feed_file(
    files: tuple[str, ...],
    rate: float | None,
    speedup: float | None,
    state: Path | None,
    source: str,
    timeout: float,
    *,
    resume: bool,
    dry_run: bool,
    progress: bool | None,
) -> None:
    """Send FILE... (NDJSON of raw reports; gzip and named pipes too; - for standard input), validated as by `lint`.

    How far a file was acknowledged is kept beside it while it is fed, so that --resume goes on there; a few lines
    may be sent twice, and what is sent twice counts once. A run that reaches the end removes that, one with --resume
    keeps it: repeated, it sends what was appended since. An empty file is no error.

    \b
    Output:  {"sent", "rejected", "failed", "by_code", "lines": {code: first line numbers}, "read", "seconds", "rate"};
             rejected lines with their reason, and progress, on standard error
    Exit:    0 all sent, 1 the broker refused some or is away, 2 FILE, state or topic, 3 some rejected, 130 interrupted
    Example: tensionwire feed file reports.ndjson --rate 50/s --resume
    """
    settings = load_settings()
    if rate is not None and speedup is not None:
        raise click.UsageError("give --rate or --speedup, not both")
    if state is not None and len(files) > 1:
        raise click.UsageError("--state is for one FILE")
    pace = Rate(rate) if rate is not None else Speedup(speedup) if speedup is not None else FullSpeed()
    plans = []
    for name in files:
        file = open_file(name)
        click.get_current_context().call_on_close(file.close)
        kept = None if dry_run else _state_of(file, state, settings, resume=resume)
        plans.append(Plan(file, kept, kept.load() if resume and kept is not None else Position()))
    sender = None if dry_run else _connect(settings, timeout)
    run = FeedRun(plans, sender, pace, source=source, progress=progress, resume=resume)
    sys.exit(run.finish(settings.bootstrap))


def _state_of(file: ReportFile, path: Path | None, settings: Settings, *, resume: bool) -> StateFile | None:
    if not file.regular or file.name == "<stdin>":
        if resume:
            raise ConfigurationError(f"{file.name}: --resume needs a file of its own; a stream cannot be read again")
        return None
    return StateFile(path or state_path(file.name), file, settings.bootstrap, settings.topic("reports.raw"))


def _connect(settings: Settings, timeout: float) -> Sender:
    with connect_admin(settings.bootstrap) as admin:
        require_topics(admin, [settings.topic("reports.raw")])
    try:
        return Sender(settings, timeout)
    except KafkaError as error:
        raise BrokerAwayError(f"the broker at {settings.bootstrap} is lost ({error}); try again") from None
