"""One run of `tensionwire feed file`, from the first line to the summary, however it ends."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from streams.cli.exits import EXIT_FAILED, EXIT_REJECTED, one_line
from streams.cli.feed_output import FeedDisplay, print_verdicts, summary_of
from streams.client.errors import BrokerAwayError
from streams.core.errors import ConfigurationError
from streams.feeds.feeding import Feeder, Interruption
from streams.feeds.sending import BrokerLostError

if TYPE_CHECKING:
    from streams.feeds.files import ReportFile
    from streams.feeds.pacing import Pace
    from streams.feeds.resuming import Position, Prefix, StateFile
    from streams.feeds.sending import Sender

__all__ = ["FeedRun", "Plan"]


class Plan(NamedTuple):
    """A file to feed: from where, and where to keep how far it came (None for a stream)."""

    file: ReportFile
    state: StateFile | None
    begin: Position


class FeedRun:
    """Feeds the planned files; `sender` None is a dry run."""

    def __init__(
        self,
        plans: list[Plan],
        sender: Sender | None,
        pace: Pace,
        *,
        source: str,
        progress: bool | None,
        resume: bool,
    ) -> None:
        self._plans = plans
        self._sender = sender
        self._resume = resume
        self._stop = Interruption()
        self._begun = time.monotonic()
        self._before = 0
        # Plans without a state that could not be written are fed all the same.
        self._unkept: set[int] = set()
        self._prefixes: list[Prefix] = []
        self._feeder = Feeder(sender, pace, self._reject, source=source, stop=self._stop)
        sizes = [plan.file.size for plan in plans]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        self._display = FeedDisplay(self._feeder.tally, total, wanted=progress)

    def finish(self, bootstrap: str) -> int:
        """Feed everything, print the summary, and return the exit code.

        Raises: BrokerAwayError with the command that goes on; ConfigurationError if a file breaks off.
        """
        failure: BaseException | None = None
        try:
            with self._stop:
                self._display.start()
                self._feed_all()
        except (BrokerLostError, ConfigurationError, KeyboardInterrupt) as error:
            failure = error
        finally:
            self._display.stop()
        self._close(failure)
        self._settle_states(complete=failure is None and not self._feeder.tally.refused)
        self._print_summary()
        return self._end(failure, bootstrap)

    def _feed_all(self) -> None:
        for number, plan in enumerate(self._plans):
            if plan.begin.line:
                click.echo(f"{one_line(plan.file.name)}: going on behind line {plan.begin.line}", err=True)
            self._keep(number, plan.begin, final=True)
            read = self._feeder.tally.read
            self._feeder.feed(plan.file, plan.begin, partial(self._tick, number, plan))
            if self._feeder.tally.read == read:
                nothing = "nothing new" if plan.begin.line else "empty"
                click.echo(f"{one_line(plan.file.name)}: {nothing}; no report in it to send", err=True)
            self._before += plan.file.size or 0

    def _tick(self, number: int, plan: Plan, prefix: Prefix) -> None:
        if len(self._prefixes) == number:
            self._prefixes.append(prefix)
        self._display.tick(self._before + plan.file.position)
        self._keep(number, prefix.position)

    def _keep(self, number: int, position: Position, *, final: bool = False, finished: bool = False) -> None:
        state = self._plans[number].state
        if state is None or number in self._unkept:
            return
        try:
            state.save(position, time.monotonic(), final=final, finished=finished)
        except OSError as error:
            problem = f"{state.path}: cannot be written ({error.strerror}); choose another place with --state PATH"
            if self._resume:
                raise ConfigurationError(problem) from None
            self._unkept.add(number)
            click.echo(f"{one_line(problem)}, or this run cannot be resumed", err=True)

    def _reject(self, file: str, line: int, reason: str) -> None:
        self._display.reject(file, line, reason)

    def _close(self, failure: BaseException | None) -> None:
        if self._sender is None:
            return
        with suppress(BrokerLostError):
            if failure is None or self._sender.wait_until_acknowledged(0):
                self._sender.close()
                return
        self._sender.abandon()

    def _settle_states(self, *, complete: bool) -> None:
        for number, (plan, prefix) in enumerate(zip(self._plans, self._prefixes, strict=False)):
            if complete and not self._resume and plan.state is not None:
                plan.state.remove()
            else:
                self._keep(number, prefix.position, final=True, finished=complete)

    def _print_summary(self) -> None:
        files = [plan.file for plan in self._plans]
        seconds = time.monotonic() - self._begun
        dry_run = self._sender is None
        summary = summary_of(self._feeder.tally, files, seconds, dry_run=dry_run)
        if self._display.console.is_terminal:
            print_verdicts(self._display.console, self._feeder.tally, dry_run=dry_run)
        click.echo(msgspec.json.encode(summary).decode())

    def _end(self, failure: BaseException | None, bootstrap: str) -> int:
        tally = self._feeder.tally
        if isinstance(failure, BrokerLostError):
            done = f"{tally.acknowledged} of the {tally.read} lines read are acknowledged"
            problem = f"the broker at {bootstrap} is lost ({' '.join(map(str, failure.args))})"
            raise BrokerAwayError(f"{problem}; {done}; when it is back: {self._again()}")
        if isinstance(failure, KeyboardInterrupt):
            click.echo(f"tensionwire: interrupted; {tally.acknowledged} sent; go on with: {self._again()}", err=True)
            return 128 + (self._stop.signal or signal.SIGINT)
        if failure is not None:
            raise failure
        return EXIT_FAILED if tally.refused else EXIT_REJECTED if tally.rejected else 0

    def _again(self) -> str:
        if not self._plans or any(plan.state is None for plan in self._plans) or self._unkept:
            return "feed it again from the start (what is known already counts once)"
        arguments = [*sys.argv[1:], *([] if self._resume else ["--resume"])]
        return f"tensionwire {shlex.join(arguments)}"
