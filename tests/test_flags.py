"""Flags stay over a restart, and a line that was cut off harms no other."""

from __future__ import annotations

import json

from fkd.flags import Flags


def test_flags_are_there_after_a_restart(tmp_path):
    flags = Flags(tmp_path)
    flags.put("images/a.jpg", True, "Ada")
    flags.put("images/b.jpg", True)
    flags.put("images/a.jpg", False, "Tim")
    for now in (flags, Flags(tmp_path)):
        assert "images/a.jpg" not in now and "images/b.jpg" in now
    rows = [json.loads(line) for line in (tmp_path / "flags.jsonl").read_text().splitlines()]
    assert [(row["image"], row["flagged"], row["annotator"]) for row in rows] == [
        ("images/a.jpg", True, "Ada"), ("images/b.jpg", True, ""), ("images/a.jpg", False, "Tim")
    ]  # fmt: skip


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    Flags(tmp_path).put("images/a.jpg", True)
    with (tmp_path / "flags.jsonl").open("a") as file:
        file.write('{"image": "images/b.jp')
    flags = Flags(tmp_path)
    assert "images/a.jpg" in flags
    flags.put("images/c.jpg", True)
    assert "images/c.jpg" in Flags(tmp_path)
