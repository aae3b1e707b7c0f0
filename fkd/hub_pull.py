"""Weights from the Hub into a folder, checked before they are anywhere that somebody might load them from."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from fkd.errors import FkdError, WeightsError
from fkd.hub import WEIGHTS_FILES, read_config
from fkd.hub_client import check_repo_id, fetch_file, hub_api, hub_errors_in_words
from fkd.hub_versions import STATE_FILE, HubState, read_state, write_state
from fkd.settle import SETTLE_FILE, load_settle_prior
from fkd.versions import utc_now

__all__ = ["OPTIONAL_FILES", "PULLED", "NewestWeights", "check_weights", "newest_weights", "pull"]

# Where pulled weights go, one folder a commit: nothing in there is ever changed.
PULLED = Path("runs/hub")
# What else of a repository is of use here. Anything not named is not fetched, above all no pickle.
OPTIONAL_FILES = (SETTLE_FILE, "metrics.json", "README.md", "LICENSE.md", "sample.png")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pickle")
# Bounds on what a repository may ask for: bytes to fetch, and channels or pixels of a network to make.
_MOST_BYTES = 500_000_000
_WIDEST = 2048
# No pull takes this long, so what is older is nobody's.
_STAGING_S = 3600


@dataclass(frozen=True)
class NewestWeights:
    """What to start with.

    Attributes:
        folder: the weights; None if the Hub gave none and none of it were pulled before.
        version: their name, or "".
        commit: where they stand on the Hub, or "".
        from_hub: whether the Hub was asked and these are its newest.
        sentence: which weights these are and why, for a person.
    """

    folder: Path | None
    version: str
    commit: str
    from_hub: bool
    sentence: str


def pull(
    repo: str,
    revision: str | None = None,
    folder: Path | None = None,
    *,
    scheme: str | None = None,
    root: Path = PULLED,
) -> tuple[Path, HubState]:
    """Fetch a version of weights from the Hub; return the folder that they are in now, and what they are there.

    They are fetched into a folder beside, checked there, and moved into place as a whole: files must have the hashes
    that the Hub names, the weights must be safetensors, fit their config and hold no NaN. A folder of weights is never
    changed: the same commit is left as it is, and another one is refused.

    Args:
        revision: version (tag), branch or commit; the newest without.
        folder: where to; without, ``<user>--<name>/<commit>`` under `root`.
        scheme: the keypoint scheme that they must be of.

    Raises:
        HubError: if the Hub cannot be reached, refuses, has no such version, or sends something damaged.
        WeightsError: if the weights cannot be trusted, or the folder is in use. Nothing has changed then.
    """
    check_repo_id(repo)
    with hub_errors_in_words(repo):
        info = hub_api().model_info(repo, revision=revision, timeout=10.0)
    _check_names(repo, {file.rfilename for file in info.siblings})
    folder = folder or root / repo.replace("/", "--") / info.sha[:12]
    state = read_state(folder)
    if state and state.commit == info.sha:
        check_weights(folder, scheme)
        return folder, state
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WeightsError(f"“{folder}” is in use and holds something else. Name another folder with --out.")
    _remove_old_stagings(folder.parent)
    staging = folder.parent / f".pull-{uuid.uuid4().hex}"
    try:
        _fetch(repo, info.sha, staging)
        state = HubState(repo, info.sha, check_weights(staging, scheme), utc_now())
        write_state(staging, state)
        _move(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder, state


def newest_weights(repo: str, scheme: str, timeout_s: float = 5.0, *, root: Path = PULLED) -> NewestWeights:
    """The newest weights on the Hub, if it gives them within `timeout_s`, else the newest that were pulled before.

    Never raises for what the Hub does or does not do: `sentence` says it. A download that takes longer goes on in the
    background, and is there for whoever asks next.
    """
    outcome: list[tuple[Path, HubState] | FkdError] = []

    def ask() -> None:
        try:
            outcome.append(pull(repo, scheme=scheme, root=root))
        except FkdError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask, name="fkd-hub-pull", daemon=True)
    asking.start()
    asking.join(timeout_s)
    if outcome and not isinstance(outcome[0], FkdError):
        folder, state = outcome[0]
        return NewestWeights(folder, state.version, state.commit, True, f"{state.version}, newest of {repo} on the Hub")
    why = str(outcome[0]) if outcome else f"The Hub did not give {repo} within {timeout_s:.0f} s."
    for folder, state in _pulled_before(repo, root):
        try:
            check_weights(folder, scheme)
        except WeightsError as error:
            why += f" {error}"
            continue
        return NewestWeights(
            folder, state.version, state.commit, False, f"{state.version}, pulled from {repo} before. {why}"
        )
    return NewestWeights(None, "", "", False, f"no weights of {repo}. {why}")


def _pulled_before(repo: str, root: Path) -> list[tuple[Path, HubState]]:
    """The folders that versions were pulled into, with what they are on the Hub, the newest pull first."""
    notes = sorted((root / repo.replace("/", "--")).glob(f"*/{STATE_FILE}"), key=lambda path: path.stat().st_mtime_ns)
    found = [(note.parent, read_state(note.parent)) for note in reversed(notes)]
    return [(folder, state) for folder, state in found if state and state.repo == repo]


def _check_names(repo: str, names: set[str]) -> None:
    missing = [name for name in WEIGHTS_FILES if name not in names]
    if not missing:
        return
    pickles = sorted(name for name in names if name.lower().endswith(_PICKLES))
    also = f" It has {pickles[0]}, a pickle, which can run any code when it is loaded: refused." if pickles else ""
    raise WeightsError(f"{repo} on the Hub lacks {' and '.join(missing)}: these are no weights of fkd.{also}")


def _fetch(repo: str, commit: str, staging: Path) -> None:
    """Download into `staging` what is of use, and check every file against what the Hub says of it."""
    api = hub_api()
    with hub_errors_in_words(repo):
        files = api.get_paths_info(repo, [*WEIGHTS_FILES, *OPTIONAL_FILES], revision=commit)
    if sum(file.size for file in files) > _MOST_BYTES:
        raise WeightsError(f"The weights of {repo} on the Hub are larger than any of fkd: not fetched.")
    for file in files:
        fetch_file(repo, file, commit, staging)
    shutil.rmtree(staging / ".cache", ignore_errors=True)  # the client's notes


def check_weights(folder: Path, scheme: str | None = None) -> str:
    """The version of the weights in the folder, once they and their settle prior have loaded.

    Raises:
        WeightsError: if they are missing, damaged, hold NaN, or are not of the scheme.
    """
    from fkd.model import load_net

    named = read_config(folder)
    sides = (named.get(name) for name in ("input_px", "stem_width", "head_width", "widths"))
    if any(
        isinstance(px, int) and px > _WIDEST for side in sides for px in (side if isinstance(side, list) else [side])
    ):
        raise WeightsError(
            f"The config.json of “{folder.name}” asks for a network that would fill the memory: refused."
        )
    net = load_net(folder)
    load_settle_prior(folder, net.n_points)
    config = net.config
    if scheme and config.scheme != scheme:
        raise WeightsError(f"The weights {config.version} on the Hub are for {config.scheme}, not for {scheme}.")
    return config.version


def _remove_old_stagings(parent: Path) -> None:
    """Remove what pulls that were killed an hour ago or earlier left behind: a whole download is never older."""
    for staging in parent.glob(".pull-*"):
        if time.time() - staging.stat().st_mtime > _STAGING_S:
            shutil.rmtree(staging, ignore_errors=True)


def _move(staging: Path, folder: Path) -> None:
    try:
        staging.replace(folder)
    except OSError as error:
        # Somebody else pulled the same commit meanwhile: theirs is as good.
        theirs, ours = read_state(folder), read_state(staging)
        if not (theirs and theirs.commit == ours.commit):
            raise WeightsError(f"“{folder}” cannot be written: {error.strerror}. Name another with --out.") from error
