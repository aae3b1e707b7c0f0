"""``python -m training train``: a network from labelled faces."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fkd.errors import DataError
from fkd.model_config import ModelConfig
from fkd.schemes import Scheme
from training.commands.options import progress, split_weight
from training.commands.train_options import add_options, config_of
from training.config import MODEL_SIZES, TrainConfig

if TYPE_CHECKING:  # these load torch, which --help need not wait for
    import numpy as np

    from training.data import TrainingData
    from training.dataset import FaceSet

__all__ = ["add_parser"]


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
    add_options(train)
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
    from training.teacher import check_teacher
    from training.tracking import check_trackio, tracked

    if options.track:
        check_trackio()

    scheme = load_scheme(options.scheme)
    folders = [hub.weights_folder(weights) for weights in options.teachers]
    teachers = [load_net(folder) for folder in folders]
    digests = [hub.sha256_of(folder / WEIGHTS_FILE)[:12] for folder in folders]
    known = [f"{teacher.config.version} ({digest})" for teacher, digest in zip(teachers, digests, strict=True)]
    taught_by = " + ".join(known) or TrainConfig.teacher
    init = load_net(hub.weights_folder(options.init)) if options.init else None
    config = replace(config_of(options, init and init.config), teacher=taught_by)
    processes = join_processes(config)
    if note := slow_precision(config, processes.device):
        processes.print(note, file=sys.stderr)
    named = [split_weight(text) for text in options.data]
    data = read_training_data(named, scheme)
    for teacher in teachers:
        check_teacher(teacher, scheme, data.sources[0])
    begun = begin_with(init or (teachers[0] if teachers else None), scheme.name, data.sources[0])
    model = ModelConfig(
        scheme=scheme.name, architecture=options.model, input_px=options.input_px, **MODEL_SIZES[options.size],
        mirror_averaged=not options.one_pass, version=f"{scheme.name}-{options.out.resolve().name}",
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
    cut_px = max(net.config.input_px for net in (net, *teachers))
    # Each process cuts out, keeps and draws from a part of the faces of its own.
    own = slice(processes.process_index, None, processes.num_processes)
    train = make_face_set(
        data.training[own], scheme, cut_px, data.weights[own], lambda faces: progress(faces, "cut out"),
        sources=data.sources, folder=options.out,
    )  # fmt: skip
    held_out = None
    if processes.is_main_process:
        held_out = make_face_set(
            data.held_out, scheme, model.input_px, progress=lambda faces: progress(faces, "cut out"), folder=options.out
        )
    fingerprint = data.fingerprint()  # of what was read, as in run.json
    dropped = left_out(data, train, held_out, scheme, options)
    data = data.without(dropped)
    train = replace(train, weight=np.array(data.weights[own]))
    bar = TrainingBar(config.epochs, shown=processes.is_main_process)
    track = options.track and processes.is_main_process
    log = tracked(options.track, model.version, asdict(config)) if track else nullcontext(lambda row: None)
    with bar, log as log_epoch:

        def on_epoch(row: dict) -> None:
            bar.epoch(row)
            draw_curves(options.out)
            log_epoch(row)

        try:
            fit(
                net, train, held_out, config, options.out,
                teachers=teachers, data=f"{fingerprint} less {dropped.sum()} faces",
                on_step=bar.step, on_epoch=on_epoch,
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
        | {"init": options.init, "teacher": options.teachers, "drop_outliers": options.drop_outliers},
        "data": {
            "paths": [[str(Path(path).resolve()), weight] for path, weight in map(split_weight, options.data)],
            "fingerprint": data.fingerprint(),
            "faces": len(data.training),
            "held_out": len(data.held_out),
        },
        "processes": processes,
    }
