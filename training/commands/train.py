"""``python -m training train``: a network from labelled faces."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fkd.errors import DataError, FkdError
from fkd.model_config import ARCHITECTURES, ModelConfig
from fkd.schemes import Scheme, scheme_names
from training.commands.options import add_common, progress, split_weight
from training.commands.values import positive, share
from training.config import AUGMENTATIONS, MODEL_SIZES, PRECISIONS, TrainConfig

if TYPE_CHECKING:  # these load torch, which --help need not wait for
    import numpy as np

    from training.data import TrainingData
    from training.dataset import FaceSet

__all__ = ["add_parser"]

DATA_HELP = (
    "folders with keypoints.csv and images/, Kaggle's training.csv or training.zip, and corrections.csv of the app, "
    "mixed at will; PATH:2 draws its faces twice as often. The first one's labelling convention is the one that the "
    "network learns to speak, and its held-out tenth is measured on"
)


def add_parser(commands: argparse._SubParsersAction) -> None:
    train = commands.add_parser(
        "train",
        help="train a network from labelled faces",
        description="Train a network from labelled faces; a tenth of the photos (or people) is held out by name. RUN "
        "gets the weights of the smallest held-out error, RUN/last the newest ones, run.json what the run is, "
        "cleaning.json and outliers.png what is wrong with the data, metrics.jsonl and curves.png the errors, and "
        "samples.png held-out faces. Faces that are held out under another name as well do not train. "
        "A run that was stopped goes on with --resume, and loses an epoch at most.",
        epilog="Example: python -m training train --scheme ibug68 --data wild68:2 youtube68:0.5 --out runs/mine. On "
        "several GPUs or machines: accelerate launch -m training train … (the batch is shared out between them).",
    )
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
        default=defaults.teacher,
        metavar="W",
        help="mix the labels with what these weights say of the same faces: they have averaged much of the labels' own "
        "error away; points without a label learn from them alone (default: %(default)s)",
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
        "--batch-size", type=positive, default=defaults.batch_size, help="faces a step (default: %(default)s)"
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
    train.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import numpy as np
    import torch

    from fkd import hub
    from fkd.crop_net import WEIGHTS_FILE
    from fkd.model import load_net, make_net
    from fkd.schemes import load_scheme
    from training.data import read_training_data
    from training.dataset import make_face_set
    from training.loop import begin_with, fit, init_from
    from training.processes import join_processes, slow_precision
    from training.progress import TrainingBar
    from training.run_folder import make_run_folder
    from training.run_pictures import draw_curves, draw_samples
    from training.run_record import record_start
    from training.state import check_run_folder
    from training.teacher import answers_of, check_teacher
    from training.tracking import check_trackio, tracked

    if options.track:
        check_trackio()

    scheme, teacher, taught_by = load_scheme(options.scheme), None, TrainConfig.teacher
    if options.teacher != taught_by:
        folder = hub.weights_folder(options.teacher)
        teacher = load_net(folder)
        check_teacher(teacher, scheme)
        taught_by = f"{teacher.config.version} ({hub.sha256_of(folder / WEIGHTS_FILE)[:12]})"
    config = replace(config_of(options), teacher=taught_by)
    processes = join_processes(config)
    if note := slow_precision(config, processes.device):
        processes.print(note, file=sys.stderr)
    named = [split_weight(text) for text in options.data]
    data = read_training_data(named, scheme)
    init = load_net(hub.weights_folder(options.init)) if options.init else None
    begun = begin_with(init or teacher, scheme.name, data.sources[0])
    model = ModelConfig(
        scheme=scheme.name, architecture=options.model, input_px=options.input_px, **MODEL_SIZES[options.size],
        mirror_averaged=not options.one_pass, version=f"{scheme.name}-{options.out.name}",
        parent=init.config.version if init else "",
        label_origin_px=begun.label_origin_px, conventions=begun.conventions,
        trained_on=tuple(f"{Path(path).resolve().name} ({weight:g}×)" for path, weight in named),
    )  # fmt: skip
    make_run_folder(options.out)
    if processes.is_main_process:
        check_run_folder(options.out, options.resume)
        record_start(options.out, facts_of(options, model, config, data, processes.num_processes))
    torch.manual_seed(options.seed)
    net = make_net(model)
    if init and (anew := init_from(net, init)):
        processes.print(f"{', '.join(anew)} of {init.config.version} do not fit: they begin anew")
    processes.print(f"{len(data.training)} faces train, {len(data.held_out)} are held out")
    # Each process cuts out, keeps and draws from a part of the faces of its own.
    own = slice(processes.process_index, None, processes.num_processes)
    train = make_face_set(
        data.training[own], scheme, model.input_px, data.weights[own], lambda faces: progress(faces, "cut out"),
        sources=data.sources, folder=options.out,
    )  # fmt: skip
    held_out = None
    if processes.is_main_process:
        held_out = make_face_set(
            data.held_out, scheme, model.input_px, progress=lambda faces: progress(faces, "cut out"), folder=options.out
        )
    data = data.without(left_out(data, train, held_out, scheme, options))
    train = replace(train, weight=np.array(data.weights[own]))
    if teacher:
        train = replace(train, answers=answers_of(teacher, train, lambda faces: progress(faces, "ask the teacher")))
    bar = TrainingBar(config.epochs, shown=processes.is_main_process)
    track = options.track and processes.is_main_process
    log = tracked(options.track, model.version, asdict(config)) if track else nullcontext(lambda row: None)
    with bar, log as log_epoch:

        def on_epoch(row: dict) -> None:
            bar.epoch(row)
            draw_curves(options.out, model.version)
            log_epoch(row)

        try:
            fit(
                net, train, held_out, config, options.out,
                data=data.fingerprint(), on_step=bar.step, on_epoch=on_epoch,
            )  # fmt: skip
        except KeyboardInterrupt:
            print("The same command with --resume goes on from the last whole epoch.", file=sys.stderr)
            raise
        except OSError as error:  # a full disk
            raise DataError(
                f"“{error.filename or options.out}” cannot be written ({error.strerror or error}). Make room on the "
                "disk: the same command with --resume goes on from the last whole epoch."
            ) from error
    if processes.is_main_process:
        draw_samples(options.out, load_net(options.out).to(processes.device), held_out)
        for name, value in hub.read_config(options.out)["metrics"].items():
            print(f"{name}: {value:.2%} ({len(data.held_out)} faces)")
        print(
            f"Wrote {model.version} to {options.out}. Measure it: python -m training evaluate --weights {options.out} …"
        )


def left_out(
    data: TrainingData, train: FaceSet, held_out: FaceSet | None, scheme: Scheme, options: argparse.Namespace
) -> np.ndarray:
    """Write the cleaning report; (N,) bool, the training faces that it says must not train, for every process."""
    from accelerate.utils import broadcast_object_list

    from training.cleaning_report import cleaning_of_cut, write_cleaning

    dropped = None
    if found := cleaning_of_cut(data, train, held_out, scheme):
        write_cleaning(found, options.out)
        dropped = found.dropped(options.drop_outliers)[: len(data.training)]
        print(*found.lines(), f"{dropped.sum()} faces are left out of the training", sep="\n")
    return broadcast_object_list([dropped])[0]


def facts_of(
    options: argparse.Namespace, model: ModelConfig, config: TrainConfig, data: TrainingData, processes: int
) -> dict[str, Any]:
    """What the run is, for its run.json."""
    return {
        "model": asdict(model),
        "settings": asdict(config)
        | {"init": options.init, "teacher": options.teacher, "drop_outliers": options.drop_outliers},
        "data": {
            "paths": [[str(Path(path).resolve()), weight] for path, weight in map(split_weight, options.data)],
            "fingerprint": data.fingerprint(),
            "faces": len(data.training),
            "held_out": len(data.held_out),
        },
        "processes": processes,
    }


def config_of(options: argparse.Namespace) -> TrainConfig:
    """Each option is named as the setting that it is."""
    given = {field.name: vars(options)[field.name] for field in fields(TrainConfig) if field.name in vars(options)}
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
