"""Fine-tunes of the page's button that run away from here: as Jobs on the Hugging Face Hub.

A Space has no hardware to train on: a small one is slow, and ZeroGPU lends its GPU for seconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fkd.errors import HubError
from fkd.hub_client import check_repo_id
from fkd.hub_corrections import CorrectionSync
from training.hf_jobs import starting_point

__all__ = ["JobsAway", "jobs_away"]


@dataclass(frozen=True)
class JobsAway:
    """Where fine-tunes run instead of beside the app.

    Attributes:
        flavor: hardware, as ``hf jobs hardware`` lists it.
        space: the Space whose repository has the program.
        corrections: brings the corrections to the dataset repository that a job reads them from.
        base: dataset repositories with labelled data, of the scheme that the app begins with.
    """

    flavor: str
    space: str
    corrections: CorrectionSync
    base: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What somebody should know before they press the button."""
        return f"It runs as a Job on the Hugging Face Hub ({self.flavor}), which is paid for in advance."

    def arguments(self, weights: str | Path, with_base: bool) -> list[str]:
        """The arguments of ``python -m training finetune`` that send it away, once a job can see all that it needs.

        Corrections that are not on the Hub yet are pushed now.

        Args:
            weights: what to start from.
            with_base: whether the base data have the scheme of these weights.

        Raises:
            HubError: if the weights are on this machine only, or the corrections cannot be pushed.
            CorrectionsError: if the corrections cannot be read.
        """
        starting_point(weights)
        self.corrections.push_now()
        base = ["--base", *self.base] if with_base and self.base else []
        named = [f"--flavor={self.flavor}", f"--space={self.space}", f"--corrections={self.corrections.repo}"]
        return ["--on=hf-jobs", *named, *base]


def jobs_away(corrections: CorrectionSync | None) -> JobsAway | None:
    """What the environment says of Jobs; None if fine-tunes run here.

    Raises:
        HubError: if it names hardware, but not all that a job needs.
    """
    flavor = os.environ.get("FKD_JOBS_FLAVOR", "")
    if not flavor:
        return None
    space = os.environ.get("FKD_JOBS_SPACE", "") or os.environ.get("SPACE_ID", "")
    if corrections is None or not space:
        raise HubError(
            "FKD_JOBS_FLAVOR sends fine-tunes to the Hub, where a Job needs the program and the corrections. Name the "
            "Space in FKD_JOBS_SPACE (not needed in a Space itself) and the dataset repository in FKD_HUB_CORRECTIONS."
        )
    base = tuple(map(check_repo_id, os.environ.get("FKD_JOBS_BASE", "").split()))
    return JobsAway(flavor, check_repo_id(space), corrections, base)
