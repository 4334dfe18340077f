"""The documentation keeps up: generated pages, completeness, links, and the tests it names."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY

from streams.cli import cli
from streams.contract.messages import RejectedHeaders
from streams.core.errors import REJECT_CODES
from streams.settings import ENV_PREFIX, Settings
from streams.worker import exactly_once, metrics
from streams.worker.topics import PUBLIC_TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def generator() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text("utf-8")


def commands(command: click.Command, path: str) -> Iterator[str]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, f"{path} {name}")


def prose(page: Path) -> str:
    """Return the page without its code."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)


def links(page: Path) -> list[str]:
    """Return where the page's links lead; what looks like one inside code is none."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {generator()._slug(heading) for heading in headings}


def test_generated_pages_are_up_to_date() -> None:
    result = CliRunner().invoke(generator().main, ["--check"])
    assert result.exit_code == 0, result.output


def test_check_names_the_stale_page_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator(), "REFERENCE", tmp_path)
    runner = CliRunner()
    assert runner.invoke(generator().main).exit_code == 0
    (tmp_path / "errors.md").write_text("old", "utf-8")
    result = runner.invoke(generator().main, ["--check"])
    assert result.exit_code == 1
    assert re.findall(r"(\w+\.md) is stale", result.output) == ["errors.md"]
    assert (tmp_path / "errors.md").read_text("utf-8") == "old"


@pytest.mark.parametrize("path", list(commands(cli, "tensionwire")))
def test_verb_is_documented(path: str) -> None:
    assert f"\n## {path}\n" in reference("cli.md")
    assert f"Usage: {path} " in reference("cli.md")


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_setting_is_documented(name: str) -> None:
    assert f"| `{ENV_PREFIX}{name.upper()}` |" in reference("settings.md")


def test_every_registered_metric_is_documented() -> None:
    assert metrics.__all__
    registered = [family for family in REGISTRY.collect() if family.name.startswith("tensionwire_")]
    assert len(registered) == len(metrics.__all__)
    for family in registered:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert f"| `{name}` | {family.type} |" in reference("metrics.md")


@pytest.mark.parametrize("name", list(PUBLIC_TOPICS))
def test_public_topic_is_documented(name: str) -> None:
    assert f"\n## {name}\n" in reference("topics.md")


@pytest.mark.parametrize("code", list(REJECT_CODES))
def test_reject_code_is_documented(code: str) -> None:
    assert f"| `{code}` |" in reference("errors.md")


def test_headers_of_rejected_records_are_those_the_worker_writes() -> None:
    tree = ast.parse(Path(exactly_once.__file__).read_text("utf-8"))
    sender = next(
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "_send_rejection"
    )
    written = next(node for node in ast.walk(sender) if isinstance(node, ast.Dict))
    assert [ast.literal_eval(key) for key in written.keys if key] == list(RejectedHeaders.__struct_fields__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such heading"


def test_index_leads_to_every_page() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    assert {page for page in PAGES if page.is_relative_to(DOCS)} - {index} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_a_page_names_exist(page: Path) -> None:
    for file, name in _TEST.findall(page.read_text("utf-8")):
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{file}::{name}"
