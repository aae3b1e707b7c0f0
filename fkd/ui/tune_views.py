"""What the page shows of corrections, runs and versions, as HTML. Every text that comes from outside is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan
from statistics import fmean

from fkd.lineage import LineageRow
from fkd.ui.chart import line_chart
from fkd.ui.run_state import RunState
from fkd.ui.tables import Badge, table
from fkd.versions import UNLABELLED, Measured, Version
from training.merge_report import Conflict
from training.tuning_data import TuningData

__all__ = ["conflicts_table", "lineage_view", "nothing_to_learn", "preview", "progress", "verdict"]

# How much of a fine-tune each stage takes, about: a bar that keeps its pace is worth more than one that is exact.
_STAGES = {
    "started": ("Reading the corrections", 0.0, 0.02),
    "find faces": ("Looking for faces to remember by", 0.02, 0.15),
    "cut out": ("Cutting out the faces", 0.02, 0.15),
    "fine-tune": ("Learning", 0.15, 0.9),
    "measure": ("Measuring before and after", 0.9, 1.0),
}
_ENDS = {"done": "Done", "cancelled": "Cancelled", "failed": "Failed"}
_VERDICTS = {
    "passed": "The gate lets it pass",
    "refused": "The gate refuses it",
    "undecided": "The gate cannot decide: a person has to",
}
_SMOOTHED = 5  # steps whose mean loss is drawn
_CONFLICTS_SHOWN = 10


def preview(data: TuningData, missing: Sequence[str]) -> str:
    """What a fine-tune would learn from: rows used, skipped and why, disagreements, and what is missing."""
    report = data.merged
    figures = [
        ("corrected faces to learn from", len(report.training)),
        ("held out to measure on", len(report.held_out)),
        ("other faces to remember by", len(data.replayed)),
        ("faces of the frozen test", len(data.frozen)),
    ]
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(report.points.items()))
    skipped = [(reason, len(ids)) for reason, ids in report.skipped.items()]
    parts = [
        tiles(figures),
        f"<p>{escape(f'Points to learn from: {states}.')}</p>",
        table(("rows left out, and why", "rows"), skipped) if skipped else "",
        conflicts_table(report.conflicts),
        *(f'<p class="tune-missing">{escape(sentence)}</p>' for sentence in missing),
    ]
    return card("What will be learnt", "".join(parts))


def nothing_to_learn(sentence: str) -> str:
    """The card of `preview` where there is nothing yet, and why."""
    return card("What will be learnt", f'<p class="tune-missing">{escape(sentence)}</p>')


def conflicts_table(conflicts: Sequence[Conflict]) -> str:
    """Faces that two people corrected, the widest apart first; "" if there are none."""
    if not conflicts:
        return ""
    widest = sorted(conflicts, key=lambda one: -1.0 if isnan(one.distance_iod) else one.distance_iod, reverse=True)
    rows = [
        (one.used_by or "no name", one.set_aside_by or "no name", distance(one.distance_iod), one.image)
        for one in widest[:_CONFLICTS_SHOWN]
    ]
    more = len(conflicts) - len(rows)
    return table(("two people corrected: counts", "set aside", "apart (of the eye distance)", "picture"), rows) + (
        f"<p>… and {more} more.</p>" if more else ""
    )


def progress(state: RunState) -> str:
    """The run that is going on, or the last one: bar, time left, errors as they come, and the loss."""
    if state.phase == "idle":
        return ""
    if state.phase == "starting":
        if state.sentence:
            return card("On the Hub", f"{bar(0.0)}<pre>{escape(state.sentence)}</pre>")
        return card("Starting", f"{bar(0.0)}<p>The trainer starts in a process of its own.</p>")
    step = state.last_step
    stage = step["stage"] if step else "started"
    label, begin, end = _STAGES[stage]
    done = begin + (end - begin) * (step["step"] / step["steps"] if step else 0.0)
    if state.phase == "running":
        title = label
        sentence = f"step {step['step']} of {step['steps']}{time_left(step)}" if step else ""
    else:
        title, done = _ENDS[state.phase], 1.0 if state.phase == "done" else done
        sentence = f"{state.version} is registered." if state.phase == "done" else state.sentence
    body = f"{bar(done, state.phase)}<p>{escape(sentence)}</p>{measured_so_far(state.rows)}{charts(state.rows)}"
    return card(title, body)


def measured_so_far(rows: Sequence[dict]) -> str:
    measured = [row for row in rows if row["stage"] == "measured"]
    cells = [(row["what"], row["n"], *before_after(row["what"], row["before"], row["after"])) for row in measured]
    return table(("error (NME) on", "faces", "before", "after"), cells) if cells else ""


def charts(rows: Sequence[dict]) -> str:
    both = error_chart(rows) + loss_chart(rows)
    return f'<div class="tune-charts">{both}</div>' if both else ""


def error_chart(rows: Sequence[dict]) -> str:
    looks = [row for row in rows if row["stage"] == "look"]
    if len(looks) < 2:
        return ""
    steps = next(row["steps"] for row in rows if row["stage"] == "fine-tune")
    names = [f"step {row['at']}" for row in looks]
    slots = round(steps / looks[1]["at"]) + 1
    errors = [row["error"] for row in looks]
    return line_chart(f"error on {looks[0]['what']}", errors, names, percent, marked=True, slots=slots)


def loss_chart(rows: Sequence[dict]) -> str:
    learning = [row for row in rows if row.get("loss") is not None]
    if not learning:
        return ""
    losses = [row["loss"] for row in learning]
    smooth = [fmean(losses[max(0, i + 1 - _SMOOTHED) : i + 1]) for i in range(len(losses))]
    steps = [f"step {row['step']}" for row in learning]
    slots = round(len(learning) * learning[-1]["steps"] / learning[-1]["step"])
    return line_chart(f"loss, mean of {_SMOOTHED} steps", smooth, steps, "{:.2f}".format, slots=slots)


def verdict(version: Version, serves: bool) -> str:
    """What the gate says of a version, in sentences, and the errors before and after with their intervals."""
    rows = [
        (one.what, one.n, *before_after(one.what, one.before, one.after), change(one), interval(one))
        for one in version.measured
    ]
    head = f'<p class="tune-verdict" data-decision="{escape(version.decision)}">{_VERDICTS[version.decision]}.</p>'
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in version.reasons)
    columns = ("error (NME) on", "faces", "before", "after", "change", "95 % interval of the difference")
    note = f"<p>{escape(version.version)} serves now.</p>" if serves else ""
    return card("Before and after", f"{head}<ul>{reasons}</ul>{table(columns, rows)}{note}")


def lineage_view(rows: Sequence[LineageRow], serving: str) -> str:
    """Every version with what became of it, and the chart of their errors on one frozen test."""
    cells = [
        (
            Badge(row.status), row.version, row.parent or "–", row.corrections or "–", percent(row.frozen_error),
            f"{percent(row.held_out.before)} → {percent(row.held_out.after)}" if row.held_out else "–",
            row.who or "–", row.time_utc.replace("T", " ").removesuffix("Z") or "–", row.reason or "–",
        )
        for row in reversed(rows)
    ]  # fmt: skip
    columns = ("", "version", "tuned from", "corrections", "frozen test", "held-out", "by", "when (UTC)", "override")
    body = f'<p class="tune-serving">{escape(serving)}</p>'
    tested = [row for row in rows if row.frozen_error is not None]
    if tested:
        errors, names = [row.frozen_error for row in tested], [row.version for row in tested]
        body += line_chart("error of each version on the same frozen test", errors, names, percent, marked=True)
    return card("Versions", body + (table(columns, cells) if cells else "<p>No fine-tune has made one yet.</p>"))


def card(title: str, body: str) -> str:
    return f'<section class="tune-card"><h3>{escape(title)}</h3>{body}</section>'


def tiles(figures: Sequence[tuple[str, int]]) -> str:
    each = "".join(f"<div><b>{count:,}</b><span>{escape(name)}</span></div>" for name, count in figures)
    return f'<div class="tune-tiles">{each}</div>'


def bar(share: float, phase: str = "running") -> str:
    return (
        f'<div class="tune-bar" data-phase="{escape(phase)}" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}"><i style="width: {share:.1%}"></i></div>'
    )


def time_left(step: dict) -> str:
    left = step.get("seconds_left")
    if left is None:
        return ""
    return f", about {left:.0f} s left" if left < 90 else f", about {left / 60:.0f} min left"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"


def before_after(what: str, before: float, after: float) -> tuple[str, str]:
    """Two errors as they are written; without labels there is none, but how far the points moved."""
    return ("–", f"moved {percent(after)}") if what == UNLABELLED else (percent(before), percent(after))


def distance(share: float) -> str:
    return "not known" if isnan(share) else f"{share:.1%}"


def change(one: Measured) -> str:
    return f"{one.after / one.before - 1.0:+.1%}" if one.before > 0 else "–"


def interval(one: Measured) -> str:
    return "too few photos" if one.low is None else f"{one.low:+.2%} to {one.high:+.2%}"
