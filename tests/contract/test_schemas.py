"""The schemas say what the models send and the reader of raw reports takes; the files say what the schemas are."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import msgspec.inspect as shape
import pytest
from histories import make_history, make_report
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from make_golden import INGESTED_AT, Stages
from validation import STABLE, VALIDATORS, values_of

from streams.codebook import load_codebook
from streams.contract.folder import REPOSITORY_SCHEMAS, drift, write
from streams.contract.schema import schema_of
from streams.contract.topics import CONTRACTS
from streams.core import tension
from streams.core.errors import REJECT_CODES, ReportRejectedError
from streams.core.models import event_key
from streams.core.reports import admit_fields
from streams.worker.exactly_once import Record, Rejection, Shard
from streams.worker.stages import Deduplicate as Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMAS = {name: schema_of(contract) for name, contract in CONTRACTS.items()}


# -- the files -----------------------------------------------------------------------------------------------------


def test_files_are_what_the_models_say() -> None:
    assert drift(REPOSITORY_SCHEMAS) == [], "run `python -m streams.contract`"


def test_check_names_each_file_that_differs_and_writing_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(REPOSITORY_SCHEMAS, folder)
    coded = folder / "events.coded.v1.json"
    coded.write_text(coded.read_text("utf-8").replace('"maximum": 10', '"maximum": 11'), "utf-8")
    (folder / "asyncapi.json").unlink()
    (folder / "events.gone.v1.json").write_text("{}", "utf-8")
    command = [sys.executable, "-m", "streams.contract", "--check", "--schemas", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert [line.split()[0] for line in result.stderr.splitlines()] == [
        "schemas/asyncapi.json",
        "schemas/events.coded.v1.json",
        "schemas/events.gone.v1.json",
    ]
    write(folder)
    assert drift(folder) == []
    assert coded.read_bytes() == (REPOSITORY_SCHEMAS / "events.coded.v1.json").read_bytes()


# -- the schemas themselves ----------------------------------------------------------------------------------------


def objects_in(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of an object inside `node`."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from objects_in(value)
    if isinstance(node, list):
        for value in node:
            yield from objects_in(value)


@pytest.mark.parametrize("name", CONTRACTS)
def test_schema_is_valid_open_and_describes_every_field(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"urn:tensionwire:schema:{name.replace('.v1', ':v1')}"
    assert list(objects_in(SCHEMAS[name]))
    for part in objects_in(SCHEMAS[name]):
        assert part["additionalProperties"] is True
        for field, schema in part["properties"].items():
            assert schema.get("description"), f"{name}: {field}"
            assert schema["description"].endswith("."), f"{name}: {field}"


def test_every_number_has_a_range_or_a_unit_and_every_text_that_is_no_prose_a_form() -> None:
    prose = {"title", "text", "name", "detail", "field", "mode"}
    for part in objects_in(list(SCHEMAS.values())):
        for field, schema in part["properties"].items():
            kinds = schema.get("type", [])
            if "number" in kinds or "integer" in kinds:
                assert {"minimum", "x-unit"} & schema.keys(), field
            if "string" in kinds and field not in prose:
                assert {"pattern", "format", "enum", "const", "maxLength", "minLength"} & schema.keys(), field


@pytest.mark.parametrize("name", CONTRACTS)
def test_examples_in_the_schema_fit_it(name: str) -> None:
    for part in objects_in(SCHEMAS[name]):
        for field, schema in part["properties"].items():
            for example in schema.get("examples", []):
                assert VALIDATORS[name].evolve(schema={**schema, "$defs": {}}).is_valid(example), (field, example)


# -- what we send --------------------------------------------------------------------------------------------------

MESSAGES = [
    pytest.param(name, message, id=message.__name__)
    for name, contract in CONTRACTS.items()
    if name != "reports.raw.v1"
    for message in contract.messages
]


@pytest.mark.parametrize(("name", "message"), MESSAGES)
def test_whatever_a_model_can_say_fits_the_schema(name: str, message: type[msgspec.Struct]) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values_of(shape.type_info(message)))
    def check(value: msgspec.Struct) -> None:
        VALIDATORS[name].validate(json.loads(msgspec.json.encode(value)))
        assert msgspec.json.decode(msgspec.json.encode(value), type=message) == value

    check()


def test_whatever_the_stages_send_fits_the_schema() -> None:
    stages = Stages()
    for seq, raw in enumerate(make_history(150).raws):
        stages.push(raw, seq)
    sent = [(output.topic, output.key, output.value) for output in stages.sent if output.value is not None]
    as_of = datetime(2018, 9, 8, tzinfo=UTC)
    sent += [
        ("tension.actors", actor, tension.actor_row(stages.ledger, actor, as_of, stages.names))
        for actor in tension.actors(stages.ledger)
    ]
    sent += [
        ("tension.dyads", event_key(*dyad), tension.dyad_row(stages.ledger, *dyad, as_of))
        for dyad in tension.dyads(stages.ledger)
    ]
    public = [(f"{topic}.v1", key, value) for topic, key, value in sent if f"{topic}.v1" in STABLE]
    assert {topic for topic, _, _ in public} == STABLE.keys() - {"reports.raw.v1", "reports.rejected.v1"}
    for topic, key, value in public:
        VALIDATORS[topic].validate(json.loads(msgspec.json.encode(value)))
        VALIDATORS[topic].evolve(schema=SCHEMAS[topic]["x-kafka"]["key"]["schema"]).validate(key)


def test_every_actor_and_code_of_the_codebook_fits_the_schema_of_events() -> None:
    codebook = load_codebook()
    event = json.loads((REPOSITORY_SCHEMAS / "golden" / "events.coded.v1" / "asserted.json").read_bytes())
    for actor in codebook.catalogue.names:
        assert VALIDATORS["events.coded.v1"].is_valid({**event, "source_actor": {"id": actor}}), actor
    for cameo, goldstein in codebook.goldstein.items():
        assert VALIDATORS["events.coded.v1"].is_valid({**event, "cameo": cameo, "goldstein": goldstein}), cameo


class Sent(NamedTuple):
    """What the worker hands to its producer."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]


class Producer:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        self.sent.append(Sent(topic, value, key, headers))


@pytest.mark.parametrize("code", REJECT_CODES)
@pytest.mark.parametrize("key", [b"en", b"\xff", None, b"k" * 1024])
def test_headers_of_a_rejected_record_fit_the_schema(code: str, key: bytes | None) -> None:
    shard, producer = object.__new__(Shard), Producer()
    shard.stage = Stage(lambda name: f"tensionwire.{name}.v1", 4)
    record = Record("tensionwire.reports.raw.v1", 3, 1842, 1537251120000, key, b"\xff\xfe")
    asyncio.run(shard._send_rejection(producer, Rejection(record, code, "x" * 2000 + "\ud800", None)))
    (sent,) = producer.sent
    assert sent.topic == "tensionwire.reports.rejected.v1"
    assert sent.value == record.value
    headers = {name: value.decode() for name, value in sent.headers}
    VALIDATORS["reports.rejected.v1"].validate(headers)
    assert headers.keys() == SCHEMAS["reports.rejected.v1"]["properties"].keys()


# -- what we take --------------------------------------------------------------------------------------------------

ODD_MOMENTS = (
    "2018-09-18 09:12:00Z",
    "2018-09-18t09:12:00z",
    "2018-09-18T09:12:00.1234567890+0300",
    "2018-09-18T09:12:00",
    "2018-09-18",
    "2018-02-30T09:12:00Z",
    "0000-01-01T00:00:00Z",
    "1899-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "2018-09-18T24:00:00Z",
    "2018-09-18T23:59:60Z",
    "2018-09-18T09:12:00Z\n",
    "",
)
TEXTS = st.none() | st.text(max_size=6) | st.sampled_from(("\u00a0\x00", "\u200b", "\x1c\x85", " ", "\ufeff", "a\n"))
WRONG: st.SearchStrategy[Any] = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just([]) | st.just({})
MOMENTS = st.sampled_from(ODD_MOMENTS) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | TEXTS
LANGUAGES = st.sampled_from(("en", "pt-BR", "e", "en_GB", "en\n", "zh-Hant-TW", "en-", "abcdefghi"))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "source": TEXTS | st.sampled_from(("s" * 512, "s" * 513)),
    "id": TEXTS | st.sampled_from(("i" * 4096, "i" * 4097)),
    "title": TEXTS,
    "text": TEXTS,
    "url": TEXTS | st.sampled_from(("u" * 4096, "u" * 4097)),
    "language": TEXTS | LANGUAGES,
    "version": st.none() | st.integers(-2, 2) | st.sampled_from((2**31 - 1, 2**31, 1.0, 1.5)),
    "published_at": MOMENTS,
    "updated_at": MOMENTS,
    "status": TEXTS | st.sampled_from(("usable", "withdrawn", "gone")),
}


def mostly(likely: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 9).flatmap(lambda number: rare if number == 0 else likely)


CHANGES = st.sets(st.sampled_from(sorted(FIELDS)), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: mostly(FIELDS[name], st.just(...) | WRONG) for name in names})
)
# What no JSON Schema can say: dates in the calendar, dates against a limit or the record's time, 1.0 against 1.
NOT_FOR_A_SCHEMA = {
    ("invalid_date", "published_at"),
    ("invalid_date", "updated_at"),
    ("date_out_of_range", "published_at"),
    ("date_out_of_range", "updated_at"),
    ("in_the_future", "published_at"),
    ("in_the_future", "updated_at"),
    ("invalid_type", "version"),
}


def is_no_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return True
    return False


@settings(max_examples=600, deadline=None)
@given(CHANGES)
def test_schema_of_raw_reports_and_their_reader_agree(changes: dict[str, Any]) -> None:
    fields = make_report(**changes)
    fits = VALIDATORS["reports.raw.v1"].is_valid(fields)
    try:
        admit_fields(fields, ingested_at=INGESTED_AT)
    except ReportRejectedError as error:
        if fits:
            field = str(error.field)
            assert (error.code, field) in NOT_FOR_A_SCHEMA, fields  # noqa: PT017 - either outcome is fine
            assert error.code != "invalid_date" or is_no_date(fields[field]), fields  # noqa: PT017 - as above
            assert error.code != "invalid_type" or fields[field] == int(fields[field])  # noqa: PT017 - as above
    else:
        assert fits, fields


# -- AsyncAPI ------------------------------------------------------------------------------------------------------

ASYNCAPI = json.loads((REPOSITORY_SCHEMAS / "asyncapi.json").read_bytes())


def references_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
        for value in node.values():
            yield from references_in(value)
    if isinstance(node, list):
        for value in node:
            yield from references_in(value)


def test_asyncapi_has_a_channel_with_operations_for_every_public_topic() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    addresses = {channel["address"] for channel in ASYNCAPI["channels"].values()}
    assert addresses == {f"tensionwire.{name}" for name in CONTRACTS}
    received = {operation["channel"]["$ref"] for operation in ASYNCAPI["operations"].values()}
    assert received == {f"#/channels/{name}" for name in CONTRACTS}
    sends = [name for name, operation in ASYNCAPI["operations"].items() if operation["action"] == "send"]
    assert sends == ["feed.reports.raw.v1"]


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    references = list(references_in(ASYNCAPI))
    assert len(references) > 3 * len(CONTRACTS)
    for reference in references:
        file, _, pointer = reference.partition("#")
        target = json.loads((REPOSITORY_SCHEMAS / file).read_bytes()) if file else ASYNCAPI
        for part in filter(None, pointer.split("/")):
            target = target[part]
        assert target
