"""`tensionwire topics`: create the topics, or say how they differ from what they must be."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.client.errors import BrokerAwayError
from streams.client.listener import find_broker, parse_bootstrap
from streams.codebook import data_version
from streams.core.errors import ConfigurationError
from streams.settings import load_settings
from streams.worker.topics import compare, create, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["connect_admin", "require_topics"]

EXIT_DIFFERENT = 1
# A broker that has just answered a probe needs far less for its metadata.
_ADMIN_MS = 10_000


@contextmanager
def connect_admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """Yield an admin client of the cluster, known to answer.

    Raises: BrokerAwayError within seconds if no broker does; ConfigurationError if `bootstrap` is malformed.
    """
    servers = parse_bootstrap(bootstrap)
    problem = find_broker(servers)
    if problem is not None:
        raise BrokerAwayError(f"no broker at {bootstrap}: {problem}")
    addresses = [str(server) for server in servers]
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=addresses,
            client_id="tensionwire",
            bootstrap_timeout_ms=_ADMIN_MS,
            request_timeout_ms=_ADMIN_MS,
        )
    except KafkaError as error:
        remedy = "does its listener want TLS or a password, and is it ready?"
        raise BrokerAwayError(f"the broker at {bootstrap} answers but lets nobody in ({error}); {remedy}") from None
    try:
        _reach_cluster(admin, bootstrap)
        yield admin
    finally:
        admin.close()


def _reach_cluster(admin: KafkaAdminClient, bootstrap: str) -> None:
    # The bootstrap address hands out others; from another network (a container's) they may lead nowhere.
    try:
        admin.list_topics()
    except KafkaError as error:
        raise BrokerAwayError(
            f"the broker at {bootstrap} answers, but not at the address it advertises ({error}); "
            "set its advertised.listeners to one that this machine can reach"
        ) from None


def require_topics(admin: KafkaAdminClient, names: Iterable[str]) -> None:
    """Check that all topics called `names` exist.

    Raises: ConfigurationError naming the missing ones and the remedy.
    """
    existing = set(admin.list_topics())
    missing = [name for name in names if name not in existing]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise ConfigurationError(f"{missing[0]}{more} does not exist; run `tensionwire topics init` first")


@click.group()
def topics() -> None:
    """Create and compare the topics.

    \b
    Example: TENSIONWIRE_PARTITIONS=8 tensionwire topics init
    """


@topics.command()
def init() -> None:
    """Create what is missing: partitions, compaction, retention; existing topics are never altered.

    \b
    Output:  one line a topic created
    Exit:    0 ok, 1 no broker, 2 the broker refuses
    Example: tensionwire topics init
    """
    settings = load_settings()
    with connect_admin(settings.bootstrap) as admin:
        created = create(admin, topics_of(settings, data_version()))
    for name in created:
        click.echo(f"created {name}")
    if not created:
        click.echo("all topics exist; `tensionwire topics diff` compares them", err=True)


@topics.command()
def diff() -> None:
    """Compare the topics with what they must be; each difference comes with its remedy.

    \b
    Output:  one line a difference, none if all is well
    Exit:    0 no difference, 1 differences or no broker
    Example: tensionwire topics diff
    """
    settings = load_settings()
    with connect_admin(settings.bootstrap) as admin:
        lines = compare(admin, topics_of(settings, data_version()))
    for line in lines:
        click.echo(line)
    sys.exit(EXIT_DIFFERENT if lines else 0)
