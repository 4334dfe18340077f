"""A newcomer's first ten minutes: each mistake is one line that says what to do, with the right exit code, soon."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from histories import encode, make_report
from kafka import KafkaAdminClient

from streams.cli import cli, embedded
from streams.codebook import data_version
from streams.core.errors import ConfigurationError
from streams.settings import load_settings
from streams.worker.topics import create, topics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka_source import Broker

ROOT = Path(__file__).resolve().parents[2]
# Seconds: far more than any of these needs on a busy machine, far less than a Kafka client's own patience.
PATIENCE = 25
REPORT = encode(make_report()) + b"\n"
NOBODY = "127.0.0.1:1"


def run(
    *arguments: str, folder: Path, bootstrap: str = NOBODY, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TENSIONWIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "TENSIONWIRE_BOOTSTRAP": bootstrap, **environment},
    )


def check(result: subprocess.CompletedProcess[bytes], code: int, *says: str) -> str:
    """Check exit code and the one line on standard error; return the line."""
    said = result.stderr.decode()
    assert result.returncode == code, said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1, said
    for words in says:
        assert words in said
    return said


def serve(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """Yield the address of a listener that does `talk` with each connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    threading.Thread(target=converse, args=(connection,), daemon=True).start()

        def converse(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                talk(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        # Wakes the thread that accepts.
        listener.shutdown(socket.SHUT_RDWR)


def answer_http(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def answer_tls(connection: socket.socket) -> None:
    # Without a certificate the handshake ends in an alert, which is TLS all the same.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, server_side=True)


def answer_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def hang_up(connection: socket.socket) -> None:
    connection.recv(1)


BROKER_VERBS = [
    ("feed", "file", "-"),
    ("topics", "init"),
    ("topics", "diff"),
    ("worker",),
    ("replay", "--verify"),
    ("tail", "events"),
    ("watch",),
    ("actor", "RUS"),
    ("dyad", "RUS", "SYR"),
    ("explain", "RUS"),
    ("dlq", "list"),
]


@pytest.mark.parametrize("arguments", BROKER_VERBS, ids=" ".join)
def test_without_kafka_every_verb_says_where_nobody_listens(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*arguments, folder=tmp_path)
    check(result, 1, f"no broker at {NOBODY}: nobody listens there", "TENSIONWIRE_BOOTSTRAP")


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (answer_http, "an HTTP server answers there, not Kafka"),
        (answer_tls, "that port speaks TLS"),
        (answer_nothing, "does not answer within 5 s"),
        (hang_up, "the connection is closed at once, not as Kafka does"),
    ],
    ids=["http", "tls", "silent", "hangs up"],
)
def test_a_port_that_is_not_kafkas_is_named(talk: Callable[[socket.socket], object], says: str, tmp_path: Path) -> None:
    for address in serve(talk):
        for verb in (("topics", "diff"), ("watch",)):
            check(run(*verb, folder=tmp_path, bootstrap=address), 1, f"no broker at {address}", says)


@pytest.mark.parametrize(
    ("bootstrap", "code", "says"),
    [
        ("no-such-host.invalid:9092", 1, "'no-such-host.invalid' does not resolve"),
        ("localhost", 2, "'localhost' is not host:port; such as 127.0.0.1:9092"),
        ("kafka://localhost:9092", 2, "leave out kafka://"),
        ("localhost:kafka", 2, "the port is a number from 1 to 65535"),
        ("localhost:9092,", 2, "'' is not host:port"),
        ("::1:9092", 2, "is not host:port"),
        ("127.0.0.1:1,127.0.0.1:2", 1, "127.0.0.1:2: nobody listens there"),
    ],
)
def test_a_bad_bootstrap_address_is_corrected(bootstrap: str, code: int, says: str, tmp_path: Path) -> None:
    check(run("feed", "file", "-", folder=tmp_path, bootstrap=bootstrap), code, says, "TENSIONWIRE_BOOTSTRAP")


FILES = {
    "array.json": (b'[{"source": "a"}]\n', "is a JSON array", "jq -c '.[]' array.json"),
    "array-lines.json": (b'[\n{"source": "a"}\n]\n', "is a JSON array", "jq -c '.[]'"),
    "pretty.json": (b'{\n  "source": "a"\n}\n', "spread over several lines", "jq -c . pretty.json"),
    "reports.csv": (b"source,published_at,title\na,2018,t\n", "looks like CSV", "mlr --icsv --ojsonl"),
    "feed.xml": (b'<?xml version="1.0"?><rss/>', "is XML or HTML", "convert"),
    "windows.ndjson": (REPORT.decode().encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "bare.ndjson": (REPORT.decode().encode("utf-16-le"), "is UTF-16", "iconv"),
    "reports.zst": (b"\x28\xb5\x2f\xfd\x00\x00", "is zstd data", "zstd -dc reports.zst"),
    "cut.gz": (b"\x1f\x8b\x08\x00\x00", "gzip data is damaged or cut off", "fetch the file again"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_ndjson_is_recognised(name: str, tmp_path: Path) -> None:
    content, *says = FILES[name]
    (tmp_path / name).write_bytes(content)
    check(run("lint", name, folder=tmp_path), 2, f"{name}: ", *says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fold", "."), ".: Is a directory; give the files in it, such as ./*.ndjson"),
        (("feed", "file", "missing.ndjson"), "missing.ndjson: No such file or directory"),
        (("fld",), "No such command 'fld'; did you mean 'fold'?"),
        (("feed", "fiel"), "feed: No such command 'fiel'; did you mean 'file'?"),
        (("lint", "--formt", "-"), "No such option: --formt"),
        (("fold", "--as-off", "x", "-"), "did you mean --as-of?"),
        (("fold", "-", "--format", "yaml"), "'yaml' is not one of 'table', 'json'"),
        (("lint",), "Missing argument 'FILE'; see `tensionwire lint --help`"),
        (("feed", "file", "-", "--rate", "fast"), "'fast' is not reports per second, such as 50"),
        (("feed", "file", "-", "--rate", "5", "--speedup", "5"), "give --rate or --speedup, not both"),
        (("feed", "file", "-", "--resume"), "<stdin>: --resume needs a file of its own"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_named_with_what_is_meant(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    said = check(run(*arguments, folder=tmp_path), 2)
    assert says.lower() in said.lower()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"# ours\nTENSIONWIRE_PREFIX=a\nTENSIONWIRE_PARTITIONS: 4\n", ".env:3: is not NAME=value"),
        ("TENSIONWIRE_PREFIX=a".encode("utf-16"), ".env: is UTF-16; save it as UTF-8"),
        (b"A=1\nTENSIONWIRE_PREFIX=\xe4", ".env:2: is not UTF-8"),
        (b"TENSIONWIRE_PARTITIONS=many", "TENSIONWIRE_PARTITIONS: Input should be a valid integer"),
    ],
    ids=["syntax", "utf-16", "latin-1", "value"],
)
def test_a_broken_env_file_is_refused_with_its_line(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)
    check(run("config", "show", folder=tmp_path), 2, says)


def test_an_env_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"what: is this\nexport\n")
    assert run("lint", "-", folder=tmp_path, stdin=REPORT).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads everything; needs setpriv")
def test_without_permission_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.ndjson").write_bytes(REPORT)
    (tmp_path / "secret.ndjson").chmod(0)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    result = subprocess.run(
        [*drop, sys.executable, "-m", "streams", "lint", "secret.ndjson"],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    check(result, 2, "secret.ndjson: Permission denied; give a readable file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("verb", ["lint", "fold", "code"])
def test_a_full_disk_is_said_in_one_line(verb: str, tmp_path: Path) -> None:
    (tmp_path / "r.ndjson").write_bytes(REPORT * 2000)
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "streams", verb, "r.ndjson"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    check(result, 1, "cannot write: No space left on device")


@pytest.mark.parametrize("arguments", ["lint r.ndjson", "code r.ndjson", "--help"])
def test_a_reader_that_has_seen_enough_is_no_failure(arguments: str, tmp_path: Path) -> None:
    (tmp_path / "r.ndjson").write_bytes(REPORT * 3000)
    command = f"{sys.executable} -m streams {arguments} | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("lint", "-"), ("fold", "-"), ("dedup", "-"), ("code", "-")], ids=" ".join)
def test_ctrl_c_ends_a_long_verb_with_130(arguments: tuple[str, ...], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "streams", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"{}\n" + REPORT)
    process.stdin.flush()
    if arguments[0] != "lint":
        # Told of the first line, which it rejects, it waits for more.
        assert b"missing_field" in process.stderr.readline()
    else:
        process.stdin.write(REPORT * 20_000)
    process.send_signal(signal.SIGINT)
    said = process.stderr.read().decode()
    process.stdin.close() if not process.stdin.closed else None
    process.stderr.close()
    assert (process.wait(PATIENCE), said.splitlines()) == (130, ["tensionwire: interrupted"])


def test_a_bug_leaves_one_line_and_a_private_file_to_report(tmp_path: Path) -> None:
    program = 'import streams.cli as c; c._VERBS["boom"] = "json:loads"; c.main()'
    command = [sys.executable, "-c", program, "boom"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE, env=environment)
    said = check(result, 1, "internal error: ", "please report it with the file ")
    found = re.search(r"the file (\S+)", said)
    assert found is not None
    file = Path(found[1])
    assert file.stat().st_mode & 0o777 == 0o600
    assert "Traceback (most recent call last)" in file.read_text("utf-8")
    environment["TENSIONWIRE_DEBUG"] = "1"
    shown = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE, env=environment).stderr
    assert b"Traceback (most recent call last)" in shown


def test_nothing_needs_a_home(tmp_path: Path) -> None:
    result = run("fold", "-", folder=tmp_path, stdin=REPORT, HOME="/proc/nowhere", XDG_CACHE_HOME="/proc/nowhere")
    assert (result.returncode, result.stderr) == (0, b"")


def test_every_verb_is_offered_when_mistyped(tmp_path: Path) -> None:
    # In the words of the error, not of a list here: a new verb is held to the same.
    names = sorted(cli.list_commands(None))  # type: ignore[arg-type]  # the list does not depend on it
    for name in names[:3]:
        check(run(f"{name}x", folder=tmp_path), 2, f"did you mean '{name}'?")


def test_an_embedded_broker_that_cannot_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(script: str) -> None:
        binary = tmp_path / "noida-db"
        binary.write_text(script)
        binary.chmod(0o755)
        monkeypatch.setattr(embedded, "files", lambda _: tmp_path)

    cases = {
        "#!/bin/sh\necho \"version 'GLIBC_2.38' not found\"; exit 1\n": "needs a newer C library",
        "#!/bin/sh\necho Address already in use; exit 1\n": "found its port taken",
        "#!/bin/sh\nexit 3\n": "ended with code 3",
        "\x7fELF nonsense": "cannot run: Exec format error",
    }
    for script, says in cases.items():
        broken(script)
        with pytest.raises(ConfigurationError, match=says), embedded.run_embedded_broker(tmp_path):
            pass


class _Place(NamedTuple):
    bootstrap: str
    prefix: str


@pytest.fixture
def place(broker: Broker, unique_prefix: str) -> _Place:
    return _Place(broker.bootstrap, re.sub(r"[^A-Za-z0-9_-]", "-", unique_prefix)[-60:].strip("-"))


@pytest.mark.broker
@pytest.mark.parametrize("arguments", [("feed", "file", "-"), ("worker",), ("replay", "--verify")], ids=" ".join)
def test_without_topics_the_remedy_is_topics_init(arguments: tuple[str, ...], place: _Place, tmp_path: Path) -> None:
    result = run(*arguments, folder=tmp_path, bootstrap=place.bootstrap, TENSIONWIRE_PREFIX=place.prefix)
    check(result, 2, "tensionwire topics init")


@pytest.mark.broker
def test_a_worker_that_cannot_stay_does_not_join(place: _Place, tmp_path: Path) -> None:
    settings = load_settings(bootstrap=place.bootstrap, prefix=place.prefix, partitions=1)
    admin = KafkaAdminClient(bootstrap_servers=place.bootstrap)
    topics = topics_of(settings, data_version())
    create(admin, topics)
    try:
        result = run(
            "worker",
            folder=tmp_path,
            bootstrap=place.bootstrap,
            TENSIONWIRE_PREFIX=place.prefix,
            TENSIONWIRE_PARTITIONS="2",
        )
        check(result, 2, "1 partitions instead of 2; set TENSIONWIRE_PARTITIONS=1", "and 9 more")
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = str(taken.getsockname()[1])
            result = run(
                "worker",
                "--web-port",
                port,
                folder=tmp_path,
                bootstrap=place.bootstrap,
                TENSIONWIRE_PREFIX=place.prefix,
                TENSIONWIRE_PARTITIONS="1",
            )
        check(
            result, 2, f"127.0.0.1:{port} cannot be used: Address already in use", "--web-port or TENSIONWIRE_WEB_PORT"
        )
    finally:
        admin.delete_topics([topic.name for topic in topics])
        admin.close()
