"""The Kafka broker that the tests talk to: the most real one that this machine can run.

Order: `KAFKA_BOOTSTRAP`, a container where a Docker engine answers, Apache Kafka's own jars on a
JVM, the embedded broker. Each start that cannot happen here says why, and that reason travels
with the broker that was taken instead.

Environment:
    KAFKA_BOOTSTRAP                 use this running cluster; nothing else is tried
    TENSIONWIRE_KAFKA_SOURCE        try only `docker`, `jvm` or `embedded`
    TENSIONWIRE_KAFKA_IMAGE         the container image
    TENSIONWIRE_KAFKA_CACHE         the folder of jars (see deploy/kafka/fetch.sh)
    TENSIONWIRE_REQUIRE_REAL_KAFKA  `1`: the embedded broker is a failure
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from testcontainers.core.container import DockerContainer
    from testcontainers.core.docker_client import DockerClient

__all__ = [
    "Broker",
    "BrokerSetupError",
    "BrokerStartError",
    "KafkaSource",
    "Kind",
    "Source",
    "choose_broker",
    "start_broker",
    "start_docker_broker",
    "start_embedded_broker",
    "start_external_broker",
    "start_jvm_broker",
]

Kind = Literal["external", "docker", "jvm", "embedded"]

OWN_IMAGE = "tensionwire/kafka:4.2.0"
PUBLIC_IMAGE = "apache/kafka:4.2.0"

_DEPLOY = Path(__file__).resolve().parents[1] / "deploy" / "kafka"
# fetch.sh's exit code for a jar that differs from SHA256SUMS.
_CHECKSUM_MISMATCH = 3
# Seconds. A JVM broker needs four here; a shared CI machine may need many times that.
_START_DEADLINE = 120.0
_STOP_DEADLINE = 60.0
# Seconds, for the download of the jars over a slow line.
_FETCH_DEADLINE = 600.0
# The C1 compiler alone nearly halves the processor time that a start costs.
_SHORT_LIVED_JVM = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True)
class Broker:
    """A broker that answers."""

    bootstrap: str
    kind: Kind
    # Why this one and not a better one.
    reason: str


@dataclass(frozen=True)
class Source:
    """One way to a broker."""

    kind: Kind
    start: Callable[[], AbstractContextManager[Broker]]


class BrokerStartError(RuntimeError):
    """One broker cannot run here; another may."""


class BrokerSetupError(RuntimeError):
    """What was asked for cannot be had; another broker would hide that."""


class KafkaSource:
    """The broker of one test session, from entry to exit."""

    def __init__(self, data_dir: Path, *, environ: Mapping[str, str] = os.environ) -> None:
        require_real = environ.get("TENSIONWIRE_REQUIRE_REAL_KAFKA") == "1"
        self._broker = start_broker(data_dir, require_real=require_real, environ=environ)

    def __enter__(self) -> Broker:
        return self._broker.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return self._broker.__exit__(kind, error, traceback)


@contextmanager
def start_broker(data_dir: Path, *, require_real: bool, environ: Mapping[str, str] = os.environ) -> Iterator[Broker]:
    """Yield the most real broker that starts here.

    Raises: BrokerSetupError if none starts, or only the embedded one where `require_real` is set.
    """
    with ExitStack() as running:
        yield choose_broker(_sources(data_dir, environ), running.enter_context, require_real=require_real)


def choose_broker(
    sources: Sequence[Source],
    enter: Callable[[AbstractContextManager[Broker]], Broker],
    *,
    require_real: bool,
) -> Broker:
    """Return the first broker of `sources` that `enter` could start, with the refusals before it.

    Raises: BrokerSetupError if none starts, or only the embedded one where `require_real` is set.
    """
    refusals: list[str] = []
    for source in sources:
        if source.kind == "embedded" and require_real:
            refusals.append("embedded: not Apache Kafka, and TENSIONWIRE_REQUIRE_REAL_KAFKA=1")
            continue
        try:
            broker = enter(source.start())
        except BrokerStartError as error:
            refusals.append(f"{source.kind}: {error}")
        else:
            short = [refusal.splitlines()[0] for refusal in refusals]
            return replace(broker, reason="; ".join(short) or broker.reason)
    listed = "\n".join(f"- {refusal}" for refusal in refusals)
    raise BrokerSetupError(f"no usable Kafka broker:\n{listed}")


def _sources(data_dir: Path, environ: Mapping[str, str]) -> list[Source]:
    bootstrap = environ.get("KAFKA_BOOTSTRAP")
    if bootstrap:
        return [Source("external", lambda: start_external_broker(bootstrap))]
    sources = [
        Source("docker", lambda: start_docker_broker(environ.get("TENSIONWIRE_KAFKA_IMAGE"))),
        Source("jvm", lambda: start_jvm_broker(data_dir)),
        Source("embedded", lambda: start_embedded_broker(data_dir)),
    ]
    only = environ.get("TENSIONWIRE_KAFKA_SOURCE")
    if only and only not in get_args(Kind):
        known = ", ".join(source.kind for source in sources)
        message = f"TENSIONWIRE_KAFKA_SOURCE is '{only}'; use one of {known}"
        raise BrokerSetupError(message)
    return [source for source in sources if not only or source.kind == only]


@contextmanager
def start_external_broker(bootstrap: str) -> Iterator[Broker]:
    """Yield the running cluster at `bootstrap`.

    Raises: BrokerSetupError if it does not answer: whoever names a cluster wants that one.
    """
    try:
        _wait_until_ready(bootstrap, lambda: True, deadline=20.0)
    except BrokerStartError as error:
        message = f"KAFKA_BOOTSTRAP={bootstrap} does not answer; start it or unset the variable"
        raise BrokerSetupError(message) from error
    yield Broker(bootstrap, "external", "KAFKA_BOOTSTRAP is set")


@contextmanager
def start_jvm_broker(data_dir: Path, *, port: int | None = None) -> Iterator[Broker]:
    """Yield Apache Kafka's own jars on a JVM, its data and its log under `data_dir`.

    The same `data_dir` and `port` again give the same broker with its data.
    Raises: BrokerStartError if it cannot run here; BrokerSetupError if a jar is not the pinned one.
    """
    _fetch_jars()
    port = port or _free_port()
    command = [str(_DEPLOY / "run.sh"), "--data", str(data_dir / "kafka"), "--port", str(port)]
    command += ["--controller-port", str(_free_port())]
    environ = {"KAFKA_OPTS": _SHORT_LIVED_JVM, **os.environ}
    with _running(command, data_dir / "kafka.log", environ, port) as bootstrap:
        yield Broker(bootstrap, "jvm", "asked for")


@contextmanager
def start_embedded_broker(data_dir: Path, *, port: int | None = None) -> Iterator[Broker]:
    """Yield noida-db: Kafka's protocol with transactions, good for small runs only.

    Raises: BrokerStartError if it is not installed or does not come up.
    """
    port = port or _free_port()
    with ExitStack() as stack:
        try:
            binary = stack.enter_context(as_file(files("noida_db") / "noida-db"))
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise BrokerStartError("noida-db is not installed") from error
        if not os.access(binary, os.X_OK):
            binary.chmod(0o755)
        # The binary, not its Python wrapper: the wrapper would keep SIGTERM to itself.
        command = [str(binary), "start", "--data-dir", str(data_dir / "noida")]
        command += ["--only", "kafka", "--kafka-port", str(port)]
        log = data_dir / "noida.log"
        bootstrap = stack.enter_context(_running(command, log, os.environ, port))
        yield Broker(bootstrap, "embedded", "asked for")


@contextmanager
def start_docker_broker(image: str | None = None) -> Iterator[Broker]:
    """Yield Apache Kafka in a container of `image`, or of the first known image to be had.

    Raises: BrokerStartError if no engine answers, no image is there, or it does not come up.
    """
    try:
        # Slow to import, and wanted only where Docker is.
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415
        from testcontainers.core.docker_client import (  # noqa: PLC0415
            DockerClient,
            get_docker_host,
        )
    except ImportError as error:
        raise BrokerStartError("testcontainers is not installed") from error
    _ask_engine(get_docker_host() or "unix:///var/run/docker.sock")
    with ExitStack() as stack:
        # The engine, the registry and testcontainers each raise what they like;
        # whatever it is, another broker may still run here.
        try:
            engine = DockerClient(timeout=60)
            stack.callback(engine.client.close)
            found = _find_image(engine, image)
            container = DockerContainer(found)
            stack.callback(_stop_container, container)
            bootstrap = _start_container(container, engine)
        except Exception as error:
            raise BrokerStartError(f"{error}".strip() or type(error).__name__) from error
        try:
            _wait_until_ready(bootstrap, lambda: _is_running(container))
        except BrokerStartError as error:
            log = b"".join(container.get_logs()).decode(errors="replace")
            raise BrokerStartError(f"{error}; the end of its log:\n{_tail(log)}") from error
        yield Broker(bootstrap, "docker", f"image {found}")


def _ask_engine(host: str) -> None:
    """Return if something listens at `host`.

    Docker's client leaves its socket open when it meets a dead one, and that is a warning.
    Raises: BrokerStartError if nothing does.
    """
    scheme, _, path = host.partition("://")
    if scheme != "unix":
        return
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except OSError as error:
        raise BrokerStartError(f"no Docker engine answers at {host}") from error


def _find_image(engine: DockerClient, wanted: str | None) -> str:
    candidates = [wanted] if wanted else [OWN_IMAGE, PUBLIC_IMAGE]
    for image in candidates:
        if engine.client.images.list(name=image):
            return image
    image = candidates[-1]
    try:
        engine.client.images.pull(image)
    except Exception as error:
        raise BrokerStartError(f"image {image} is not here and cannot be pulled ({error})") from error
    return image


def _start_container(container: DockerContainer, engine: DockerClient) -> str:
    """Return the address of the broker in `container`, started by the image's own start script.

    The advertised address holds a port that is known only once the container runs, so the
    container waits for a script that is copied in afterwards.
    """
    script = "/tmp/tensionwire-start.sh"  # noqa: S108  inside the container, which holds nothing else
    waiting = f"until [ -s {script} ]; do sleep 0.1; done; exec sh {script}"
    container.with_kwargs(entrypoint=["sh", "-c", waiting])
    # An engine without a bridge cannot publish ports; its containers share the host's network.
    has_bridge = any(network.name == "bridge" for network in engine.client.networks.list())
    if has_bridge:
        listen, controller_port = "0.0.0.0:9092", 9093
        container.with_exposed_ports(9092).start()
        advertised = f"{container.get_container_host_ip()}:{container.get_exposed_port(9092)}"
    else:
        advertised = listen = f"127.0.0.1:{_free_port()}"
        controller_port = _free_port()
        container.with_kwargs(entrypoint=["sh", "-c", waiting], network_mode="host").start()
    settings = _node_settings() | {
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "log.dirs": "/tmp/kafka-logs",  # noqa: S108
    }
    lines = [f"export {_variable(name)}='{value}'" for name, value in settings.items()]
    lines += [f"export KAFKA_OPTS='{_SHORT_LIVED_JVM}'", "exec /etc/kafka/docker/run"]
    container.copy_into_container("\n".join(lines).encode(), script)
    return advertised


def _node_settings() -> dict[str, str]:
    lines = (_DEPLOY / "server.properties").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _variable(name: str) -> str:
    """Return the environment variable that the images read for the setting `name`.

    >>> _variable("min.insync.replicas")
    'KAFKA_MIN_INSYNC_REPLICAS'
    """
    escaped = name.replace("_", "__").replace("-", "___").replace(".", "_")
    return f"KAFKA_{escaped.upper()}"


def _is_running(container: DockerContainer) -> bool:
    container.reload()
    return bool(container.status == "running")


def _stop_container(container: DockerContainer) -> None:
    with suppress(Exception):  # never started, or gone: both are what is wanted
        container.get_wrapped_container().stop(timeout=int(_STOP_DEADLINE))
    container.stop()


def _fetch_jars() -> None:
    if shutil.which("java") is None:
        raise BrokerStartError("java is not on PATH")
    fetched = subprocess.run(
        [_DEPLOY / "fetch.sh"], capture_output=True, text=True, timeout=_FETCH_DEADLINE, check=False
    )
    if fetched.returncode == 0:
        return
    lines = fetched.stderr.strip().splitlines() or ["fetch.sh failed without a word"]
    # The script's own verdict comes last, after whatever Maven said.
    message = "\n".join([lines[-1], *lines[:-1]])
    if fetched.returncode == _CHECKSUM_MISMATCH:
        raise BrokerSetupError(message)
    raise BrokerStartError(message)


@contextmanager
def _running(command: list[str], log: Path, environ: Mapping[str, str], port: int) -> Iterator[str]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            # A group of its own: Ctrl-C must reach the tests, which then stop the broker in order.
            start_new_session=True,
        )
    try:
        bootstrap = f"127.0.0.1:{port}"
        try:
            _wait_until_ready(bootstrap, lambda: process.poll() is None)
        except BrokerStartError as error:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise BrokerStartError(f"{error}; the end of {log}:\n{_tail(text)}") from error
        yield bootstrap
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the process group with SIGTERM alone: the embedded broker loses data under SIGKILL."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_DEADLINE)
    except subprocess.TimeoutExpired as error:
        message = f"broker {process.pid} still runs {_STOP_DEADLINE:.0f} s after SIGTERM; stop it"
        raise RuntimeError(message) from error


def _wait_until_ready(bootstrap: str, alive: Callable[[], bool], *, deadline: float = _START_DEADLINE) -> None:
    """Return once the broker at `bootstrap` serves metadata.

    Raises: BrokerStartError if `alive` turns false or `deadline` seconds pass.
    """
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        if not alive():
            raise BrokerStartError("the broker ended before it was ready")
        # A refused client leaves a thread behind, so it is made only where something listens.
        if _listens(bootstrap) and _serves_metadata(bootstrap):
            return
        time.sleep(0.1)
    raise BrokerStartError(f"the broker at {bootstrap} was not ready after {deadline:.0f} s")


def _listens(bootstrap: str) -> bool:
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except OSError:
        return False


def _serves_metadata(bootstrap: str) -> bool:
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=10_000,
            # The default lets the pauses between attempts grow to half a minute.
            reconnect_backoff_max_ms=200,
        )
    except KafkaError:
        return False
    try:
        admin.list_topics()
    except KafkaError:
        return False
    finally:
        admin.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(text: str, lines: int = 30) -> str:
    return "\n".join(text.splitlines()[-lines:])
