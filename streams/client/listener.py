"""What answers at a bootstrap address, asked in Kafka's own bytes so that every wrong answer can be told apart.

Kafka's clients retry and then time out alike on a closed port, a web server, TLS and a broker that advertises an
address nobody can reach; who mistyped a port, or set up a listener, needs to know which it is, within seconds.
"""

from __future__ import annotations

import queue
import socket
import ssl
import struct
import threading
import time
from contextlib import closing
from typing import Final, NamedTuple

from streams.core.errors import ConfigurationError

__all__ = ["Address", "Answer", "Trouble", "ask", "ask_all", "find_broker", "is_reachable", "parse_bootstrap"]

# Seconds for a connection, and for an answer: a loaded broker needs a fraction of the latter.
CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 5.0
# Name service has no timeout of its own that we could set: nobody waits longer than this for all of it.
_ALL_SECONDS: Final = 9.0
_API_VERSIONS: Final = 18
_METADATA: Final = 3
# Version 4 is understood from Kafka 1.0 on and still by 4.x, and can ask for no topic and create none.
_METADATA_VERSION: Final = 4
_CLIENT: Final = b"tensionwire-check"
_MOST_BYTES: Final = 1024 * 1024
_PORTS: Final = 65_535
# First byte of a TLS record that carries an alert, as a TLS listener sends on anything else.
_TLS_ALERT: Final = 0x15


class Address(NamedTuple):
    """Host and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Answer(NamedTuple):
    """What a broker says: API key -> lowest and highest version, and the brokers it tells clients to go to.

    `advertised` is empty where the listener wants a login first.
    """

    versions: dict[int, tuple[int, int]]
    advertised: dict[int, Address]


class Trouble(NamedTuple):
    """Why there is no answer: `unresolvable`, `refused`, `unreachable`, `tls`, `not_kafka` or `silent`; in words."""

    kind: str
    problem: str


# Kind of trouble -> what to do about it, where a bootstrap address is meant.
_REMEDIES: Final = {
    "unresolvable": "correct the host",
    "refused": "start Kafka, or correct the port",
    "unreachable": "is a firewall in between, or the address wrong?",
    "tls": "give the port of a plaintext listener",
    "not_kafka": "correct the port",
    "silent": "is that port Kafka's?",
}


def parse_bootstrap(bootstrap: str) -> list[Address]:
    """Return the addresses of a bootstrap setting.

    Raises: ConfigurationError naming the part that is not host:port.

    >>> parse_bootstrap("kafka-1:9092, [::1]:9093")
    [Address(host='kafka-1', port=9092), Address(host='::1', port=9093)]
    """
    return [_parse_address(part.strip()) for part in bootstrap.split(",")]


def _parse_address(part: str) -> Address:
    host, _, port = part.rpartition(":")
    if "://" in part:
        raise _bad(part, f"leave out {part.partition('://')[0]}://")
    if not host or ("[" not in host and ":" in host):
        raise _bad(part, "such as 127.0.0.1:9092; several are separated by commas")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _PORTS:
        raise _bad(part, f"the port is a number from 1 to {_PORTS}")
    if any(letter.isspace() or letter in "/@" for letter in host):
        raise _bad(part, "the host is a name or an address")
    return Address(host.strip("[]"), int(port))


def _bad(part: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"TENSIONWIRE_BOOTSTRAP: {part!r} is not host:port; {remedy}")


def find_broker(addresses: list[Address]) -> str | None:
    """Return None as soon as Kafka answers at one of `addresses`, else why none of them does and what to do."""
    answers = ask_all(addresses, first=True)
    if any(isinstance(answer, Answer) for answer in answers.values()):
        return None
    problems = {
        address: f"{answer.problem}; {_REMEDIES[answer.kind]} (TENSIONWIRE_BOOTSTRAP)"
        for address, answer in answers.items()
        if isinstance(answer, Trouble)
    }
    if len(addresses) == 1:
        return problems[addresses[0]]
    return "; ".join(f"{address}: {problem}" for address, problem in problems.items())


def ask_all(addresses: list[Address], *, first: bool = False) -> dict[Address, Answer | Trouble]:
    """Return what is at each of `addresses`, asked at once; with `first`, go on as soon as one is a broker."""
    told: queue.Queue[tuple[Address, Answer | Trouble]] = queue.Queue()
    for address in addresses:
        # A daemon: a name service that hangs must not keep the process.
        threading.Thread(target=lambda a=address: told.put((a, ask(a))), daemon=True).start()
    deadline = time.monotonic() + _ALL_SECONDS
    late = Trouble("unreachable", f"no answer within {_ALL_SECONDS:.0f} s")
    answers: dict[Address, Answer | Trouble] = dict.fromkeys(addresses, late)
    for _ in addresses:
        try:
            address, answer = told.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        answers[address] = answer
        if first and isinstance(answer, Answer):
            break
    return answers


def ask(address: Address) -> Answer | Trouble:
    """Return what the broker at `address` says of itself, or what is there instead."""
    try:
        connection = socket.create_connection(address, CONNECT_SECONDS)
    except OSError as failure:
        return _unconnected(address, failure)
    except UnicodeError:
        return Trouble("unresolvable", f"the name {address.host!r} does not resolve")
    with closing(connection):
        connection.settimeout(ANSWER_SECONDS)
        try:
            return _converse(connection)
        except (OSError, struct.error, _NotKafkaError) as failure:
            return _explain(address, failure)


def is_reachable(address: Address) -> str | None:
    """Return None if something listens at `address`, else what fails."""
    try:
        socket.create_connection(address, CONNECT_SECONDS).close()
    except OSError as failure:
        return _unconnected(address, failure).problem
    return None


def _unconnected(address: Address, failure: OSError) -> Trouble:
    match failure:
        case socket.gaierror():
            return Trouble("unresolvable", f"the name {address.host!r} does not resolve")
        case ConnectionRefusedError():
            return Trouble("refused", "nobody listens there")
        case TimeoutError():
            return Trouble("unreachable", f"no connection within {CONNECT_SECONDS:.0f} s")
    return Trouble("unreachable", f"no connection ({failure.strerror or failure})")


class _NotKafkaError(Exception):
    """The peer's bytes are no answer to what was asked; holds the first of them."""

    def __init__(self, start: bytes) -> None:
        super().__init__(start)
        self.start = start


def _converse(connection: socket.socket) -> Answer:
    # ApiVersions, version 0: what every Kafka answers, before any authentication.
    body = _request(connection, _API_VERSIONS, 0, b"")
    _, count = struct.unpack_from(">hi", body)
    triples = [struct.unpack_from(">hhh", body, 6 + 6 * number) for number in range(count)]
    versions = {key: (low, high) for key, low, high in triples}
    try:
        body = _request(connection, _METADATA, _METADATA_VERSION, struct.pack(">i?", 0, False))
    except (OSError, _NotKafkaError):
        return Answer(versions, {})
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
    if start.startswith(b"HTTP"):
        return Trouble("not_kafka", "an HTTP server answers there, not Kafka")
    if start[:1] == bytes([_TLS_ALERT]) or (not start and _speaks_tls(address)):
        return Trouble("tls", "that port speaks TLS, and Tensionwire connects in the clear")
    if start:
        return Trouble("not_kafka", f"something else answers there, not Kafka (it begins with {start!r})")
    if isinstance(failure, TimeoutError):
        return Trouble("silent", f"something listens there but does not answer within {ANSWER_SECONDS:.0f} s")
    return Trouble("silent", "the connection is closed at once, not as Kafka does")


def _speaks_tls(address: Address) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Only asked whether it is TLS; nothing is sent over it.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(address, 1.0) as plain, context.wrap_socket(plain):
            return True
    except ssl.SSLError as failure:
        # An alert is TLS too (a client certificate is missing, say); a wrong first byte is not.
        return "ALERT" in (failure.reason or "")
    except OSError:
        return False
