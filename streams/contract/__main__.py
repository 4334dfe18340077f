"""`python -m streams.contract`: write `schemas/` from the models; `--check` says what is stale."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from streams.contract.folder import REPOSITORY_SCHEMAS, drift, release, write
from streams.core.errors import ConfigurationError


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files that are stale.")
@click.option("--release", "version", help="Keep the schemas and golden messages as those of this version.")
@click.option(
    "--schemas",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=REPOSITORY_SCHEMAS,
    help="Folder of the schemas; default: that of the repository.",
)
def main(*, check: bool, version: str | None, schemas: Path) -> None:
    """Write the JSON Schemas and the AsyncAPI document of the public topics.

    \b
    Output:  one line a file that was written
    Exit:    0 ok, 1 stale (--check), 2 a release that cannot be
    Example: python -m streams.contract --check
    """
    if check:
        for name in (stale := drift(schemas)):
            click.echo(f"{schemas.name}/{name} is not what the models say; run `python -m streams.contract`", err=True)
        sys.exit(1 if stale else 0)
    for name in write(schemas):
        click.echo(f"wrote {schemas.name}/{name}")
    if version is not None:
        try:
            click.echo(f"released {release(schemas, version)}")
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from None


if __name__ == "__main__":
    main()
