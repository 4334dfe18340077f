"""Writes docs/reference from the code: `python docs/generate.py`; with `--check`, exits 1 and names what is stale."""  # noqa: INP001 - a script, no package

from __future__ import annotations

import sys
from datetime import timedelta
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from streams.cli import cli
from streams.contract.fields import field_rows, messages_of
from streams.contract.schema import schema_of
from streams.contract.topics import CONTRACTS
from streams.core import dedup, errors, models, reports
from streams.settings import ENV_PREFIX, Settings
from streams.worker import metrics
from streams.worker.topics import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import msgspec

    from streams.contract.schema import Schema
    from streams.contract.topics import TopicContract

__all__ = ["PAGES", "main"]

REFERENCE: Final = Path(__file__).resolve().parent / "reference"
_NOTICE: Final = "<!-- Written by docs/generate.py from the code; change the code, then run it. -->\n\n"
_HELP_COLUMNS: Final = 100


# -- cli.md --------------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Return every verb and subverb with its help."""
    walked = list(_walk(_context(cli, "tensionwire", None)))
    overview = _table(
        ("command", "does"),
        ((f"[`{ctx.command_path}`](#{_slug(ctx.command_path)})", _summary(ctx.command)) for ctx in walked[1:]),
    )
    sections = [f"## {ctx.command_path}\n\n```text\n{ctx.get_help()}\n```" for ctx in walked]
    intro = (
        "# Command line\n\n"
        "FILE is NDJSON, one raw report a line ([fields](topics.md#reportsraw)); `-` is standard input. Results go to "
        "standard\noutput, logs and complaints to standard error. Settings come from the environment "
        "([settings](settings.md)).\n\n"
        + _table(
            ("exit code", "means"),
            (
                ("0", "ok"),
                ("1", "failed: no broker, a difference found, a worker crashed"),
                ("2", "wrong usage or configuration; one line says what and the remedy"),
                ("3", "some data was rejected; the rest was processed"),
            ),
        )
    )
    return "\n\n".join([intro, overview, *sections])


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = {**command.context_settings, "terminal_width": _HELP_COLUMNS}
    return click.Context(command, info_name=name, parent=parent, **settings)


def _walk(ctx: click.Context) -> Iterator[click.Context]:
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in sorted(ctx.command.list_commands(ctx)):
            command = ctx.command.get_command(ctx, name)
            if command is not None and not command.hidden:
                yield from _walk(_context(command, name, ctx))


def _summary(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


# -- settings.md ---------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Return every setting with its type, default and limits."""
    properties = Settings.model_json_schema()["properties"]
    rows = (
        (
            f"`{ENV_PREFIX}{name.upper()}`",
            _setting_type(properties[name]),
            "none" if field.default is None else f"`{field.default}`",
            _limits(properties[name]),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )
    intro = (
        "# Settings\n\n"
        "Read from the environment, else from a file `.env` in the working directory, else the default. "
        "`tensionwire config show`\nprints what is in force and where it comes from. Unknown variables are ignored; a "
        "bad value ends with exit code 2 and the\nvariable's name. The other constants of the index are in "
        "[the tension index](../explanation/tension.md#constants)."
    )
    return f"{intro}\n\n" + _table(("variable", "type", "default", "limits", "meaning"), rows)


def _setting_type(schema: dict[str, Any]) -> str:
    kinds = [schema, *schema.get("anyOf", [])]
    return " or ".join(kind["type"] for kind in kinds if kind.get("type", "null") != "null")


def _limits(schema: dict[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    parts = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    if "pattern" in schema:
        parts.append(f"`{schema['pattern']}`")
    return ", ".join(parts)


# -- metrics.md ----------------------------------------------------------------------------------------------------

_LABELS: Final = {
    "stage": "`deduplicate`, `classify`, `aggregate`",
    "reason": "a [reject code](errors.md#reject-codes), or `repeated` (this very message was processed before), "
    "`superseded` (a newer revision is known), `expired` (its day has left the ledger)",
    "topic": "name of the [topic](topics.md) without prefix and version, such as `events.coded`",
    "table": "`sketches`, `coded`, `ledger`",
    "partition": "number of the input partition",
}


_ALERTS: Final = """\
## Worth an alert

- `tensionwire_lag_records` grows for minutes: too few workers, or one that cannot commit; its log says why. At rest it
  is a small number, not always 0: the markers that end Kafka's transactions count as records.
- `tensionwire_ready_partitions`, summed over the workers, stays below `TENSIONWIRE_PARTITIONS` for a stage.
- `tensionwire_discarded_total` rises with a reject code: a feeder sends what cannot be accepted."""


def metrics_page() -> str:
    """Return every collector that streams/worker/metrics.py declares."""
    collectors = [value for name in metrics.__all__ if isinstance(value := getattr(metrics, name), MetricWrapperBase)]
    rows = sorted(_metric_row(collector) for collector in collectors)
    labels = sorted({label for collector in collectors for label in _label_names(collector)})
    buckets = next(collector for collector in collectors if isinstance(collector, Histogram))
    bounds = ", ".join(f"{bound:g}" for bound in buckets._upper_bounds[:-1])  # noqa: SLF001 - the client has no accessor
    intro = (
        "# Metrics\n\n"
        "`/metrics` on the worker's port (`TENSIONWIRE_WEB_PORT`, default 6066) speaks the Prometheus text format. "
        "Counters count\nsince the process started and only what was committed. The client library adds its own "
        "`python_*` and `process_*`."
    )
    return "\n\n".join(
        [
            intro,
            _table(("metric", "type", "labels", "meaning"), rows),
            f"A histogram is exposed as `_bucket`, `_sum` and `_count`; its bounds are {bounds} seconds.",
            "## Labels\n\n" + _table(("label", "values"), ((f"`{name}`", _LABELS[name]) for name in labels)),
            _ALERTS,
        ]
    )


def _label_names(collector: MetricWrapperBase) -> tuple[str, ...]:
    return tuple(collector._labelnames)  # noqa: SLF001 - the client has no accessor


def _metric_row(collector: MetricWrapperBase) -> tuple[str, ...]:
    described = next(iter(collector.describe()))
    name = f"{described.name}_total" if described.type == "counter" else described.name
    labels = ", ".join(f"`{label}`" for label in _label_names(collector))
    return f"`{name}`", described.type, labels, described.documentation


# -- topics.md -----------------------------------------------------------------------------------------------------


_RAW_LIMITS: Final = """\
A report has at most {size} KiB. Its dates lie at most {ahead} minutes after the record's ingest time, and `updated_at`
at most {late} days before the newest accepted one of its language, unless this very version is known already. Fields of
other names are kept in the log and ignored. A report with neither `id` nor `url` gets a hash of title and text as its
`id`: such a report cannot be corrected. A withdrawal is a version like any other: it needs `source`, `id`,
`published_at`, a title or text, and a `version` or `updated_at` that makes it the newest."""


def topics_page() -> str:
    """Return every public topic with its broker settings, and every message type with its fields."""
    rows = (
        (
            f"[`{contract.name}`](#{_slug(contract.name)})",
            _sentence(contract.key.description),
            _kept(contract.config),
            _megabytes(contract.config),
        )
        for contract in CONTRACTS.values()
    )
    intro = (
        "# Topics\n\n"
        "The full name is `PREFIX.NAME.vN`, such as `tensionwire.reports.raw.v1` (`TENSIONWIRE_PREFIX`). Record "
        "timestamps are\ningest time (`LogAppendTime`). Values are JSON objects in UTF-8; times are RFC 3339 in UTC; "
        "the worker leaves no\nfield out, but some may be null. Ignore fields you do not know. Only committed "
        "transactions count: read with\n`isolation.level=read_committed`. For machines: "
        "[schemas](../../schemas/README.md).\n\n"
        "Messages derived from a report carry `rev`, which names the version of the report (it sorts as text, and the "
        "larger is\nthe newer), and `seq`, the raw offset that caused the message. Of two messages about the same "
        "`report_id` or `event_id`\nthe one with the larger (`rev`, `seq`) holds, whatever order you read them in."
    )
    header = ("topic", "key", "kept", "largest record")
    return "\n\n".join([intro, _table(header, rows), *(_topic_section(contract) for contract in CONTRACTS.values())])


def _sentence(text: str) -> str:
    return text.rstrip(".")


def _kept(config: Mapping[str, str]) -> str:
    if config["cleanup.policy"] == "compact":
        return "compacted: the newest record of each key"
    return f"{int(config['retention.ms']) // DAY_MS} days from ingest"


def _megabytes(config: Mapping[str, str]) -> str:
    size = config.get("max.message.bytes")
    return f"{int(size) // 1024:,} KiB" if size else "broker's default"


def _topic_section(contract: TopicContract) -> str:
    parts = [f"## {contract.name}", contract.description]
    if contract.name == "reports.raw":
        size, ahead = reports.MAX_REPORT_BYTES // 1024, reports.FUTURE_TOLERANCE // timedelta(minutes=1)
        late = dedup.ALLOWED_LATENESS // (DAY_MS * 1000)
        parts += [_RAW_LIMITS.format(size=size, ahead=ahead, late=late)]
    schema = schema_of(contract)
    for struct, message in zip(contract.messages, messages_of(schema).values(), strict=True):
        parts += [f"### {struct.__name__}", _docs(struct), _fields(schema, message)]
    return "\n\n".join(parts)


def _docs(struct: type[msgspec.Struct]) -> str:
    text = getdoc(struct) or ""
    # An event says in one more struct what its places in the text mean.
    if struct is models.CodedEvent:
        text += "\n\n" + (getdoc(models.Coding) or "").partition("\n\n")[2]
    return text


def _fields(schema: Schema, message: Schema) -> str:
    rows = (
        (f"`{row.path}`", row.kind, "yes" if row.required else "", _code(row.limits), row.description)
        for row in field_rows(schema, message)
    )
    return _table(("field", "JSON type", "required", "limits", "meaning"), rows)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# -- errors.md -----------------------------------------------------------------------------------------------------

# Reject code -> who can find it; the others are found wherever a report is read.
_FOUND_BY: Final = {
    "too_late": "`fold`, `dedup`, worker",
    "misrouted": "worker",
    "internal_error": "worker",
}

_ERRORS_INTRO: Final = """\
# Errors

A report that cannot be accepted has a reject code: in the answers of `lint`, in the complaints of `feed`, `fold`,
`code` and `dedup`, in the header `code` of [reports.rejected](topics.md#reportsrejected), and as the label `reason`
of `tensionwire_discarded_total`. Codes are stable."""
_ERRORS_FOUND_BY: Final = """\
`all`: `lint`, `feed`, `fold`, `code`, `dedup` and the worker. A message on an inner topic that cannot be read is
`invalid_json` too, found by the stage that reads it."""
_ERRORS_EXIT: Final = """\
The command line prints the message of any of these as one line on standard error and exits with 2; an error of Kafka
exits with 1."""


def errors_page() -> str:
    """Return the reject codes and the tree of exceptions."""
    codes = ((f"`{code}`", remedy, _FOUND_BY.get(code, "all")) for code, remedy in errors.REJECT_CODES.items())
    classes = [value for name in errors.__all__ if isinstance(value := getattr(errors, name), type)]
    rows = ((f"`{cls.__name__}`", _code_of(cls), (getdoc(cls) or "").replace("\n", " ")) for cls in classes)
    tree = (errors.__doc__ or "").partition("\n\n")[2].strip("\n")
    return "\n\n".join(
        [
            _ERRORS_INTRO,
            "## Reject codes\n\n" + _table(("code", "what its sender can do", "found by"), codes),
            _ERRORS_FOUND_BY,
            f"## Exceptions\n\n```text\n{tree}\n```",
            _table(("class", "code", "meaning"), rows),
            _ERRORS_EXIT,
        ]
    )


def _code_of(cls: type) -> str:
    code = vars(cls).get("code")
    return f"`{code}`" if isinstance(code, str) else "its reject code"


# -- Markdown ------------------------------------------------------------------------------------------------------


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading.

    >>> _slug("tensionwire topics init"), _slug("reports.raw")
    ('tensionwire-topics-init', 'reportsraw')
    """
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    listed = [tuple(header), *(tuple(row) for row in rows)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in listed]
    return "\n".join([lines[0], "|" + "---|" * len(listed[0]), *lines[1:]])


PAGES: Final[dict[str, Callable[[], str]]] = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "topics.md": topics_page,
    "errors.md": errors_page,
}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the pages that are stale.")
def main(*, check: bool) -> None:
    """Write docs/reference."""
    stale = False
    for name, page in PAGES.items():
        path, content = REFERENCE / name, f"{_NOTICE}{page()}\n"
        if path.exists() and path.read_text("utf-8") == content:
            continue
        stale = True
        if check:
            click.echo(f"docs/reference/{name} is stale; run `python docs/generate.py`", err=True)
        else:
            path.write_text(content, "utf-8")
            click.echo(f"wrote docs/reference/{name}")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
