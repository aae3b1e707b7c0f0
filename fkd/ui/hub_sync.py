"""The app and the Hub: weights that come from there, at the start and while it runs, and corrections that go there."""

from __future__ import annotations

import threading
from pathlib import Path

from fkd.errors import FkdError, HubError
from fkd.hub import read_config, weights_folder
from fkd.hub_corrections import CorrectionSync
from fkd.hub_lineage import lineage_of
from fkd.hub_pull import PULLED, NewestWeights, newest_weights, pull
from fkd.hub_push import push
from fkd.hub_versions import HubVersion, hub_log, newer_revision
from fkd.hub_waiting import waiting_in_words
from fkd.ui.models import ServedModels
from fkd.ui.zero_gpu import predictor_class

__all__ = ["HubSync"]

START_S = 5.0
POLL_S = 60.0


class HubSync:
    """Keeps an app together with the Hub while the ``with`` block lasts; without repositories it does nothing.

    Args:
        models: what the app serves; pulled weights go to ``hub`` in the folder of its registry.
        scheme: the keypoint scheme of the weights on the Hub.
        weights_repo: model repository, ``user/name``; "" if weights do not come from the Hub.
        corrections: the dataset repository that corrections go to, None if there is none.
        poll_s: how often to ask for newer weights.
    """

    def __init__(
        self,
        models: ServedModels,
        scheme: str,
        weights_repo: str = "",
        corrections: CorrectionSync | None = None,
        poll_s: float = POLL_S,
    ):
        self.models, self.scheme, self.weights_repo = models, scheme, weights_repo
        self.corrections, self._poll_s = corrections, poll_s
        self._pulled = models.registry.folder / "hub" if models.registry else PULLED
        self._known_commit = ""  # the newest one that was seen, whether it serves or was refused
        self._weights, self._serves = "", ""  # a sentence on what serves, and which version it is about
        self._problem, self._refused = "", ""
        self._looking = threading.Lock()
        self._stopping = threading.Event()

    def serve_newest(self, timeout_s: float = START_S) -> str:
        """Let the newest weights of the Hub serve, unless what serves here was made from them; return what serves, and
        why, as a person would say it.

        Raises:
            RegistryError: if the registry of versions cannot be read.
            WeightsError, SchemeError: if there are no weights at all for the scheme.
        """
        if self.weights_repo:
            self._serve_newest(newest_weights(self.weights_repo, self.scheme, timeout_s, root=self._pulled))
        return self._weights or f"{self.models.predictor(self.scheme).version}, from this machine"

    def _serve_newest(self, newest: NewestWeights) -> None:
        self._known_commit = newest.commit
        if newest.folder is None:
            self._now_serves(f"{self.models.predictor(self.scheme).version}, from this machine: {newest.sentence}")
        else:
            self._take_unless_newer(newest.folder, newest.version, newest.sentence)

    def _take_unless_newer(self, folder: Path, version: str, sentence: str) -> None:
        """Let the weights in the folder serve, unless what serves by the registry was made from them."""
        made_from = self._made_here_from(version)
        if made_from and made_from == self.models.predictor(self.scheme).version:
            self._now_serves(f"{made_from}, promoted here and not older than {sentence}")
            return
        self.models.take(predictor_class().from_pretrained(folder, device=self.models.device), folder)
        self._now_serves(sentence)

    def _now_serves(self, sentence: str) -> None:
        self._weights, self._serves = sentence, self.models.predictor(self.scheme).version

    def _made_here_from(self, version: str) -> str:
        """What serves by the registry, if it is that version or descends from it; else ""."""
        registry = self.models.registry
        serving = registry.serving(self.scheme).version if registry else None
        if serving is None:
            return ""
        descends = version in (serving.version, *lineage_of(registry, serving.version).ancestors)
        return serving.version if descends else ""

    def look(self) -> str:
        """Ask the Hub for newer weights and let them serve; return what came of it.

        What cannot be used is refused, and `status` tells it too.
        """
        with self._looking:  # the poll and an owner's button
            self._look()
        return self._refused or self._problem or f"{self._weights}."

    def _look(self) -> None:
        try:
            newer = newer_revision(self.weights_repo, self._known_commit)
            self._problem = ""
            if newer is None:
                return
            folder, state = pull(self.weights_repo, newer, scheme=self.scheme, root=self._pulled)
            self._known_commit, self._refused = newer, ""
            self._take_unless_newer(folder, state.version, self._newest(state.version))
        except HubError as error:  # perhaps better luck next time
            self._problem = str(error)
        except FkdError as error:
            self._known_commit = newer
            self._refused = f"Newer weights on the Hub were refused, and the old ones serve on: {error}"

    def _newest(self, version: str) -> str:
        return f"{version}, newest of {self.weights_repo} on the Hub"

    def push(self) -> str:
        """Put what serves on the Hub as its newest version; return what was done.

        Raises:
            HubError, WeightsError, RegistryError: if that cannot be; nothing was changed then.
        """
        if not self.weights_repo:
            raise HubError("Which repository on the Hub? Start the app with FKD_HUB_WEIGHTS=user/name.")
        folder = weights_folder(self.models.source(self.scheme))
        lineage = lineage_of(self.models.registry, read_config(folder)["version"])
        pushed = push(
            folder, self.weights_repo, ancestors=lineage.ancestors, measured=lineage.measured,
            base_repo=lineage.base_repo, corrections_repo=self.corrections.repo if self.corrections else None,
        )  # fmt: skip
        self._known_commit, self._problem, self._refused = pushed.commit, "", ""
        self._now_serves(self._newest(pushed.version))
        return f"{pushed.sentence}."

    def log(self) -> list[HubVersion]:
        """The versions on the Hub, newest first.

        Raises:
            HubError: if it cannot be reached, or has no such repository.
        """
        return hub_log(self.weights_repo)

    def waiting(self) -> list[str]:
        """A line for each correction that is not on the Hub yet, below one that counts them; none if all are.

        Raises:
            CorrectionsError: if the corrections cannot be read.
        """
        rows = self.corrections.waiting if self.corrections else []
        return waiting_in_words(self.corrections.repo, rows).splitlines() if rows else []

    def status(self) -> list[str]:
        """Sentences on where weights and corrections stand with the Hub; none if there is nothing to do with it."""
        said = []
        if self.weights_repo:
            serving = self.models.predictor(self.scheme).version
            chosen = f"{serving}, chosen here; owners can push it to {self.weights_repo}"
            said.append(f"Weights: {self._weights if serving == self._serves else chosen}.".replace("..", "."))
        said += [sentence for sentence in (self._refused, self._problem) if sentence]
        if self.corrections:
            said.append(self.corrections.status())
        return said

    def __enter__(self) -> HubSync:
        if self.weights_repo:
            threading.Thread(target=self._poll, name="fkd-hub-weights", daemon=True).start()
        if self.corrections:
            self.corrections.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopping.set()
        if self.corrections:
            self.corrections.stop()

    def _poll(self) -> None:
        while not self._stopping.wait(self._poll_s):
            self.look()
