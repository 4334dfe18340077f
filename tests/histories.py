"""Seeded histories of raw reports for tests: what feeders really send, in the disorder in which it comes."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

# Languages that reach all four partitions of the default set-up (test_pipeline checks that they do).
LANGUAGES = ("en", "fr", "de", "es", "ar", "ru", "uk", "ko")
START = datetime(2018, 9, 1, tzinfo=UTC)
OUTLETS = tuple(f"outlet-{number}" for number in range(12))

_STATES = (
    "Russia Ukraine Israel Iran Syria Turkey France Germany China Japan India Pakistan Egypt Jordan Lebanon "
    "Iraq Qatar Yemen Sudan Ethiopia Kenya Nigeria Mexico Brazil Chile Peru Cuba Poland Norway Sweden Greece "
    "Spain"
).split()
# Plain clauses that any coder must read; {a} does it to {b}.
_CLAUSES = (
    "{a} attacked {b} on {day}.",
    "{a} bombed {b} on {day}.",
    "{a} accused {b} of breaking the truce.",
    "{a} condemned {b} over the border incident.",
    "{a} threatened {b} with retaliation.",
    "{a} imposed sanctions on {b}.",
    "{a} praised {b} for its restraint.",
    "{a} held talks with {b} on {day}.",
    "{a} signed an agreement with {b}.",
    "{a} sent humanitarian aid to {b}.",
)
_WORDS = (
    "harbour bridge winter market quiet convoy ministry morning letter valley engine copper orchard signal "
    "garden ladder museum pepper railway silver timber velvet window yellow anchor basket candle desert ember "
    "forest granite hollow island jacket kettle lantern meadow needle oyster paper quarry ribbon saddle tunnel "
    "umbrella violin walnut"
).split()
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass
class History:
    """`raws`: what is delivered, in order. `kinds`: how many deliveries of each kind are in it."""

    raws: list[bytes] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)


def make_report(**changes: Any) -> dict[str, Any]:
    """Return the fields of a raw report that is fine as it is."""
    fields = {
        "source": "outlet-0",
        "id": "r1",
        "published_at": "2018-09-18T09:12:00+03:00",
        "title": "",
        "text": "Russia attacked Ukraine on Monday.",
        "language": "en",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def encode(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def make_history(count: int, *, seed: int = 1, days: float = 6.0) -> History:
    """Return about `count` deliveries over `days` of event time, within allowed lateness, in shuffled order.

    Of them about 60% are fresh reports; the others are copies at other outlets (whole or truncated), corrections,
    changed publication dates, withdrawals, language changes and repeated deliveries.
    """
    rng = random.Random(seed)
    history = History()
    originals: list[dict[str, Any]] = []
    deliveries: list[tuple[datetime, bytes]] = []
    while len(deliveries) < count:
        kind, fields = _next(rng, originals, days)
        if kind == "fresh":
            originals.append(fields)
        history.kinds[kind] = history.kinds.get(kind, 0) + 1
        # Some of the delay is of days: late, yet within what is allowed.
        delay = timedelta(hours=rng.choice((0, 0, 0, 1, 5, 30, 90)) * rng.random())
        updated = datetime.fromisoformat(fields.get("updated_at", fields["published_at"]))
        deliveries.append((updated + delay, encode(fields)))
    history.raws = [raw for _, raw in sorted(deliveries)]
    return history


def _next(rng: random.Random, originals: list[dict[str, Any]], days: float) -> tuple[str, dict[str, Any]]:
    if not originals or rng.random() < 0.6:
        return "fresh", _fresh(rng, len(originals), days)
    original = rng.choice(originals)
    kinds = {
        "copy": _copy,
        "correction": _correct,
        "redated": _redate,
        "withdrawal": _withdraw,
        "language": _translate,
        "repeated": _repeat,
    }
    kind = rng.choices(list(kinds), weights=(35, 25, 10, 10, 5, 15))[0]
    return kind, kinds[kind](rng, dict(original))


def _fresh(rng: random.Random, number: int, days: float) -> dict[str, Any]:
    published = START + timedelta(seconds=round(rng.random() * days * 86_400))
    return make_report(
        source=rng.choice(OUTLETS),
        id=f"r{number}",
        published_at=published.isoformat(),
        text=_text(rng),
        language=rng.choice(LANGUAGES),
    )


def _text(rng: random.Random) -> str:
    first, second = rng.sample(_STATES, 2)
    clauses = [rng.choice(_CLAUSES).format(a=first, b=second, day=rng.choice(_DAYS)) for _ in range(rng.randint(1, 2))]
    filler = " ".join(rng.choices(_WORDS, k=rng.randint(40, 90))).capitalize()
    return " ".join([*clauses, f"{filler}."])


def _later(rng: random.Random, fields: dict[str, Any], hours: float) -> str:
    published = datetime.fromisoformat(fields["published_at"])
    return (published + timedelta(seconds=round(rng.random() * hours * 3600) + 1)).isoformat()


def _copy(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    words = fields["text"].split()
    cut = rng.choice((len(words), round(len(words) * 0.7)))
    return {
        **fields,
        "source": rng.choice(OUTLETS),
        "id": f"{fields['id']}-copy-{rng.randrange(10**9)}",
        "published_at": _later(rng, fields, 20),
        "text": " ".join(words[:cut]),
    }


def _correct(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    first, second = rng.sample(_STATES, 2)
    clause = rng.choice(_CLAUSES).format(a=first, b=second, day=rng.choice(_DAYS))
    return {
        **fields,
        "version": rng.randint(1, 3),
        "updated_at": _later(rng, fields, 40),
        "text": f"{clause} {fields['text'].partition('. ')[2]}",
    }


def _redate(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    published = datetime.fromisoformat(fields["published_at"])
    moved = published - timedelta(seconds=round(rng.random() * 30 * 3600))
    return {
        **fields,
        "version": rng.randint(1, 3),
        "updated_at": fields["published_at"],
        "published_at": moved.isoformat(),
    }


def _withdraw(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "version": rng.randint(1, 4), "updated_at": _later(rng, fields, 40), "status": "withdrawn"}


def _translate(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        **fields,
        "version": rng.randint(1, 3),
        "updated_at": _later(rng, fields, 40),
        "language": rng.choice(LANGUAGES),
    }


def _repeat(rng: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    del rng
    return fields
