"""One machine in one command: what docker-compose.yml and the image promise, read without an engine.

`make compose-test` runs them for real.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from streams import __version__
from streams.settings import ENV_PREFIX, Settings

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; `make test` installs it")

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
KAFKA = ROOT / "deploy" / "kafka"
# Both of its images run as a user of their own, so the file names none.
OWN_USER = "kafka"
WORKERS = ("worker-1", "worker-2")


@cache
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


def default_of(text: str) -> str:
    """Return `text` as Compose reads it when no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def kafka_settings() -> dict[str, str]:
    lines = (KAFKA / "server.properties").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


every_service = pytest.mark.parametrize("name", compose()["services"])
every_worker = pytest.mark.parametrize("name", WORKERS)


@every_service
def test_service_can_do_no_more_than_it_must(name: str) -> None:
    assert service(name)["cap_drop"] == ["ALL"]
    assert service(name)["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & service(name).keys()


@every_service
def test_service_writes_to_memory_and_its_volume_alone(name: str) -> None:
    assert service(name)["read_only"] is True
    assert any(mount.startswith("/tmp:") for mount in service(name)["tmpfs"])  # noqa: S108 - the container's
    assert all(volume.split(":")[0] in compose()["volumes"] for volume in service(name).get("volumes", []))


@every_service
def test_service_is_bounded_in_memory_processes_and_logs(name: str) -> None:
    assert service(name)["mem_limit"]
    assert service(name)["pids_limit"]
    assert service(name)["logging"]["options"]["max-size"]


@every_service
def test_service_is_not_root(name: str) -> None:
    if name == OWN_USER:
        users = re.findall(r"^USER (\S+)$", (KAFKA / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    else:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service(name)["user"])


@every_service
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    for port in service(name).get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", default_of(port))


@every_service
def test_image_is_pinned(name: str) -> None:
    image = default_of(service(name)["image"])
    tag = image.rpartition(":")[2]
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag), f"{image} names no release"


@every_service
def test_every_setting_given_exists(name: str) -> None:
    given = [variable for variable in service(name)["environment"] if variable.startswith(ENV_PREFIX)]
    assert bool(given) == (name != OWN_USER)
    assert {variable.removeprefix(ENV_PREFIX).lower() for variable in given} <= Settings.model_fields.keys()


@every_worker
def test_worker_is_healthy_when_its_partitions_are_restored(name: str) -> None:
    kind, command, *_, program = service(name)["healthcheck"]["test"]
    assert (kind, command) == ("CMD", "python3")
    assert "http://127.0.0.1:6066/readyz" in program


@every_worker
def test_worker_starts_after_the_topics_and_again_after_a_crash(name: str) -> None:
    assert service(name)["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}
    assert service("topics")["command"] == ["topics", "init"]
    assert service("topics")["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert service(name)["restart"] == "unless-stopped"


@every_worker
def test_worker_keeps_its_partitions_over_a_restart(name: str) -> None:
    assert service(name)["environment"]["TENSIONWIRE_INSTANCE_ID"] == name
    session = Settings.model_fields["session_timeout_seconds"].default
    assert int(service(name)["stop_grace_period"].removesuffix("s")) > session


def test_only_workers_open_their_port_to_the_network() -> None:
    open_to_all = {name for name, found in compose()["services"].items() if "TENSIONWIRE_WEB_HOST" in str(found)}
    assert open_to_all == set(WORKERS)


def test_kafka_has_each_setting_that_one_node_needs() -> None:
    environment = service("kafka")["environment"]
    wanted = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in kafka_settings().items()}
    # The port for this host is one listener more than those of server.properties; a deleted topic's files may stay.
    del wanted["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"], wanted["KAFKA_LOG_SEGMENT_DELETE_DELAY_MS"]
    assert wanted.items() <= environment.items()


def test_kafka_listeners_are_mapped_and_advertised() -> None:
    environment = {name: default_of(value) for name, value in service("kafka")["environment"].items()}
    listeners = dict(entry.split("://") for entry in environment["KAFKA_LISTENERS"].split(","))
    advertised = dict(entry.split("://") for entry in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    mapped = dict(entry.split(":") for entry in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert listeners.keys() == mapped.keys() == advertised.keys() | {"CONTROLLER"}
    assert advertised["PLAINTEXT"] == service("worker-1")["environment"]["TENSIONWIRE_BOOTSTRAP"]
    assert advertised["HOST"] == Settings.model_fields["bootstrap"].default
    assert [default_of(port) for port in service("kafka")["ports"]] == [f"{advertised['HOST']}:9092"]


def test_image_of_this_release_is_the_default() -> None:
    assert default_of(service("worker-1")["image"]) == f"tensionwire/tensionwire:{__version__}"


def test_dockerfile_ends_as_a_numeric_user_that_is_not_root() -> None:
    final = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (\S+)$", final, re.MULTILINE)
    assert users == [service("worker-1")["user"]]
    assert 'ENTRYPOINT ["tensionwire"]\nCMD ["worker"]' in final


def test_dockerfile_installs_only_what_the_lock_names() -> None:
    installs = re.findall(r"\binstall (?:[^&\n]|\\\n)*", DOCKERFILE.read_text(encoding="utf-8"))
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index" in install


def test_everything_the_dockerfile_copies_is_in_the_build_context() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert {source.replace("[s]", "s").split("/")[0] for source in line.split()} <= kept


@pytest.mark.parametrize("page", [ROOT / "deploy" / "compose" / "README.md"])
def test_every_variable_of_the_file_is_explained(page: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    explained = page.read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\{(\w+):-", text))
    assert variables
    assert [name for name in sorted(variables) if f"`{name}`" not in explained] == []
