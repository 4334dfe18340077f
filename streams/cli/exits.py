"""How a run ends: an expected error is one line that says what, where and what to do; a bug leaves a file to report.

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 data rejected, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, NamedTuple

import click

__all__ = [
    "EXIT_FAILED",
    "EXIT_INTERRUPTED",
    "EXIT_REJECTED",
    "EXIT_USAGE",
    "debugging",
    "end_run",
    "flush_output",
    "one_line",
]

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_REJECTED: Final = 3
EXIT_INTERRUPTED: Final = 130

# Terminals act on these: whole escape sequences first, then every control character that is left.
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_NO_COMMAND: Final = re.compile(r"No such command '(?P<name>.*)'\.")
# Full or failing disks: the operating system names no file for a stream that is open already.
_WRITE_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


class _Ending(NamedTuple):
    code: int
    line: str | None = None


def debugging() -> bool:
    """Return whether tracebacks and library logs are wanted: TENSIONWIRE_DEBUG=1."""
    return os.environ.get("TENSIONWIRE_DEBUG", "") not in ("", "0")


def one_line(text: object) -> str:
    """Return `text` as one line that is safe on a terminal: no control characters, no escape sequences.

    >>> one_line("two\\nlines \\x1b[31mred\\x1b[0m")
    'two lines red'
    """
    return " ".join(_CONTROL.sub(" ", _ANSI.sub("", str(text))).split())


def end_run(error: BaseException) -> int:
    """Say on standard error why the run ends, if there is anything to say, and return its exit code."""
    if debugging() and not isinstance(error, (SystemExit, click.exceptions.Exit, click.ClickException)):
        traceback.print_exception(error)
    ending = _ending_of(error)
    if ending.line is not None:
        with suppress(OSError, ValueError):
            click.echo(f"tensionwire: {one_line(ending.line)}", err=True)
    if isinstance(error, OSError):
        _let_go_of_output()
    return ending.code


def flush_output(code: int) -> int:
    """Write out what standard output still holds and return the exit code: `code`, unless that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`).
        _let_go_of_output()
    except OSError as error:
        return end_run(error)
    return code


def _let_go_of_output() -> None:
    # What a failed write has left in the buffer would fail once more when the interpreter closes the stream.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _ending_of(error: BaseException) -> _Ending:  # noqa: C901 - one row an error, top to bottom
    match error:
        case SystemExit():
            return _code_of(error)
        case click.exceptions.Exit():
            return _Ending(error.exit_code)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return _Ending(error.exit_code)
        case click.UsageError():
            return _Ending(EXIT_USAGE, _usage_line(error))
        case click.ClickException():
            return _Ending(error.exit_code, error.format_message())
        case click.Abort() | KeyboardInterrupt():
            return _Ending(EXIT_INTERRUPTED, "interrupted")
        case BrokenPipeError():
            return _Ending(0)
        case ImportError() if not (error.name or "").startswith("streams"):
            return _Ending(EXIT_FAILED, _import_line(error))
        case MemoryError():
            return _Ending(EXIT_FAILED, "out of memory; give the process more, or the input in smaller files")
        case OSError() if error.filename is not None or error.errno in _WRITE_ERRORS:
            return _Ending(EXIT_FAILED, _os_line(error))
        case _:
            return _own_ending(error)


def _code_of(error: SystemExit) -> _Ending:
    if error.code is None or isinstance(error.code, int):
        return _Ending(error.code or 0)
    return _Ending(EXIT_FAILED, error.code)


def _own_ending(error: BaseException) -> _Ending:
    from kafka.errors import KafkaError  # noqa: PLC0415 - `--help` needs no Kafka

    from streams.core.errors import (  # noqa: PLC0415 - as above
        CodebookError,
        ConfigurationError,
        ReportRejectedError,
        TensionwireError,
    )

    match error:
        case ConfigurationError() | CodebookError():
            return _Ending(EXIT_USAGE, str(error))
        case ReportRejectedError():
            return _Ending(EXIT_REJECTED, f"{error}; {error.remedy}")
        case TensionwireError():
            return _Ending(EXIT_FAILED, str(error))
        case KafkaError():
            return _Ending(EXIT_FAILED, f"Kafka: {_kafka_line(error)}")
        case _:
            return _Ending(EXIT_FAILED, _bug_line(error))


def _kafka_line(error: Exception) -> str:
    if getattr(error, "says_what_to_do", False):
        return str(error)
    # kafka-python puts the class before the message; of our own errors the message is enough.
    ours = type(error).__module__.startswith("streams.") and error.args
    said = " ".join(map(str, error.args)) if ours else str(error)
    return f"{said}; is TENSIONWIRE_BOOTSTRAP right and the broker up?"


def _usage_line(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    context = error.ctx
    if context is None:
        return message
    path = context.command_path.removeprefix("tensionwire").strip()
    return f"{path}{': ' if path else ''}{message}{_suggestion(error, context)}; see `{context.command_path} --help`"


def _suggestion(error: click.UsageError, context: click.Context) -> str:
    found = _NO_COMMAND.search(error.message)
    if found is None or not isinstance(context.command, click.Group):
        return ""
    close = get_close_matches(found["name"].lower(), context.command.list_commands(context), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def _import_line(error: ImportError) -> str:
    what = f"the package {error.name!r}" if isinstance(error, ModuleNotFoundError) else str(error)
    problem = "is not installed" if isinstance(error, ModuleNotFoundError) else "cannot be loaded"
    return f"{what} {problem}; run `make` in the checkout and then .venv/bin/tensionwire, or reinstall tensionwire"


def _os_line(error: OSError) -> str:
    if error.filename is None:
        where = f"the output, or {tempfile.gettempdir()}"
        return f"cannot write: {error.strerror}; make room where the results go ({where})"
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else error.filename
    return f"{name}: {error.strerror}; check that it exists and that you may use it"


def _bug_line(error: BaseException) -> str:
    summary = f"internal error: {type(error).__name__}: {one_line(error)[:300]}"
    try:
        # mkstemp creates the file for its owner alone (0600): a traceback may quote data.
        handle, path = tempfile.mkstemp(prefix="tensionwire-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"tensionwire {' '.join(sys.argv[1:])}\nPython {sys.version}\n\n")
            file.writelines(traceback.format_exception(error))
    except OSError:
        return f"{summary}; please report it with what TENSIONWIRE_DEBUG=1 shows"
    return f"{summary}; please report it with the file {path}"
