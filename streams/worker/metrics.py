"""Every metric of the worker, declared once; labels come from closed sets."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["BATCH_SECONDS", "DISCARDED", "LAG", "OUTPUTS", "READY", "RECORDS", "RESTORED", "WATERMARK"]

RECORDS: Final = Counter("tensionwire_records_total", "Input records processed and committed.", ["stage"])
DISCARDED: Final = Counter("tensionwire_discarded_total", "Inputs that led to nothing, by reason.", ["stage", "reason"])
OUTPUTS: Final = Counter("tensionwire_outputs_total", "Messages sent and committed, by topic of the design.", ["topic"])
RESTORED: Final = Counter("tensionwire_restored_records_total", "Changelog records read to rebuild a table.", ["table"])
BATCH_SECONDS: Final = Histogram(
    "tensionwire_batch_seconds",
    "Time from a batch's first core call to its commit.",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAG: Final = Gauge("tensionwire_lag_records", "Records behind the end of an input partition.", ["stage", "partition"])
READY: Final = Gauge("tensionwire_ready_partitions", "Input partitions restored and owned here.", ["stage"])
WATERMARK: Final = Gauge(
    "tensionwire_watermark_timestamp_seconds", "Event time the rows of this worker have reached.", ["stage"]
)
