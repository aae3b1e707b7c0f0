"""Figures laid out for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.bootstrap import FEWEST_GROUPS
from training.compare import Measure

__all__ = ["NAMES", "comparison_text", "evaluation_text", "table", "value_text", "verdict"]

WIDTH = 100  # columns of text; the points stand beside each other as far as they fit
NAMES = {
    "missed": "faces missed",
    "nme_iod": "NME, mean",
    "median": "NME, median",
    "auc_10": "area under the curve to 10 %",
    "failure_8": "failures above 8 %",
    "failure_10": "failures above 10 %",
    "nme_offset_free": "NME after one offset a point",
    "rmse_px": "RMSE",
    "missed_rate": "share of faces missed",
    "uncertainty_spearman": "uncertainty against error, rank correlation",
    "failures_in_least_certain_fifth": "failures above 8 % in the least certain fifth",
    "ece": "calibration error of the confidence",
}
PLAIN = ("auc_10", "uncertainty_spearman")  # neither a share nor pixels


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Lines with the first column flush left and the others flush right; a rule below the header."""
    every = [*([header] if header else []), *rows]
    first, *others = (max(map(len, column)) for column in zip(*every, strict=True))
    lines = [
        "  ".join([row[0].ljust(first), *(cell.rjust(width) for cell, width in zip(row[1:], others, strict=True))])
        for row in every
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]] if header else lines


def value_text(name: str, value: float) -> str:
    """A figure of a summary, called `name`, with its unit."""
    if name == "missed":
        return str(value)
    text = f"{value:.3f}" if name in PLAIN else f"{value:.3f} px" if name == "rmse_px" else f"{value:.2%}"
    return text.replace("-", "−")


def evaluation_text(figures: dict) -> str:
    """What :func:`training.summary.summary` gives, as a page of text."""
    rows = [["faces", str(figures["n"])]]
    rows += [[label, value_text(name, figures[name])] for name, label in NAMES.items() if name in figures]
    parts = [table(rows)]
    if "sources" in figures:
        header = ["by source", "faces", "NME", "RMSE px"]
        parts.append(table([_source_row(name, part) for name, part in figures["sources"].items()], header))
    parts.append(table([_error_row(*item) for item in figures["regions"].items()], ["by region", "% of eyes", "px"]))
    parts.append(_beside([_error_row(*item) for item in figures["points"].items()], ["by point", "% of eyes", "px"]))
    if "reliability" in figures:
        rows = [
            [f"{row['low']:.0%} to {row['high']:.0%}", str(row["n"]), f"{row['confidence']:.1%}", f"{row['close']:.1%}"]
            for row in figures["reliability"]
        ]
        parts.append(table(rows, ["confidence", "points", "mean", "within 5 % of eyes"]))
    return "\n\n".join("\n".join(lines) for lines in parts)


def comparison_text(measures: Sequence[Measure], first: str, second: str) -> str:
    """The figures of two weights beside each other, with the difference and its interval."""
    rows = []
    for one in measures:
        first_text, second_text, low, high = (
            value_text(one.name, value) for value in (one.first, one.second, one.change.low, one.change.high)
        )
        sign = "+" if one.change.difference >= 0 else "−"
        difference = sign + value_text(one.name, abs(one.change.difference))
        interval = f"{low} to {high}" if math.isfinite(one.change.low) else "–"
        better = {"first": first, "second": second, "neither": "within noise"}[one.winner]
        label = NAMES.get(one.name, f"{one.name}, NME")
        rows.append([label, first_text, second_text, difference, interval, better])
    return "\n".join(table(rows, ["measure", first, second, "difference", "95 % interval", "better"]))


def verdict(measure: Measure, first: str, second: str) -> str:
    """A sentence: which of the weights called `first` and `second` is better by this measure, or that nobody knows."""
    name, change = measure.name, measure.change
    figures = f"{NAMES[name]} {value_text(name, measure.first)} and {value_text(name, measure.second)}"
    if not math.isfinite(change.low):
        few = f"The faces are of fewer than {FEWEST_GROUPS} photos or people"
        return f"{few} ({figures}): they do not tell which is better."
    interval = f"95 % interval of the difference {value_text(name, change.low)} to {value_text(name, change.high)}"
    if measure.winner == "neither":
        return f"The difference between {first} and {second} is within noise: {figures}, {interval}."
    better, worse = (first, second) if measure.winner == "first" else (second, first)
    return f"{better} is better than {worse}: {figures}, {interval}."


def _source_row(name: str, part: dict) -> list[str]:
    nme = f"{part['nme_iod']:.2%}" if "nme_iod" in part else "–"
    return [name, str(part["n"]), nme, f"{part['rmse_px']:.3f}" if "rmse_px" in part else "–"]


def _error_row(name: str, error: dict[str, float]) -> list[str]:
    return [name, f"{100 * error['nme']:.2f}" if "nme" in error else "–", f"{error['px']:.2f}"]


def _beside(rows: Sequence[Sequence[str]], header: Sequence[str]) -> list[str]:
    """A long table in as many columns as fit, read downwards."""
    width = len(table(rows, header)[0]) + 4
    columns = max(1, (WIDTH + 4) // width)
    height = -(-len(rows) // columns)
    parts = [table(rows, header)[:2]] * columns
    body = table(rows, header)[2:]
    parts = [[*head, *body[i * height : (i + 1) * height]] for i, head in enumerate(parts)]
    parts = [part for part in parts if len(part) > 2]
    return ["    ".join(part[i] if i < len(part) else "" for part in parts).rstrip() for i in range(height + 2)]
