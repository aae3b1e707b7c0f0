"""The options of ``python -m training train``, and the settings that they come to."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path

from fkd.errors import FkdError
from fkd.model_config import ARCHITECTURES, ModelConfig
from fkd.schemes import scheme_names
from training.commands.options import add_common
from training.commands.values import above_zero, positive, share
from training.config import AUGMENTATIONS, HEAT_WEIGHT_LAST, MODEL_SIZES, PRECISIONS, TrainConfig

__all__ = ["add_options", "config_of"]

DATA_HELP = (
    "folders with keypoints.csv and images/, Kaggle's training.csv or training.zip, and corrections.csv of the app, "
    "mixed at will; PATH:2 draws its faces twice as often. The first one's labelling convention is the one that the "
    "network learns to speak, and its held-out tenth is measured on"
)


def add_options(train: argparse.ArgumentParser) -> None:
    defaults = TrainConfig()
    train.add_argument("--scheme", choices=scheme_names(), required=True, help="keypoints to learn")
    train.add_argument("--data", nargs="+", required=True, metavar="PATH[:WEIGHT]", help=DATA_HELP)
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="new folder for the weights")
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in RUN where it was stopped (or begin it), with the same settings and data",
    )
    train.add_argument(
        "--model",
        choices=ARCHITECTURES,
        default=ARCHITECTURES[0],
        help="the flagship, or one of the field's classics to measure it against (default: %(default)s)",
    )
    train.add_argument(
        "--augment",
        dest="augmentation",
        choices=AUGMENTATIONS,
        default=defaults.augmentation,
        help="what to vary: turn, scale, shift, mirror, light, sharpness, occlusion and JPEG; the mirror image alone; "
        "or nothing (default: %(default)s)",
    )
    train.add_argument(
        "--warp-sd",
        type=share,
        default=defaults.warp_sd,
        metavar="SD",
        help="warp half of the faces smoothly by shifts of this standard deviation, in sides of their pictures: other "
        "proportions; 0.02 is a lot (default: %(default)s)",
    )
    train.add_argument(
        "--size", choices=sorted(MODEL_SIZES), default="base", help="of the flagship (default: %(default)s)"
    )
    train.add_argument(
        "--input-px", type=multiple_of_32, default=128, help="side of its crops, a multiple of 32 (default: 128)"
    )
    train.add_argument(
        "--one-pass",
        action="store_true",
        help="make weights that are asked about a face once, and not about its mirror image too: half the time, a "
        "little more error, which a --teacher makes up for in part",
    )
    train.add_argument("--init", metavar="W", help="start from these weights; what does not fit (the head) starts anew")
    train.add_argument(
        "--teacher",
        dest="teachers",
        nargs="+",
        default=[],
        metavar="W",
        help="mix the labels with what these weights (the mean of several) say of each view and its mirror image, and "
        "learn from both: they have averaged much of the labels' own error away; points without a label learn from "
        "them alone. Those made for larger crops see each view in more pixels. A step takes a pass of each a crop, and "
        "an epoch has twice the steps; calibrate what comes of it (default: none)",
    )
    train.add_argument(
        "--teacher-share",
        type=share,
        default=defaults.teacher_share,
        metavar="SHARE",
        help="how much of the mix is the teacher's (default: %(default)s)",
    )
    train.add_argument(
        "--epochs", type=positive, default=defaults.epochs, help="passes over the faces (default: %(default)s)"
    )
    train.add_argument(
        "--batch-size", type=positive, default=defaults.batch_size, help="crops a step (default: %(default)s)"
    )
    train.add_argument(
        "--accumulate",
        type=positive,
        default=os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", str(defaults.accumulate)),
        metavar="N",
        help="compute each step in N parts, for want of memory (default: what accelerate launch was told, or 1)",
    )
    train.add_argument("--lr", type=share, default=defaults.lr, help="peak learning rate (default: %(default)s)")
    train.add_argument(
        "--heat-weight",
        type=above_zero,
        default=argparse.SUPPRESS,  # it depends on --init
        metavar="W",
        help="of the heatmaps' cross-entropy beside the coordinates' loss, at first: much of it teaches soon where to "
        f"look; it falls to {HEAT_WEIGHT_LAST}, and the loss that is told with it (default: {defaults.heat_weight:g}; "
        f"{HEAT_WEIGHT_LAST} where --init brings heatmaps of this scheme)",
    )
    train.add_argument(
        "--ema-decay",
        type=share,
        default=defaults.ema_decay,
        help="of the moving average of the weights, which is what is saved (default: %(default)s)",
    )
    train.add_argument(
        "--small-share",
        type=share,
        default=defaults.small_share,
        help=f"share of the steps, the first ones, that see crops of {defaults.small_px} px only: half the cost, where "
        "time is short (default: %(default)s)",
    )
    train.add_argument(
        "--mixed-precision",
        choices=PRECISIONS,
        default=os.environ.get("ACCELERATE_MIXED_PRECISION", defaults.mixed_precision),
        help="what the network computes in where the hardware has it (default: what accelerate launch was told, or "
        "float32)",
    )
    train.add_argument(
        "--drop-outliers",
        action="store_true",
        help="do not learn from faces whose labels have an odd shape: those in RUN/outliers.png that say so",
    )
    train.add_argument("--track", metavar="PROJECT", help="log to this Trackio project too (pip install trackio)")
    add_common(train, defaults)


def config_of(options: argparse.Namespace, init: ModelConfig | None = None) -> TrainConfig:
    """Each option is named as the setting that it is.

    Args:
        init: of the weights that the training begins with.
    """
    given = {field.name: vars(options)[field.name] for field in fields(TrainConfig) if field.name in vars(options)}
    if init and init.scheme == options.scheme:
        given = {"heat_weight": HEAT_WEIGHT_LAST} | given
    if options.small_share and options.model != ARCHITECTURES[0]:
        raise FkdError("--small-share is for the flagship: the other networks take crops of one size only.")
    if options.mixed_precision not in PRECISIONS:  # argparse does not look at defaults
        raise FkdError(
            f"accelerate launch was told to compute in {options.mixed_precision}: give --mixed-precision one of "
            f"{', '.join(PRECISIONS)}."
        )
    return TrainConfig(**given)


def multiple_of_32(text: str) -> int:
    if not text.isdecimal() or int(text) == 0 or int(text) % 32:
        raise argparse.ArgumentTypeError("give a multiple of 32")
    return int(text)
