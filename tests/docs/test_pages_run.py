"""Every command of the how-tos and of the README runs, in order, as it stands on the page.

In a ```console block a line that starts with `$ ` is a command; the lines of its heredoc and after a trailing backslash
belong to it; `# exit N` below it says that it ends with N; everything else shows what a reader will see and is not
compared. The ```python blocks of a page are one program. A page finds topics of its own, a worker, the sample crisis
fed, and `examples` in its working directory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pipeline import Pipeline
from sample import fold_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_source import Broker

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [TUTORIAL, *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
README = ROOT / "README.md"
# What of the README does not run here, and where it does.
ELSEWHERE = {
    "make test": "it runs this",
    "docker compose up -d --wait": "it needs a Docker engine: `make compose-test`",
}
# What a page may use beside Tensionwire, Python and coreutils.
TOOLS = ("curl", "jq", "node", "npm")
# Seconds for one command; the slowest one installs a package.
PATIENCE = 180

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
_PROMISED = """\
promised() { [ "$1" -eq "$2" ] || { echo "exit $2 instead of $1" >&2; exit 99; }; }
set -o pipefail
"""
_EXIT = re.compile(r"# exit (\d+)\s*$")


class Command(NamedTuple):
    """What a reader types, and the exit code that the page promises."""

    text: str
    exit_code: int


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(block: str) -> Iterator[Command]:
    """Return the commands of a console block."""
    lines = iter(block.splitlines())
    typed: list[str] = []
    expected = 0
    for line in lines:
        if line.startswith("$ "):
            if typed:
                yield Command("\n".join(typed), expected)
            typed, expected = [line[2:]], 0
            while typed[-1].endswith("\\"):
                typed.append(next(lines))
            if heredoc := _HEREDOC.search(typed[0]):
                typed += iter(lines.__next__, heredoc[1])
                typed.append(heredoc[1])
        elif promised := _EXIT.match(line):
            expected = int(promised[1])
    if typed:
        yield Command("\n".join(typed), expected)


def script(page: Path) -> str:
    """Return the page's commands as one shell script that stops at the first one that does not end as promised."""
    parts = [_PROMISED]
    for block in blocks(page, "console"):
        for command in commands(block):
            if command.text.partition("#")[0].strip() in ELSEWHERE:
                continue
            parts += [command.text, f"promised {command.exit_code} $?"]
    return "\n".join(parts) + "\n"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "reader"
    folder.mkdir()
    for name in ("examples", "schemas", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_commands_are_found_with_heredocs_continuations_and_exit_codes() -> None:
    block = "$ cat > a <<'EOF'\n$ not a command\nEOF\n$ false \\\n  --now\n# exit 1\noutput\n$ true\n"
    assert list(commands(block)) == [
        Command("cat > a <<'EOF'\n$ not a command\nEOF", 0),
        Command("false \\\n  --now", 1),
        Command("true", 0),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_commands_only_where_they_are_run(page: Path) -> None:
    text = page.read_text("utf-8")
    assert blocks(page, "console"), "no ```console block: nothing to do on this page"
    shown = re.findall(r"^```(\w*)$", text, re.MULTILINE)[::2]
    assert set(shown) <= {"console", "python", "text", "json", "ini", "js", "yaml", "toml"}


def test_the_readme_shows_the_digest_of_the_sample() -> None:
    pipeline = fold_sample(ROOT / "examples" / "crisis-2018" / "reports.ndjson").pipeline
    assert pipeline.newest is not None
    assert f"agree: digest {pipeline.digest(pipeline.newest).hexdigest}\n" in README.read_text("utf-8")


@pytest.mark.broker
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_the_page_end_as_it_says(page: Path, broker: Broker, tmp_path: Path, scratch: Path) -> None:
    missing = [tool for tool in TOOLS if re.search(rf"\b{tool}\b", script(page)) and shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the page uses {', '.join(missing)}; install to run it")
    with serving(broker, tmp_path, fed=page != TUTORIAL) as environment:
        run(["bash", "-x", "-c", script(page)], scratch, environment)
        if programs := blocks(page, "python"):
            run([sys.executable, "-c", "\n".join(programs)], scratch, environment)


@pytest.mark.broker
def test_commands_of_the_readme_end_well(broker: Broker, tmp_path: Path) -> None:
    if not (ROOT / ".venv/bin/tensionwire").exists():
        pytest.skip("the README's commands use .venv, which `make test` makes")
    with serving(broker, tmp_path) as environment:
        run(["bash", "-x", "-c", script(README)], ROOT, environment)


@contextmanager
def serving(broker: Broker, folder: Path, *, fed: bool = True) -> Iterator[dict[str, str]]:
    """Yield the environment of a reader with a worker, which has read the sample crisis if `fed`."""
    with Pipeline(broker.bootstrap, folder, session_timeout_seconds=6.0) as pipeline:
        pipeline.start_worker()
        if fed:
            pipeline.feed((ROOT / "examples" / "crisis-2018" / "reports.ndjson").read_bytes().splitlines())
            pipeline.wait_until_done()
        yield {**pipeline.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == 0, f"{ended.stdout.decode()[-2000:]}\n{ended.stderr.decode()[-4000:]}"
