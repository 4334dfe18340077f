"""Asking a bootstrap address whether Kafka answers there, and if not, what does: within seconds, whatever it is."""

from __future__ import annotations

import queue
import socket
import ssl
import struct
import threading
import time
from typing import Final, NamedTuple

from streams.core.errors import ConfigurationError

__all__ = ["Server", "find_broker", "parse_bootstrap"]

# Seconds for a connection, and for an answer: a loaded broker needs a fraction of the latter.
_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 5.0
# Name service has no timeout of its own that we could set: nobody waits longer than this for all of it.
_ALL_SECONDS: Final = 9.0
_CORRELATION: Final = 0x7E15
# ApiVersions, version 0: what every Kafka answers, before any authentication.
_QUESTION: Final = struct.pack(">ihhih", 10, 18, 0, _CORRELATION, -1)
_PORTS: Final = 65_535


class Server(NamedTuple):
    """One bootstrap server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_bootstrap(bootstrap: str) -> list[Server]:
    """Return the servers of TENSIONWIRE_BOOTSTRAP.

    Raises: ConfigurationError naming the part that is not host:port.

    >>> parse_bootstrap("kafka-1:9092,[::1]:9093")
    [Server(host='kafka-1', port=9092), Server(host='::1', port=9093)]
    """
    return [_parse_server(part.strip()) for part in bootstrap.split(",")]


def _parse_server(part: str) -> Server:
    host, _, port = part.rpartition(":")
    if "://" in part:
        raise _bad(part, f"leave out {part.partition('://')[0]}://")
    if not host or ("[" not in host and ":" in host):
        raise _bad(part, "such as 127.0.0.1:9092; several are separated by commas")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _PORTS:
        raise _bad(part, f"the port is a number from 1 to {_PORTS}")
    if any(letter.isspace() or letter in "/@" for letter in host):
        raise _bad(part, "the host is a name or an address")
    return Server(host.strip("[]"), int(port))


def _bad(part: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"TENSIONWIRE_BOOTSTRAP: {part!r} is not host:port; {remedy}")


def find_broker(servers: list[Server]) -> str | None:
    """Return None as soon as Kafka answers at one of `servers`, else why none of them does."""
    answers: queue.Queue[tuple[Server, str | None]] = queue.Queue()
    for server in servers:
        # A daemon: a name service that hangs must not keep the process.
        threading.Thread(target=lambda s=server: answers.put((s, _probe(s))), daemon=True).start()
    deadline = time.monotonic() + _ALL_SECONDS
    problems = dict.fromkeys(servers, f"no answer within {_ALL_SECONDS:.0f} s")
    for _ in servers:
        try:
            server, problem = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if problem is None:
            return None
        problems[server] = problem
    if len(servers) == 1:
        return problems[servers[0]]
    return "; ".join(f"{server}: {problem}" for server, problem in problems.items())


def _probe(server: Server) -> str | None:
    try:
        with socket.create_connection(server, _CONNECT_SECONDS) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.sendall(_QUESTION)
            answer = _read(connection)
    except (socket.gaierror, UnicodeError):
        return f"the name {server.host!r} does not resolve; correct the host in TENSIONWIRE_BOOTSTRAP"
    except ConnectionRefusedError:
        return "nobody listens there; start Kafka, or correct TENSIONWIRE_BOOTSTRAP"
    except ConnectionError:
        answer = b""
    except TimeoutError:
        return "no connection within 3 s; is a firewall in between, or TENSIONWIRE_BOOTSTRAP wrong?"
    except OSError as error:
        return f"{error.strerror or error}; correct TENSIONWIRE_BOOTSTRAP"
    return _judge(server, answer)


def _read(connection: socket.socket) -> bytes | None:
    # The first eight bytes tell: the length and our own correlation id.
    answer = b""
    deadline = time.monotonic() + _ANSWER_SECONDS
    try:
        while len(answer) < 8 and (left := deadline - time.monotonic()) > 0:  # noqa: PLR2004 - two integers
            connection.settimeout(left)
            chunk = connection.recv(64)
            if not chunk:
                return answer
            answer += chunk
    except TimeoutError:
        return answer or None
    return answer


def _judge(server: Server, answer: bytes | None) -> str | None:
    if answer is not None and answer[4:8] == struct.pack(">i", _CORRELATION):
        return None
    if answer is not None and answer.startswith(b"HTTP/"):
        return "an HTTP server answers there, not Kafka; correct the port in TENSIONWIRE_BOOTSTRAP"
    if _speaks_tls(server):
        return "that port speaks TLS; give the port of a plaintext listener in TENSIONWIRE_BOOTSTRAP"
    if answer is None:
        return f"something listens there but does not answer within {_ANSWER_SECONDS:.0f} s; is that port Kafka's?"
    said = "something else answers there" if answer else "the connection is closed at once"
    return f"{said}, not Kafka; correct the port in TENSIONWIRE_BOOTSTRAP"


def _speaks_tls(server: Server) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent over it: only whether it is TLS counts.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(server, 1.0) as connection, context.wrap_socket(connection):
            return True
    except ssl.SSLError as error:
        # An alert is TLS too (a client certificate is missing, say); a wrong first byte is not.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
