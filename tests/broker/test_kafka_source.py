"""The broker fixture: which broker it takes, and that the broker keeps Kafka's promises."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, get_args

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ProducerFenced
from kafka.admin import KafkaAdminClient
from kafka_source import (
    Broker,
    BrokerSetupError,
    BrokerStartError,
    Kind,
    Source,
    choose_broker,
    start_broker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS: tuple[Kind, ...] = get_args(Kind)


def make_source(kind: Kind, refusal: str | None = None) -> Source:
    def start() -> AbstractContextManager[Broker]:
        if refusal is not None:
            raise BrokerStartError(refusal)
        return nullcontext(Broker(f"{kind}:9092", kind, "asked for"))

    return Source(kind, start)


def choose(*sources: Source, require_real: bool = False) -> Broker:
    with ExitStack() as stack:
        return choose_broker(sources, stack.enter_context, require_real=require_real)


@pytest.mark.parametrize("first_usable", range(len(KINDS)))
def test_first_source_that_starts_is_taken_and_names_every_refusal_before_it(
    first_usable: int,
) -> None:
    sources = [
        make_source(kind, "not here" if position < first_usable else None) for position, kind in enumerate(KINDS)
    ]

    broker = choose(*sources)

    assert broker.kind == KINDS[first_usable]
    refused = "; ".join(f"{kind}: not here" for kind in KINDS[:first_usable])
    assert broker.reason == (refused or "asked for")


def test_refusal_in_the_reason_is_one_line_without_the_broker_log() -> None:
    broker = choose(make_source("docker", "ended early\nlog line"), make_source("jvm"))

    assert broker.reason == "docker: ended early"


def test_source_that_fails_while_it_starts_up_is_refused_too() -> None:
    @contextmanager
    def fail_on_entry() -> Iterator[Broker]:
        message = "ended before it was ready"
        raise BrokerStartError(message)
        yield

    broker = choose(Source("docker", fail_on_entry), make_source("jvm"))

    assert broker.reason == "docker: ended before it was ready"


def test_required_real_kafka_refuses_the_embedded_broker_and_lists_the_reasons() -> None:
    refused = make_source("docker", "no engine"), make_source("jvm", "java is not on PATH")

    with pytest.raises(BrokerSetupError) as caught:
        choose(*refused, make_source("embedded"), require_real=True)

    assert str(caught.value).splitlines() == [
        "no usable Kafka broker:",
        "- docker: no engine",
        "- jvm: java is not on PATH",
        "- embedded: not Apache Kafka, and TENSIONWIRE_REQUIRE_REAL_KAFKA=1",
    ]


def test_setup_error_is_never_hidden_behind_a_lesser_broker() -> None:
    def start() -> AbstractContextManager[Broker]:
        message = "a jar does not match SHA256SUMS"
        raise BrokerSetupError(message)

    with pytest.raises(BrokerSetupError, match="SHA256SUMS"):
        choose(Source("jvm", start), make_source("embedded"))


def test_unknown_source_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    environ = {"TENSIONWIRE_KAFKA_SOURCE": "podman"}

    with (
        pytest.raises(BrokerSetupError, match="'podman'; use one of docker, jvm, embedded"),
        start_broker(tmp_path, require_real=False, environ=environ),
    ):
        pass


def create_topic(broker: Broker, topic: str, partitions: int = 1) -> list[int]:
    """Return the partitions of `topic` as the broker describes them after its creation."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        layout = {"num_partitions": partitions, "replication_factor": 1}
        admin.create_topics({topic: layout}, wait_for_metadata=True)
        (described,) = admin.describe_topics([topic])
    finally:
        admin.close()
    return sorted(partition["partition_index"] for partition in described["partitions"])


async def read_committed(broker: Broker, topic: str, count: int) -> list[bytes | None]:
    """Return the values of `topic`: `count` of them, and what one more poll brings."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    values: list[bytes | None] = []
    async with asyncio.timeout(30), consumer:
        enough = False
        while not enough:
            enough = len(values) >= count
            batches = await consumer.getmany(timeout_ms=500)
            values += [record.value for batch in batches.values() for record in batch]
    return values


@pytest.mark.broker
def test_broker_creates_a_topic_with_the_partitions_asked_for(broker: Broker, unique_prefix: str) -> None:
    assert create_topic(broker, f"{unique_prefix}created", partitions=3) == [0, 1, 2]


@pytest.mark.broker
def test_read_committed_consumer_sees_the_committed_transaction_and_not_the_aborted_one(
    broker: Broker, unique_prefix: str
) -> None:
    topic = f"{unique_prefix}transactions"
    create_topic(broker, topic)

    async def produce_and_read() -> list[bytes | None]:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"{unique_prefix}writer")
        async with producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"aborted")
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(topic, b"committed")
        return await read_committed(broker, topic, count=1)

    assert asyncio.run(produce_and_read()) == [b"committed"]


@pytest.mark.broker
def test_commit_of_a_fenced_producer_fails_and_its_records_stay_invisible(broker: Broker, unique_prefix: str) -> None:
    topic = f"{unique_prefix}fencing"
    create_topic(broker, topic)

    def make_producer() -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=f"{unique_prefix}writer")

    async def fence_and_read() -> list[bytes | None]:
        zombie, successor = make_producer(), make_producer()
        async with zombie:
            await zombie.begin_transaction()
            await zombie.send_and_wait(topic, b"zombie")
            async with successor:
                with pytest.raises(ProducerFenced):
                    await zombie.commit_transaction()
                async with successor.transaction():
                    await successor.send_and_wait(topic, b"successor")
        return await read_committed(broker, topic, count=1)

    assert asyncio.run(fence_and_read()) == [b"successor"]
