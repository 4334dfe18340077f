"""Golden messages: bytes that our models, the schemas and every later version must go on understanding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from make_golden import INGESTED_AT
from validation import STABLE, VALIDATORS, golden_folders, read_index

from streams.contract.folder import REPOSITORY_SCHEMAS
from streams.core.errors import ReportRejectedError
from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick
from streams.core.reports import admit_report
from streams.core.tension import ActorRow, DyadRow

if TYPE_CHECKING:
    from pathlib import Path

CURRENT = golden_folders()[0]
MODELS: dict[str, Any] = {
    "reports.unique.v1": ReportState | Tick,
    "reports.duplicate.v1": DuplicateRecord,
    "events.coded.v1": CodedEvent,
    "tension.actors.v1": ActorRow,
    "tension.dyads.v1": DyadRow,
}
FILES = [
    pytest.param(topic, path, id=str(path.relative_to(REPOSITORY_SCHEMAS)))
    for folder in golden_folders()
    for topic in STABLE
    for path in sorted((folder / topic).glob("*.json"))
]
OURS = [parameters for parameters in FILES if parameters.values[0] in MODELS]


@pytest.mark.parametrize(("topic", "path"), FILES)
def test_golden_message_fits_the_schema(topic: str, path: Path) -> None:
    VALIDATORS[topic].validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize(("topic", "path"), OURS)
def test_golden_message_of_any_release_is_decoded_and_keeps_all_it_says(topic: str, path: Path) -> None:
    message = msgspec.json.decode(path.read_bytes(), type=MODELS[topic])
    assert says(json.loads(msgspec.json.encode(message)), json.loads(path.read_bytes()))


@pytest.mark.parametrize(("topic", "path"), [p for p in OURS if CURRENT in p.values[1].parents])  # type: ignore[union-attr]
def test_golden_message_of_today_is_encoded_to_the_same_bytes(topic: str, path: Path) -> None:
    raw = path.read_bytes()
    assert msgspec.json.encode(msgspec.json.decode(raw, type=MODELS[topic])) == raw


def says(now: Any, then: Any) -> bool:
    """Return whether `now` still says all that `then` said; newer fields may have come."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(name in now and says(now[name], value) for name, value in then.items())
    if isinstance(then, list):
        return len(now) == len(then) and all(map(says, now, then))
    return bool(now == then)


@pytest.mark.parametrize("folder", golden_folders(), ids=lambda folder: folder.parent.name)
def test_index_names_every_golden_file_and_no_other(folder: Path) -> None:
    named = {place for entry in read_index(folder) for place in (entry["value"], entry.get("headers")) if place}
    assert named == {str(path.relative_to(folder)) for path in folder.glob("*/*")}


@pytest.mark.parametrize("folder", golden_folders(), ids=lambda folder: folder.parent.name)
def test_keys_of_golden_records_fit_the_key_schema(folder: Path) -> None:
    for entry in read_index(folder):
        key_schema = VALIDATORS[entry["topic"]].schema["x-kafka"]["key"]["schema"]
        VALIDATORS[entry["topic"]].evolve(schema=key_schema).validate(entry["key"])


def test_every_stable_topic_has_three_golden_records_and_compacted_ones_a_tombstone() -> None:
    index = read_index(CURRENT)
    for topic, contract in STABLE.items():
        entries = [entry for entry in index if entry["topic"] == topic]
        assert len(entries) >= 3, topic
        assert any(entry["value"] is None for entry in entries) == contract.tombstones, topic


def test_golden_raw_reports_are_admitted_and_rejected_ones_for_the_code_they_name() -> None:
    for path in (CURRENT / "reports.raw.v1").glob("*.json"):
        assert admit_report(path.read_bytes(), ingested_at=INGESTED_AT).source == "golden-wire"
    for path in (CURRENT / "reports.rejected.v1").glob("*.json"):
        headers = json.loads(path.read_bytes())
        with pytest.raises(ReportRejectedError) as caught:
            admit_report(path.with_suffix(".bin").read_bytes(), ingested_at=INGESTED_AT)
        assert (caught.value.code, caught.value.field or "") == (headers["code"], headers["field"])


def spoilt(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return `message` without each field in turn, then with each made an object of no known shape."""
    lacking = [{name: value for name, value in message.items() if name != left_out} for left_out in message]
    return [*lacking, *({**message, name: {"no": "such thing"}} for name in message)]


@pytest.mark.parametrize(
    ("topic", "name"),
    [("events.coded.v1", "asserted"), ("tension.actors.v1", "baseline"), ("reports.unique.v1", "tick")],
)
def test_a_corrupted_golden_message_fails(topic: str, name: str) -> None:
    message = json.loads((CURRENT / topic / f"{name}.json").read_bytes())
    for corrupted in spoilt(message):
        assert not VALIDATORS[topic].is_valid(corrupted)


def test_values_out_of_their_range_fail() -> None:
    event = json.loads((CURRENT / "events.coded.v1" / "asserted.json").read_bytes())
    for change in (
        {"goldstein": 10.5},
        {"confidence": -0.1},
        {"report_id": "5F932C93481635166259BB0076A361C3"},
        {"plover": "WAR"},
        {"cameo": "1"},
        {"occurred_on": "2018-02-30"},
        {"published_at": "2018-09-18T06:12:00"},
        {"span": [1, 2, 3]},
        {"seq": -1},
    ):
        assert not VALIDATORS["events.coded.v1"].is_valid({**event, **change}), change
    assert VALIDATORS["events.coded.v1"].is_valid({**event, "a_field_of_tomorrow": 1})
