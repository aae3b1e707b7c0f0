"""Cut-out faces on disk."""

from __future__ import annotations

import shutil
from collections import namedtuple

import psutil
import pytest
import torch

from fkd import DataError, load_scheme
from tests.nets import dotted_faces
from training.chips import ChipFile
from training.dataset import make_face_set


def test_chips_come_back_by_slice_and_by_index():
    random = torch.randint(0, 256, (7, 3, 5, 5), dtype=torch.uint8)
    chips = ChipFile(7, 5)
    for i in (3, 0, 6, 1, 2, 5, 4):
        chips[i] = random[i]
    assert len(chips) == 7
    assert torch.equal(chips[2:20], random[2:]) and torch.equal(chips[:0], random[:0])
    chosen = torch.tensor([6, 0, 0, 3])
    assert torch.equal(chips[chosen], random[chosen])


def test_a_chip_that_was_never_written_is_not_black():
    chips = ChipFile(3, 5)
    chips[0] = torch.ones((3, 5, 5), dtype=torch.uint8)
    with pytest.raises(IndexError, match="chip 2"):
        chips[torch.tensor([0, 2])]


def test_the_file_has_no_name_that_a_kill_could_leave_behind(tmp_path):
    chips = ChipFile(1, 5, tmp_path)
    chips[0] = torch.ones((3, 5, 5), dtype=torch.uint8)
    assert chips[:1].all() and list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_a_sentence_before_the_work(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Usage", "free")(5e8))
    with pytest.raises(DataError, match=r"10000 faces cut out take 1.3 GB, but “.*” has 0.5 GB left: make room"):
        ChipFile(10_000, 205, tmp_path)


def test_a_set_of_faces_takes_no_memory_for_its_pictures():
    """500 faces are 63 MB of chips; cut out and read in batches, they leave the process as it was."""
    faces, scheme = dotted_faces(5) * 100, load_scheme("kaggle15")
    assert len(make_face_set(faces[:64], scheme, 128).chips[:64]) == 64
    before = psutil.Process().memory_info().rss
    chips = make_face_set(faces, scheme, 128).chips
    for batch in torch.randperm(len(chips)).split(64):
        assert chips[batch].any()
    assert psutil.Process().memory_info().rss - before < 20e6 < len(chips) * 3 * 205**2 / 3
