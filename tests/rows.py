"""Rows of the tables for tests, made by the core from contributions to a ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from streams.core import ledger
from streams.core.models import Contribution
from streams.core.tension import ActorRow, DyadRow, actor_row, dyad_row

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2018, 9, 20, 12, tzinfo=UTC)


def make_contributions(**changes: Any) -> list[Contribution]:
    """Return what one report says of one event group, for the ledgers of both actors."""
    fields: dict[str, Any] = {
        "day": date(2018, 9, 18),
        "source": "ISR",
        "target": "SYR",
        "plover": "ASSAULT",
        "report_id": "r1",
        "rev": "1",
        "seq": 1,
        "present": True,
        "goldstein": -9.0,
        "confidence": 0.9,
        "published_at": datetime(2018, 9, 18, 10, tzinfo=UTC),
        "updated_at": NOW,
        "outlet": "outlet-0",
        "event_ids": ("e1",),
        **changes,
    }
    return [Contribution(actor=actor, **fields) for actor in sorted({fields["source"], fields["target"]})]


def make_state(*contributions: Contribution) -> ledger.LedgerState:
    state = ledger.LedgerState()
    for contribution in contributions:
        for write in ledger.decide(state, contribution).writes:
            state.apply(write)
    return state


def make_row(
    actor: str = "SYR", *, as_of: datetime = NOW, names: Mapping[str, str] | None = None, **changes: Any
) -> ActorRow:
    """Return the row of `actor`, the target of one event of which `changes` are the details."""
    state = make_state(*make_contributions(**{"target": actor, **changes}))
    return actor_row(state, actor, as_of, names or {})


def make_dyad(source: str = "ISR", target: str = "SYR", **changes: Any) -> DyadRow:
    state = make_state(*make_contributions(source=source, target=target, **changes))
    return dyad_row(state, source, target, NOW)


def make_rows(count: int) -> list[ActorRow]:
    """Return `count` rows of distinct actors, tensions and dates."""
    return [
        make_row(
            f"A{number:03}",
            names={f"A{number:03}": f"Actor number {number}"},
            goldstein=-1.0 - number % 9,
            day=date(2018, 9, 1) + timedelta(days=number % 19),
            published_at=datetime(2018, 9, 1, 8, tzinfo=UTC) + timedelta(days=number % 19),
        )
        for number in range(count)
    ]
