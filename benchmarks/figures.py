"""Runs things alternately and prints what came out, side by side.

The machine is never quiet, so nothing is timed alone: a ratio is the median of the ratios of the
rounds, in each of which both sides ran one right after the other. No figure is judged for tests.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Round = Callable[[], Mapping[str, float]]
"""Measures one thing once; gives its figures by name."""

Results = dict[str, dict[str, list[float]]]
"""What was measured, figure by figure: one number a round."""


@dataclass(frozen=True, slots=True)
class Aim:
    """`figure` of `name` is to be at most `most` units, or `most` times that of `beside`."""

    figure: str
    name: str
    most: float
    beside: str | None = None

    def judge(self, results: Results) -> str:
        """One line: what was aimed at and what was reached."""
        found = results.get(self.name, {}).get(self.figure)
        if self.beside is None:
            reached = None if not found else median(found)
            unit = ""
        else:
            reached = ratio(results, self.figure, self.name, self.beside)
            unit = f" x {self.beside}"
        aim = f"aim: {self.figure} of {self.name} <= {self.most:g}{unit}"
        if reached is None:
            return f"{aim}: not measured"
        return f"{aim}: {'reached' if reached <= self.most else 'MISSED'}, {reached:.3g}{unit}"


def alternate(rounds: int, contestants: Mapping[str, Round], *, warm: int = 1) -> Results:
    """Run every contestant once a round; the `warm` first rounds do not count.

    The order changes from round to round: who comes after one that waits a lot finds the
    scheduler well disposed, and who comes after one that computes does not.
    """
    results: Results = {name: {} for name in contestants}
    order = random.Random(1)
    for number in range(-warm, rounds):
        note(f"round {number + 1} of {rounds}" if number >= 0 else "warming up")
        for name in order.sample(sorted(contestants), len(contestants)):
            for figure, value in contestants[name]().items():
                if number >= 0:
                    results[name].setdefault(figure, []).append(value)
    note("")
    return results


def ratio(results: Results, figure: str, name: str, beside: str) -> float | None:
    """How many times the one's figure is the other's; None where one of them has none."""
    ours, theirs = results.get(name, {}).get(figure), results.get(beside, {}).get(figure)
    if not ours or not theirs:
        return None
    return median(a / b for a, b in zip(ours, theirs, strict=True) if b)


def report(title: str, results: Results, *, beside: str, aims: Sequence[Aim] = ()) -> None:
    """Print a table for each figure, and what became of the aims."""
    print(f"\n# {title}")
    figures = dict.fromkeys(figure for found in results.values() for figure in found)
    width = max(map(len, results))
    for figure in figures:
        print(f"\n{figure}")
        for name, found in results.items():
            if values := found.get(figure):
                times = ratio(results, figure, name, beside)
                print(f"  {name:{width}}  {spread(values)}{_times(times, name, beside)}")
    for aim in aims:
        print(f"\n{aim.judge(results)}", end="")
    print()


def spread(values: Sequence[float]) -> str:
    """`median [min..max]`."""
    return f"{median(values):9.2f} [{min(values):.2f}..{max(values):.2f}]"


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def conditions() -> str:
    """The machine, as far as it tells."""
    load = "unknown" if sys.platform == "win32" else f"{os.getloadavg()[0]:.1f}"
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}"


def options(summary: str | None, *, rounds: int) -> argparse.Namespace:
    """The command line that all programs have."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--rounds", type=int, default=rounds, help="(%(default)s)")
    parser.add_argument("--small", action="store_true", help="the least that runs every part")
    return parser.parse_args()


def note(text: str) -> None:
    """Say on stderr how far it is, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{text:40}", end="\r" if not text else "", file=sys.stderr, flush=True)


def missing(name: str, why: str) -> None:
    """Say that something could not be measured."""
    print(f"not measured: {name} ({why})")


def _times(times: float | None, name: str, beside: str) -> str:
    return "" if times is None or name == beside else f"   {times:.3g} x {beside}"
