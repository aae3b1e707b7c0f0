"""Tables of HTML, for what a person reads but does not edit. Their looks are in page.css."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["Badge", "table"]


class Badge(str):
    """A cell with a word that stands out."""


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows of cells under the names of the columns; whatever is in them is shown as text."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="fkd-rows"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: object) -> str:
    text = escape(str(value))
    return f'<td><em data-status="{text}">{text}</em></td>' if isinstance(value, Badge) else f"<td>{text}</td>"
