"""The embedded broker of the demo: noida-db, one process, Kafka's protocol; good for a demo and small tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["free_port", "run_embedded_broker"]

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_embedded_broker(folder: Path) -> Iterator[str]:
    """Run a broker with its data in `folder`; yield its bootstrap address.

    Raises: ConfigurationError if it does not start, with the end of its log.
    """
    port = free_port()
    with ExitStack() as stack:
        # The binary, not its Python wrapper: it may only be stopped cleanly, and the wrapper keeps SIGTERM to itself.
        binary = stack.enter_context(as_file(files("noida_db") / "noida-db"))
        if not os.access(binary, os.X_OK):
            binary.chmod(0o755)
        command = [
            str(binary),
            "start",
            "--data-dir",
            str(folder / "data"),
            "--only",
            "kafka",
            "--kafka-port",
            str(port),
        ]
        log = stack.enter_context((folder / "broker.log").open("wb"))
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - a binary of our own dependency
        try:
            _wait(f"127.0.0.1:{port}", process, folder / "broker.log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(bootstrap: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            KafkaAdminClient(bootstrap_servers=bootstrap).close()
        except (KafkaError, ValueError):
            time.sleep(0.1)
        else:
            return
    tail = log.read_text(errors="replace")[-500:]
    raise ConfigurationError(f"the embedded broker did not start: {tail or 'no output'}; is the disk full?")
