"""Public topics filled by a test itself, with the messages a worker would write."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Self

import msgspec
from kafka import KafkaAdminClient, KafkaProducer

from streams.core.models import ActorRef, CodedEvent
from streams.core.tension import ActorRow, DyadRow, Window, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2018, 9, 18, 6, tzinfo=UTC)


def make_event(event_id: str = "e1", *, source: str = "RUS", target: str = "SYR", **changes: Any) -> CodedEvent:
    fields: dict[str, Any] = {
        "report_id": "r1",
        "rev": "1",
        "seq": 1,
        "sentence": 0,
        "span": (0, 19),
        "text": "Russia struck Idlib.",
        "source_actor": ActorRef(id=source, country="RUS", name="Russia", mention=(0, 6)),
        "target_actor": ActorRef(id=target, country="SYR", sector="MIL", name="Syria"),
        "plover": "ASSAULT",
        "mode": "asserted",
        "cameo": "190",
        "quad_class": "material_conflict",
        "goldstein": -9.0,
        "confidence": 0.9,
        "occurred_on": date(2018, 9, 17),
        "published_at": NOW,
        "outlet": "outlet-1",
        "retracted": False,
        "codebook_version": "c",
    }
    return CodedEvent(event_id=event_id, **{**fields, **changes})


def _windows() -> Windows:
    names = "events reports verbal_cooperation material_cooperation verbal_conflict material_conflict".split()
    window = Window(**dict.fromkeys(names, 1), goldstein_sum=-9.0)
    return Windows(day=window, week=window, month=window)


def make_row(actor: str = "RUS", tension: float = 50.0, **changes: Any) -> ActorRow:
    fields: dict[str, Any] = {
        "name": actor,
        "pressure": 40.0,
        "conflict": 40.0,
        "cooperation": 0.0,
        "baseline": None,
        "change": None,
        "history": (0.0,) * 7,
        "windows": _windows(),
        "top_dyads": (),
        "last_event": NOW,
        "as_of": NOW,
        "watermark": NOW,
    }
    return ActorRow(actor=actor, tension=tension, **{**fields, **changes})


def make_dyad_row(source: str = "RUS", target: str = "SYR", tension: float = 50.0) -> DyadRow:
    fields: dict[str, Any] = {"pressure": 40.0, "conflict": 40.0, "cooperation": 0.0}
    fields |= {"last_event": NOW, "as_of": NOW, "watermark": NOW}
    return DyadRow(source=source, target=target, tension=tension, windows=_windows(), **fields)


class Published:
    """Public topics under a prefix of their own, and a producer that writes to them in transactions."""

    def __init__(self, bootstrap: str, prefix: str, *names: str, partitions: int = 3) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix.replace(".", "-")[:60]
        self.names = names
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        config = {"message.timestamp.type": "LogAppendTime"}
        new = {"num_partitions": partitions, "replication_factor": 1, "configs": config}
        self._admin.create_topics({self.topic(name): new for name in names}, wait_for_metadata=True)
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", transactional_id=self.prefix)
        self._producer.init_transactions()

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}.v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._producer.close()
        with suppress(Exception):
            self._admin.delete_topics([self.topic(name) for name in self.names])
        self._admin.close()

    @contextmanager
    def transaction(self, *, commit: bool = True) -> Iterator[None]:
        self._producer.begin_transaction()
        yield
        self._producer.flush()
        if commit:
            self._producer.commit_transaction()
        else:
            self._producer.abort_transaction()

    def write(self, name: str, value: Any, key: str | None = None, **how: Any) -> None:
        """Write within a transaction: a struct as JSON, bytes as they are, None as a tombstone."""
        raw = value if value is None or isinstance(value, bytes) else msgspec.json.encode(value)
        self._producer.send(self.topic(name), value=raw, key=None if key is None else key.encode(), **how)

    def events(self, *events: CodedEvent) -> None:
        with self.transaction():
            for event in events:
                self.write("events.coded", event, f"{event.source_actor.id}>{event.target_actor.id}")

    def rows(self, *rows: ActorRow) -> None:
        with self.transaction():
            for row in rows:
                self.write("tension.actors", row, row.actor)

    def add_partitions(self, name: str, count: int) -> None:
        self._admin.create_partitions({self.topic(name): count})
