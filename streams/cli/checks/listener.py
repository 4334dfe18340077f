"""What answers at a bootstrap address, asked in Kafka's own bytes so that every wrong answer can be told apart.

Kafka's clients retry and then time out alike on a closed port, a web server, TLS and a broker that advertises an
address nobody can reach; who set up a listener needs to know which it is.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import closing
from typing import Final, NamedTuple

__all__ = ["Address", "Answer", "Trouble", "ask", "is_reachable", "parse_bootstrap"]

# A broker answers within milliseconds; a host that drops packets never does.
CONNECT_SECONDS: Final = 2.0
_API_VERSIONS: Final = 18
_METADATA: Final = 3
# Version 4 is understood from Kafka 1.0 on and still by 4.x, and can ask for no topic and create none.
_METADATA_VERSION: Final = 4
_CLIENT: Final = b"tensionwire-check"
_MOST_BYTES: Final = 1024 * 1024
# First byte of a TLS record that carries an alert, as a TLS listener sends on anything else.
_TLS_ALERT: Final = 0x15


class Address(NamedTuple):
    """Host and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Answer(NamedTuple):
    """What a broker says: API key -> lowest and highest version, and the brokers it tells clients to go to."""

    versions: dict[int, tuple[int, int]]
    advertised: dict[int, Address]


class Trouble(NamedTuple):
    """Why there is no answer: one of `unresolvable`, `unreachable`, `tls`, `not_kafka`, `silent`; and in words."""

    kind: str
    problem: str


def parse_bootstrap(bootstrap: str) -> list[Address | str]:
    """Return the addresses of a bootstrap setting; one that is not host:port stays as it is.

    >>> parse_bootstrap("a:1, [::1]:2,b")
    [Address(host='a', port=1), Address(host='::1', port=2), 'b']
    """
    return [_address(server.strip()) for server in bootstrap.split(",")]


def _address(server: str) -> Address | str:
    host, _, port = server.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 2**16
    return Address(host.strip("[]"), int(port)) if host and is_port else server


def ask(address: Address) -> Answer | Trouble:
    """Return what the broker at `address` says of itself, or what is there instead."""
    try:
        connection = socket.create_connection(address, CONNECT_SECONDS)
    except socket.gaierror:
        return Trouble("unresolvable", f"the name {address.host} cannot be resolved")
    except OSError as failure:
        return Trouble("unreachable", f"nobody answers ({failure.strerror or 'timed out'})")
    with closing(connection):
        connection.settimeout(CONNECT_SECONDS)
        try:
            return _converse(connection)
        except (OSError, struct.error, _NotKafkaError) as failure:
            return _explain(address, failure)


def is_reachable(address: Address) -> str | None:
    """Return None if something listens at `address`, else what fails."""
    try:
        socket.create_connection(address, CONNECT_SECONDS).close()
    except socket.gaierror:
        return "its name cannot be resolved here"
    except OSError as failure:
        return f"nobody answers ({failure.strerror or 'timed out'})"
    return None


class _NotKafkaError(Exception):
    """The peer's bytes are no answer to what was asked; holds the first of them."""

    def __init__(self, start: bytes) -> None:
        super().__init__(start)
        self.start = start


def _converse(connection: socket.socket) -> Answer:
    body = _request(connection, _API_VERSIONS, 0, b"")
    _, count = struct.unpack_from(">hi", body)
    triples = [struct.unpack_from(">hhh", body, 6 + 6 * number) for number in range(count)]
    versions = {key: (low, high) for key, low, high in triples}
    body = _request(connection, _METADATA, _METADATA_VERSION, struct.pack(">i?", 0, False))
    return Answer(versions, _brokers(body))


def _request(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    header = struct.pack(">hhih", key, version, key, len(_CLIENT)) + _CLIENT
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    start = _receive(connection, 8)
    size, correlation = struct.unpack(">ii", start)
    if correlation != key or not 0 < size <= _MOST_BYTES:
        raise _NotKafkaError(start)
    return _receive(connection, size - 4)


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise _NotKafkaError(received)
        received += chunk
    return received


def _brokers(body: bytes) -> dict[int, Address]:
    brokers = {}
    (count,) = struct.unpack_from(">i", body, 4)
    place = 8
    for _ in range(count):
        number, size = struct.unpack_from(">ih", body, place)
        place += 6
        host = body[place : place + size].decode("utf-8", "replace")
        (port, rack) = struct.unpack_from(">ih", body, place + size)
        place += size + 6 + max(rack, 0)
        brokers[number] = Address(host, port)
    return brokers


def _explain(address: Address, failure: Exception) -> Trouble:
    start = failure.start if isinstance(failure, _NotKafkaError) else b""
    if start[:1] == bytes([_TLS_ALERT]) or (not start and _speaks_tls(address)):
        return Trouble("tls", "this listener speaks TLS, and Tensionwire connects in the clear")
    if start:
        seen = "a web server (HTTP)" if start.startswith(b"HTTP") else f"something else (it begins with {start!r})"
        return Trouble("not_kafka", f"no Kafka broker but {seen} answers")
    return Trouble("silent", "something listens but does not answer Kafka's first question")


def _speaks_tls(address: Address) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Only asked whether it is TLS; nothing is sent over it.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(address, CONNECT_SECONDS) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as failure:
        # A client certificate is asked for after the handshake has shown what is spoken.
        return "ALERT" in (failure.reason or "")
    except OSError:
        return False
