"""The flow, top to bottom: topics, then the three agents.

    reports.raw ──[deduplicate]──> reports.unique ──[classify]──> events.coded
                      ├─> reports.duplicate            └─> events.by_actor ──[aggregate]──> tension.actors
                      └─> reports.rejected                                       └─> tension.dyads

Each agent hands its batch to its table, which decides with the core, and commits outputs, state and offsets in one
transaction per input partition (`exactly_once`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import faust

from streams.core.classify import coder_of
from streams.worker.exactly_once import Connection, ShardTable, Transport, leave_recovery_to_shards
from streams.worker.stages import Aggregate, Classify, Deduplicate
from streams.worker.web import add_pages

if TYPE_CHECKING:
    from streams.core.codebook import Codebook
    from streams.settings import Settings

__all__ = ["App", "create_app"]


class App(faust.App):  # type: ignore[misc]
    """A Faust application that reads committed records only."""

    logger = logging.getLogger("faust")

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def create_app(settings: Settings, codebook: Codebook) -> App:
    """Return the worker's application: its topics, tables and agents."""
    version = codebook.version
    app = App(settings.application_id(version), **_faust_settings(settings))
    names = _Names(settings, version)

    reports_raw = _topic(app, names("reports.raw"))
    reports_unique = _topic(app, names("reports.unique"))
    events_by_actor = _topic(app, names("events.by_actor"))

    sketches = _table(app, settings, version, Deduplicate(names, settings.partitions))
    coded = _table(app, settings, version, Classify(names, settings.partitions, coder_of(codebook), version))
    actor_names = codebook.catalogue.names
    ledger = _table(app, settings, version, Aggregate(names, settings.partitions, actor_names, settings.tension()))

    batch = (settings.batch_records, settings.batch_seconds)

    async def deduplicate(stream: Any) -> None:  # noqa: ANN401 - Faust's StreamT
        async for events in stream.noack_take(*batch):
            await sketches.transact(events)

    async def classify(stream: Any) -> None:  # noqa: ANN401 - as above
        async for events in stream.noack_take(*batch):
            await coded.transact(events)

    async def aggregate(stream: Any) -> None:  # noqa: ANN401 - as above
        async for events in stream.noack_take(*batch):
            await ledger.transact(events)

    for source, agent in ((reports_raw, deduplicate), (reports_unique, classify), (events_by_actor, aggregate)):
        app.agent(source, name=agent.__name__, concurrency=1)(agent)
    leave_recovery_to_shards(app)
    add_pages(app, (sketches, coded, ledger))
    return app


class _Names:
    """Topic of the design -> its full name on the broker."""

    def __init__(self, settings: Settings, codebook_version: str) -> None:
        self._settings = settings
        self._version = codebook_version

    def __call__(self, topic: str) -> str:
        if topic == "events.by_actor":
            return self._settings.internal_topic(topic, self._version)
        return self._settings.topic(topic)


def _topic(app: App, name: str) -> Any:  # noqa: ANN401 - Faust's TopicT
    return app.topic(name, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")


def _table(app: App, settings: Settings, version: str, stage: Deduplicate | Classify | Aggregate) -> ShardTable:
    connection = Connection(
        settings.bootstrap,
        settings.application_id(version),
        lambda table: settings.changelog(table, version),
        settings.partitions,
    )
    table = ShardTable(app, name=stage.table, stage=stage, connection=connection, partitions=settings.partitions)
    app.tables.add(table)
    return table


def _faust_settings(settings: Settings) -> dict[str, Any]:
    session = settings.session_timeout_seconds
    servers = settings.bootstrap.replace(",", ";")
    return {
        "broker": f"kafka://{servers}",
        "version": 1,
        "store": "memory://",
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": settings.partitions,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.instance_id,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / 4,
        "broker_request_timeout": max(30.0, session * 2),
        "broker_max_poll_records": 2000,
        "consumer_max_fetch_size": 8 * 1024 * 1024,
        # A standby would read changelogs through Faust; a restore from the log is quick enough.
        "table_standby_replicas": 0,
        "stream_buffer_maxsize": 4096,
        "stream_wait_empty": False,
        "stream_recovery_delay": 0.0,
        "recovery_consistency_check": False,
        # Faust warns of a livelock when *it* does not commit; it never does.
        "broker_commit_livelock_soft_timeout": 10 * 365 * 86_400.0,
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_port": settings.web_port,
        "worker_redirect_stdouts": False,
    }
