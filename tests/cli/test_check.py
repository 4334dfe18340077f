"""`check` as an operator meets it: each mistake is found, named, placed, and comes with its remedy."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import uuid
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata

from streams.cli import cli
from streams.cli.check import broker_rules
from streams.cli.checks import brokers
from streams.cli.checks.finding import Skipped
from streams.cli.checks.snapshot import Group, Member, Node, Sample, Snapshot, TopicState
from streams.cli.embedded import free_port
from streams.client import listener
from streams.codebook import data_version
from streams.settings import Settings, load_settings
from streams.worker import exactly_once
from streams.worker.topics import Topic, create, topics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka_source import Broker

VERSION = data_version()
ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "kafka"
NOW_MS = 1_800_000_000_000


class Result:
    """What `check` answered."""

    def __init__(self, output: str, code: int) -> None:
        self.code, self.output = code, output
        self.body: dict[str, Any] = json.loads(output) if output.startswith("{") else {}
        self.findings = {finding["id"]: finding for finding in self.body.get("findings", ())}
        self.status = {check["check"]: check["status"] for check in self.body.get("checks", ())}


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return `check` as a function, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, form: str = "json", **environment: str) -> Result:
        variables = {f"TENSIONWIRE_{name.upper()}": value for name, value in environment.items()}
        result = CliRunner().invoke(cli, ["check", "--format", form, *arguments], env=variables)
        return Result(result.stdout, result.exit_code)

    return run


# --- without a broker ---


def test_a_fine_installation_passes_and_says_what_was_looked_at(check: Callable[..., Result]) -> None:
    result = check()
    assert (result.code, result.body["ok"], result.findings) == (0, True, {})
    assert {"python", "settings", "variables", "codebook", "embedded", "temporary", "files", "clock"} <= set(
        result.status
    )
    lines = check(form="table").output.splitlines()
    assert all(line.startswith(("✓ ok", "- skipped")) for line in lines[:-1])
    assert "0 errors, 0 warnings" in lines[-1]


def test_a_misspelt_variable_is_an_error_with_the_name_that_was_meant(check: Callable[..., Result]) -> None:
    result = check(partitons="8")
    found = result.findings["setting.unknown"]
    assert (result.code, found["severity"], found["place"]) == (1, "error", "TENSIONWIRE_PARTITONS")
    assert found["remedy"] == "unset TENSIONWIRE_PARTITONS; export TENSIONWIRE_PARTITIONS=8"


def test_a_variable_like_no_setting_is_a_warning_and_counts_with_strict_only(check: Callable[..., Result]) -> None:
    assert (check(zzqqxx="1").code, check("--strict", zzqqxx="1").code) == (0, 1)
    assert check(zzqqxx="1").findings["setting.unknown"]["severity"] == "warning"


def test_a_value_that_cannot_be_read_ends_with_exit_code_2_and_the_variable(check: Callable[..., Result]) -> None:
    result = check("--broker", partitions="many", web_port="0")
    assert result.code == 2
    places = {finding["place"] for finding in result.body["findings"] if finding["id"] == "setting.invalid"}
    assert places == {"TENSIONWIRE_PARTITIONS", "TENSIONWIRE_WEB_PORT"}
    assert result.status["topics"] == "skipped"


def test_a_dotenv_file_is_checked_line_by_line(check: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nTENSIONWIRE_PREFIX=a\nTENSIONWIRE_BOOTSTRP=k:1\nnonsense\n")
    findings = check().findings
    assert findings["setting.unknown"]["place"] == f"{tmp_path}/.env:3"
    assert findings["setting.dotenv_line"]["place"] == f"{tmp_path}/.env:4"


def test_a_bootstrap_that_is_no_address_is_named(check: Callable[..., Result]) -> None:
    found = check(bootstrap="localhost:9092,kafka").findings["setting.bootstrap"]
    assert found["problem"].startswith("'kafka' is not host:port")


def test_a_temporary_folder_that_cannot_be_written_is_an_error(
    check: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", refuse)
    assert check().findings["host.temporary"]["severity"] == "error"


def test_a_low_limit_of_open_files_is_an_error(check: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    assert "ulimit -n" in check(partitions="64").findings["host.open_files"]["remedy"]


def test_a_broken_data_file_of_the_coder_is_named(
    check: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from streams.core.errors import CodebookError  # noqa: PLC0415 - one test's

    def fail() -> None:
        raise CodebookError("grammar.toml: line 3: unterminated; restore the file or correct its TOML")

    monkeypatch.setattr("streams.cli.checks.host.load_codebook", fail)
    assert "grammar.toml: line 3" in check().findings["codebook.invalid"]["problem"]


def test_the_worker_and_the_rules_mean_the_same_transaction_timeout() -> None:
    assert brokers.TRANSACTION_TIMEOUT_MS == exactly_once.TRANSACTION_TIMEOUT_MS


def test_every_finding_is_explained_in_the_how_to() -> None:
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "streams/cli/checks").glob("*.py")))
    used = set(re.findall(r'"((?:setting|host|codebook|schema|broker|topic|group)[.][a-z_]+)"', code))
    used |= {f"broker.{kind}" for kind in re.findall(r'Trouble\("(\w+)"', code)}
    explained = set(
        re.findall(r"`([a-z]+[.][a-z_]+)`", (ROOT / "docs/how-to/check-an-installation.md").read_text("utf-8"))
    )
    assert len(used) > 40
    assert used <= explained, used - explained


# --- what is there instead of a broker ---


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Answer each connection to a port of this host in a thread; yield the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with closing(connection):
                try:
                    answer(connection)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        # Wakes `accept`, which closing alone does not.
        server.shutdown(socket.SHUT_RDWR)


def told(check: Callable[..., Result], bootstrap: str) -> tuple[str, str]:
    result = check("--broker", bootstrap=bootstrap)
    assert result.code == 1
    assert result.status["topics"] == "skipped"
    (finding,) = result.findings.values()
    return finding["id"], finding["problem"]


def test_a_closed_port_is_told_at_once(check: Callable[..., Result]) -> None:
    started = time.monotonic()
    assert told(check, f"127.0.0.1:{free_port()}")[0] == "broker.refused"
    assert time.monotonic() - started < 2


def test_a_name_that_does_not_resolve_is_told(check: Callable[..., Result]) -> None:
    assert told(check, "kafka.invalid:9092") == (
        "broker.unresolvable",
        "the name 'kafka.invalid' does not resolve",
    )


def test_a_web_server_on_the_port_is_told(check: Callable[..., Result]) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(answer) as port:
        name, problem = told(check, f"127.0.0.1:{port}")
    assert (name, "HTTP" in problem) == ("broker.not_kafka", True)


def test_a_listener_that_never_answers_is_told(check: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "ANSWER_SECONDS", 0.2)

    def wait(connection: socket.socket) -> None:
        connection.settimeout(2)
        while connection.recv(1024):
            pass

    with serving(wait) as port:
        assert told(check, f"127.0.0.1:{port}")[0] == "broker.silent"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate; install openssl to run it")
def test_a_tls_listener_is_told(check: Callable[..., Result], tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)

    with serving(answer) as port:
        assert told(check, f"127.0.0.1:{port}")[0] == "broker.tls"


# --- the rules, on a described cluster ---


def healthy(settings: Settings) -> Snapshot:
    """Return a cluster of three brokers with everything as it must be, two workers, and nothing waiting."""
    wanted = topics_of(settings, VERSION)
    states = {
        topic.name: TopicState(
            name=topic.name,
            partitions=topic.partitions,
            replicas=3,
            in_sync=3,
            leaderless=0,
            config={"min.insync.replicas": "2", "retention.bytes": "-1", **topic.config},
            rights=frozenset({"READ", "WRITE", "DESCRIBE"}),
        )
        for topic in wanted
    }
    values = {
        "auto.create.topics.enable": "false",
        "transaction.max.timeout.ms": "900000",
        "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "2",
        "offsets.topic.replication.factor": "3",
        "group.min.session.timeout.ms": "6000",
        "group.max.session.timeout.ms": "1800000",
        "socket.request.max.bytes": "104857600",
    }
    name = settings.application_id(VERSION)
    member = Member("faust", "10.0.0.1", frozenset(topic.name for topic in wanted))
    place = (settings.topic("reports.raw"), 0)
    sample = Sample(at_ms=NOW_MS, begins={place: 0}, ends={place: 10}, committed={place: 10})
    return Snapshot(
        versions={1: (4, 17), 9: (1, 9)},
        nodes=tuple(Node(number, values) for number in (1, 2, 3)),
        names=frozenset(states) | {"__consumer_offsets", "__transaction_state"},
        topics=states,
        groups={name: Group(name, "Stable", (member, member))},
        first=sample,
        last=sample,
        newest=({place: (9, NOW_MS - 1000)}, {place: (9, NOW_MS - 1000)}),
    )


def judged(snapshot: Snapshot, settings: Settings) -> tuple[set[str], set[str]]:
    """Return the ids of all findings, and the names of the checks that were skipped."""
    verdicts = {item.name: item.run() for item in broker_rules(snapshot, settings, VERSION)}
    found = {finding.id for verdict in verdicts.values() if not isinstance(verdict, Skipped) for finding in verdict}
    return found, {name for name, verdict in verdicts.items() if isinstance(verdict, Skipped)}


def changed(snapshot: Snapshot, **changes: Any) -> Snapshot:
    return msgspec.structs.replace(snapshot, **changes)


def with_values(**values: str) -> Callable[[Snapshot], Snapshot]:
    def change(snapshot: Snapshot) -> Snapshot:
        settings = {
            **(snapshot.nodes[0].settings or {}),
            **{name.replace("_", "."): text for name, text in values.items()},
        }
        return changed(snapshot, nodes=tuple(Node(node.id, settings) for node in snapshot.nodes))

    return change


def with_raw(**changes: Any) -> Callable[[Snapshot], Snapshot]:
    def change(snapshot: Snapshot) -> Snapshot:
        name = next(name for name in snapshot.topics if name.endswith("reports.raw.v1"))
        state = snapshot.topics[name]
        config = {**state.config, **changes.get("config", {})}
        state = msgspec.structs.replace(state, **{**changes, "config": config})
        return changed(snapshot, topics={**snapshot.topics, name: state})

    return change


def with_group(state: str = "Stable", members: int = 2) -> Callable[[Snapshot], Snapshot]:
    def change(snapshot: Snapshot) -> Snapshot:
        ((name, group),) = snapshot.groups.items()
        return changed(snapshot, groups={name: Group(name, state, group.members[:1] * members)})

    return change


def with_sample(at_ms: int = 0, **changes: int) -> Callable[[Snapshot], Snapshot]:
    """Return a change of the last sample of the one partition; a record waits in it."""

    def change(snapshot: Snapshot) -> Snapshot:
        (place,) = snapshot.last.ends
        last = Sample(
            NOW_MS + at_ms,
            {place: changes.get("begin", 0)},
            {place: changes.get("end", 10)},
            {place: changes.get("committed", 10)},
        )
        first = msgspec.structs.replace(last, at_ms=NOW_MS, committed={place: changes.get("before", 10)})
        return changed(snapshot, first=first, last=last, waiting=frozenset({place}))

    return change


def with_newest(before: tuple[int, int], after: tuple[int, int]) -> Callable[[Snapshot], Snapshot]:
    def change(snapshot: Snapshot) -> Snapshot:
        (place,) = snapshot.last.ends
        return changed(snapshot, newest=({place: before}, {place: after}))

    return change


def with_old_codebook(snapshot: Snapshot) -> Snapshot:
    ((name, group),) = snapshot.groups.items()
    old = f"{name.rpartition('-')[0]}-0badc0de"
    return changed(snapshot, groups={**snapshot.groups, old: Group(old, "Stable", group.members)})


MISTAKES = {
    "broker.too_old": lambda s: changed(s, versions={1: (0, 11), 9: (0, 6)}),
    "broker.old": lambda s: changed(s, versions={1: (0, 15), 9: (0, 9)}),
    "broker.auto_create_topics": with_values(auto_create_topics_enable="true"),
    "broker.transaction_timeout": with_values(transaction_max_timeout_ms="30000"),
    "broker.transaction_min_isr": with_values(transaction_state_log_min_isr="4"),
    "broker.internal_replication": lambda s: changed(
        with_values(transaction_state_log_replication_factor="5")(s), names=frozenset()
    ),
    "broker.internal_replication_one": with_values(offsets_topic_replication_factor="1"),
    "broker.session_timeout": with_values(group_max_session_timeout_ms="8000"),
    "broker.request_size": with_values(socket_request_max_bytes="1000000"),
    "broker.rights": with_raw(rights=frozenset({"WRITE", "DESCRIBE"})),
    "broker.clock": with_newest((9, NOW_MS), (9, NOW_MS + 301_000)),
    "topic.missing": lambda s: changed(s, topics=dict(list(s.topics.items())[1:])),
    "topic.partitions": with_raw(partitions=8),
    "topic.cleanup_policy": with_raw(config={"cleanup.policy": "compact"}),
    "topic.message_bytes": with_raw(config={"max.message.bytes": "1048588"}),
    "topic.retention": with_raw(config={"retention.ms": "604800000"}),
    "topic.retention_bytes": with_raw(config={"retention.bytes": "1000000"}),
    "topic.timestamp_type": with_raw(config={"message.timestamp.type": "CreateTime"}),
    "topic.replication": with_raw(replicas=1, in_sync=1, config={"min.insync.replicas": "1"}),
    "topic.min_insync": with_raw(config={"min.insync.replicas": "4"}),
    "topic.under_replicated": with_raw(in_sync=2),
    "topic.no_leader": with_raw(leaderless=1),
    "group.no_worker": with_group("Empty", 0),
    "group.idle_workers": with_group(members=9),
    "group.rebalancing": with_group("PreparingRebalance"),
    "group.other_codebook": with_old_codebook,
    "group.records_lost": with_sample(begin=50, end=60, committed=20, before=10),
    "group.offset_beyond_end": with_sample(end=0, committed=7, before=7),
    "group.stuck": with_sample(at_ms=2000, end=20, committed=10, before=10),
    "group.lag_growing": with_sample(at_ms=2000, end=90_000, committed=20, before=10),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found_and_nothing_else(name: str) -> None:
    settings = load_settings(prefix="p", replication=3)
    base = healthy(settings)
    assert judged(base, settings) == (set(), set())
    broken = MISTAKES[name](base)
    if name == "group.lag_growing":
        broken = changed(
            broken, first=msgspec.structs.replace(broken.first, ends=dict.fromkeys(broken.first.ends, 100))
        )
    extra = {"group.stuck"} if name == "group.offset_beyond_end" else set()
    assert judged(broken, settings)[0] - extra == {name}


def test_a_clock_that_is_behind_shows_in_a_record_that_came_while_we_looked() -> None:
    settings = load_settings(prefix="p", replication=3)
    fresh = with_newest((9, NOW_MS - 400_000), (10, NOW_MS - 399_000))(healthy(settings))
    assert judged(fresh, settings)[0] == {"broker.clock"}
    quiet = with_newest((9, NOW_MS - 400_000), (9, NOW_MS - 400_000))(healthy(settings))
    assert judged(quiet, settings) == (set(), {"clocks"})


def test_what_the_broker_does_not_tell_is_skipped_and_does_not_pass() -> None:
    settings = load_settings(prefix="p", replication=3)
    blind = changed(healthy(settings), nodes=(Node(1, None), Node(2, None), Node(3, None)), unreadable="NotAllowed")
    assert judged(blind, settings) == (set(), {"auto_create", "transactions", "sessions", "requests"})


def test_topic_settings_that_may_not_be_read_are_skipped() -> None:
    settings = load_settings(prefix="p", replication=3)
    base = healthy(settings)
    blind = {name: msgspec.structs.replace(state, config={}, rights=None) for name, state in base.topics.items()}
    assert judged(changed(base, topics=blind), settings) == (
        set(),
        {"cleanup", "sizes", "retention", "timestamps", "rights"},
    )


def test_more_retention_and_room_than_needed_is_fine() -> None:
    settings = load_settings(prefix="p", replication=3)
    generous = with_raw(config={"retention.ms": "-1", "max.message.bytes": "99999999"})(healthy(settings))
    assert judged(generous, settings)[0] == set()


# --- on a real broker, with topics and settings that are really wrong ---


class Cluster:
    """The running broker, seen through a prefix of its own that goes with the test."""

    def __init__(self, bootstrap: str, check: Callable[..., Result]) -> None:
        self.bootstrap = bootstrap
        self.settings = load_settings(bootstrap=bootstrap, prefix=f"chk{uuid.uuid4().hex[:8]}", partitions=2)
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self.raw = self.settings.topic("reports.raw")
        self.group = self.settings.application_id(VERSION)
        self._check = check

    def create(self, change: Callable[[Topic], Topic | None] = lambda topic: topic) -> None:
        wanted = [changed for topic in topics_of(self.settings, VERSION) if (changed := change(topic)) is not None]
        create(self.admin, wanted)

    def set(self, topic: str, **values: str) -> None:
        configs = {name.replace("_", "."): value for name, value in values.items()}
        self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])

    def check(self, *arguments: str, **environment: str) -> Result:
        given = {"bootstrap": self.bootstrap, "prefix": self.settings.prefix, "partitions": "2", **environment}
        return self._check("--broker", *arguments, **given)

    def send(self, count: int) -> None:
        with closing(KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")) as producer:
            futures = [producer.send(self.raw, b"{}", partition=0) for _ in range(count)]
            [future.get(10) for future in futures]

    def close(self) -> None:
        mine = [name for name in self.admin.list_topics() if name.startswith(self.settings.prefix)]
        if mine:
            self.admin.delete_topics(mine)
        if "__consumer_offsets" in self.admin.list_topics():
            groups = [group["group_id"] for group in self.admin.list_groups()]
            self.admin.delete_groups([name for name in groups if name.startswith(self.settings.prefix)])
        self.admin.close()


@pytest.fixture
def cluster(broker: Broker, check: Callable[..., Result]) -> Iterator[Cluster]:
    with closing(Cluster(broker.bootstrap, check)) as opened:
        yield opened


@contextmanager
def joined(cluster: Cluster, *topics: str) -> Iterator[KafkaConsumer]:
    """Yield a member of the workers' group that keeps its place."""
    with closing(
        KafkaConsumer(*topics, bootstrap_servers=cluster.bootstrap, group_id=cluster.group, enable_auto_commit=False)
    ) as consumer:
        stop = threading.Event()

        def poll() -> None:
            while not stop.is_set():
                consumer.poll(100)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield consumer
        finally:
            stop.set()
            thread.join()


def wait_for_members(cluster: Cluster, count: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        # The first group of a new broker waits for its coordinator.
        with suppress(CoordinatorNotAvailableError):
            group = cluster.admin.describe_groups([cluster.group])[cluster.group]
            if (len(group["members"]), group["group_state"]) == (count, "Stable"):
                return
        time.sleep(0.05)
    raise AssertionError(f"{count} members did not join")


def commit(cluster: Cluster, offset: int) -> None:
    tp = TopicPartition(cluster.raw, 0)
    cluster.admin.alter_group_offsets(cluster.group, {tp: OffsetAndMetadata(offset, "", -1)})


@pytest.mark.broker
class TestOnABroker:
    def test_a_fresh_set_of_topics_passes_but_for_the_worker_that_is_missing(self, cluster: Cluster) -> None:
        cluster.create()
        result = cluster.check()
        assert set(result.findings) <= {"group.no_worker", "broker.old", "broker.auto_create_topics"}
        assert result.code == 0
        assert result.findings["group.no_worker"]["severity"] == "warning"
        assert cluster.check("--strict").code == 1

    def test_it_writes_nothing(self, cluster: Cluster) -> None:
        def state() -> tuple[list[str], list[str]]:
            groups = [group["group_id"] for group in cluster.admin.list_groups()]
            prefix = cluster.settings.prefix
            return tuple(
                sorted(n for n in names if n.startswith(prefix)) for names in (cluster.admin.list_topics(), groups)
            )  # type: ignore[return-value]

        before = state()
        cluster.check()
        assert state() == before == ([], [])

    def test_missing_topics_are_named_with_the_command(self, cluster: Cluster) -> None:
        cluster.create(lambda topic: None if topic.name.endswith(("events.coded.v1", "ledger-changelog")) else topic)
        result = cluster.check()
        missing = {finding["place"] for finding in result.body["findings"] if finding["id"] == "topic.missing"}
        ledger = cluster.settings.changelog("ledger", VERSION)
        assert (result.code, missing) == (1, {f"topic {cluster.settings.topic('events.coded')}", f"topic {ledger}"})
        assert "tensionwire topics init" in result.findings["topic.missing"]["remedy"]

    def test_another_partition_count_than_the_setting_is_told_with_the_setting_that_fits(
        self, cluster: Cluster
    ) -> None:
        cluster.create()
        result = cluster.check(partitions="3")
        assert (result.code, result.findings["topic.partitions"]["remedy"]) == (1, "export TENSIONWIRE_PARTITIONS=2")

    def test_a_changelog_with_another_partition_count_is_told(self, cluster: Cluster) -> None:
        cluster.create(lambda topic: topic._replace(partitions=5) if topic.name.endswith("coded-changelog") else topic)
        found = cluster.check().findings["topic.partitions"]
        assert found["place"] == f"topic {cluster.settings.changelog('coded', VERSION)}"
        assert "start over" in found["remedy"]

    @pytest.mark.parametrize(
        ("name", "suffix", "values"),
        [
            ("topic.cleanup_policy", "ledger-changelog", {"cleanup.policy": "delete"}),
            ("topic.message_bytes", "reports.rejected.v1", {"max.message.bytes": "1048588"}),
            ("topic.retention", "reports.raw.v1", {"retention.ms": "604800000"}),
            ("topic.timestamp_type", "reports.raw.v1", {"message.timestamp.type": "CreateTime"}),
            ("topic.min_insync", "tension.actors.v1", {"min.insync.replicas": "2"}),
            ("topic.retention_bytes", "reports.raw.v1", {"retention.bytes": "1000000"}),
            ("topic.segment_bytes", "tension.dyads.v1", {"segment.bytes": "1073741824"}),
        ],
    )
    def test_a_wrong_topic_setting_is_told_with_its_place_and_command(
        self, cluster: Cluster, broker: Broker, name: str, suffix: str, values: dict[str, str]
    ) -> None:
        if broker.kind == "embedded":
            pytest.skip("the embedded broker keeps no topic settings; run with Java and Maven, or KAFKA_BOOTSTRAP")

        def spoil(topic: Topic) -> Topic:
            return topic._replace(config={**topic.config, **values}) if topic.name.endswith(suffix) else topic

        cluster.create(spoil)
        (setting,) = values
        finding = cluster.check().findings[name]
        assert finding["place"].endswith(f"{suffix}: {setting}")
        assert finding["remedy"].startswith(f"kafka-configs.sh --bootstrap-server {cluster.bootstrap} --alter")
        assert f"--add-config {setting}=" in finding["remedy"]

    def test_more_copies_than_brokers_are_told(self, cluster: Cluster) -> None:
        found = cluster.check(replication="9").findings["setting.replication"]
        assert found["place"] == "TENSIONWIRE_REPLICATION"

    def test_topics_of_an_old_codebook_are_told(self, cluster: Cluster) -> None:
        cluster.create()
        old = f"{cluster.settings.prefix}.events.by_actor.v1.0badc0de"
        create(cluster.admin, [Topic(old, 1, 1, {})])
        found = cluster.check().findings["topic.leftover"]
        assert (found["severity"], found["place"]) == ("warning", "codebook 0badc0de")
        assert old in found["problem"]

    def test_records_that_wait_without_a_worker_are_an_error(self, cluster: Cluster) -> None:
        cluster.create()
        cluster.send(3)
        found = cluster.check().findings["group.no_worker"]
        assert (found["severity"], found["remedy"]) == ("error", "tensionwire worker")
        assert "records wait in 1 partitions" in found["problem"]

    def test_another_application_in_the_group_is_told(self, cluster: Cluster) -> None:
        cluster.create()
        foreign = f"{cluster.settings.prefix}.foreign"
        create(cluster.admin, [Topic(foreign, 1, 1, {})])
        with joined(cluster, foreign):
            wait_for_members(cluster, 1)
            found = cluster.check().findings["group.shared"]
        assert foreign in found["problem"]

    def test_a_group_that_commits_nothing_is_told(self, cluster: Cluster) -> None:
        cluster.create()
        cluster.send(3)
        with joined(cluster, cluster.raw):
            wait_for_members(cluster, 1)
            result = cluster.check()
        assert f"{cluster.raw}[0]" in result.findings["group.stuck"]["problem"]
        assert "group.no_worker" not in result.findings

    def test_more_workers_than_partitions_are_told(self, cluster: Cluster) -> None:
        cluster.create()
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(joined(cluster, cluster.raw))
            wait_for_members(cluster, 3)
            assert "3 workers for 2 partitions" in cluster.check().findings["group.idle_workers"]["problem"]

    def test_records_that_retention_took_unread_are_told(self, cluster: Cluster, broker: Broker) -> None:
        if broker.kind == "embedded":
            pytest.skip("the embedded broker deletes no records; run with Java and Maven, or KAFKA_BOOTSTRAP")
        cluster.create()
        cluster.send(5)
        commit(cluster, 1)
        cluster.admin.delete_records({TopicPartition(cluster.raw, 0): 4})
        assert "deleted 3 offsets" in cluster.check().findings["group.records_lost"]["problem"]

    def test_offsets_of_a_topic_that_was_made_anew_are_told(self, cluster: Cluster) -> None:
        cluster.create()
        commit(cluster, 7)
        assert cluster.check().findings["group.offset_beyond_end"]["place"] == f"topic {cluster.raw}[0]"

    @pytest.mark.parametrize(("other", "words"), [(b"127.0.0.9", "nobody listens"), (b"kafka.lan", "does not resolve")])
    def test_an_advertised_address_that_nobody_can_reach_is_told(
        self, cluster: Cluster, other: bytes, words: str
    ) -> None:
        host, _, port = cluster.bootstrap.rpartition(":")
        if host != "127.0.0.1":
            pytest.skip("the broker does not advertise 127.0.0.1, which this test replaces")

        def forward(connection: socket.socket) -> None:
            with closing(socket.create_connection((host, int(port)))) as upstream:
                while request := connection.recv(65536):
                    upstream.sendall(request)
                    # Of the same length, so that the frame stays whole.
                    connection.sendall(upstream.recv(65536).replace(host.encode(), other))

        with serving(forward) as listening:
            result = cluster.check(bootstrap=f"127.0.0.1:{listening}")
        found = result.findings["broker.advertised"]
        assert found["place"].endswith("advertised.listeners")
        assert words in found["problem"]
        assert result.status["topics"] == "skipped"

    def test_a_second_bootstrap_address_that_is_dead_is_a_warning(self, cluster: Cluster) -> None:
        cluster.create()
        result = cluster.check(bootstrap=f"127.0.0.1:{free_port()},{cluster.bootstrap}")
        assert (result.code, result.findings["broker.refused"]["severity"]) == (0, "warning")


WRONG = """
auto.create.topics.enable=true
transaction.max.timeout.ms=30000
group.max.session.timeout.ms=8000
socket.request.max.bytes=1000000
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""


@pytest.fixture
def wrong_broker(broker: Broker, tmp_path: Path) -> Iterator[str]:
    """Yield a second node of Apache Kafka that is set up wrong in every way the rules know."""
    if broker.kind == "embedded" or shutil.which("java") is None or shutil.which("mvn") is None:
        pytest.skip("starts a Kafka of its own from its jars; run with Java and Maven")
    fetched = subprocess.run([str(DEPLOY / "fetch.sh")], capture_output=True, text=True, check=True)
    port, controller = free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    properties = tmp_path / "server.properties"
    properties.write_text(
        (DEPLOY / "server.properties").read_text("utf-8")
        + f"listeners={listeners}\nadvertised.listeners={listeners}\nlog.dirs={tmp_path}/kafka\n"
        + f"controller.quorum.voters=1@127.0.0.1:{controller}\n{WRONG}"
    )
    environment = {
        "KAFKA_HEAP_OPTS": "-Xms128m -Xmx320m",
        "KAFKA_OPTS": "-XX:TieredStopAtLevel=1",
        "PATH": os.environ["PATH"],
    }
    command = [str(DEPLOY / "node.sh"), fetched.stdout.strip(), str(properties)]
    with (tmp_path / "kafka.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while isinstance(listener.ask(listener.Address("127.0.0.1", port)), listener.Trouble):
            assert process.poll() is None, (tmp_path / "kafka.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.broker
def test_a_broker_that_is_set_up_wrong_is_told_setting_by_setting(
    wrong_broker: str, check: Callable[..., Result]
) -> None:
    with closing(Cluster(wrong_broker, check)) as cluster:
        cluster.create()
        raw = ResourcePattern(ResourceType.TOPIC, cluster.raw)
        allowed = (ACLOperation.WRITE, ACLOperation.DESCRIBE_CONFIGS, ACLOperation.DELETE)
        cluster.admin.create_acls(
            [ACL("User:ANONYMOUS", "*", operation, ACLPermissionType.ALLOW, raw) for operation in allowed]
        )
        result = cluster.check()
    assert {
        "broker.auto_create_topics",
        "broker.transaction_timeout",
        "broker.internal_replication",
        "broker.session_timeout",
        "broker.request_size",
        "broker.rights",
    } <= set(result.findings)
    assert "may not READ" in result.findings["broker.rights"]["problem"]
    assert result.findings["broker.session_timeout"]["remedy"] == "export TENSIONWIRE_SESSION_TIMEOUT_SECONDS=8"
