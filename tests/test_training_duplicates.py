"""The same face twice is found, whatever the file; two people are two people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import load_scheme
from fkd.formats import LabelledFace
from tests.pictures import astronaut, portrait
from training import duplicates
from training.dataset import face_crop, make_face_set
from training.duplicates import copies_of_held_out, exact_copies, near_copies, sketches

SCHEME = load_scheme("kaggle15")
PORTRAIT_BOX, ASTRONAUT_BOX = (158, 118, 368, 328), (170, 60, 290, 180)


def face(image: np.ndarray, box_xyxy: tuple[float, ...], shift: float = 0.0) -> LabelledFace:
    """A face of which just four points are labelled, so that its crop comes from its box."""
    points = np.full((15, 2), np.nan)
    points[:4] = np.array(box_xyxy).reshape(2, 2).mean(axis=0)
    return LabelledFace(image, points, "a", box_xyxy=np.array(box_xyxy, dtype=float) + shift)


def sketched(faces: list[LabelledFace]) -> torch.Tensor:
    return sketches(make_face_set(faces, SCHEME, 64).chips)


def exact(faces: list[LabelledFace]) -> list[int]:
    return exact_copies(faces, [face_crop(f, SCHEME) for f in faces]).tolist()


def other_forms(image: np.ndarray, tmp_path) -> dict[str, np.ndarray]:
    Image.fromarray(image).save(tmp_path / "small.jpg", quality=40)
    with Image.open(tmp_path / "small.jpg") as picture:
        compressed = np.array(picture)
    return {
        "compressed": compressed,
        "darker": (image * 0.6).astype(np.uint8),
        "flat": (image * 0.5 + 100).astype(np.uint8),
        "grey": np.repeat(np.array(Image.fromarray(image).convert("L"))[..., None], 3, axis=2),
    }


def test_a_sketch_has_no_brightness_and_no_contrast():
    drawn = sketched([face(portrait(), PORTRAIT_BOX)]).float()
    assert drawn.shape == (1, 256)
    assert drawn.mean().item() == pytest.approx(0, abs=1e-4) and drawn.norm().item() == pytest.approx(1, abs=1e-3)
    assert sketches(torch.full((1, 3, 102, 102), 90, dtype=torch.uint8)).abs().max() == 0


def test_copies_in_another_form_look_the_same_and_other_people_do_not(tmp_path):
    forms = other_forms(portrait(), tmp_path)
    faces = [face(portrait(), PORTRAIT_BOX), face(astronaut(), ASTRONAUT_BOX)]
    faces += [face(image, PORTRAIT_BOX) for image in forms.values()]
    faces.append(face(portrait(), PORTRAIT_BOX, shift=3.0))  # labelled by somebody else
    copied = near_copies(sketched(faces))
    assert copied[:2].tolist() == [-1, -1]
    assert all(0 <= copy != 1 for copy in copied[2:]), dict(zip(forms, copied[2:], strict=False))


def test_a_face_of_one_colour_is_like_nothing():
    blank = np.full((100, 100, 3), 70, np.uint8)
    assert near_copies(sketched([face(blank, (20, 20, 80, 80)), face(blank, (20, 20, 80, 80))])).tolist() == [-1, -1]


def test_the_most_alike_of_those_before_is_named_across_batches(monkeypatch):
    monkeypatch.setattr(duplicates, "BATCH", 2)
    base = torch.nn.functional.normalize(torch.randn(3, 256, generator=torch.Generator().manual_seed(0)), dim=1)
    drawn = torch.cat([base, base[1:2] + 0.01 * base[2:], base[:1], base[1:2], base[2:]])
    assert near_copies(drawn).tolist() == [-1, -1, -1, 1, 0, 1, 2]


def test_exact_copies_are_the_same_face_of_the_same_picture(tmp_path):
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png", "other.png")]
    for path in paths[:3]:
        Image.fromarray(portrait()).save(path)
    Image.fromarray(astronaut()).save(paths[3])
    faces = [replace(face(portrait(), PORTRAIT_BOX), image=path) for path in paths]
    assert exact(faces) == [-1, 0, 0, -1]
    elsewhere = replace(faces[1], box_xyxy=np.array([0.0, 0, 60, 60]))  # another face of the same picture
    assert exact([faces[0], elsewhere, faces[2]]) == [-1, -1, 0]
    assert exact([elsewhere, faces[0], elsewhere]) == [-1, -1, 0]


def test_exact_copies_in_memory():
    changed = portrait()
    changed[0, 0] += 1
    images = (portrait(), astronaut(), portrait(), changed)
    assert exact([face(image, PORTRAIT_BOX) for image in images]) == [-1, -1, 0, -1]


def test_a_training_face_that_is_held_out_too_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(duplicates, "BATCH", 2)
    images = [astronaut(), portrait(), other_forms(portrait(), tmp_path)["compressed"], astronaut(), portrait()]
    boxes = [ASTRONAUT_BOX, PORTRAIT_BOX, PORTRAIT_BOX, ASTRONAUT_BOX, PORTRAIT_BOX]
    faces = [face(image, box) for image, box in zip(images, boxes, strict=True)]
    drawn, none = sketched(faces), np.full(5, -1)
    held_out = np.array([False, False, False, False, True])
    assert copies_of_held_out(drawn, none, held_out).tolist() == [False, True, True, False, False]
    assert not copies_of_held_out(drawn, none, np.zeros(5, dtype=bool)).any()
    # Of the very same picture, labels may be so far apart that the crops look different.
    exactly = np.array([-1, -1, -1, 0, -1])
    for which in (0, 3):
        held_out = np.arange(5) == which
        unlike = torch.eye(5, 256).half()
        assert copies_of_held_out(unlike, exactly, held_out).nonzero()[0].tolist() == [3 - which]
