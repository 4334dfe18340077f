"""`tensionwire check`: what is wrong with this installation, where, and the command that mends it. It only reads."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from streams.cli.checks import brokers, groups, topics
from streams.cli.checks.finding import Check, Finding, Skipped
from streams.cli.checks.host import host_checks
from streams.cli.checks.reach import Description, Listeners
from streams.cli.lines import write_json
from streams.cli.terminal import open_console, plain
from streams.codebook import data_version
from streams.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from streams.cli.checks.finding import Verdict
    from streams.cli.checks.snapshot import Snapshot
    from streams.settings import Settings

__all__ = ["broker_rules", "check"]

EXIT_PROBLEMS: Final = 1
EXIT_CONFIG: Final = 2

# Name -> title and rule over a described cluster.
_RULES: Final[dict[str, tuple[str, Callable[..., Verdict]]]] = {
    "version": ("the broker is new enough", brokers.check_version),
    "rights": ("this user may read and write the topics", brokers.check_rights),
    "auto_create": ("misspelt topics are refused", brokers.check_auto_create),
    "transactions": ("transactions can be written", brokers.check_transactions),
    "sessions": ("the session timeout is allowed", brokers.check_sessions),
    "requests": ("the largest record fits a request", brokers.check_request_size),
    "topics": ("all topics exist", topics.check_exist),
    "partitions": ("partition counts agree", topics.check_partitions),
    "cleanup": ("topics are compacted or deleted as they must be", topics.check_cleanup),
    "sizes": ("topics take the largest record", topics.check_sizes),
    "retention": ("topics are kept long enough", topics.check_retention),
    "timestamps": ("timestamps are ingest time", topics.check_timestamps),
    "copies": ("copies of topics suit the cluster", topics.check_copies),
    "leftovers": ("nothing is left of other codebooks", topics.check_leftovers),
    "members": ("workers run", groups.check_members),
    "shared": ("the consumer group is the workers' own", groups.check_shared),
    "offsets": ("committed offsets lie inside the log", groups.check_offsets),
    "lag": ("the workers keep up", groups.check_lag),
    "clocks": ("broker and host agree on the time", brokers.check_clock),
}
_MARKS: Final = {"ok": "✓", "problem": "✗", "warning": "!", "skipped": "-"}
_STYLES: Final = {"ok": "green", "problem": "bold red", "warning": "yellow", "skipped": "dim"}


@click.command()
@click.option("--broker", is_flag=True, help="Also look at the broker, its topics and the workers' group.")
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Output format.")
def check(format_: str, *, broker: bool, strict: bool) -> None:
    """Look for what is wrong with this installation; nothing is written, here or on the broker.

    A check that could not be done says "skipped" and why; it has not passed.

    \b
    Output:  one line a check, its findings below it with place and remedy; or {"ok", "checks": [{"check", "title",
             "status", "why"}], "findings": [{"id", "severity", "place", "problem", "remedy"}], "seconds"}
    Exit:    0 no problem, 1 problems found (with --strict: or warnings), 2 the settings cannot be read
    Example: tensionwire check --broker
    """
    run = _Run(open_console() if format_ == "table" else None)
    for item in host_checks():
        run.do(item)
    unreadable = any(finding.id in ("setting.invalid", "setting.unreadable") for finding in run.findings)
    if broker:
        run.skip_rules("the settings cannot be read") if unreadable else _check_broker(run, load_settings())
    run.end()
    failed = any(finding.severity == "error" or strict for finding in run.findings)
    sys.exit(EXIT_CONFIG if unreadable else EXIT_PROBLEMS if failed else 0)


class _Run:
    """The checks done so far; each is shown as soon as it is over."""

    def __init__(self, console: Console | None) -> None:
        self.findings: list[Finding] = []
        self._console = console
        self._checks: list[dict[str, Any]] = []
        self._started = time.monotonic()

    def do(self, item: Check) -> Verdict:
        """Do one check."""
        with self._waiting(item.title):
            verdict = item.run()
        self.show(item, verdict)
        return verdict

    def show(self, item: Check, verdict: Verdict) -> None:
        """Keep and print what a check found."""
        found, status = [] if isinstance(verdict, Skipped) else verdict, _status(verdict)
        why = verdict.why if isinstance(verdict, Skipped) else None
        self._checks.append({"check": item.name, "title": item.title, "status": status, "why": why})
        self.findings += found
        if self._console is None:
            return
        _say(self._console, f"{_MARKS[status]} {status:<8} {item.title}{f': {why}' if why else ''}", _STYLES[status])
        for number, finding in enumerate(found, start=1):
            _say(self._console, f"    {finding.severity}: {finding.place}: {finding.problem} [{finding.id}]")
            # One remedy for several places is said once, below the last of them.
            if number == len(found) or found[number].remedy != finding.remedy:
                _say(self._console, f"      -> {finding.remedy}")

    def skip_rules(self, why: str) -> None:
        """Say of every rule on the cluster that it could not be applied."""
        for name, (title, _) in _RULES.items():
            self.show(Check(name, title, list), Skipped(why))

    def end(self) -> None:
        """Print the summary."""
        seconds = round(time.monotonic() - self._started, 2)
        errors = sum(finding.severity == "error" for finding in self.findings)
        if self._console is None:
            write_json({"ok": not errors, "checks": self._checks, "findings": self.findings, "seconds": seconds})
            return
        skipped = sum(one["status"] == "skipped" for one in self._checks)
        warnings = len(self.findings) - errors
        counts = f"{errors} errors, {warnings} warnings, {skipped} skipped"
        _say(self._console, f"{len(self._checks)} checks in {seconds:.1f} s: {counts}", "bold")

    @contextmanager
    def _waiting(self, title: str) -> Iterator[None]:
        if self._console is None or not self._console.is_terminal:
            yield
            return
        with self._console.status(title):
            yield


def _status(found: Verdict) -> str:
    if isinstance(found, Skipped):
        return "skipped"
    if not found:
        return "ok"
    return "problem" if any(finding.severity == "error" for finding in found) else "warning"


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(plain(text), style=style, markup=False, soft_wrap=True)


def _check_broker(run: _Run, settings: Settings) -> None:
    version = data_version()
    listeners = Listeners(settings.bootstrap)
    description = Description(settings, version, listeners)
    steps = (
        Check("listener", "a Kafka broker answers", listeners.check_bootstrap),
        Check("advertised", "the addresses that brokers advertise answer", listeners.check_advertised),
        Check("describe", "the cluster can be described", description.take),
    )
    for number, step in enumerate(steps):
        if _status(run.do(step)) == "problem":
            for later in steps[number + 1 :]:
                run.show(later, Skipped("the broker cannot be used"))
            run.skip_rules("the broker cannot be used")
            return
    if description.snapshot is not None:
        for item in broker_rules(description.snapshot, settings, version):
            run.do(item)


def broker_rules(snapshot: Snapshot, settings: Settings, version: str) -> list[Check]:
    """Return the rules over a described cluster, in the order in which they are shown."""
    return [Check(name, title, partial(rule, snapshot, settings, version)) for name, (title, rule) in _RULES.items()]
