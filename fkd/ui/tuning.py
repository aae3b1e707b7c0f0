"""What happens on the page where corrections become better weights. No layout here, and no Gradio events."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from fkd.correction_store import CorrectionStore
from fkd.errors import CorrectionsError, DataError, RegistryError
from fkd.lineage import LineageRow, lineage
from fkd.registry import Registry
from fkd.schemes import load_scheme
from fkd.ui.away import JobsAway
from fkd.ui.models import ServedModels
from fkd.ui.run_state import KILLED, RunState, newest_run_state
from fkd.ui.trainer import INTERRUPTED, Trainer, trainer_threads
from fkd.versions import Version
from training.bootstrap import FEWEST_GROUPS
from training.config import FinetuneConfig
from training.run_progress import ask_to_cancel
from training.tuning_data import TuningData, read_tuning_data

__all__ = ["PACES", "Pace", "TuneSources", "Tuning"]


@dataclass(frozen=True)
class Pace:
    """How long to train.

    Attributes:
        title: what the person chooses.
        steps, batch_size, share: as in :class:`training.config.FinetuneConfig`. Few steps teach noise too, and a
            smaller share of their way costs less elsewhere.
    """

    title: str
    steps: int
    batch_size: int
    share: float


PACES = {
    "quick": Pace("Quick: a first look, about a minute", 60, 32, 0.9),
    "thorough": Pace(
        "Thorough: the best result, some minutes", FinetuneConfig.steps, FinetuneConfig.batch_size, FinetuneConfig.share
    ),
}


@dataclass(frozen=True)
class TuneSources:
    """Data that the operator named at the start, beside the corrections.

    Attributes:
        scheme: whose labels `base` and `frozen` have; other schemes are fine-tuned without them.
        base: labelled data to replay, against forgetting.
        frozen: labelled data for the frozen test.
        unlabelled: a folder with photos to remember by.
    """

    scheme: str = "ibug68"
    base: tuple[Path, ...] = ()
    frozen: tuple[Path, ...] = ()
    unlabelled: Path | None = None


class Tuning:
    """Fine-tunes from one app: what they learn from, the one that is going on, the versions that they made.

    Args:
        models: what the app serves; they have a registry.
        store: the corrections.
        away: where fine-tunes run; None for this machine.
    """

    def __init__(
        self,
        models: ServedModels,
        store: CorrectionStore,
        sources: TuneSources | None = None,
        away: JobsAway | None = None,
    ):
        if models.registry is None:
            raise ValueError("versions need a registry: name the folder of the runs")
        self.models = models
        self.registry: Registry = models.registry
        self.store = store
        self.sources = sources or TuneSources()
        self.away = away
        self._trainer = Trainer()
        self._run_before: Path | None = None  # the newest run when the trainer was started
        self._started = threading.Lock()  # held while a process is looked at or started

    def preview(self, scheme: str) -> TuningData:
        """What a fine-tune would learn from and be measured on.

        Raises:
            CorrectionsError: if there is nothing to learn from.
            DataError: if data that were named at the start cannot be used.
        """
        if not self.store.path.exists():
            raise CorrectionsError(
                "There are no corrections yet: open a photo, drag its wrong points right, and save the face."
            )
        base, frozen = self._labelled(scheme)
        foreign = self.models.predictor(scheme).net.config.conventions
        return read_tuning_data(self.store.path, base, frozen, load_scheme(scheme), 0, foreign)

    def missing(self, scheme: str, data: TuningData) -> list[str]:
        """A sentence for each thing without which the result is worse, or nobody can tell how good it is."""
        sentences = []
        held_out = len({face.group for face in data.held_out})
        if held_out < FEWEST_GROUPS:
            sentences.append(
                f"Every fifth corrected photo is held out to measure on: {held_out} now. With fewer than "
                f"{FEWEST_GROUPS}, a person has to judge whether the result is better."
            )
        if not data.replayed and self.sources.unlabelled is None:
            sentences.append(
                "There are no other faces to remember by, so the new weights stay close to the old ones. Whoever runs "
                "the app can name some with --base or --unlabelled."
            )
        if not data.frozen:
            sentences.append(
                "There is no frozen test with labels, so a person has to judge by the pictures of the faces that "
                "changed most what is forgotten. Whoever runs the app can name one with --frozen or --base."
                if self.sources.unlabelled is None
                else "There is no frozen test with labels. In its stead it is told how far the points move in every "
                "fifth photo of those named with --unlabelled."
            )
        return [self.away.sentence, *sentences[:1]] if self.away else sentences

    def start(self, scheme: str, pace: str, who: str, promote: bool) -> str:
        """Start a fine-tune of what serves a scheme, in a process of its own; returns a sentence.

        Args:
            pace: one of `PACES`.
            promote: whether the result serves at once if the gate lets it pass.

        Raises:
            CorrectionsError, DataError, SchemeError, HubError: if it could not work.
        """
        if pace not in PACES:
            raise DataError(f"There is no way to train called “{pace}”. Reload the page and choose one.")
        self.preview(scheme)
        source = self.models.source(scheme)
        with self._started:
            state = self._state()
            if state.going_on:
                return "A fine-tune is going on already. Wait for its end, or cancel it."
            arguments = self._arguments(scheme, PACES[pace], source, who, promote)
            self._run_before = state.run
            try:
                self._trainer.start(arguments)
            except OSError as error:
                raise DataError(f"The trainer cannot be started ({error.strerror or error}).") from error
        return "The fine-tune has started. You can go on correcting, and reload or leave this page."

    def cancel(self) -> str:
        """Stop the fine-tune that is going on; returns a sentence."""
        with self._started:
            state = self._state()
            if not state.going_on:
                return "There is no fine-tune to cancel."
            if state.phase == "running":
                ask_to_cancel(state.run)
            else:
                self._trainer.terminate()
        return "The fine-tune stops at its next step. What serves stays as it is."

    def state(self) -> RunState:
        """The fine-tune that is going on, or the last one.

        Raises:
            RegistryError: if its progress cannot be read.
        """
        with self._started:
            return self._state()

    def lineage(self, scheme: str) -> list[LineageRow]:
        """The versions of a scheme, oldest first."""
        return lineage(self.registry, scheme, self.serving(scheme))

    def version(self, name: str) -> Version:
        """A version by its name.

        Raises:
            RegistryError: if there is none.
        """
        versions = self.registry.versions()
        if name not in versions:
            raise RegistryError(f"There is no version “{name}” any more. Reload the page.")
        return versions[name]

    def changed_most(self, version: Version) -> Path | None:
        """The picture of the faces that a version changed most, if its folder has one."""
        path = self.registry.weights_of(version) / "changed_most.png"
        return path if path.is_file() else None

    def serving(self, scheme: str) -> str:
        """The version that serves a scheme: the one that is promoted and whole now."""
        self.models.look_again(scheme)
        return self.models.predictor(scheme).version

    def about_serving(self, scheme: str) -> str:
        """A sentence about what serves a scheme, and what is wrong if something is."""
        return " ".join(filter(None, [f"{self.serving(scheme)} serves {scheme}.", self.models.notice(scheme)]))

    def before(self, scheme: str) -> str:
        """What a roll back would let serve; "" if there is nothing to roll back."""
        return self.registry.before(scheme)

    def promote(self, version: str, who: str, reason: str) -> str:
        """Let a version serve; returns a sentence.

        Args:
            reason: why, although the gate refused it.

        Raises:
            RegistryError: if it cannot, or the gate refused it and there is no reason.
        """
        if self.version(version).decision == "refused" and not reason.strip():
            raise RegistryError("The gate refused this version. Write down why it is to serve all the same.")
        sentence = self.registry.promote(version, who, reason)
        self.models.refresh()
        return sentence

    def roll_back(self, scheme: str, who: str, expected: str) -> str:
        """Let what served before serve again; returns a sentence.

        Args:
            expected: what the person was told that this lets serve, see `before`.

        Raises:
            RegistryError: if there is nothing to roll back, or that is not what would serve any more.
        """
        sentence = self.registry.rollback(scheme, who, expected=expected)
        self.models.refresh()
        return sentence

    def close(self) -> None:
        """Stop the fine-tune that this app started; for the end of the app."""
        self._trainer.close()

    def _labelled(self, scheme: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        return (self.sources.base, self.sources.frozen) if scheme == self.sources.scheme else ((), ())

    def _arguments(self, scheme: str, pace: Pace, source: str | Path, who: str, promote: bool) -> list[str]:
        base, frozen = self._labelled(scheme)
        named = {"--base": base, "--frozen": frozen, "--unlabelled": filter(None, [self.sources.unlabelled])}
        options = {
            "--weights": source, "--runs": self.registry.folder, "--who": who, "--steps": pace.steps,
            "--batch-size": pace.batch_size, "--share": pace.share, "--promote": "auto" if promote else "never",
        }  # fmt: skip
        here = {"--corrections": self.store.path, "--threads": trainer_threads(), "--device": self.models.device}
        # With an equals sign, so that a name that begins with a dash is no option.
        arguments = ["finetune", *(f"{name}={value}" for name, value in options.items())]
        if self.away:
            return [*arguments, *self.away.arguments(source, with_base=scheme == self.sources.scheme)]
        arguments += ["--background", *(f"{name}={value}" for name, value in here.items())]
        for name, paths in named.items():
            if paths := [str(path) for path in paths]:
                arguments += [name, *paths]
        return arguments

    def _state(self) -> RunState:
        newest = newest_run_state(self.registry.folder)
        if newest.phase == "done":
            self.models.refresh()
        if newest.going_on or not self._trainer.started:
            return newest
        failed = (self._trainer.status or 0) > 0 and self._trainer.status != INTERRUPTED
        if newest.run != self._run_before:
            crashed = failed and newest.sentence == KILLED
            return replace(newest, sentence=self._trainer.last_words()) if crashed else newest
        if self._trainer.running:
            return RunState("starting", self._trainer.log() if self.away else "", newest.run)
        # It ended before it had a folder.
        if failed:
            return RunState("failed", self._trainer.last_words(), newest.run)
        return RunState("cancelled", "Cancelled before it began: what serves stays as it is.", newest.run)
