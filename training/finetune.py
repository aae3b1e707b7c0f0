"""A fine-tune from corrections to a registered version: merge, train, measure, ask the gate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import torch

from fkd import hub
from fkd.crop_net import CropNet
from fkd.device import choose_device
from fkd.durable import write_whole
from fkd.errors import CancelledError, DataError, FkdError
from fkd.formats import LabelledFace
from fkd.model import load_net
from fkd.predictor import KeypointPredictor
from fkd.registry import Registry
from fkd.schemes import load_scheme
from fkd.settle import load_settle_prior, save_settle_prior
from fkd.versions import FROZEN, HELD_OUT, LEARNT, UNLABELLED, Version
from training.before_after import Compared, chosen_of, compare, compare_unlabelled, errors_of
from training.changed_most import draw_changed_most
from training.config import FinetuneConfig
from training.dataset import FaceSet, make_face_set
from training.gate import GateConfig, Verdict, decide
from training.merge_report import plural
from training.run_folder import check_free_of_weights, make_run_folder, new_run_folder, write_weights
from training.run_progress import RunProgress, cannot_write
from training.tune import fit_corrections
from training.tuning_data import TuningData, read_tuning_data, some
from training.unlabelled import every_fifth_photo, unlabelled_faces

__all__ = ["FinetuneJob", "finetune"]

MOST_UNLABELLED_PHOTOS = 200
MOST_LEARNT_FACES = 50  # measured on, of those that were learnt from
MOST_LOOKED_AT = 20  # on the way, often enough for a curve


@dataclass(frozen=True)
class FinetuneJob:
    """What a fine-tune works on.

    Attributes:
        weights: a shipped name, a folder or a Hub id to start from.
        corrections: ``corrections.csv`` or its folder.
        runs: folder of the registry.
        out: folder for the new weights; one in `runs`, named like the version, if left out.
        base, frozen: labelled data to replay and to test on, see :func:`training.tuning_data.read_tuning_data`.
        unlabelled: folder with photos; the old weights' predictions for the faces in them are to stay. Those of every
            fifth photo are not learnt from but measured on, where there is no frozen test.
        who: who asked for it.
        promote: whether the version serves at once if the gate lets it pass.
    """

    weights: str | Path
    corrections: str | Path
    runs: Path
    out: Path | None = None
    base: tuple[str | Path, ...] = ()
    frozen: tuple[str | Path, ...] = ()
    unlabelled: str | Path | None = None
    who: str = ""
    promote: bool = False


def finetune(
    job: FinetuneJob,
    config: FinetuneConfig,
    gate: GateConfig | None = None,
    say: Callable[[str], None] = lambda line: None,
    watch: Callable[[str, int, int], None] = lambda stage, step, steps: None,
    on_run: Callable[[Path], None] = lambda run: None,
) -> Version:
    """Make a version from corrections; whatever serves goes on serving unless the job says otherwise.

    The run's folder gets ``progress.jsonl`` while it works, then the weights, ``before_after.json`` with the error of
    each face, and ``changed_most.png``.

    Args:
        gate: what the gate asks for.
        say: is told of what is done, a line at a time.
        watch: as for :class:`training.run_progress.RunProgress`.
        on_run: is told the run's folder as soon as it can be told to stop.

    Returns:
        The version as it was registered.

    Raises:
        WeightsError, CorrectionsError, DataError, ImageError, RegistryError: if something cannot be used.
        DataError also if there is no room on the disk.
        CancelledError: if it was told to stop; that is recorded too.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    old = load_net(hub.weights_folder(job.weights))
    registry = Registry(job.runs)
    registry.versions()  # a registry that cannot be read should not come out after the training
    scheme, foreign = load_scheme(old.config.scheme), old.config.conventions
    data = read_tuning_data(job.corrections, job.base, job.frozen, scheme, config.seed, foreign)
    for line in data.report:
        say(line)
    if job.out is None:
        run = new_run_folder(job.runs, old.config.scheme)
        name = run.name
    else:
        run, name = job.out, f"{old.config.scheme}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{job.out.resolve().name}"
        check_free_of_weights(run)
        make_run_folder(run)
    progress = RunProgress(run, watch)
    on_run(run)
    try:
        version = make_version(name, run, job, old, data, config, gate or GateConfig(), registry, progress)
        for line in sentences(version):
            say(line)
        if job.promote and version.decision == "passed":
            say(registry.promote(version.version, job.who))
    except CancelledError as error:
        registry.cancelled(name, old.config.scheme, job.who, str(error))
        progress.say("cancelled", reason=str(error))
        raise
    except (FkdError, OSError) as error:
        failure = error if isinstance(error, FkdError) else DataError(cannot_write(run, error))
        with suppress(DataError):  # where there is no room for a line of it either, the sentence is for the console
            progress.say("failed", reason=str(failure))
        raise failure from error
    progress.say("done", version=version.version)
    return version


def make_version(
    name: str,
    run: Path,
    job: FinetuneJob,
    old: CropNet,
    data: TuningData,
    config: FinetuneConfig,
    gate: GateConfig,
    registry: Registry,
    progress: RunProgress,
) -> Version:
    """Train, measure, write, and register as the last step: only whole versions are ever registered."""
    new, compared = train_and_measure(job, old, data, config, progress)
    measured = tuple(one.measured() for one in compared)
    verdict = decide(measured, gate)
    new.config = replace(
        old.config,
        version=name,
        parent=old.config.version,
        trained_on=(*old.config.trained_on, f"{len(data.training)} corrected faces"),
        metrics={
            f"{one.what} NME".replace(" ", "_"): round(one.after, 5)
            for one in measured
            if one.what in (FROZEN, HELD_OUT)
        },
    )
    write_report(run, new, compared, verdict, config)
    prior = load_settle_prior(hub.weights_folder(job.weights), old.n_points)
    if prior is not None:  # the new weights err much as the old ones do
        save_settle_prior(prior, run)
    write_weights(new, run)
    return registry.register(
        Version(
            version=name, scheme=old.config.scheme, parent=old.config.version, folder=str(run), sha256="",
            corrections=data.corrections, measured=measured, decision=verdict.decision, reasons=verdict.reasons,
            who=job.who,
        )
    )  # fmt: skip


def train_and_measure(
    job: FinetuneJob, old: CropNet, data: TuningData, config: FinetuneConfig, progress: RunProgress
) -> tuple[CropNet, list[Compared]]:
    scheme, old = load_scheme(old.config.scheme), old.to(choose_device(config.device))
    remembered, watched = faces_to_remember(job, old, data, config, progress)
    tested = {FROZEN: data.frozen, UNLABELLED: watched, HELD_OUT: data.held_out}
    tested[LEARNT] = some(data.training, MOST_LEARNT_FACES, 0)
    cut = progress.wrapper("cut out", len(data.training) + len(remembered) + sum(map(len, tested.values())))

    def cut_out(faces: list[LabelledFace]) -> FaceSet | None:
        return make_face_set(faces, scheme, old.config.input_px, progress=cut) if faces else None

    corrected, base = cut_out(data.training), cut_out(remembered)
    tests = {what: cut_out(faces) for what, faces in tested.items() if faces}
    shown = HELD_OUT if HELD_OUT in tests else LEARNT
    looked_at = chosen_of(tests[shown], np.arange(min(len(tests[shown]), MOST_LOOKED_AT)))

    def on_step(step: int, steps: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise DataError(f"The loss of step {step} is no number. Try a lower --lr; nothing was changed.")
        progress.step("fine-tune", step, steps, loss=round(loss, 4))

    def on_look(step: int, net: CropNet) -> None:
        errors = errors_of(net, looked_at, scheme)
        if np.isfinite(errors).any():
            progress.say("look", at=step, what=shown, error=round(float(np.nanmean(errors)), 5))

    progress.step("fine-tune", 0, config.steps)  # from here on it takes time
    on_look(0, old)
    new = fit_corrections(old, corrected, base, config, on_step, on_look)
    compared = []
    for what, chips in progress.wrapper("measure", len(tests))(list(tests.items())):
        side_by_side = compare_unlabelled if what == UNLABELLED else compare
        one = side_by_side(what, tested[what], chips, old, new, scheme)
        if one is not None:
            compared.append(one)
            errors = {"before": round(float(one.before.mean()), 5), "after": round(float(one.after.mean()), 5)}
            progress.say("measured", what=what, n=len(one.names), **errors)
    return new, compared


def faces_to_remember(
    job: FinetuneJob, old: CropNet, data: TuningData, config: FinetuneConfig, progress: RunProgress
) -> tuple[list[LabelledFace], list[LabelledFace]]:
    """What is replayed, and faces without labels to measure on where there is no frozen test."""
    if job.unlabelled is None:
        return data.replayed, []
    found = unlabelled_faces(
        job.unlabelled, KeypointPredictor(old, config.device), MOST_UNLABELLED_PHOTOS, config.seed,
        lambda photos: progress.wrapper("find faces", len(photos))(photos),
        corrected={Path(face.image).name for face in (*data.training, *data.held_out)},
    )  # fmt: skip
    others, watched = (found, []) if data.frozen else every_fifth_photo(found)
    return [*data.replayed, *others], watched


def write_report(run: Path, new: CropNet, compared: list[Compared], verdict: Verdict, config: FinetuneConfig) -> None:
    """``before_after.json`` with each face's errors, and the picture of those that changed most."""
    faces = [
        asdict(one.measured())
        | {
            "faces": [
                {"face": name, "before": round(float(before), 5), "after": round(float(after), 5)}
                for name, before, after in zip(one.names, one.before, one.after, strict=True)
            ]
        }
        for one in compared
    ]
    report = {"version": new.config.version, "parent": new.config.parent, "measured": faces}
    report |= {"gate": asdict(verdict), "config": asdict(config)}
    write_whole(run / "before_after.json", (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    # What was learnt from is drawn only where there is nothing else to look at.
    shown = [one for one in compared if one.what != LEARNT] or compared
    if shown:
        draw_changed_most(shown, load_scheme(new.config.scheme), run / "changed_most.png")


def sentences(version: Version) -> list[str]:
    """What was measured and what the gate says, a line each."""
    lines = []
    for one in version.measured:
        if one.what == UNLABELLED:
            lines.append(
                f"{one.what} ({plural(one.n, 'face')}): the points moved by {one.after:.2%} of the eye distance"
            )
            continue
        interval = "" if one.low is None else f", 95 % interval of the difference {one.low:+.2%} to {one.high:+.2%}"
        lines.append(
            f"{one.what} ({plural(one.n, 'face')}): NME {one.before:.2%} before, {one.after:.2%} after{interval}"
        )
    verdict = {"passed": "lets it pass", "refused": "refuses it", "undecided": "cannot decide: a person has to"}
    return [*lines, f"The gate {verdict[version.decision]}. {' '.join(version.reasons)}"]
