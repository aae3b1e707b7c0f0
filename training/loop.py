"""Training from scratch: one loop, one learning-rate schedule, one way to stop and go on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import broadcast_object_list

from fkd.device import memory_format
from fkd.errors import DataError, FkdError
from fkd.model import CropNet, ModelConfig
from training.check import unit_errors
from training.config import HEAT_WEIGHT_LAST, TrainConfig
from training.dataset import FaceSet
from training.ema import Ema
from training.lesson import Lesson
from training.processes import faces_at_once, join_processes
from training.run_folder import write_weights
from training.state import Training, load_state, save_state, write_metrics
from training.teacher import Teaching

__all__ = ["begin_with", "draw", "fit", "init_from", "learning_rate"]


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Linear warm-up over a share `warmup` of the steps, then a cosine down to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def fit(
    net: CropNet,
    train: FaceSet,
    held_out: FaceSet | None,
    config: TrainConfig,
    run: Path,
    *,
    teachers: Sequence[CropNet] = (),
    data: str = "",
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
) -> None:
    """Train `net`, and keep the moving average of its weights: the best in `run`, the newest in ``run/last``.

    The best is the one of the smallest held-out error at the network's own crop size. Each epoch adds a line to
    ``run/metrics.jsonl`` and replaces ``run/state.pt``, from which the same call goes on if it is stopped, and ends
    with the same weights as if it had not been (on the CPU; a GPU does not add up in the same order twice). The
    settings go to ``run/train_config.json``.

    Under ``accelerate launch`` every process calls this; the first one measures and writes.

    Args:
        train: the faces; of several processes, each has its own part of them.
        held_out: faces to measure on; only the first process needs them. Without any, the newest are the best.
        teachers: what the labels are mixed with the answers of, see :mod:`training.teacher`.
        data: tells the data from others, see :meth:`training.data.TrainingData.fingerprint`.
        on_step: called with the step, the number of steps and the running loss.
        on_epoch: called with what was written to metrics.jsonl.

    Raises:
        DataError: if `run` holds the state of a training with other settings or other data, or the loss becomes
            infinite or no number; the state of the last whole epoch is kept.
        FkdError: if the device or its precision is not to be had, or the batch cannot be shared out.
    """
    accelerator = join_processes(config)
    settings = settings_of(net, config, data)
    saved = load_state(run, settings) if accelerator.is_main_process else None
    (saved,) = broadcast_object_list([saved])
    net = net.to(accelerator.device, memory_format=memory_format(accelerator.device)).train()
    taught = Teaching(teachers, config.teacher_share, accelerator.device) if teachers else None
    lesson = Lesson(net, train.sources, config, taught).to(accelerator.device)
    shared, optimiser = accelerator.prepare(lesson, lesson.optimiser())
    training = Training(lesson, Ema(net, config.ema_decay), optimiser, accelerator.scaler)
    if saved:
        training.load_state_dict(saved)
    elif accelerator.is_main_process:
        (run / "train_config.json").write_text(json.dumps(asdict(config), indent=2) + "\n", encoding="utf-8")
        save_state(run, settings, training)

    weight = accelerator.reduce(torch.tensor(float(train.weight.sum()), device=accelerator.device)).item()
    at_once = faces_at_once(config, accelerator.num_processes)
    per_epoch = max(1, round(weight / (at_once * accelerator.num_processes * config.accumulate)))
    steps = per_epoch * config.epochs
    started = time.monotonic() - training.seconds
    while training.epoch < config.epochs:
        # Made anew for each epoch, so that a run that was stopped goes on with the same random numbers.
        drawing, viewing = generators(config.seed, training.epoch, accelerator.process_index)
        for step in range(training.epoch * per_epoch, (training.epoch + 1) * per_epoch):
            rate = learning_rate(step, steps, config.lr, config.warmup)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["faster"]
            size_px, heat_weight = crop_px(step, steps, net.config.input_px, config), falling(step, steps, config)
            losses = []
            for _ in range(config.accumulate):
                chosen = draw(train.weight, at_once, drawing)
                faces = [part[chosen] for part in (train.chips, train.points, train.source, train.pixel)]
                with accelerator.accumulate(shared):
                    loss = shared(size_px, heat_weight, viewing, *(part.to(accelerator.device) for part in faces))
                    accelerator.backward(loss)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(net.parameters(), 5.0)
                    optimiser.step()
                    optimiser.zero_grad()
                losses.append(loss.item())
            if not all(map(math.isfinite, losses)):
                raise DataError(f"The loss of step {step + 1} is no number. Begin anew with a lower --lr.")
            training.ema.update(net)
            training.loss += (np.mean(losses).item() - training.loss) * max(0.02, 1.0 / (step + 1))
            on_step(step + 1, steps, training.loss)
        training.epoch += 1
        training.seconds = time.monotonic() - started
        if accelerator.is_main_process:
            row = close_epoch(training, train, held_out, size_px, run) | {"lr": rate, "heat_weight": heat_weight}
            training.rows.append(row)
            write_metrics(run, training.rows)
            save_state(run, settings, training)
            on_epoch(row)
        accelerator.wait_for_everyone()


def close_epoch(
    training: Training, train: FaceSet, held_out: FaceSet | None, size_px: int, run: Path
) -> dict[str, float | None]:
    """Measure the newest weights, keep them, and if they are the best keep them as these; returns what is to be told.

    Args:
        size_px: the crop size of the moment.
    """
    net, offset = training.ema.net, training.lesson.offset
    origin_px, metrics, score = offset.label_origin_px(), {}, math.inf
    # What is known of sources that do not train here stays known.
    conventions = {**net.config.conventions, **offset.conventions(train)}
    net.config = replace(net.config, label_origin_px=origin_px, conventions=conventions)
    row: dict[str, float | None] = {"epoch": training.epoch, "loss": training.loss, "seconds": training.seconds}
    if held_out is not None:
        errors = unit_errors(net, held_out, training.lesson.scheme, size_px)
        # Faces without eye corners have no NME, and JSON has no NaN.
        row |= {name: value if math.isfinite(value) else None for name, value in errors.items()}
        if size_px == net.config.input_px:  # errors at another size compare with nothing
            name = "rmse_unit" if row["nme_iod"] is None else "nme_iod"
            score = errors[name]
            metrics = {f"held_out_{train.sources[0]}_{name}": round(score, 5)}
    net.config = replace(net.config, metrics=metrics)
    (run / "last").mkdir(exist_ok=True)
    write_weights(net, run / "last")
    if score <= training.best:
        training.best = score
        write_weights(net, run)
    others = offset.others.detach()
    row["source_offset_rms"] = others.square().mean().sqrt().item() if others.numel() else 0.0
    row["label_origin_px"] = origin_px
    return row


def settings_of(net: CropNet, config: TrainConfig, data: str) -> dict[str, Any]:
    """What must be the same when a run goes on; not where it is computed, and not what the weights are called."""
    settings = asdict(config) | asdict(net.config) | {"data": data}
    left_out = {"threads", "device", "version"} | ({"teacher_share"} if config.teacher == "none" else set())
    return {name: value for name, value in settings.items() if name not in left_out}


def crop_px(step: int, steps: int, input_px: int, config: TrainConfig) -> int:
    """Side of the crops that the network sees at a step; never larger than those it is made for."""
    return min(config.small_px, input_px) if step < steps * config.small_share else input_px


def falling(step: int, steps: int, config: TrainConfig) -> float:
    """Weight of the heatmap's cross-entropy at a step.

    It falls by the same share each step, to `HEAT_WEIGHT_LAST` unless it begins below that: the cross-entropy teaches
    where to look in a few hundred steps, the coordinates' loss slowly, but in the end more exactly.
    """
    last = min(HEAT_WEIGHT_LAST, config.heat_weight)
    return config.heat_weight * (last / config.heat_weight) ** (step / steps)


def generators(seed: int, epoch: int, process: int) -> list[torch.Generator]:
    """One generator to draw faces and one for their views, the same ones for the same three numbers."""
    seeds = np.random.SeedSequence((seed, epoch, process)).generate_state(2, np.uint64)
    return [torch.Generator().manual_seed(int(seed) >> 1) for seed in seeds]


def draw(weight: np.ndarray, n: int, generator: torch.Generator) -> torch.Tensor:
    """Indices (n,) of faces, drawn with replacement in proportion to their weight (N,)."""
    return torch.multinomial(torch.from_numpy(weight), n, replacement=True, generator=generator)


def init_from(net: CropNet, other: CropNet) -> list[str]:
    """Copy into `net` every tensor of `other` that has the same name and shape: the trunk, if the schemes differ.

    Returns:
        The layers that begin anew.

    Raises:
        FkdError: if most of the network would begin anew.
    """
    own = net.state_dict()
    fitting = {
        name: value for name, value in other.state_dict().items() if name in own and own[name].shape == value.shape
    }
    if sum(value.numel() for value in fitting.values()) < sum(value.numel() for value in own.values()) / 2:
        raise FkdError(
            f"The network of {other.config.version} is another one ({sum(p.numel() for p in other.parameters()):,} "
            f"parameters, not {sum(p.numel() for p in net.parameters()):,}): give --model, --size and --input-px as "
            "its training had them."
        )
    net.load_state_dict(fitting, strict=False)
    return list(dict.fromkeys(name.rpartition(".")[0] for name in own if name not in fitting))


def begin_with(known: CropNet | None, scheme: str, first: str) -> ModelConfig:
    """A config that says how the labels are placed, as far as that is known before the training.

    Args:
        known: weights that it begins with, or whose answers it learns from.
        scheme, first: what the new network is for, and the source whose convention it is to speak.
    """
    if known is None:
        return ModelConfig()
    # What sets other sources apart is known beside the convention that these weights speak.
    same = known.config.scheme == scheme and first not in known.config.conventions
    return ModelConfig(
        label_origin_px=known.config.label_origin_px, conventions=known.config.conventions if same else {}
    )
