"""Fine-tuning: a network that people corrected learns from the corrections without forgetting the rest."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch

from fkd import hub
from fkd.device import choose_device
from fkd.errors import WeightsError
from fkd.formats import LabelledFace, read_faces
from fkd.model import KeypointNet, load_net
from fkd.schemes import load_scheme
from training.augment import augment
from training.config import FinetuneConfig
from training.dataset import FaceSet, is_held_out, make_face_set
from training.loop import Ema, draw, learning_rate, unit_errors
from training.losses import UNIT, keypoint_loss
from training.merge import read_corrections
from training.run_folder import make_run_folder

__all__ = ["BeforeAfter", "finetune", "fit_corrections"]

# Enough base faces to remember by; cutting out more costs longer than it helps.
MOST_BASE_FACES = 800
MOST_TEST_FACES = 200


@dataclass(frozen=True)
class BeforeAfter:
    """Errors of the old and the new weights on faces that neither was tuned on.

    Attributes:
        what: which faces.
        n: how many.
        before, after: mean error of each, as a share of the distance between the outer eye corners.
    """

    what: str
    n: int
    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.what} ({self.n} faces): NME {self.before:.2%} before, {self.after:.2%} after"


def finetune(
    weights: str | Path,
    corrections: str | Path,
    base: Sequence[str | Path],
    out: Path,
    config: FinetuneConfig,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable = lambda items, label: items,
) -> list[BeforeAfter]:
    """Merge corrections with base data, fine-tune, measure, and write the new weights to `out`.

    Args:
        weights: a shipped name, a folder or a Hub id.
        corrections: ``corrections.csv`` or its folder.
        base: data in any layout of :mod:`fkd.formats`, to replay; may be empty.
        say: is told what is being done, a line at a time.
        progress: wraps an iterable that takes time.

    Returns:
        Errors before and after on held-out corrections and on held-out base data, as far as there are any.

    Raises:
        WeightsError, CorrectionsError, DataError, ImageError: if something cannot be used, before any training.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    source = hub.weights_folder(weights)
    if out.resolve() == source.resolve():
        raise WeightsError("The new weights need a folder of their own: name another one with --out.")
    old = load_net(source)
    scheme, input_px = load_scheme(old.config.scheme), old.config.input_px
    corrected = read_corrections(corrections, scheme)
    training, held_out = corrected.training, corrected.held_out
    for line in corrected.report:
        say(line)
    base_faces = [face for path in base for face in read_faces(path, scheme)]
    # Faces labelled by another convention than the first ones' would pull the network away from what it speaks.
    same = [face for face in base_faces if face.source == base_faces[0].source]
    replayed = some([face for face in same if not is_held_out(face)], MOST_BASE_FACES, config.seed)
    frozen = some([face for face in same if is_held_out(face)], MOST_TEST_FACES, config.seed)
    say(
        f"{len(training)} corrected faces train, {len(held_out)} are held out; {len(replayed)} base faces are replayed"
        + (f", {len(base_faces) - len(same)} of other conventions are not" if len(same) < len(base_faces) else "")
    )

    make_run_folder(out)

    def cut_out(faces: list[LabelledFace], label: str) -> FaceSet | None:
        return make_face_set(faces, scheme, input_px, progress=lambda fs: progress(fs, label)) if faces else None

    tests = {"held-out corrections": cut_out(held_out, "cut out"), "held-out base data": cut_out(frozen, "cut out")}
    new = fit_corrections(
        old, cut_out(training, "cut out"), cut_out(replayed, "cut out"), config, lambda s: progress(s, "fine-tune")
    )
    results = []
    for what, faces in tests.items():
        if faces is not None:
            before, after = (unit_errors(net, faces, scheme, input_px)["nme_iod"] for net in (old, new))
            if np.isfinite(before):  # else no face's size is known
                results.append(BeforeAfter(what, len(faces), before, after))
    new.config = replace(
        old.config,
        version=f"{scheme.name}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}",
        parent=old.config.version,
        trained_on=(*old.config.trained_on, f"{len(training)} corrected faces"),
        metrics={f"{r.what} NME".replace(" ", "_"): round(r.after, 5) for r in results},
    )
    new.save_pretrained(out)
    return results


def fit_corrections(
    old: KeypointNet,
    corrected: FaceSet,
    base: FaceSet | None,
    config: FinetuneConfig,
    progress: Callable[[Sequence[int]], Sequence[int]] = lambda steps: steps,
) -> KeypointNet:
    """The network `old`, trained on corrected faces mixed with base faces; `old` itself stays as it is.

    Labelled points pull towards their labels; every other point is held near the old network's prediction for the same
    crop (learning without forgetting, Li and Hoiem 2016, https://arxiv.org/abs/1606.09282). The norms keep their
    statistics: a few dozen faces would only spoil them.
    """
    torch.manual_seed(config.seed)
    device = choose_device(config.device)
    scheme = load_scheme(old.config.scheme)
    old = old.to(device).eval()
    net = copy.deepcopy(old).requires_grad_(True)  # stays in eval mode: frozen statistics
    ema = Ema(net, decay=0.97)
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=0.0)
    generator = torch.Generator().manual_seed(config.seed)
    # Whatever the share, a corrected face is in every batch.
    n_base = min(round(config.batch_size * config.replay), config.batch_size - 1) if base is not None else 0
    for step in progress(range(config.steps)):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config.steps, config.lr, warmup=0.1)
        views = [random_view(corrected, config.batch_size - n_base, generator)]
        views += [random_view(base, n_base, generator)] if n_base else []
        chips, points = (torch.cat(part).to(device) for part in zip(*views, strict=True))
        crops, labels = augment(chips, points, scheme, old.config.input_px, generator)
        prediction = net(crops)
        loss = keypoint_loss(prediction, labels, heat_weight=0.1)
        with torch.no_grad():
            anchor = old(crops).points  # (B, K, 2)
        unlabelled = torch.isnan(labels).any(dim=-1)  # (B, K)
        drift = (prediction.points - anchor).norm(dim=-1) / UNIT  # (B, K)
        loss = loss + config.anchor_weight * (drift * unlabelled).sum() / unlabelled.numel()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        ema.update(net)
    return ema.net.cpu()


def random_view(faces: FaceSet, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = draw(faces.weight, n, generator)
    return faces.chips[chosen], faces.points[chosen]


def some(faces: list[LabelledFace], most: int, seed: int) -> list[LabelledFace]:
    """At most `most` of the faces, the same ones for the same seed, in their order."""
    if len(faces) <= most:
        return faces
    return [faces[i] for i in sorted(np.random.default_rng(seed).permutation(len(faces))[:most])]
