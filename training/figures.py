"""The charts of a report. Each function gives a PNG on a clear ground, legible on white and on black."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from fkd.metrics import in_eye_frame, mean_of_labelled
from fkd.predictor import CLOSE
from training.calibration import reliability
from training.evaluate import Evaluation
from training.summary import FAILURE, least_certain

__all__ = [
    "confidence_scatter",
    "correction_curve",
    "cumulative_errors",
    "error_by_point",
    "learning_curves",
    "reliability_diagram",
]

# By the number of corrections: the mean error, and the smallest and largest of all seeds.
CurveRow = tuple[int, float, float, float]

# Okabe and Ito's palette, which colour-blind people tell apart; the first is what the networks predict everywhere.
BLUE, VERMILION = "#0072b2", "#d55e00"
SERIES = (BLUE, VERMILION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
INK, FAINT = "#7d7d86", "#7d7d8640"  # a grey with the same contrast to white and to black
DPI = 160


def _chart(draw: Callable) -> Callable[..., bytes]:
    """Turn a function that draws on a matplotlib figure into one that returns the PNG."""

    @wraps(draw)
    def drawn(*arguments) -> bytes:
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        style = {
            "font.size": 10.0, "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
            "ytick.color": INK, "axes.grid": True, "grid.color": FAINT, "grid.linewidth": 0.7, "axes.axisbelow": True,
            "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": "none", "legend.frameon": False,
        }  # fmt: skip
        with rc_context(style):
            figure = Figure(figsize=(6.4, 5.0), layout="constrained", facecolor="none")
            draw(figure, *arguments)
            picture = io.BytesIO()
            figure.savefig(picture, format="png", dpi=DPI)
        return picture.getvalue()

    return drawn


@_chart
def learning_curves(figure, rows: Sequence[dict]) -> None:
    """Training loss and held-out error over the epochs, from the rows of a run's ``metrics.jsonl``."""
    figure.set_size_inches(13.0, 3.6)
    epochs = [row["epoch"] for row in rows]
    error, label, factor = "rmse_unit", "held-out RMSE, % of the crop", 100.0
    if any(row.get("nme_iod") is not None for row in rows):
        error, label = "nme_iod", "held-out NME, % of the eye distance"
    panels = (
        ("loss", "training loss", 1.0, BLUE),
        (error, label, factor, VERMILION),
        ("lr", "learning rate", 1.0, INK),
    )
    for axes, (key, label, factor, colour) in zip(figure.subplots(1, 3), panels, strict=True):
        values = np.array([np.nan if row.get(key) is None else factor * row[key] for row in rows], dtype=float)
        axes.plot(epochs, values, color=colour, linewidth=2, marker="o", markersize=4 if len(rows) < 25 else 0)
        axes.set(xlabel="epoch", title=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        known = values[np.isfinite(values)]
        if len(known):
            # The first epochs may be far off, and would flatten all others.
            axes.set_ylim(min(0.0, 1.08 * known.min()), 1.08 * max(min(known.max(), 3 * np.median(known)), 1e-12))
        if key == error and len(known):
            best = int(np.nanargmin(values))
            axes.plot(epochs[best], values[best], "o", color=colour, markersize=7)
            axes.annotate(
                f"{values[best]:.2f} % (epoch {epochs[best]})", (epochs[best], values[best]), (0, 9),
                textcoords="offset points", ha="right" if best > len(rows) / 2 else "left", color=colour, weight="bold",
            )  # fmt: skip


@_chart
def error_by_point(figure, evaluation: Evaluation) -> None:
    """The mean labelled face: around each point the ellipse that its predictions scatter in, coloured by mean error.

    An ellipse is one standard deviation about the predictions' mean; the line to it from the label's dot is a bias.
    Faces without both outer eye corners have no place on it.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.patches import Ellipse

    scheme, labelled = evaluation.scheme, evaluation.labelled_xy
    middle = labelled[:, list(scheme.outer_eye_corners)].mean(axis=1, keepdims=True)  # (N, 1, 2)
    placed = in_eye_frame(labelled - middle, labelled, scheme)  # (N, K, 2)
    shape = np.stack([mean_of_labelled(placed[..., axis].T) for axis in (0, 1)], axis=1)  # (K, 2)
    residuals = in_eye_frame(evaluation.predicted_xy - labelled, labelled, scheme)  # (N, K, 2)
    errors = 100 * mean_of_labelled(np.linalg.norm(residuals, axis=2).T)  # (K,)
    colours = LinearSegmentedColormap.from_list("error", [BLUE, "#e69f00", VERMILION])
    scale = Normalize(np.nanmin(errors), np.nanmax(errors))
    axes = figure.subplots()
    for a, b in scheme.edges:
        axes.plot(*shape[[a, b]].T, color=FAINT, linewidth=1.2, zorder=1)
    for point, residual, error in zip(shape, residuals.transpose(1, 0, 2), errors, strict=True):
        known = residual[np.isfinite(residual).all(axis=1)]
        if not len(known):
            continue
        bias = known.mean(axis=0)
        spread, axis = np.linalg.eigh(np.cov(known.T) if len(known) > 1 else np.zeros((2, 2)))
        width, height = 2 * np.sqrt(np.maximum(spread, 0))
        angle = np.degrees(np.arctan2(axis[1, 0], axis[0, 0]))
        colour = colours(scale(error))
        axes.add_patch(Ellipse(point + bias, width, height, angle=angle, color=colour, alpha=0.35, linewidth=0))
        axes.plot(*np.stack([point, point + bias]).T, color=colour, linewidth=1.4)
        axes.plot(*point, "o", color=colour, markersize=3)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_axis_off()
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, shrink=0.7, pad=0.01)
    bar.set_label("mean error, % of the eye distance")
    bar.outline.set_visible(False)


@_chart
def cumulative_errors(figure, evaluation: Evaluation) -> None:
    """The share of faces whose error is below each threshold; a line a source."""
    axes = figure.subplots()
    for colour, (name, part) in zip(SERIES, _by_source(evaluation), strict=False):
        errors = 100 * np.sort(_face_errors(part))
        share = 100 * np.arange(1, len(errors) + 1) / len(errors)
        axes.step([0, *errors, 1e3], [0, *share, share[-1]], where="post", color=colour, linewidth=2, label=name)
    for threshold in (100 * FAILURE, 10):
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 4)))
    axes.set(xlim=(0, 15), ylim=(0, 101), xlabel="error, % of the eye distance", ylabel="faces with less, %")
    axes.legend(loc="lower right")


@_chart
def reliability_diagram(figure, evaluation: Evaluation) -> None:
    """Share of points that came true over what the confidence promised, and how many points there are."""
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    errors = evaluation.relative_errors
    known = np.isfinite(errors)
    bins = reliability(evaluation.confidence[known], errors[known] <= CLOSE)
    above.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (4, 4)))
    confidence, close = (100 * np.array([getattr(row, name) for row in bins]) for name in ("confidence", "close"))
    above.fill_between(confidence, confidence, close, color=VERMILION, alpha=0.18, linewidth=0)
    above.plot(confidence, close, color=BLUE, linewidth=2, marker="o", markersize=5)
    above.set(xlim=(0, 100), ylim=(0, 102), ylabel="points that are close, %")
    below.bar([100 * row.low for row in bins], [row.n for row in bins], 10, align="edge", color=BLUE, alpha=0.5)
    below.set(xlabel="confidence, %", ylabel="points")


@_chart
def confidence_scatter(figure, evaluation: Evaluation) -> None:
    """Error of each face over its mean confidence; the ground is shaded where the least certain fifth is."""
    axes = figure.subplots()
    for colour, (name, part) in zip(SERIES, _by_source(evaluation), strict=False):
        axes.plot(
            100 * (1 - part.uncertainty), 100 * mean_of_labelled(part.relative_errors), "o", color=colour, alpha=0.55,
            markersize=4, markeredgewidth=0, label=name,
        )  # fmt: skip
    seen = evaluation.uncertainty[np.isfinite(evaluation.uncertainty)]
    if len(seen):
        edge = 100 * (1 - seen[least_certain(seen)].min())
        left, right = axes.get_xlim()
        axes.axvspan(left, edge, color=INK, alpha=0.12, linewidth=0, zorder=0)
        axes.set_xlim(left, right)
    axes.axhline(100 * FAILURE, color=INK, linewidth=1, linestyle=(0, (4, 4)))
    axes.set(xlabel="mean confidence, %", ylabel="error, % of the eye distance")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")


@_chart
def correction_curve(figure, domain: Sequence[CurveRow], frozen: Sequence[CurveRow]) -> None:
    """Error on the domain and on the frozen test over the number of corrected faces, with the spread over the seeds."""
    figure.set_size_inches(6.4, 4.0)
    axes = figure.subplots()
    for rows, colour, name in ((domain, BLUE, "new domain"), (frozen, VERMILION, "frozen test")):
        if rows:
            counts, mean, low, high = np.array(rows, dtype=float).T
            axes.fill_between(counts, 100 * low, 100 * high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(counts, 100 * mean, color=colour, linewidth=2, marker="o", markersize=5, label=name)
            axes.set_xticks(counts)
    axes.set(xlabel="corrected faces", ylabel="error, % of the eye distance")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")


def _face_errors(evaluation: Evaluation) -> np.ndarray:
    """(N,) error of each face in eye distances, predicted ones where no other is known; infinite for a missed face."""
    return np.where(evaluation.missed, np.inf, mean_of_labelled(evaluation.relative_errors))


def _by_source(evaluation: Evaluation) -> list[tuple[str, Evaluation]]:
    sources = list(dict.fromkeys(evaluation.sources))
    parts = [evaluation.part(np.array(evaluation.sources) == source) for source in sources]
    return [(f"{name} ({len(part)})", part) for name, part in zip(sources, parts, strict=True)]
