"""A small line chart as SVG in the page's own colours, so that it is legible in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

__all__ = ["line_chart"]

_WIDTH, _HEIGHT, _MARGIN = 600.0, 150.0, 10.0


def line_chart(
    title: str,
    values: Sequence[float],
    names: Sequence[str],
    form: Callable[[float], str],
    marked: bool = False,
    slots: int = 0,
) -> str:
    """A chart of a value over what `names` name, with its highest and lowest value beside it.

    Args:
        values: finite, one at least.
        names: of the values, shown below the first and the last, and where the mouse points if they are marked.
        form: how a value is written.
        marked: whether each value is a dot on the line.
        slots: how many values there will be; the line grows to the right until there are.
    """
    low, high = min(values), max(values)
    spread = high - low or abs(high) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / max(slots - 1, len(values) - 1, 1)
    places = [
        (_MARGIN + i * step, _MARGIN + (_HEIGHT - 2 * _MARGIN) * (high - value) / spread)
        for i, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    # A line of no length with round ends is a dot, and stays round however the chart is stretched.
    dots = "".join(
        f'<path class="dot" d="M{x:.1f} {y:.1f}h0"><title>{escape(name)}: {escape(form(value))}</title></path>'
        for (x, y), name, value in zip(places, names, values, strict=True)
    )
    grid = "".join(f'<path d="M0 {y}H{_WIDTH}"/>' for y in (_MARGIN, _HEIGHT / 2, _HEIGHT - _MARGIN))
    last = f"<span>{escape(names[-1])}</span>" if len(names) > 1 else ""
    return (
        f'<figure class="tune-chart"><figcaption>{escape(title)}<b>{escape(form(values[-1]))}</b></figcaption>'
        f"<div><span>{escape(form(high))}</span><span>{escape(form(low)) if high > low else ''}</span></div>"
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}: {escape(form(values[0]))} to {escape(form(values[-1]))}">'
        f'<g class="grid">{grid}</g><polyline points="{line}"/>{dots if marked else ""}</svg>'
        f"<footer><span>{escape(names[0])}</span>{last}</footer></figure>"
    )
