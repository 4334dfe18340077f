"""`tensionwire topics`: create the topics, or say how they differ from what they must be."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.codebook import data_version
from streams.core.errors import ConfigurationError
from streams.settings import load_settings
from streams.worker.topics import compare, create, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BrokerUnreachableError", "connect_admin"]

EXIT_DIFFERENT = 1
_CONNECT_SECONDS = 3.0


class BrokerUnreachableError(KafkaError):  # type: ignore[misc]
    """Kafka did not answer."""


@contextmanager
def connect_admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """Yield an admin client of the cluster.

    Raises: BrokerUnreachableError if nobody answers.
    """
    if not any(_listens(server) for server in bootstrap.split(",")):
        raise BrokerUnreachableError(f"no broker at {bootstrap}")
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), client_id="tensionwire")
    except KafkaError as error:
        raise BrokerUnreachableError(f"no broker at {bootstrap} ({type(error).__name__})") from None
    try:
        yield admin
    finally:
        admin.close()


def _listens(server: str) -> bool:
    # Kafka's clients retry for half a minute; who mistyped a port should know at once.
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"TENSIONWIRE_BOOTSTRAP: {server!r} is not host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


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
