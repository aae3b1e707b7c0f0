"""Error against the number of corrected faces: what corrections buy in a new domain, and what they cost elsewhere.

A simulated person corrects faces of the domain one after the other; after so many of them, the weights are fine-tuned
just as ``python -m training finetune`` does it, and measured on other faces of the domain and on the frozen test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fkd import hub
from fkd.correction_store import CorrectionStore
from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.images import read_image
from fkd.metrics import outer_eye_distance_px
from fkd.model import load_net
from fkd.predictor import KeypointPredictor
from fkd.schemes import Scheme
from fkd.versions import FROZEN
from training.before_after import compare
from training.config import FinetuneConfig
from training.dataset import make_face_set
from training.finetune import FinetuneJob, finetune
from training.framing import read_framed
from training.settle import PredictedFace, predict_labelled

__all__ = ["CurveJob", "CurvePoint", "correct", "mean_and_spread", "measure_curve"]

# A person leaves a point that is as close to where it belongs as this, of the distance between the outer eye corners.
GOOD_ENOUGH = 0.02


@dataclass(frozen=True)
class CurveJob:
    """What a curve is measured on.

    Attributes:
        weights: a shipped name, a folder or a Hub id to start from.
        domain: labelled data; its faces are corrected and tested on.
        base, frozen: as for :class:`training.finetune.FinetuneJob`.
        counts: numbers of corrected faces. Of each, the fine-tune holds every fifth out for its gate, as ever.
        tested: so many faces of the domain are never corrected; others for each seed.
        seeds: how often the whole is done, with other faces and other random numbers; the config's seed is the first.
    """

    weights: str
    domain: str | Path
    base: tuple[str | Path, ...] = ()
    frozen: tuple[str | Path, ...] = ()
    counts: tuple[int, ...] = (5, 10, 20)
    tested: int = 30
    seeds: int = 3


@dataclass(frozen=True)
class CurvePoint:
    """The errors after `corrections` faces, NME by the outer eye corners.

    Attributes:
        domain: on the tested faces of the domain.
        frozen: on the frozen test; None if there is none.
    """

    seed: int
    corrections: int
    domain: float
    frozen: float | None


def measure_curve(
    job: CurveJob, config: FinetuneConfig, on_point: Callable[[CurvePoint], None] = lambda point: None
) -> list[CurvePoint]:
    """Correct, fine-tune and measure, for each seed and count; the weights as they are count as 0 corrections.

    Args:
        on_point: told of each point as it is there.

    Raises:
        DataError: if the domain has too few faces.
        WeightsError, CorrectionsError, ImageError: as :func:`training.finetune.finetune` does.
    """
    predictor = KeypointPredictor.from_pretrained(job.weights, device=config.device)
    scheme = predictor.scheme
    faces = read_framed(job.domain, scheme)
    points: list[CurvePoint] = []

    def add(point: CurvePoint) -> None:
        points.append(point)
        on_point(point)

    for seed in range(config.seed, config.seed + job.seeds):
        to_correct, tested = parted(faces, job.tested, max(job.counts), seed)
        predicted = predict_labelled(predictor, to_correct)
        chips, begun = make_face_set(tested, scheme, predictor.net.config.input_px), False
        if not np.isfinite(chips.eye_distance).any():
            raise DataError("No tested face has labels for both outer eye corners: there is no error to follow.")
        for count in sorted(job.counts):
            with tempfile.TemporaryDirectory(prefix="fkd-curve-") as folder:
                store = CorrectionStore(Path(folder) / "annotations")
                for face, seen in zip(to_correct[:count], predicted[:count], strict=True):
                    correct(store, face, seen, scheme, predictor.version)
                tune = FinetuneJob(
                    weights=job.weights, corrections=store.path, runs=Path(folder) / "runs", base=job.base,
                    frozen=job.frozen,
                )  # fmt: skip
                version = finetune(tune, replace(config, seed=seed))
                new = load_net(tune.runs / version.folder)
            frozen = next((one for one in version.measured if one.what == FROZEN), None)
            old = load_net(hub.weights_folder(job.weights))
            domain = compare("domain", tested, chips, old, new, scheme)
            if not begun:
                add(CurvePoint(seed, 0, float(domain.before.mean()), frozen and frozen.before))
                begun = True
            add(CurvePoint(seed, count, float(domain.after.mean()), frozen and frozen.after))
    return points


def parted(
    faces: Sequence[LabelledFace], tested: int, corrected: int, seed: int
) -> tuple[list[LabelledFace], list[LabelledFace]]:
    """`corrected` faces to correct and at least `tested` to test on, drawn by `seed`; no photo or person is in both.

    Raises:
        DataError: if there are too few.
    """
    groups: dict[str, list[LabelledFace]] = {}
    for face in faces:
        groups.setdefault(face.group, []).append(face)
    names = list(groups)
    test: list[LabelledFace] = []
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    while order and len(test) < tested:
        test += groups[order.pop()]
    free = [face for name in order for face in groups[name]]
    if len(test) < tested or len(free) < corrected:
        raise DataError(
            f"{len(faces)} faces are too few to correct {corrected} and test on {tested} others: name smaller --counts "
            "or --tested, or a larger --domain."
        )
    return free[:corrected], test


def correct(
    store: CorrectionStore, face: LabelledFace, seen: PredictedFace, scheme: Scheme, model_version: str
) -> None:
    """Save a face as a person would who looks at every point: those that are off are moved to their labels.

    A point within `GOOD_ENOUGH` of its label is confirmed where it is; one without a label is left alone.
    """
    # The predicted one, for not every face has a label at both corners.
    eye_distance_px = float(outer_eye_distance_px(seen.predicted_xy[None], scheme)[0])
    distance_px = np.linalg.norm(seen.predicted_xy - face.points_xy, axis=1)  # (K,)
    moved = distance_px > GOOD_ENOUGH * eye_distance_px
    states = np.where(np.isnan(distance_px), "untouched", np.where(moved, "moved", "confirmed"))
    image = read_image(face.image)
    # Framed by the labels, as in the measure: what the detector makes of the domain is not the question here.
    low, high = np.nanmin(face.points_xy, axis=0), np.nanmax(face.points_xy, axis=0)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "face.png"
        Image.fromarray(image).save(photo)
        store.save(
            photo, image_width=image.shape[1], image_height=image.shape[0], scheme=scheme.name,
            box_xyxy=np.concatenate([low, high]), predicted_xy=seen.predicted_xy,
            corrected_xy=np.where(moved[:, None], face.points_xy, seen.predicted_xy), confidence=seen.confidence,
            states=tuple(states.tolist()), model_version=model_version, annotator="simulated",
        )  # fmt: skip


def mean_and_spread(points: Sequence[CurvePoint], what: str) -> list[tuple[int, float, float, float]]:
    """By the number of corrections: the mean over the seeds of `what` (an attribute), the smallest and the largest."""
    rows = []
    for count in sorted({point.corrections for point in points}):
        values = [getattr(point, what) for point in points if point.corrections == count]
        if None not in values:
            rows.append((count, float(np.mean(values)), min(values), max(values)))
    return rows
