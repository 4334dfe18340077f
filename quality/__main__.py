"""`python -m quality`: the table of figures; `--json` for machines, `--misses` for the catalogue's errors."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from quality.actors import actor_figures, mention_misses
from quality.agreement import agreement_figures, disagreements
from quality.corpus import corpus_numbers
from quality.floor import floor_figures, learning_curve
from quality.matching import matching_figures
from streams.codebook import load_codebook

if TYPE_CHECKING:
    from quality.intervals import Figure

# What is aimed at; a figure on the wrong side of it is marked. Below zero: at most so much.
_GOALS: Final = {
    "right country, plover_gsr": 0.95,
    "right country, actor_mentions_dev": 0.85,
    "mentions, own test part: F1": 0.90,
    "namesakes resolved, own traps": -0.02,
    "15 types, pair given, plv_train, as a test": 0.74,
}


def _measure(note: Any) -> dict[str, Any]:  # noqa: ANN401 - a progress line
    note("reading the codebook")
    codebook = load_codebook()
    note("actors")
    figures: dict[str, Figure | None] = dict(actor_figures(codebook.catalogue))
    note("agreement of two coders")
    figures |= agreement_figures()
    note("floor model")
    figures |= floor_figures(codebook.for_pairs())
    note("learning curve")
    curve = learning_curve(codebook.for_pairs())
    note("matcher")
    return {
        "figures": {name: None if value is None else value._asdict() for name, value in figures.items()},
        "learning_curve": [{"pairs": size, **scores} for size, scores in curve],
        "corpus": corpus_numbers(codebook.pair_lexicon),
        "matcher": matching_figures(),
    }


def _print(result: dict[str, Any]) -> None:
    console = Console(width=110)
    table = Table(title="Quality, with 95% bootstrap intervals", title_justify="left")
    for column in ("measure", "value", "95%", "items", "goal"):
        table.add_column(column, justify="left" if column == "measure" else "right")
    for name, value in result["figures"].items():
        goal = _GOALS.get(name)
        aim = "" if goal is None else f"at most {-goal}" if goal < 0 else f"{goal}"
        if value is None:
            table.add_row(name, "-", "set is not on this machine", "", aim)
            continue
        missed = goal is not None and (value["value"] > -goal if goal < 0 else value["value"] < goal)
        interval = f"{value['low']:.3f} to {value['high']:.3f}"
        table.add_row(
            name, f"{value['value']:.3f}", interval, str(value["items"]), aim + (" (missed)" if missed else "")
        )
    console.print(table)
    curve = Table(title="Floor model over corpus size (macro-F1)", title_justify="left")
    for column in result["learning_curve"][0]:
        curve.add_column(column, justify="right")
    for row in result["learning_curve"]:
        curve.add_row(*(str(value) if isinstance(value, int) else f"{value:.3f}" for value in row.values()))
    console.print(curve)
    for title in ("corpus", "matcher"):
        console.print(f"{title}: " + json.dumps(result[title]), soft_wrap=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m quality", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--misses", metavar="PART", help="list what the catalogue gets wrong: train, dev or test")
    parser.add_argument("--disagreements", action="store_true", help="list what two coders saw differently")
    options = parser.parse_args()
    if options.disagreements:
        for case in disagreements():
            first, second = (" | ".join(events) or "nothing" for events in (case.first, case.second))
            print(f"{case.ident}\t{case.text}\n  first:  {first}\n  second: {second}")
        return 0
    if options.misses:
        for miss in mention_misses(load_codebook().catalogue, options.misses):
            gold = "-" if miss.gold is None else f"{miss.gold.actor} {miss.text[miss.gold.start : miss.gold.end]!r}"
            found = "-" if miss.found is None else f"{miss.found.actor} {miss.found.text!r}"
            print(f"{miss.ident}\twanted {gold}\tfound {found}\t{miss.text}")
        return 0
    begun = time.monotonic()
    result = _measure(lambda text: print(f"{time.monotonic() - begun:5.0f} s  {text}", file=sys.stderr))
    if options.json:
        print(json.dumps(result))
    else:
        _print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
