"""Rules on the worker's consumer group: who is in it, what it wants, and whether it keeps up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streams.cli.checks.finding import Finding, Skipped, error, warning
from streams.worker.topics import topics_of

if TYPE_CHECKING:
    from streams.cli.checks.finding import Verdict
    from streams.cli.checks.snapshot import Snapshot
    from streams.settings import Settings

__all__ = ["check_lag", "check_members", "check_offsets", "check_shared"]

_STABLE: Final = "stable"
# Transactions a stage may be behind before it is worth a word: each burst of reports makes a few.
_NOTABLE_BATCHES: Final = 10


def check_members(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return whether workers run, no more than there is work for, and agree on who does what."""
    name = settings.application_id(version)
    group, place = snapshot.groups.get(name), f"group {name}"
    if group is None or not group.members:
        if snapshot.waiting:
            problem = f"no worker runs, and records wait in {len(snapshot.waiting)} partitions"
            return [error("group.no_worker", place, problem, "tensionwire worker")]
        return [warning("group.no_worker", place, "no worker runs", "tensionwire worker")]
    found = []
    if len(group.members) > settings.partitions:
        problem = f"{len(group.members)} workers for {settings.partitions} partitions: the rest stands by idle"
        found.append(warning("group.idle_workers", place, problem, f"run at most {settings.partitions} workers"))
    if group.state.lower() != _STABLE:
        problem = f"its state is {group.state}: members join or leave, and nothing is processed meanwhile"
        remedy = "tensionwire check --broker again in a minute; if it stays, look for workers that keep restarting"
        found.append(warning("group.rebalancing", place, problem, remedy))
    return found


def check_shared(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return strangers in our group, and workers of other codebooks beside it."""
    name, prefix = settings.application_id(version), re.escape(settings.prefix)
    ours = {topic.name for topic in topics_of(settings, version)}
    found = _strangers(snapshot, name, ours)
    for group in snapshot.groups.values():
        if group.name != name and group.members and re.fullmatch(rf"{prefix}-[0-9a-f]{{8}}", group.name):
            problem = f"{len(group.members)} workers of another codebook run; both write to the public topics"
            remedy = f"stop them: {', '.join(sorted({member.host for member in group.members}))}"
            found.append(warning("group.other_codebook", f"group {group.name}", problem, remedy))
    if not found and name not in snapshot.groups:
        return Skipped("the group does not exist yet: no worker has run")
    return found


def _strangers(snapshot: Snapshot, name: str, ours: set[str]) -> list[Finding]:
    found, group = [], snapshot.groups.get(name)
    for member in group.members if group is not None else ():
        foreign = sorted(member.topics - ours)
        if foreign:
            problem = f"{member.client_id} at {member.host} shares the group but reads {', '.join(foreign)}"
            remedy = "give that application a group.id of its own, and restart the workers"
            found.append(error("group.shared", f"group {name}", problem, remedy))
    return found


def check_offsets(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return offsets that point outside the log: records deleted unread, or a topic that was made anew."""
    name, last, found = settings.application_id(version), snapshot.last, []
    for (topic, number), offset in sorted(last.committed.items()):
        place, begin, end = f"topic {topic}[{number}]", last.begins[topic, number], last.ends[topic, number]
        if offset < begin:
            problem = f"retention deleted {begin - offset} offsets that the group {name} had not read"
            found.append(error("group.records_lost", place, problem, "feed those reports again; raise retention.ms"))
        # The end is the last stable one: an open transaction may hide what the group has passed, never by much.
        if offset > end and end == begin == 0:
            problem = f"the group {name} is at {offset} of an empty topic: it was deleted and made anew"
            remedy = "start over: export TENSIONWIRE_PREFIX=NEW; tensionwire topics init"
            found.append(error("group.offset_beyond_end", place, problem, remedy))
    return found if last.committed else Skipped("the group has committed nothing yet")


def check_lag(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return whether the group moves while records wait."""
    name = settings.application_id(version)
    group = snapshot.groups.get(name)
    if group is None or not group.members:
        return Skipped("no worker runs")
    first, last = snapshot.first, snapshot.last
    stuck = [place for place in snapshot.waiting if last.committed.get(place, 0) <= first.committed.get(place, 0)]
    numbers: dict[str, list[str]] = {}
    for topic, number in sorted(stuck):
        numbers.setdefault(topic, []).append(str(number))
    waits = ", ".join(f"{topic}[{','.join(found)}]" for topic, found in numbers.items())
    seconds = (last.at_ms - first.at_ms) / 1000
    if stuck:
        problem = f"nothing was committed in {seconds:.1f} s although records wait in {waits}"
        remedy = "look at the worker's log, and at /readyz: it may still be restoring its tables"
        return [error("group.stuck", f"group {name}", problem, remedy)]
    before, after = _lag(first.ends, first.committed), _lag(last.ends, last.committed)
    if snapshot.waiting and after > before and after > _NOTABLE_BATCHES * settings.batch_records:
        problem = f"it is {after} records behind, {after - before} more than {seconds:.1f} s ago"
        remedy = f"start another worker (up to {settings.partitions}): tensionwire worker --web-port 6067"
        return [warning("group.lag_growing", f"group {name}", problem, remedy)]
    return []


def _lag(ends: dict[tuple[str, int], int], committed: dict[tuple[str, int], int]) -> int:
    return sum(max(0, end - committed.get(place, 0)) for place, end in ends.items())
