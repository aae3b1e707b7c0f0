"""The page of a report, as HTML that needs no other file and no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from training import figures
from training.evaluate import Evaluation
from training.summary import summary
from training.tables import NAMES, value_text

__all__ = ["Gallery", "report_page"]

STYLE = Path(__file__).with_name("report.css")
TILES = ("missed", "nme_iod", "median", "failure_8", "rmse_px", "uncertainty_spearman", "ece")
LEGEND = (
    '<p class="legend"><b class="predicted">predicted</b> <b class="labelled">labelled</b> '
    "off: mean error in eye distances; sure: mean confidence</p>"
)
CHARTS = (
    ("Error by point", figures.error_by_point,
     "The mean face. Around each point's dot, the ellipse that predictions scatter in (one standard deviation); the "
     "line to its centre is a bias."),
    ("Cumulative error", figures.cumulative_errors,
     "Faces with less than an error. Left and high is good; the dashed lines are the usual thresholds of a failure."),
    ("Can the confidence be believed?", figures.reliability_diagram,
     "Of the points with a confidence of 80 %, four in five should lie within 5 % of the eye distance: on the dashed "
     "line. Below it the network is too sure, above it too modest."),
    ("Does it know when it is wrong?", figures.confidence_scatter,
     "A dot is a face. In the shaded part is the fifth that the network is least sure of: what a person should look "
     "at first."),
)  # fmt: skip


@dataclass(frozen=True)
class Gallery:
    """Faces to look at.

    Attributes:
        title: what they are.
        faces: of each a JPEG, a name, and a line of figures.
    """

    title: str
    faces: tuple[tuple[bytes, str, str], ...]


def report_page(
    title: str,
    subtitle: str,
    rows: Sequence[dict] = (),
    evaluation: Evaluation | None = None,
    galleries: Sequence[Gallery] = (),
) -> str:
    """The page, as HTML that needs no other file and no network.

    Args:
        title, subtitle: plain text, as are all names in it: they are escaped here.
        rows: a run's epochs, as in its ``metrics.jsonl``.
        evaluation: what was measured, if anything was.
        galleries: faces to look at.
    """
    parts = [f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>"]
    found = summary(evaluation) if evaluation else {}
    parts.append(_tiles(found))
    if rows:
        curves = _picture(figures.learning_curves(rows), "image/png", "Loss, held-out error and learning rate by epoch")
        parts.append(_section("Training", f'<figure class="card wide">{curves}</figure>'))
    if evaluation:
        shown = [_chart(*chart, evaluation) for chart in CHARTS if _has_data(chart[1], evaluation)]
        parts.append(_section("Errors", f'<div class="charts">{"".join(shown)}</div>'))
    parts += [_section(part.title, LEGEND + _faces(part)) for part in galleries]
    if evaluation:
        parts.append(_section("Figures", _tables(found)))
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>{escape(title)}</title><style>\n{style}</style></head>\n'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _has_data(chart, evaluation: Evaluation) -> bool:
    found = evaluation.part(~evaluation.missed)
    corners = found.labelled_xy[:, list(found.scheme.outer_eye_corners)]  # (M, 2, 2)
    return len(found) > 0 and (chart is not figures.error_by_point or bool(np.isfinite(corners).all(axis=(1, 2)).any()))


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _tiles(found: dict) -> str:
    tiles = [("faces", str(found["n"]))] if found else []
    tiles += [(NAMES[name], value_text(name, found[name])) for name in TILES if name in found]
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in tiles)
    return f'<dl class="tiles">{cells}</dl>' if tiles else ""


def _picture(content: bytes, kind: str, alt: str) -> str:
    return f'<img src="data:{kind};base64,{base64.b64encode(content).decode()}" alt="{escape(alt)}">'


def _chart(title: str, draw, caption: str, evaluation: Evaluation) -> str:
    picture = _picture(draw(evaluation), "image/png", title)
    return f'<figure class="card"><h3>{escape(title)}</h3>{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def _faces(part: Gallery) -> str:
    shown = [
        f"<figure>{_picture(content, 'image/jpeg', f'Face of {name}')}<figcaption><b>{escape(line)}</b>"
        f"<span>{escape(name)}</span></figcaption></figure>"
        for content, name, line in part.faces
    ]
    return f'<div class="faces">{"".join(shown)}</div>'


def _tables(found: dict) -> str:
    measures = [(label, value_text(name, found[name])) for name, label in NAMES.items() if name in found]
    tables = [_table("Measure", (f"{found['n']} faces",), measures)]
    if "sources" in found:
        rows = [(name, str(part["n"]), _number(part, "nme_iod", 100), _number(part, "rmse_px"))
                for name, part in found["sources"].items()]  # fmt: skip
        tables.append(_table("Source", ("faces", "NME, %", "RMSE, px"), rows))
    errors = ("% of eyes", "px")
    tables.append(_table("Region", errors, [_error_row(*item) for item in found["regions"].items()]))
    points = [_error_row(*item) for item in found["points"].items()]
    length = max(10, -(-len(points) // 3))
    tables += [_table("Point", errors, points[i : i + length]) for i in range(0, len(points), length)]
    return f'<div class="tables">{"".join(tables)}</div>'


def _error_row(name: str, error: dict[str, float]) -> tuple[str, str, str]:
    return name.replace("_", " "), _number(error, "nme", 100), _number(error, "px")


def _number(values: dict[str, float], name: str, factor: float = 1.0) -> str:
    return f"{factor * values[name]:.2f}" if name in values else "–"


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="card"><thead><tr><th>{escape(title)}</th>{head}</tr></thead><tbody>{body}</tbody></table>'
