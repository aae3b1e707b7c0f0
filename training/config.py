"""The settings of a training, one frozen dataclass each for training from scratch and for fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AUGMENTATIONS", "HEAT_WEIGHT_LAST", "MODEL_SIZES", "PRECISIONS", "FinetuneConfig", "TrainConfig"]

# What training.augment may do to the pictures of a training.
AUGMENTATIONS = ("all", "flip", "none")
PRECISIONS = ("no", "bf16", "fp16")
# Of a heatmap's cross-entropy beside the coordinates' loss, at the end of a training and throughout a fine-tune.
HEAT_WEIGHT_LAST = 0.1

# The widths of fkd.model.ModelConfig by name: what the shipped ibug68 (base) and kaggle15 (small) are.
MODEL_SIZES = {
    "base": {"stem_width": 24, "widths": (48, 96, 192, 256), "head_width": 128},
    "small": {"stem_width": 16, "widths": (32, 64, 128, 192), "head_width": 96},
}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of ``python -m training train``.

    Attributes:
        epochs: passes over the training faces (a face of weight 2 is seen twice a pass).
        batch_size: crops a step, those of all processes together: each of another face, or with a teacher two of
            each, one the mirror image of the other.
        accumulate: so many parts of a batch go through the network one after the other, for want of memory.
        lr: peak learning rate of AdamW, reached after `warmup` of the steps, then a cosine to zero.
        warmup: share of the steps.
        weight_decay: AdamW's.
        ema_decay: of the moving average of the weights, which is what is saved.
        small_px, small_share: the first `small_share` of the steps see crops of `small_px`, at little more than half
            the cost; what the network learns from them it has to learn again at full size, in part.
        heat_weight: weight of the heatmap's cross-entropy beside the coordinates' loss at the first step; it falls to
            `HEAT_WEIGHT_LAST`, see :func:`training.loop.falling`.
        augmentation: one of `AUGMENTATIONS`.
        warp_sd: how far half of the faces are warped, see :func:`training.warp.warped`; 0 for not at all.
        mixed_precision: one of `PRECISIONS`: what the network computes in; its weights are float32 always.
        teacher: versions and digests of the weights whose answers the labels are mixed with, or ``none``.
        teacher_share: how much of the mix is the teacher's, see :func:`training.teacher.blended`.
        seed: of everything random.
        threads: CPU threads, 0 for torch's own choice.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    epochs: int = 40
    batch_size: int = 48
    accumulate: int = 1
    lr: float = 2e-3
    warmup: float = 0.05
    weight_decay: float = 0.05
    ema_decay: float = 0.998
    small_px: int = 96
    small_share: float = 0.0
    heat_weight: float = 100.0
    augmentation: str = AUGMENTATIONS[0]
    warp_sd: float = 0.0
    mixed_precision: str = PRECISIONS[0]
    teacher: str = "none"
    teacher_share: float = 0.5
    seed: int = 0
    threads: int = 0
    device: str = "auto"


@dataclass(frozen=True)
class FinetuneConfig:
    """Settings of ``python -m training finetune``.

    Attributes:
        steps: optimiser steps.
        batch_size: faces a step.
        replay: share of each batch that is base data, against forgetting; 0 is used when there is no base data.
        plain: share of the faces, corrected or not, that are shown as they are, or mirrored; the rest comes in random
            views.
        lr: learning rate of AdamW, constant after a short rise.
        anchor_weight: weight of staying near the old network's predictions, at points without a label.
        reshaped: share of the corrected faces that take on some of another's shape, see :mod:`training.reshape`.
        warp_sd: how far corrected faces are warped, see :func:`training.warp.warped`.
        share: the result lies this share of the way from the old weights to the tuned ones; more than 1 is beyond.
        alone: at most this share, without labelled faces to remember by.
        seed, threads, device: as in :class:`TrainConfig`.
    """

    steps: int = 230
    batch_size: int = 64
    replay: float = 0.75
    plain: float = 0.7
    lr: float = 1.2e-3
    anchor_weight: float = 1.0
    reshaped: float = 0.6
    warp_sd: float = 0.03
    share: float = 1.15
    alone: float = 0.4
    seed: int = 0
    threads: int = 0
    device: str = "auto"
