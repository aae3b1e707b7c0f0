"""The cleaning report as files: what was found, and pictures of the faces whose labels are oddest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import gather_object
from PIL import Image

from fkd.durable import write_whole
from fkd.schemes import Scheme
from training.cleaning import ODD, Cleaning, clean, face_name
from training.contact_sheet import TILE_PX, contact_sheet, face_tile, write_picture
from training.data import TrainingData
from training.dataset import CHIP_MARGIN, FaceSet, make_face_set
from training.duplicates import sketches

__all__ = ["cleaning_of_cut", "outlier_sheet", "whole_cleaning", "write_cleaning"]

MOST_PICTURES = 24
SHOWN_SHARE = 0.8  # of a chip: enough around the crop to see a label that lies far out
SKETCHED_PX = 64  # crops are cut out so large where nothing but a sketch of them is wanted


def whole_cleaning(
    data: TrainingData, scheme: Scheme, progress: Callable[[Sequence], Sequence] = lambda items: items
) -> Cleaning:
    """Look through all faces of `data`, whichever side of the split they are on.

    Raises:
        ImageError: if a photo cannot be read.
        DataError: if the disk has no room for the faces cut out.
    """
    faces = [*data.training, *data.held_out, *data.apart]
    held_out = np.arange(len(faces)) >= len(data.training)
    return clean(faces, held_out, sketches(make_face_set(faces, scheme, SKETCHED_PX, progress=progress).chips), scheme)


def cleaning_of_cut(data: TrainingData, train: FaceSet, held_out: FaceSet | None, scheme: Scheme) -> Cleaning | None:
    """As `whole_cleaning`, from the faces that a training has cut out anyway.

    Under ``accelerate launch`` every process calls this with its own part of the training faces, every n-th one; the
    first process, which has the held-out faces, gets the result and the others None.
    """
    parts = gather_object([sketches(train.chips)])
    if held_out is None:
        return None
    sketched = torch.empty((len(data.training), parts[0].shape[1]), dtype=parts[0].dtype)
    for process, part in enumerate(parts):
        sketched[process :: len(parts)] = part
    apart = [sketches(make_face_set(data.apart, scheme, SKETCHED_PX).chips)] if data.apart else []
    faces = [*data.training, *data.held_out, *data.apart]
    sides = np.arange(len(faces)) >= len(data.training)
    return clean(faces, sides, torch.cat([sketched, sketches(held_out.chips), *apart]), scheme)


def write_cleaning(found: Cleaning, out: Path) -> None:
    """Write ``cleaning.json`` and ``outliers.png`` to the folder `out`.

    Raises:
        ImageError: if a photo cannot be read.
    """
    text = json.dumps(found.as_json(), indent=1, ensure_ascii=False)
    write_whole(out / "cleaning.json", f"{text}\n".encode())
    write_picture(outlier_sheet(found), out / "outliers.png")


def outlier_sheet(found: Cleaning) -> Image.Image:
    """The oddest faces with their labels, outliers or not, so that a person sees what the threshold parts."""
    worst = found.worst(MOST_PICTURES)
    title = f"The {len(worst)} oddest of {found.judged.sum()} faces judged by the shape of their labels"
    subtitle = f"robust standard deviations above the median; an outlier has more than {ODD:g}: {found.odd.sum()} faces"
    if not len(worst):
        return contact_sheet([], "Too few faces or points to judge shapes by", "")
    cut = make_face_set([found.faces[i] for i in worst], found.scheme, round(TILE_PX / CHIP_MARGIN / SHOWN_SHARE))
    tiles = []
    for place, i in enumerate(worst):
        picture = face_tile(cut.chips[place : place + 1][0], [cut.points[place].numpy()], found.scheme, SHOWN_SHARE)
        remarks = [f"{found.oddity[i]:.1f}"]
        remarks += ["outlier"] * bool(found.odd[i]) + ["held out"] * bool(found.held_out[i])
        tiles.append((picture, ", ".join(remarks), face_name(found.faces[i])))
    return contact_sheet(tiles, title, subtitle)
