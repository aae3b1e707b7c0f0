"""The command line of the training program: ``python -m training train|finetune|evaluate``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fkd.errors import DataError, FkdError
from fkd.schemes import scheme_names
from training.config import MODEL_SIZES, FinetuneConfig, TrainConfig

__all__ = ["main"]

DATA_HELP = (
    "a folder with keypoints.csv and images/, or Kaggle's training.csv or training.zip; PATH:2 draws its faces twice "
    "as often. The first one's labelling convention is the one that the network learns to speak"
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train, fine-tune and measure keypoint networks."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser(
        "train",
        help="train a network from labelled faces",
        description="Train a network from labelled faces; a tenth of the photos (or people) is held out by name.",
        epilog="Example: python -m training train --scheme ibug68 --data wild68:2 youtube68:0.6 --out runs/mine",
    )
    defaults = TrainConfig()
    train.add_argument("--scheme", choices=scheme_names(), required=True, help="keypoints to learn")
    train.add_argument("--data", nargs="+", required=True, metavar="PATH[:WEIGHT]", help=DATA_HELP)
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder for weights and metrics.jsonl")
    train.add_argument(
        "--size", choices=sorted(MODEL_SIZES), default="base", help="of the network (default: %(default)s)"
    )
    train.add_argument(
        "--input-px", type=multiple_of_32, default=128, help="side of its crops, a multiple of 32 (default: 128)"
    )
    train.add_argument("--init", metavar="W", help="start from these weights; what does not fit (the head) starts anew")
    train.add_argument(
        "--epochs", type=int, default=defaults.epochs, help="passes over the faces (default: %(default)s)"
    )
    train.add_argument(
        "--batch-size", type=int, default=defaults.batch_size, help="faces a step (default: %(default)s)"
    )
    train.add_argument("--lr", type=float, default=defaults.lr, help="peak learning rate (default: %(default)s)")
    _add_common(train, defaults)

    tune = commands.add_parser(
        "finetune",
        help="make better weights from corrections",
        description="Merge corrections with base data, fine-tune weights on both, and print the error before and after "
        "on faces that were held out.",
        epilog="Example: python -m training finetune --weights ibug68 --corrections annotations/corrections.csv "
        "--out runs/mine, then: python app.py --weights runs/mine",
    )
    defaults = FinetuneConfig()
    tune.add_argument(
        "--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id to start from"
    )
    tune.add_argument("--corrections", required=True, type=Path, metavar="CSV", help="corrections.csv or its folder")
    tune.add_argument("--base", nargs="+", default=[], metavar="DIR", help="base data to replay, against forgetting")
    tune.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder for the new weights")
    tune.add_argument("--steps", type=int, default=defaults.steps, help="optimiser steps (default: %(default)s)")
    tune.add_argument("--batch-size", type=int, default=defaults.batch_size, help="faces a step (default: %(default)s)")
    tune.add_argument("--lr", type=float, default=defaults.lr, help="peak learning rate (default: %(default)s)")
    tune.add_argument(
        "--replay", type=float, default=defaults.replay, help="share of base faces (default: %(default)s)"
    )
    _add_common(tune, defaults)

    measure = commands.add_parser(
        "evaluate",
        help="measure weights on labelled faces",
        description="Measure weights on labelled faces: NME by the outer eye corners, RMSE in pixels, failures.",
        epilog="Example: python -m training evaluate --weights ibug68 --data wild68 --held-out --json",
    )
    measure.add_argument("--weights", required=True, metavar="W", help="a shipped name, a folder or a Hub id")
    measure.add_argument("--data", nargs="+", required=True, metavar="PATH", help="labelled faces, as for train")
    measure.add_argument(
        "--boxes",
        choices=["labels", "detector"],
        default="labels",
        help="crop from the labelled points (as papers do) or find the face first (as the app does)",
    )
    measure.add_argument("--held-out", action="store_true", help="only the tenth that train holds out")
    measure.add_argument("--json", action="store_true", help="print one JSON object")
    measure.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")
    return parser


def multiple_of_32(text: str) -> int:
    if not text.isdecimal() or int(text) == 0 or int(text) % 32:
        raise argparse.ArgumentTypeError("give a multiple of 32")
    return int(text)


def _add_common(parser: argparse.ArgumentParser, defaults: TrainConfig | FinetuneConfig) -> None:
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of everything random (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (default: all)")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = build_parser().parse_args(arguments)
    run = {"train": run_train, "finetune": run_finetune, "evaluate": run_evaluate}[options.command]
    try:
        run(options)
    except FkdError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: stopped; nothing was written but what is in the run folder already", file=sys.stderr)
        return 130
    return 0


def split_weight(text: str) -> tuple[str, float]:
    """``PATH:2`` → path and weight; a path without a number behind a colon has weight 1."""
    path, _, weight = text.rpartition(":")
    try:
        return (path, float(weight)) if path else (text, 1.0)
    except ValueError:
        return text, 1.0


def progress(items, label: str):
    from tqdm import tqdm

    return tqdm(items, desc=label, unit="", leave=False, disable=None)


def run_train(options: argparse.Namespace) -> None:
    import torch
    from tqdm import tqdm

    from fkd import hub
    from fkd.formats import read_faces
    from fkd.model import KeypointNet, ModelConfig, load_net
    from fkd.schemes import load_scheme
    from training.dataset import is_held_out, make_face_set
    from training.loop import fit, init_from, unit_errors
    from training.run_folder import make_run_folder

    scheme = load_scheme(options.scheme)
    config = TrainConfig(
        epochs=options.epochs, batch_size=options.batch_size, lr=options.lr, seed=options.seed,
        threads=options.threads, device=options.device,
    )  # fmt: skip
    named = [split_weight(text) for text in options.data]
    faces = [(face, weight) for path, weight in named for face in read_faces(path, scheme)]
    training = [pair for pair in faces if not is_held_out(pair[0])]
    first = faces[0][0].source if faces else ""  # the convention that the network learns to speak
    held_out = [face for face, _ in faces if is_held_out(face) and face.source == first]
    if not training or not held_out:
        raise DataError(f"{len(faces)} faces are too few: some are needed to train and some to hold out.")
    version = f"{scheme.name}-{options.out.name}"
    model = ModelConfig(
        scheme=scheme.name, input_px=options.input_px, version=version, **MODEL_SIZES[options.size],
        trained_on=tuple(f"{Path(path).name} ({weight:g}×)" for path, weight in named),
    )  # fmt: skip
    make_run_folder(options.out)
    torch.manual_seed(options.seed)
    net = KeypointNet(model)
    if options.init:
        init_from(net, load_net(hub.weights_folder(options.init)))
    print(f"{len(training)} faces train, {len(held_out)} are held out")
    cut = [
        make_face_set([f for f, _ in training], scheme, model.input_px, [w for _, w in training],
                      lambda fs: progress(fs, "cut out")),
        make_face_set(held_out, scheme, model.input_px, progress=lambda fs: progress(fs, "cut out")),
    ]  # fmt: skip
    with tqdm(desc="train", unit="step", disable=None) as bar:

        def on_step(step: int, steps: int, loss: float) -> None:
            bar.total = steps
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{loss:.2f}")

        trained = fit(net, *cut, config, options.out, on_step)
    errors = unit_errors(trained, cut[1], scheme, model.input_px)
    trained.config = replace(model, metrics={f"held_out_{first}_nme_iod": round(errors["nme_iod"], 5)})
    trained.save_pretrained(options.out)
    print(f"Held-out tenth of {first} ({len(held_out)} faces): NME {errors['nme_iod']:.2%}")
    print(f"Wrote {version} to {options.out}. Measure it: python -m training evaluate --weights {options.out} …")


def run_finetune(options: argparse.Namespace) -> None:
    from training.finetune import finetune

    config = FinetuneConfig(
        steps=options.steps, batch_size=options.batch_size, lr=options.lr, replay=options.replay, seed=options.seed,
        threads=options.threads, device=options.device,
    )  # fmt: skip
    results = finetune(
        options.weights,
        options.corrections,
        options.base,
        options.out,
        config,
        lambda line: print(line, flush=True),
        progress,
    )
    for result in results:
        print(result)
    if not results:
        print(
            "Nothing was measured: every fifth corrected picture is held out for that, and base data if you name any."
        )
    print(f"Wrote the new weights to {options.out}. Serve them: python app.py --weights {options.out}")


def run_evaluate(options: argparse.Namespace) -> None:
    from fkd.formats import read_faces
    from fkd.predictor import KeypointPredictor
    from training.dataset import is_held_out
    from training.evaluate import evaluate, summary

    predictor = KeypointPredictor.from_pretrained(options.weights, device=options.device)
    faces = [face for path in options.data for face in read_faces(path, predictor.scheme)]
    if options.held_out:
        faces = [face for face in faces if is_held_out(face)]
    if not faces:
        raise DataError("There is no face to measure on.")
    figures = summary(evaluate(predictor, faces, options.boxes, lambda fs: progress(fs, "predict")), predictor.scheme)
    if options.json:
        print(json.dumps({"weights": predictor.version, "boxes": options.boxes, **figures}))
        return
    for name, value in figures.items():
        print(f"{name:12} {value}" if isinstance(value, int) else f"{name:12} {value:.4f}")
