"""Checks of this host: settings, data files, what the worker needs of the machine. No broker."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
import time
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from streams.cli.checks.finding import Check, Finding, Skipped, error, warning
from streams.client.listener import parse_bootstrap
from streams.codebook import load_codebook
from streams.core.errors import CodebookError, ConfigurationError
from streams.settings import ENV_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.cli.checks.finding import Verdict

__all__ = ["host_checks", "read_dotenv"]

_DOTENV: Final = Path(".env")
_OLDEST_PYTHON: Final = (3, 11)
# As load_settings does, but each problem of its own.
_NO_OVERRIDES: Final[dict[str, Any]] = {}
_LINE: Final = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=")
# Variables of the broker's scripts and of the tests, which are no settings.
_TOOLS: Final = (
    "KAFKA_CACHE",
    "KAFKA_IMAGE",
    "KAFKA_SOURCE",
    "REQUIRE_REAL_KAFKA",
    "DOCKER_ROOT",
    "BENCH",
    "BOARD",
    "FEED",
)
# Seconds since 1970 of 2026-01-01: this program is younger.
_RELEASED: Final = 1_767_225_600
# Files and sockets of a worker: a base, and for each partition three producers with a connection to every broker.
# With 4 partitions on one broker 36 were counted; restores and rebalances open more for a while.
_FILES_BASE: Final = 128
_FILES_PER_PARTITION: Final = 16
_FREE_BYTES: Final = 64 * 1024 * 1024


def host_checks() -> list[Check]:
    """Return the checks that need no broker, quick ones first."""
    return [
        Check("python", "Python is recent enough", _check_python),
        Check("settings", "settings can be read", _check_settings),
        Check("variables", "no variable is misspelt", _check_variables),
        Check("bootstrap", "bootstrap addresses are host:port", _check_bootstrap),
        Check("codebook", "the coder's data files load", _check_codebook),
        Check("schemas", "the schemas can be read", _check_schemas),
        Check("embedded", "the demo's embedded broker is there", _check_embedded),
        Check("temporary", "temporary files can be written", _check_temporary),
        Check("files", "enough files may be open", _check_files),
        Check("clock", "this host's clock is sane", _check_clock),
    ]


def read_dotenv(path: Path) -> Iterator[tuple[int, str | None]]:
    """Yield line number and variable of each line that holds one; the name is None where none can be read."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            found = _LINE.match(line)
            yield number, found["name"] if found else None


def _check_python() -> Verdict:
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return []
    version = ".".join(map(str, sys.version_info[:3]))
    return [error("host.python", sys.executable, f"Python {version}; 3.11 is needed", "python3.11 -m venv .venv")]


def _check_settings() -> Verdict:
    try:
        Settings(**_NO_OVERRIDES)
    except ValidationError as failure:
        return [_invalid(str(problem["loc"][0]), problem["msg"]) for problem in failure.errors()]
    except (OSError, UnicodeDecodeError) as failure:
        return [error("setting.unreadable", str(_DOTENV.absolute()), str(failure), "chmod u+r .env; save it as UTF-8")]
    return []


def _invalid(name: str, problem: str) -> Finding:
    variable, field = f"{ENV_PREFIX}{name.upper()}", Settings.model_fields.get(name)
    default = field.default if field is not None else None
    shown = os.environ.get(variable)
    remedy = f"unset {variable}" if default is None else f"export {variable}={default}"
    return error("setting.invalid", variable, problem if shown is None else f"{problem} (it is {shown!r})", remedy)


def _check_variables() -> Verdict:
    found = [finding for name in sorted(os.environ) for finding in _unknown(name, name)]
    if not _DOTENV.exists():
        return found
    try:
        lines = list(read_dotenv(_DOTENV))
    except (OSError, UnicodeDecodeError) as failure:
        return [error("setting.unreadable", str(_DOTENV.absolute()), str(failure), "chmod u+r .env; save it as UTF-8")]
    for number, name in lines:
        place = f"{_DOTENV.absolute()}:{number}"
        if name is None:
            found.append(warning("setting.dotenv_line", place, "no NAME=value", f"correct or delete line {number}"))
        else:
            found += _unknown(name, place)
    return found


def _unknown(name: str, place: str) -> list[Finding]:
    upper = name.upper()
    if not upper.startswith(ENV_PREFIX):
        return []
    rest = upper.removeprefix(ENV_PREFIX)
    if rest.lower() in Settings.model_fields or rest.startswith(_TOOLS):
        return []
    known = [field.upper() for field in Settings.model_fields]
    near = difflib.get_close_matches(rest, known, 1)
    if near:
        meant = f"{ENV_PREFIX}{near[0]}"
        value = os.environ.get(name, "VALUE")
        remedy = f"unset {name}; export {meant}={value}" if place == name else f"sed -i 's/{name}/{meant}/' .env"
        return [error("setting.unknown", place, f"{name} is no setting; {meant} is", remedy)]
    return [warning("setting.unknown", place, f"{name} is no setting", "tensionwire config show")]


def _check_bootstrap() -> Verdict:
    try:
        parse_bootstrap(Settings(**_NO_OVERRIDES).bootstrap)
    except (ValidationError, OSError, UnicodeDecodeError):
        return Skipped("the settings cannot be read")
    except ConfigurationError as failure:
        problem = str(failure).removeprefix("TENSIONWIRE_BOOTSTRAP: ")
        remedy = "export TENSIONWIRE_BOOTSTRAP=127.0.0.1:9092"
        return [error("setting.bootstrap", "TENSIONWIRE_BOOTSTRAP", problem, remedy)]
    return []


def _check_codebook() -> Verdict:
    try:
        load_codebook()
    except CodebookError as failure:
        reinstall = "pip install --force-reinstall --no-deps tensionwire"
        return [error("codebook.invalid", str(files("streams") / "data"), str(failure), reinstall)]
    return []


def _check_schemas() -> Verdict:
    folder = Path(str(files("streams"))).parent / "schemas"
    found = sorted(folder.rglob("*.json"))
    if not found:
        return Skipped("this installation carries no schemas folder; only a checkout does")
    broken = []
    for path in found:
        try:
            json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as failure:
            broken.append(error("schema.invalid", str(path), str(failure), f"git checkout -- {path}"))
    return broken


def _check_embedded() -> Verdict:
    remedy = "pip install --force-reinstall --no-deps noida-db"
    if find_spec("noida_db") is None:
        return [warning("host.embedded", "noida-db", "not installed: no `tensionwire demo`", remedy)]
    binary = Path(str(files("noida_db") / "noida-db"))
    if not binary.is_file():
        return [warning("host.embedded", str(binary), "the binary is missing: no `tensionwire demo`", remedy)]
    if not os.access(binary, os.X_OK) and not os.access(binary.parent, os.W_OK):
        return [warning("host.embedded", str(binary), "it may not be executed", f"chmod +x {binary}")]
    return []


def _check_temporary() -> Verdict:
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile() as probe:
            probe.write(b"x")
            probe.flush()
        space = os.statvfs(folder)
    except OSError as failure:
        return [error("host.temporary", os.environ.get("TMPDIR", "/tmp"), str(failure), "export TMPDIR=DIR")]  # noqa: S108 - named, not used
    free = space.f_bavail * space.f_frsize
    if free < _FREE_BYTES:
        problem = f"{free // 1024 // 1024} MiB free; large standard input and the demo's log go there"
        return [warning("host.temporary", folder, problem, f"df -h {folder}; or export TMPDIR=DIR")]
    return []


def _check_files() -> Verdict:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return Skipped("this system has no such limit to ask for")
    try:
        partitions = Settings(**_NO_OVERRIDES).partitions
    except (ValidationError, OSError, UnicodeDecodeError):
        return Skipped("the settings cannot be read")
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES_BASE + _FILES_PER_PARTITION * partitions
    if limit != resource.RLIM_INFINITY and limit < needed:
        problem = f"{limit} open files allowed; a worker with {partitions} partitions may need {needed}"
        return [error("host.open_files", "ulimit -n", problem, "ulimit -n 65536 (systemd: LimitNOFILE=65536)")]
    return []


def _check_clock() -> Verdict:
    now = time.time()
    if now < _RELEASED:
        problem = f"it says {time.strftime('%Y-%m-%d', time.gmtime(now))}, before this program was made"
        return [error("host.clock", "this host's clock", problem, "timedatectl set-ntp true")]
    return []
