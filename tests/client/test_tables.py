"""The tension table that a subscriber holds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from published import NOW, Published, make_dyad_row, make_row

from streams.client import TensionTable, TopicMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_source import Broker

pytestmark = pytest.mark.broker


@pytest.fixture
def published(broker: Broker, unique_prefix: str) -> Iterator[Published]:
    with Published(broker.bootstrap, unique_prefix, "tension.actors", "tension.dyads") as topics:
        yield topics


def test_table_holds_the_newest_row_of_each_actor_most_tense_first(published: Published) -> None:
    published.rows(make_row("RUS", 10.0), make_row("SYR", 20.0), make_row("USA", 20.0), make_row("IRN", 5.0))
    published.rows(make_row("RUS", 60.0, watermark=NOW + timedelta(hours=1)))
    with published.transaction(commit=False):
        published.write("tension.actors", make_row("SYR", 99.0), "SYR")
    with published.transaction():
        published.write("tension.actors", None, "IRN")
    with TensionTable(published.bootstrap, prefix=published.prefix) as table:
        assert len(table) == 0
        table.load()
        assert [(row.actor, row.tension) for row in table.rows()] == [("RUS", 60.0), ("SYR", 20.0), ("USA", 20.0)]
        assert table["RUS"].tension == 60.0
        assert "IRN" not in table
        assert (table.watermark, table.as_of) == (NOW + timedelta(hours=1), NOW)


def test_update_tells_which_rows_changed_or_went(published: Published) -> None:
    published.rows(make_row("RUS", 10.0), make_row("SYR", 20.0))
    with TensionTable(published.bootstrap, prefix=published.prefix) as table:
        table.load()
        assert table.update(0.2) == set()
        with published.transaction():
            published.write("tension.actors", make_row("RUS", 30.0), "RUS")
            published.write("tension.actors", None, "SYR")
        changed: set[str] = set()
        for _ in range(20):
            changed |= table.update(1.0)
            if len(changed) == 2:
                break
        assert changed == {"RUS", "SYR"}
        assert dict(table) == {"RUS": make_row("RUS", 30.0)}


def test_table_of_dyads_has_its_own_rows(published: Published) -> None:
    with published.transaction():
        published.write("tension.dyads", make_dyad_row("RUS", "SYR"), "RUS>SYR")
    with TensionTable(published.bootstrap, prefix=published.prefix, topic="tension.dyads") as table:
        assert table.load()["RUS>SYR"].target == "SYR"
        assert table.watermark == NOW


def test_empty_topic_gives_an_empty_table_and_a_missing_one_says_so(published: Published) -> None:
    with TensionTable(published.bootstrap, prefix=published.prefix) as table:
        assert table.load().rows() == []
        assert table.watermark is None
    with pytest.raises(TopicMissingError, match="check the prefix"):
        TensionTable(published.bootstrap, prefix="nowhere")
