"""`tensionwire schema`: what the public topics carry, and what a change of it would break."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.contract.fields import field_rows, messages_of
from streams.contract.folder import REPOSITORY_SCHEMAS, find_breaks, releases
from streams.contract.schema import schema_of
from streams.contract.topics import CONTRACTS
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.contract.schema import Schema
    from streams.contract.topics import TopicContract

__all__ = ["schema"]

EXIT_BREAKS: Final = 1
_DAY_MS: Final = 86_400_000


@click.group()
def schema() -> None:
    """Show the contract of the public topics, and what a change of it would break.

    \b
    Example: tensionwire schema show events.coded
    """


@schema.command()
@click.argument("topic", required=False)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    help="Output format; default: table on a terminal, else json.",
)
def show(topic: str | None, format_: str | None) -> None:
    """Show the JSON Schema of TOPIC (such as events.coded), or list the topics.

    \b
    Output:  a table of fields, or the schema; without TOPIC {"topic", "title", "status", "key", "kept"} a line
    Exit:    0 ok, 2 no such topic
    Example: tensionwire schema show events.coded --format json
    """
    as_json = format_ == "json" or (format_ is None and not sys.stdout.isatty())
    if topic is None:
        rows = [_summary(contract) for contract in CONTRACTS.values()]
        if as_json:
            for row in rows:
                _write(msgspec.json.encode(row))
        else:
            _print_topics(rows)
        return
    contract = _find(topic)
    if as_json:
        _write(msgspec.json.format(msgspec.json.encode(schema_of(contract)), indent=2))
    else:
        _print_fields(contract, schema_of(contract))


@schema.command()
@click.option("--against", metavar="VERSION", help="Release to compare with; default: every one.")
@click.option(
    "--schemas",
    type=click.Path(path_type=Path, file_okay=False),
    default=REPOSITORY_SCHEMAS,
    help="Folder that holds released/VERSION; default: `schemas` of the checkout that this is installed from.",
)
def compat(against: str | None, schemas: Path) -> None:
    """Compare this installation's schemas with released ones, in both directions (FULL_TRANSITIVE).

    \b
    Output:  one line a change that breaks: place, what, what to do instead; none if all is well
    Exit:    0 compatible, 1 something breaks, 2 no such release or folder
    Example: tensionwire schema compat --against 0.1.0
    """
    versions = [against] if against is not None else releases(schemas)
    if not versions:
        raise ConfigurationError(f"{schemas}: no releases there; --schemas names a folder that holds released/VERSION")
    breaks = [(version, *found) for version in versions for found in find_breaks(schemas, version)]
    for version, file, breaking in breaks:
        click.echo(f"{version}: {file}#{breaking.pointer}: {breaking.what}; {breaking.remedy}")
    if not breaks:
        click.echo(f"compatible with {', '.join(versions)}", err=True)
    sys.exit(EXIT_BREAKS if breaks else 0)


def _find(topic: str) -> TopicContract:
    for contract in CONTRACTS.values():
        if topic in (contract.name, contract.versioned) or topic.endswith(f".{contract.versioned}"):
            return contract
    known = ", ".join(contract.name for contract in CONTRACTS.values())
    raise ConfigurationError(f"no public topic {topic!r}; there are: {known}")


def _write(raw: bytes) -> None:
    sys.stdout.buffer.write(raw + b"\n")


def _summary(contract: TopicContract) -> dict[str, Any]:
    retention = contract.config.get("retention.ms")
    return {
        "topic": contract.versioned,
        "title": contract.title,
        "status": "reserved" if contract.reserved else "stable",
        "key": contract.key.description,
        "kept": f"{int(retention) // _DAY_MS} days" if retention else "newest of each key",
    }


def _print_topics(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for name in ("carries", "kept", "key"):
        table.add_column(name)
    for row in rows:
        table.add_row(f"[bold]{row['topic']}[/bold]", escape(row["title"]), row["kept"], escape(row["key"]))
    console = Console()
    console.print(table)
    console.print("[dim]`tensionwire schema show TOPIC` lists the fields of one[/dim]")


def _print_fields(contract: TopicContract, made: Schema) -> None:
    console = Console()
    console.print(f"[bold]{contract.versioned}[/bold]  {escape(contract.description)}")
    console.print(f"key: {escape(contract.key.description)}")
    if contract.describes == "headers":
        console.print("These are headers; the value is the rejected record's bytes.")
    for title, message in messages_of(made).items():
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("field", no_wrap=True)
        for name in ("type", "range", "meaning"):
            table.add_column(name, overflow="fold")
        for row in field_rows(made, message):
            mark = "" if row.required else " [dim](optional)[/dim]"
            table.add_row(
                f"[bold]{escape(row.path)}[/bold]{mark}",
                *(escape(text) for text in (row.kind, row.limits, row.description)),
            )
        console.print(table)
