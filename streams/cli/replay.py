"""`tensionwire replay --verify`: fold the log again and compare with the live ledger."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
import msgspec

from streams.cli.fold import MOMENT
from streams.cli.scanning import partition_of
from streams.cli.topics import connect_admin
from streams.client.reading import open_consumer, partitions_of, read_record, read_table, read_topic
from streams.codebook import load_codebook
from streams.core import ledger
from streams.core.classify import coder_of
from streams.core.errors import ConfigurationError, ReportRejectedError
from streams.core.fold import Fold
from streams.core.reports import admit_report
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.core.classify import Coder
    from streams.core.codebook import Codebook
    from streams.core.ledger import Digest
    from streams.core.models import CodedEvent, Report
    from streams.settings import Settings

__all__ = ["await_live_digest", "fold_topic", "live_digest"]

EXIT_DIFFERENT: Final = 1
# Seconds between two looks at the live ledger.
_LOOK_SECONDS: Final = 0.5


def fold_topic(
    settings: Settings, coder: Coder, codebook_version: str, on_event: Callable[[CodedEvent], None] | None = None
) -> Fold:
    """Return the fold of everything committed on `reports.raw`, read from its beginning."""
    topic = settings.topic("reports.raw")
    count = len(partitions_of(settings.bootstrap, topic))
    places: list[tuple[int, int]] = []
    consumer = open_consumer(settings.bootstrap)

    def reread(seq: int) -> Report:
        record = read_record(consumer, topic, *places[seq])
        return admit_report(record.value, ingested_at=_moment(record.timestamp))

    pipeline = Fold(coder, codebook_version, reread, on_event)
    for record in read_topic(settings.bootstrap, topic):
        places.append((record.partition, record.offset))
        try:
            report = admit_report(record.value or b"", ingested_at=_moment(record.timestamp))
        except ReportRejectedError as error:
            pipeline.counts[f"rejected_{error.code}"] += 1
            continue
        if record.partition != partition_of(report.language, count):
            pipeline.counts["rejected_misrouted"] += 1
            continue
        pipeline.push(report, seq=len(places) - 1)
    consumer.close()
    return pipeline


def live_digest(settings: Settings, codebook_version: str, as_of: datetime) -> Digest:
    """Return the digest of the worker's ledger at `as_of`, from its changelog as committed."""
    table = read_table(settings.bootstrap, settings.changelog("ledger", codebook_version))
    decoded = ((key, ledger.decode_value(key, raw)) for key, raw in table.items())
    return ledger.digest([(key, value) for key, value in decoded if isinstance(value, ledger.LedgerEntry)], as_of)


def await_live_digest(
    settings: Settings, codebook_version: str, as_of: datetime, wanted: Digest, go_on: Callable[[], bool]
) -> Digest:
    """Return the live digest as soon as it is `wanted`, or what it is once `go_on` says that waiting is over."""
    while (live := live_digest(settings, codebook_version, as_of)) != wanted and go_on():
        time.sleep(_LOOK_SECONDS)
    return live


def _moment(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


@click.command()
@click.option("--verify", is_flag=True, required=True, help="Compare the live ledger with a fold of reports.raw.")
@click.option("--as-of", type=MOMENT, help="Moment to compare at; default: the newest accepted updated_at.")
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=0.0, help="Seconds the worker may take to catch up; default 0."
)
def replay(as_of: datetime | None, *, verify: bool, wait: float) -> None:
    """Fold reports.raw again in this process and compare digests with the live ledger (law L1).

    What a worker has not committed yet is a difference: let it catch up first, or give it time with --wait.

    \b
    Output:  {"as_of", "live": {"digest", "entries"}, "fold": {"digest", "entries"}, "equal", "counts"}
    Exit:    0 equal, 1 different or no broker, 2 topics missing
    Example: tensionwire replay --verify --wait 60
    """
    del verify
    settings = load_settings()
    codebook: Codebook = load_codebook()
    with connect_admin(settings.bootstrap) as admin:
        if settings.changelog("ledger", codebook.version) not in admin.list_topics():
            raise ConfigurationError("no ledger of this codebook; run `tensionwire topics init`, then a worker")
    pipeline = fold_topic(settings, coder_of(codebook), codebook.version)
    moment = as_of or pipeline.newest
    if moment is None:
        raise ConfigurationError(f"{settings.topic('reports.raw')} holds no accepted report; feed some first")
    folded = pipeline.digest(moment)
    deadline = time.monotonic() + wait
    live = await_live_digest(settings, codebook.version, moment, folded, lambda: time.monotonic() < deadline)
    result = {
        "as_of": moment,
        "live": {"digest": live.hexdigest, "entries": live.entries},
        "fold": {"digest": folded.hexdigest, "entries": folded.entries},
        "equal": live == folded,
        "counts": pipeline.counts,
    }
    click.echo(msgspec.json.encode(result).decode())
    sys.exit(0 if live == folded else EXIT_DIFFERENT)
