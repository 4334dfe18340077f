"""The command line: `tensionwire VERB`, a file per verb, loaded when called so that each starts fast."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final, NoReturn

import click

from streams import __version__

__all__ = ["cli", "main"]

# Verb -> module and attribute of its click command.
_VERBS: Final = {
    "actors": "streams.cli.actors:actors",
    "code": "streams.cli.code:code",
    "config": "streams.cli.config:config",
    "dedup": "streams.cli.dedup:dedup",
    "demo": "streams.cli.demo:demo",
    "feed": "streams.cli.feed:feed",
    "fold": "streams.cli.fold:fold",
    "lint": "streams.cli.lint:lint",
    "replay": "streams.cli.replay:replay",
    "topics": "streams.cli.topics:topics",
    "worker": "streams.cli.worker:worker",
}

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


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
    """Run the command line; every expected error is one line with its remedy."""
    from kafka.errors import KafkaError  # noqa: PLC0415 - `--help` needs no Kafka

    from streams.core.errors import TensionwireError  # noqa: PLC0415 - as above

    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except TensionwireError as error:
        click.echo(f"tensionwire: {error}", err=True)
        sys.exit(EXIT_USAGE)
    except KafkaError as error:
        click.echo(f"tensionwire: Kafka: {error}; is TENSIONWIRE_BOOTSTRAP right and the broker up?", err=True)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # The reader has seen enough (`| head`); Python would complain once more when it closes the stream.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(0)
