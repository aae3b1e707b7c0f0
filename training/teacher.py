"""What a network that has learned already says of the faces that another is to learn (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531).

Labels are people's, who differ by some per cent of the eye distance from each other, or a machine's on a lattice; a
network that learned from all of them has averaged much of that away. It is asked once about each face as it stands, and
about its mirror image, not about every random view: that costs next to nothing, and its answer is best there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from fkd.crop_net import CropNet
from fkd.errors import WeightsError
from fkd.fast_net import fast_net
from fkd.model import mirror_averaged
from fkd.schemes import Scheme
from training.augment import plain_view
from training.dataset import CHIP_MARGIN, FaceSet

__all__ = ["answers_of", "blended", "check_teacher"]

AT_ONCE = 32


def check_teacher(teacher: CropNet, scheme: Scheme) -> None:
    """Whether it can teach a network of `scheme`.

    Raises:
        WeightsError: if its points are others.
    """
    if teacher.config.scheme != scheme.name:
        raise WeightsError(
            f"{teacher.config.version} knows the points of {teacher.config.scheme}: choose a teacher of {scheme.name}."
        )


@torch.inference_mode()
def answers_of(
    teacher: CropNet, faces: FaceSet, progress: Callable[[Sequence], Sequence] = lambda items: items
) -> torch.Tensor:
    """Where the teacher sees each face's points, (N, K, 2) float32 in unit chip coordinates.

    It answers in the convention of the faces' first source where it knows that beside its own, else in its own.

    Args:
        teacher: on the CPU. One that was made for larger crops sees the chips, which were not, enlarged.
        progress: wraps the list of batches.
    """
    shift = torch.tensor(teacher.config.conventions.get(faces.sources[0], 0.0), dtype=torch.float32)
    ask, answers = fast_net(teacher, torch.device("cpu")), torch.empty_like(faces.points)
    for start in progress(range(0, len(faces), AT_ONCE)):
        some = slice(start, start + AT_ONCE)
        crops, _ = plain_view(faces.chips[some], faces.points[some], teacher.config.input_px)
        answers[some] = (mirror_averaged(ask, crops)[0] + shift - 0.5) / CHIP_MARGIN + 0.5
    return answers


def blended(labels: torch.Tensor, answers: torch.Tensor, share: float) -> torch.Tensor:
    """Labels (N, K, 2) moved a `share` of the way to the teacher's answers (N, K, 2); those alone where there is no
    label."""
    return torch.where(labels.isfinite(), labels.lerp(answers, share), answers)
