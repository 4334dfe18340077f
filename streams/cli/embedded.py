"""The embedded broker of the demo: noida-db, one process, Kafka's protocol; good for a demo and small tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.client.listener import find_broker, parse_bootstrap
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        binary = _executable(stack.enter_context(as_file(files("noida_db") / "noida-db")), folder)
        command = [str(binary), "start", "--data-dir", str(folder / "data"), "--only", "kafka"]
        log = stack.enter_context((folder / "broker.log").open("wb"))
        process = _start([*command, "--kafka-port", str(port)], log)
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


def _executable(binary: Path, folder: Path) -> Path:
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(0o755)
    except OSError:
        # Installed by somebody else: a copy of our own will do.
        binary = Path(shutil.copy(binary, folder / "broker"))
        binary.chmod(0o755)
    return binary


def _start(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - a binary of our own dependency
    except OSError as error:
        remedy = "its folder must allow programs (no noexec), and the package must be of this machine's kind"
        raise ConfigurationError(f"the embedded broker {command[0]} cannot run: {error.strerror}; {remedy}") from None


def _wait(bootstrap: str, process: subprocess.Popen[bytes], log: Path) -> None:
    servers = parse_bootstrap(bootstrap)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if find_broker(servers) is None and _is_ready(bootstrap):
            return
        time.sleep(0.1)
    raise ConfigurationError(f"the embedded broker {_end_of(process, log)}")


def _is_ready(bootstrap: str) -> bool:
    try:
        KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1000).close()
    except (KafkaError, ValueError):
        return False
    return True


def _end_of(process: subprocess.Popen[bytes], log: Path) -> str:
    said = log.read_text(errors="replace")[-500:].strip() or "without a word"
    if "GLIBC" in said:
        return f"needs a newer C library than this system has ({said}); use a newer system, or a Kafka of your own"
    if "in use" in said.lower():
        return f"found its port taken ({said}); try again"
    if process.returncode is None:
        return f"did not answer within {_START_SECONDS:.0f} s ({said}); is the machine very busy? try again"
    return f"ended with code {process.returncode} ({said}); is there room in {log.parent}?"
