"""The whole pipeline in one process: the same decisions as the worker's three stages, without a broker.

`Fold.push` is one raw report. Its messages run through the stages at once, depth first; by L1 that is one of the
orders a cluster may take, so its digest is the cluster's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streams.core import classify, dedup, ledger
from streams.core.models import CodedEvent, Contribution, DuplicateRecord, ReportState, Tick

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from streams.core.classify import Coder
    from streams.core.decision import Output
    from streams.core.errors import ReportRejectedError
    from streams.core.ledger import Digest
    from streams.core.models import Report

__all__ = ["Fold"]


class Fold:
    """The state of all stages, unpartitioned.

    `read_report(seq)` returns an earlier report again: its verdict may turn back to unique.
    `on_event` is called with each message of `events.coded`.
    """

    def __init__(
        self,
        coder: Coder,
        codebook_version: str,
        read_report: Callable[[int], Report],
        on_event: Callable[[CodedEvent], None] | None = None,
    ) -> None:
        self.sketches = dedup.DedupState()
        self.coded = classify.ClassifyState()
        self.ledger = ledger.LedgerState()
        self.counts: Counter[str] = Counter()
        self.newest: datetime | None = None
        self._coder = coder
        self._codebook_version = codebook_version
        self._read_report = read_report
        self._on_event = on_event

    def push(self, report: Report, *, seq: int) -> ReportRejectedError | None:
        """Take one admitted report; return why it is too late, if it is. `seq` must grow within a language."""
        decision = dedup.decide(self.sketches, report, seq=seq)
        if decision.rejected is not None:
            self.counts[f"rejected_{decision.rejected.code}"] += 1
            return decision.rejected
        for write in decision.writes:
            self.sketches.apply(write)
        self.newest = report.updated_at if self.newest is None else max(self.newest, report.updated_at)
        self.counts["accepted"] += 1
        self.counts.update(f"deduplicate_{reason}" for reason in decision.discards)
        for output in decision.outputs:
            self._route(output)
        for reread in decision.rereads:
            self._route(dedup.complete(reread, self._read_report(reread.raw_seq)))
        return None

    def digest(self, as_of: datetime) -> Digest:
        """Return the digest of the ledger at `as_of`."""
        return ledger.digest(self.ledger.items(), as_of)

    def _route(self, output: Output) -> None:
        match output.value:
            case DuplicateRecord():
                self.counts["duplicate_messages"] += 1
            case ReportState() | Tick() as item if output.topic == "reports.unique":
                self._classify(item)

    def _classify(self, item: ReportState | Tick) -> None:
        decision = classify.decide(self.coded, item, self._coder, self._codebook_version)
        for write in decision.writes:
            self.coded.apply(write)
        self.counts.update(f"classify_{reason}" for reason in decision.discards)
        for output in decision.outputs:
            match output.value:
                case Contribution() | Tick() as entry:
                    self._aggregate(entry)
                case CodedEvent() as event:
                    self._count_event(event)

    def _count_event(self, event: CodedEvent) -> None:
        self.counts["events_retracted" if event.retracted else "events_asserted"] += 1
        if self._on_event is not None:
            self._on_event(event)

    def _aggregate(self, item: Contribution | Tick) -> None:
        decision = ledger.decide(self.ledger, item)
        for write in decision.writes:
            self.ledger.apply(write)
        self.counts.update(f"aggregate_{reason}" for reason in decision.discards)
