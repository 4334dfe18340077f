"""`tensionwire feed`: send reports to Kafka and say what became of each."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
import msgspec
from kafka.errors import KafkaError

from streams.cli.lines import EXIT_REJECTED
from streams.cli.topics import BrokerUnreachableError, connect_admin
from streams.core.errors import ConfigurationError, ReportRejectedError
from streams.feeds.files import open_file
from streams.feeds.sending import Sender, wire_form
from streams.settings import load_settings

if TYPE_CHECKING:
    from streams.feeds.files import Line, ReportFile

_EXIT_FAILED = 1


@click.group()
def feed() -> None:
    """Send reports to Kafka.

    \b
    Example: tensionwire feed file reports.ndjson
    """


@feed.command("file")
@click.argument("file")
def feed_file(file: str) -> None:
    """Send FILE (NDJSON of raw reports, - for standard input) to reports.raw, validated as by `lint`.

    \b
    Output:  {"sent", "rejected", "failed", "by_code"}; rejected lines with their reason on standard error
    Exit:    0 all sent, 1 the broker refused some or is away, 2 FILE or topic missing, 3 some lines rejected
    Example: tensionwire feed file reports.ndjson
    """
    settings = load_settings()
    source = open_file(file)
    click.get_current_context().call_on_close(source.close)
    topic = settings.topic("reports.raw")
    with connect_admin(settings.bootstrap) as admin:
        if topic not in admin.list_topics():
            raise ConfigurationError(f"{topic} does not exist; run `tensionwire topics init` first")
    try:
        sender = Sender(settings)
    except KafkaError as error:
        raise BrokerUnreachableError(f"no broker at {settings.bootstrap} ({type(error).__name__})") from None
    counts: Counter[str] = Counter()
    for line in source.lines():
        _send(sender, source, line, counts)
    sender.close()
    rejected = {name: number for name, number in counts.items() if name not in ("sent", "failed")}
    sent = counts["sent"] - counts["failed"]
    summary = {"sent": sent, "rejected": sum(rejected.values()), "failed": counts["failed"], "by_code": rejected}
    click.echo(msgspec.json.encode(summary).decode())
    sys.exit(_EXIT_FAILED if counts["failed"] else EXIT_REJECTED if rejected else 0)


def _send(sender: Sender, source: ReportFile, line: Line, counts: Counter[str]) -> None:
    def failed(error: BaseException) -> None:
        counts["failed"] += 1
        click.echo(f"{source.name}:{line.number}: not sent: {error}", err=True)

    try:
        report, raw = wire_form(line.raw)
    except ReportRejectedError as error:
        counts[error.code] += 1
        click.echo(f"{source.name}:{line.number}: {error.code}: {error.detail}; {error.remedy}", err=True)
        return
    sender.send(report, raw, failed)
    counts["sent"] += 1
