"""Speed, memory and load time of the one-pass matcher, over the Reuters feed where it is, else over the corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

__all__ = ["matching_figures"]

# In a process of its own: what it holds is then the codebook's alone.
_SCRIPT: Final = """
import json, pathlib, re, time
begun = time.perf_counter()
from streams.codebook import load_codebook
catalogue = load_codebook().catalogue
loaded = time.perf_counter() - begun
status = pathlib.Path("/proc/self/status")
held = re.search(r"VmRSS:\\s+(\\d+)", status.read_text()) if status.exists() else None
from quality.data import LABELLED, read_part
feed = LABELLED.parent / "dedup" / "reuters21578_feed.jsonl"
if feed.exists():
    reports = [json.loads(line) for line in feed.read_text("utf-8").splitlines()]
    texts = [(report.get("title") or "") + " " + (report.get("text") or "") for report in reports[:10_000]]
else:
    texts = [sentence.text for part in ("train", "test") for sentence in read_part(part)]
start = time.process_time()
for text in texts:
    catalogue.scan(text)
speed = sum(map(len, texts)) / (time.process_time() - start)
print(json.dumps({
    "text": "Reuters feed" if feed.exists() else "corpus",
    "MB of text a second": round(speed / 1e6, 1),
    "MiB of memory": round(int(held[1]) / 1024) if held else None,
    "seconds to load": round(loaded, 2),
}))
"""


def matching_figures() -> dict[str, Any]:
    """Return what was scanned, MB of text a second on one core, MiB held by the codebook, seconds to load."""
    run = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)  # noqa: S603 - our own script
    figures: dict[str, Any] = json.loads(run.stdout)
    return figures
