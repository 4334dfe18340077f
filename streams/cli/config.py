"""`tensionwire config show`: the settings in force and where each comes from."""

from __future__ import annotations

import os
import re
from typing import Any

import click
import msgspec

from streams.settings import ENV_PREFIX, Settings, load_settings

# Names whose values are never shown; no setting is secret today, and none shall slip in.
_SECRET = re.compile("password|secret|token|credential", re.IGNORECASE)


@click.group()
def config() -> None:
    """Show the configuration.

    \b
    Example: tensionwire config show
    """


@config.command()
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def show(format_: str) -> None:
    """Show every setting: its variable, its value, where that comes from, and what it is for.

    \b
    Output:  one line a setting; or {"settings": [{"variable", "value", "origin", "description"}]}
    Exit:    0 ok, 2 a variable cannot be read
    Example: TENSIONWIRE_PARTITIONS=8 tensionwire config show
    """
    settings = load_settings()
    rows = [_row(settings, name) for name in Settings.model_fields]
    if format_ == "json":
        click.echo(msgspec.json.encode({"settings": rows}).decode())
        return
    width = max(len(row["variable"]) for row in rows)
    for row in rows:
        click.echo(f"{row['variable']:<{width}}  {row['value']!s:<16} {row['origin']:<11} {row['description']}")


def _row(settings: Settings, name: str) -> dict[str, Any]:
    variable = f"{ENV_PREFIX}{name.upper()}"
    field = Settings.model_fields[name]
    value = getattr(settings, name)
    elsewhere = "default" if value == field.default else ".env"
    origin = "environment" if variable in os.environ else elsewhere
    shown = "********" if _SECRET.search(name) and value else value
    return {"variable": variable, "value": shown, "origin": origin, "description": field.description}
