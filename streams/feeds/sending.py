"""Sending raw reports: validated as `lint` does, keyed by language, acknowledged by the broker, bounded in memory."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from streams.core.reports import MAX_REPORT_BYTES, admit_fields, read_object
from streams.feeds.files import DEFAULT_SOURCE
from streams.feeds.language import complete_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.core.models import Report
    from streams.settings import Settings

__all__ = ["PATIENCE_SECONDS", "BrokerLostError", "Sender", "wire_form"]

# Seconds without any acknowledgement after which the broker counts as lost: a restart of one takes less.
PATIENCE_SECONDS: Final = 30.0
_MAX_REQUEST_BYTES: Final = 4 * MAX_REPORT_BYTES
# Sent and not yet acknowledged: kafka-python itself sets no bound.
_MAX_IN_FLIGHT_BYTES: Final = 32 * 1024 * 1024
_MAX_IN_FLIGHT: Final = 50_000
_SLICE_SECONDS: Final = 0.25


class BrokerLostError(KafkaError):  # type: ignore[misc]
    """The broker has acknowledged nothing for too long."""


def wire_form(raw: bytes, default_source: str = DEFAULT_SOURCE) -> tuple[Report, bytes]:
    """Return the report of a line and the bytes to send: as given, or with source and language filled in.

    Raises: ReportRejectedError with code, field and detail.
    """
    fields = read_object(raw)
    added = complete_fields(fields, default_source)
    report = admit_fields(fields, ingested_at=datetime.now(UTC))
    return report, orjson.dumps(fields) if added else raw


class Sender:
    """An idempotent producer of raw reports; `close` waits for every acknowledgement.

    `patience`: seconds without an acknowledgement after which `BrokerLostError` is raised.
    """

    def __init__(self, settings: Settings, patience: float = PATIENCE_SECONDS) -> None:
        self._topic = settings.topic("reports.raw")
        self._patience = patience
        self._changed = threading.Condition()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._lost: BaseException | None = None
        self._progressed_at = time.monotonic()
        self._producer = KafkaProducer(
            bootstrap_servers=[server.strip() for server in settings.bootstrap.split(",")],
            client_id="tensionwire-feed",
            acks="all",
            enable_idempotence=True,
            linger_ms=20,
            batch_size=128 * 1024,
            max_request_size=_MAX_REQUEST_BYTES,
            bootstrap_timeout_ms=int(patience * 1000),
            max_block_ms=int(patience * 1000),
            request_timeout_ms=int(patience * 1000),
            # Later than our own patience, which gives up on all lines at once.
            delivery_timeout_ms=int(patience * 2000),
            reconnect_backoff_max_ms=1000,
        )

    def send(
        self,
        report: Report,
        raw: bytes,
        failed: Callable[[BaseException], Any],
        acknowledged: Callable[[], Any] | None = None,
    ) -> None:
        """Queue one report; then `acknowledged` is called, or `failed` if the broker refuses it (from a thread).

        Raises: BrokerLostError if the queue is full and the broker takes nothing for `patience` seconds.
        """
        while not self.wait_for_room():
            pass
        self._begin(len(raw))

        def succeeded(_: object) -> None:
            self._settle(len(raw), acknowledged)

        def refused(error: BaseException) -> None:
            if isinstance(error, KafkaTimeoutError):
                self._lose(error)
            else:
                self._settle(len(raw), lambda: failed(error))

        try:
            future = self._producer.send(self._topic, key=report.language.encode(), value=raw)
        except KafkaTimeoutError as error:
            raise BrokerLostError(str(error)) from None
        future.add_callback(succeeded)
        future.add_errback(refused)

    def wait_for_room(self, seconds: float = _SLICE_SECONDS) -> bool:
        """Wait until one more report may be queued, or for `seconds`; return whether it may.

        Raises: BrokerLostError
        """
        return self._wait(
            lambda: self._in_flight_bytes < _MAX_IN_FLIGHT_BYTES and self._in_flight < _MAX_IN_FLIGHT, seconds
        )

    def wait_until_acknowledged(self, seconds: float = _SLICE_SECONDS) -> bool:
        """Wait until everything queued is acknowledged or refused, or for `seconds`; return whether it is.

        Raises: BrokerLostError
        """
        return self._wait(lambda: self._in_flight == 0, seconds)

    def close(self) -> None:
        """Wait until the broker has acknowledged everything.

        Raises: BrokerLostError
        """
        while not self.wait_until_acknowledged():
            pass
        self._producer.close()

    def abandon(self) -> None:
        """Give up what is not acknowledged and close at once."""
        with self._changed:
            self._lost = self._lost or BrokerLostError("given up")
        with suppress(KafkaError):
            # kafka-python has no public way to give up; a plain `close` would wait for the lost broker.
            self._producer._sender.force_close()  # noqa: SLF001
        with suppress(KafkaError):
            self._producer.close(timeout=1)

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            if not done():
                self._changed.wait_for(lambda: done() or self._lost is not None, seconds)
            silent = time.monotonic() - self._progressed_at
            if self._lost is not None or (self._in_flight and silent > self._patience):
                raise BrokerLostError(f"nothing acknowledged for {min(silent, self._patience):.0f} s")
            return done()

    def _begin(self, size: int) -> None:
        with self._changed:
            if not self._in_flight:
                self._progressed_at = time.monotonic()
            self._in_flight += 1
            self._in_flight_bytes += size

    def _settle(self, size: int, tell: Callable[[], Any] | None) -> None:
        with self._changed:
            if self._lost is not None:
                return
            self._in_flight -= 1
            self._in_flight_bytes -= size
            self._progressed_at = time.monotonic()
            self._changed.notify_all()
        if tell is not None:
            tell()

    def _lose(self, error: BaseException) -> None:
        with self._changed:
            self._lost = self._lost or error
            self._changed.notify_all()
