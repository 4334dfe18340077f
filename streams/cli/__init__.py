"""The command line: `tensionwire VERB`, a file per verb, loaded when called so that each starts fast."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Final, NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - run from a checkout, no installer has checked it
    sys.exit("tensionwire: needs Python 3.11 or later, this is {}.{}; `make` finds one".format(*sys.version_info[:2]))

try:
    import click
except ModuleNotFoundError:
    sys.exit(
        "tensionwire: the package 'click' is not installed; run `make` in the checkout, then .venv/bin/tensionwire"
    )

from streams import __version__
from streams.cli.environment import check_env_file, prepare_streams, silence_libraries
from streams.cli.exits import end_run, flush_output

__all__ = ["cli", "main"]

# Verb -> module and attribute of its click command.
_VERBS: Final = {
    "actor": "streams.cli.actor:actor",
    "actors": "streams.cli.actors:actors",
    "check": "streams.cli.check:check",
    "code": "streams.cli.code:code",
    "config": "streams.cli.config:config",
    "dedup": "streams.cli.dedup:dedup",
    "demo": "streams.cli.demo:demo",
    "dlq": "streams.cli.dlq:dlq",
    "dyad": "streams.cli.dyad:dyad",
    "explain": "streams.cli.explain:explain",
    "feed": "streams.cli.feed:feed",
    "fold": "streams.cli.fold:fold",
    "lint": "streams.cli.lint:lint",
    "replay": "streams.cli.replay:replay",
    "schema": "streams.cli.schema:schema",
    "tail": "streams.cli.tail:tail",
    "topics": "streams.cli.topics:topics",
    "watch": "streams.cli.watch:watch",
    "worker": "streams.cli.worker:worker",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="tensionwire")
def cli() -> None:
    """Raw news reports in, rolling tension tables out.

    \b
    Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 data rejected.
    Example:    tensionwire demo
    """


def main() -> NoReturn:
    """Run the command line; every expected error is one line with its remedy (`streams.cli.exits`)."""
    code = 0
    try:
        prepare_streams()
        silence_libraries()
        _run(sys.argv[1:])
    except BaseException as error:  # noqa: BLE001 - the one place where a run ends, whatever it was
        code = end_run(error)
    sys.exit(flush_output(code))


def _run(arguments: list[str]) -> None:
    if "_TENSIONWIRE_COMPLETE" in os.environ:
        cli(prog_name="tensionwire")
    # Click's own `main` would end a closed pipe with 1 and print a blank line for Ctrl-C.
    with cli.make_context("tensionwire", list(arguments)) as context:
        check_env_file()
        cli.invoke(context)
