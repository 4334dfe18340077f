"""The example service that posts alerts: the posts that arrive, over crossings, a failing receiver and restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from published import Published, make_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_source import Broker

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhook_alert.py"


class Receiver(ThreadingHTTPServer):
    """A webhook that keeps what it gets; it answers 503 to as many posts as `refusals` says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refusals = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusals > 0:
            self.server.refusals -= 1
            self.send_response(503)
        else:
            self.server.posts.append(json.loads(body))
            self.server.headers.append(dict(self.headers))
            self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def published(broker: Broker, unique_prefix: str) -> Iterator[Published]:
    with Published(broker.bootstrap, unique_prefix, "tension.actors", partitions=1) as topics:
        yield topics


def run(published: Published, url: str, state: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "TENSIONWIRE_BOOTSTRAP": published.bootstrap,
        "TENSIONWIRE_PREFIX": published.prefix,
        "WEBHOOK_URL": url,
        "WEBHOOK_TOKEN": "secret",
        "ALERT_STATE": str(state / "alerts.sqlite"),
        **changes,
    }
    command = [sys.executable, "-W", "ignore", str(EXAMPLE), "--once"]
    return subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=60
    )


def alerts(receiver: Receiver) -> list[tuple[str, float]]:
    return [(post["actor"], post["tension"]) for post in receiver.posts]


@pytest.mark.broker
def test_each_rise_is_posted_once_with_hysteresis_and_across_restarts(
    published: Published, receiver: Receiver, tmp_path: Path
) -> None:
    # Restarted after every few rows: the posts must be those of a single run.
    batches = [
        [make_row("RUS", 45.0), make_row("RUS", 55.0), make_row("SYR", 10.0)],
        [make_row("RUS", 49.0), make_row("RUS", 60.0)],
        [make_row("RUS", 39.0), make_row("SYR", 51.0)],
        [],
        [make_row("RUS", 50.5), make_row("SYR", 52.0)],
    ]
    for batch in batches:
        published.rows(*batch)
        assert run(published, receiver.url, tmp_path).returncode == 0
    assert alerts(receiver) == [("RUS", 55.0), ("SYR", 51.0), ("RUS", 50.5)]
    assert len({post["id"] for post in receiver.posts}) == 3
    assert receiver.headers[0]["Authorization"] == "Bearer secret"
    assert receiver.headers[0]["Idempotency-Key"] == receiver.posts[0]["id"]


@pytest.mark.broker
def test_actor_that_left_may_raise_an_alert_again(published: Published, receiver: Receiver, tmp_path: Path) -> None:
    published.rows(make_row("RUS", 55.0))
    with published.transaction():
        published.write("tension.actors", None, "RUS")
    published.rows(make_row("RUS", 56.0))
    assert run(published, receiver.url, tmp_path).returncode == 0
    assert alerts(receiver) == [("RUS", 55.0), ("RUS", 56.0)]


@pytest.mark.broker
def test_receiver_that_fails_for_a_while_gets_each_alert_once(
    published: Published, receiver: Receiver, tmp_path: Path
) -> None:
    published.rows(make_row("RUS", 55.0), make_row("SYR", 65.0))
    receiver.refusals = 2
    result = run(published, receiver.url, tmp_path)
    assert (result.returncode, result.stderr.count("503")) == (0, 2)
    assert alerts(receiver) == [("RUS", 55.0), ("SYR", 65.0)]


@pytest.mark.broker
def test_alert_that_nobody_took_is_due_at_the_next_start(
    published: Published, receiver: Receiver, tmp_path: Path
) -> None:
    published.rows(make_row("RUS", 55.0))
    assert "stays due" in run(published, "http://127.0.0.1:1/hook", tmp_path, ALERT_BACKOFF="0").stderr
    assert receiver.posts == []
    assert run(published, receiver.url, tmp_path).returncode == 0
    assert alerts(receiver) == [("RUS", 55.0)]


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://host/x", "http://", "hook"])
def test_webhook_must_be_http(url: str) -> None:
    environment = {**os.environ, "WEBHOOK_URL": url, "TENSIONWIRE_BOOTSTRAP": "127.0.0.1:1"}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(EXAMPLE)], env=environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, "http:// or https://" in result.stderr) == (2, True)
