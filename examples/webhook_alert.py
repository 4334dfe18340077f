"""Post to a webhook when an actor's tension rises above a threshold, once per rise, across restarts.

    TENSIONWIRE_BOOTSTRAP=127.0.0.1:9092 WEBHOOK_URL=https://chat.example/hook python examples/webhook_alert.py

Settings, from the environment: WEBHOOK_URL, WEBHOOK_TOKEN (sent as a bearer token), ALERT_ABOVE (default 50),
ALERT_REARM (default 40: an actor must fall below it before it can raise another alert), ALERT_STATE (a SQLite file),
ALERT_BACKOFF (seconds between tries), TENSIONWIRE_BOOTSTRAP and TENSIONWIRE_PREFIX. `--once` ends at the end that the
topic has at the start.

The place in the topic, who is alarmed and which posts are due change in one SQLite transaction, so a restart neither
forgets an alert nor makes one twice. A post that the receiver took but could not answer for is sent again under the
same `id`, which is also its Idempotency-Key: that is all HTTP can promise.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streams.client import subscribe

if TYPE_CHECKING:
    from streams.client import Message
    from streams.core.tension import ActorRow

ABOVE = float(os.environ.get("ALERT_ABOVE", "50"))
REARM = float(os.environ.get("ALERT_REARM", "40"))
# Seconds between tries of a post; after the last one it stays due, and the next round or start tries again.
BACKOFF = [float(wait) for wait in os.environ.get("ALERT_BACKOFF", "0.5,1,2,4,8").split(",")]

SCHEMA = """
CREATE TABLE IF NOT EXISTS places (partition TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS alarmed (actor TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS due (id TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


def take(state: sqlite3.Connection, message: Message[ActorRow | None]) -> None:
    """Note what `message` changes, and that it has been read, in one transaction."""
    row = message.value
    with state:
        known = state.execute("SELECT 1 FROM alarmed WHERE actor = ?", (message.key,)).fetchone() is not None
        if row is not None and not known and row.tension > ABOVE:
            ident = f"{message.partition}-{message.offset}"
            body = {"id": ident, "actor": row.actor, "name": row.name, "tension": row.tension, "above": ABOVE}
            state.execute("INSERT INTO alarmed VALUES (?)", (message.key,))
            state.execute("INSERT INTO due VALUES (?, ?)", (ident, json.dumps(body | {"as_of": f"{row.as_of:%FT%TZ}"})))
        if known and (row is None or row.tension < REARM):
            state.execute("DELETE FROM alarmed WHERE actor = ?", (message.key,))
        state.executemany("INSERT OR REPLACE INTO places VALUES (?, ?)", message.position.items())


def post_due(state: sqlite3.Connection, url: str) -> None:
    """Post what is due, oldest first; stop at what the receiver does not take, and leave it due."""
    for ident, body in state.execute("SELECT id, body FROM due ORDER BY rowid").fetchall():
        for wait in (0, *BACKOFF):
            time.sleep(wait)
            if post(url, ident, body):
                break
        else:
            print(f"webhook: alert {ident} is not taken; it stays due", file=sys.stderr)
            return
        with state:
            state.execute("DELETE FROM due WHERE id = ?", (ident,))


def post(url: str, ident: str, body: str) -> bool:
    """Return whether the receiver took the post."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": ident}
    if token := os.environ.get("WEBHOOK_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, body.encode(), headers)  # noqa: S310 - `webhook_url` has checked the scheme
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
            return True
    except (urllib.error.URLError, OSError) as error:
        print(f"webhook: {error}", file=sys.stderr)
        return False


def webhook_url() -> str:
    """Return WEBHOOK_URL; end with 2 if it is no http(s) address."""
    url = os.environ.get("WEBHOOK_URL", "")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        print(f"WEBHOOK_URL: {url!r} is no http:// or https:// address", file=sys.stderr)
        sys.exit(2)
    return url


def main() -> None:
    """Follow tension.actors and post."""
    url = webhook_url()
    state = sqlite3.connect(os.environ.get("ALERT_STATE", "webhook_alert.sqlite"))
    state.executescript(SCHEMA)
    places = dict(state.execute("SELECT partition, next FROM places"))
    bootstrap, prefix = os.environ["TENSIONWIRE_BOOTSTRAP"], os.environ.get("TENSIONWIRE_PREFIX", "tensionwire")
    with subscribe(bootstrap, "tension.actors", prefix=prefix, resume=places, follow="--once" not in sys.argv) as rows:
        post_due(state, url)
        while rows.is_open:
            message = rows.poll(1.0)
            if message is not None:
                take(state, message)
            post_due(state, url)


if __name__ == "__main__":
    main()
