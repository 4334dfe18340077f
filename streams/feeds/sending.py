"""Sending raw reports: validated as `lint` does, keyed by language, acknowledged by the broker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from kafka import KafkaProducer

from streams.core.reports import MAX_REPORT_BYTES, admit_fields, read_object
from streams.feeds.files import DEFAULT_SOURCE
from streams.feeds.language import complete_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.core.models import Report
    from streams.settings import Settings

__all__ = ["Sender", "wire_form"]

_MAX_REQUEST_BYTES: Final = 4 * MAX_REPORT_BYTES


def wire_form(raw: bytes) -> tuple[Report, bytes]:
    """Return the report of a line and the bytes to send: as given, or with source and language filled in.

    Raises: ReportRejectedError with code, field and detail.
    """
    fields = read_object(raw)
    added = complete_fields(fields, DEFAULT_SOURCE)
    report = admit_fields(fields, ingested_at=datetime.now(UTC))
    return report, orjson.dumps(fields) if added else raw


class Sender:
    """An idempotent producer of raw reports; `close` waits for every acknowledgement."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic("reports.raw")
        self._producer = KafkaProducer(
            bootstrap_servers=settings.bootstrap.split(","),
            client_id="tensionwire-feed",
            acks="all",
            enable_idempotence=True,
            linger_ms=20,
            batch_size=128 * 1024,
            max_request_size=_MAX_REQUEST_BYTES,
        )

    def send(self, report: Report, raw: bytes, failed: Callable[[BaseException], Any]) -> None:
        """Queue one report; `failed` is called if the broker refuses it."""
        future = self._producer.send(self._topic, key=report.language.encode(), value=raw)
        future.add_errback(failed)

    def close(self) -> None:
        """Wait until the broker has acknowledged everything."""
        self._producer.flush()
        self._producer.close()
