"""Weights onto the Hub: one commit on top of what they build on, and a tag for their version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fkd.errors import HubError, WeightsError
from fkd.hub import SHIPPED, WEIGHTS_FILES, read_config
from fkd.hub_client import check_repo_id, hub_api, hub_errors_in_words, without_tokens
from fkd.hub_pull import OPTIONAL_FILES, check_weights
from fkd.hub_versions import HubState, hub_log, read_state, write_state
from fkd.model_card import LICENCE, model_card, sample_picture
from fkd.versions import Measured, utc_now

__all__ = ["Pushed", "push"]

# A git tag, and a file name everywhere.
_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]|\.(?!\.|lock$|$)){0,99}")


@dataclass(frozen=True)
class Pushed:
    """What a push came to.

    Attributes:
        repo: ``user/name``.
        version: the tag.
        commit: where it is.
        sentence: what was done, for a person.
    """

    repo: str
    version: str
    commit: str
    sentence: str


@dataclass(frozen=True)
class _Head:
    """The newest commit of a repository, with the ``config.json`` and the weights' SHA-256 there, if there are any."""

    commit: str
    config: dict | None
    digest: str


def push(
    folder: Path,
    repo: str,
    *,
    version: str | None = None,
    on: str | None = None,
    ancestors: Sequence[str] = (),
    measured: Sequence[Measured] = (),
    base_repo: str | None = None,
    corrections_repo: str | None = None,
    public: bool = False,
) -> Pushed:
    """Put the weights in `folder` on the Hub as its newest version, if they build on the one that is newest there.

    They do where the folder was pulled from that commit or pushed as it, where the version there is their parent or
    one of `ancestors`, or where a person names it with `on`. One commit holds everything, made on the condition that
    nobody else committed meanwhile: what is on the Hub is the old state or the new one, never a mixture. Pushing the
    same weights again, after a failure whose outcome is unclear, is harmless.

    Args:
        version: the name that they get there; that of their ``config.json`` without.
        on: version or commit that is newest on the Hub, and that these weights replace knowingly.
        ancestors: further versions that these weights descend from.
        measured: before and after on the same faces, for the card.
        base_repo: the repository that their parent came from, for the card.
        corrections_repo: dataset repository that they learnt from, for the card.
        public: a repository that is not there yet is made public, else private.

    Raises:
        WeightsError: if the weights cannot be loaded or hold NaN.
        HubError: if the Hub cannot be reached or refuses, if somebody else's newer version is there, or if a file holds
            what looks like a token. Nothing was changed then.
    """
    check_repo_id(repo)
    check_weights(folder)
    config = read_config(folder)
    config["version"] = version = version or config["version"]
    if not _VERSION.fullmatch(version):
        raise HubError(f"“{without_tokens(version)}” cannot name a version. Use letters, digits and single . _ or -.")
    weights = (folder / WEIGHTS_FILES[1]).read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    head = _head(repo, public)
    log = hub_log(repo)
    there = next((commit for commit in log if version in commit.tags), None)
    if head.digest == digest and head.config["version"] == version:
        if there is None:
            _tag(repo, version, head.commit)
        return _remembered(folder, Pushed(repo, version, head.commit, f"{version} is on {repo} already"))
    if there is not None:
        raise HubError(f"{repo} has another {version} on the Hub already. Name this one with --as.")
    if head.config is not None:
        _check_builds_on(head, folder, config, repo, on, ancestors, log[0])
    card = model_card(
        config, repo, before=head.config, measured=measured, base_repo=base_repo, corrections_repo=corrections_repo
    )
    files = {"model.safetensors": weights} | _beside(folder, config, card, head.config, measured)
    commit = _commit(repo, files, version, head, digest)
    _tag(repo, version, commit)
    return _remembered(folder, Pushed(repo, version, commit, f"{version} is on {repo} now, commit {commit[:12]}"))


def _head(repo: str, public: bool) -> _Head:
    """The newest commit; the repository is made if there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    api = hub_api()
    with hub_errors_in_words(repo):
        try:
            info = api.model_info(repo)
        except RepositoryNotFoundError:
            api.create_repo(repo, private=not public, exist_ok=True)
            info = api.model_info(repo)
        if not set(WEIGHTS_FILES) <= {file.rfilename for file in info.siblings}:
            return _Head(info.sha, None, "")
        (file,) = api.get_paths_info(repo, [WEIGHTS_FILES[1]], revision=info.sha)
        config = json.loads(Path(api.hf_hub_download(repo, WEIGHTS_FILES[0], revision=info.sha)).read_bytes())
    return _Head(info.sha, {"version": "", "scheme": ""} | config, file.lfs.sha256 if file.lfs else "")


def _check_builds_on(head: _Head, folder: Path, config: dict, repo: str, on, ancestors, newest) -> None:
    """Raise HubError unless the weights in the folder build on the newest ones there, or say `on` it."""
    if head.config["scheme"] != config["scheme"]:
        raise HubError(
            f"{repo} on the Hub holds weights for {head.config['scheme']}, and these are for {config['scheme']}. "
            "Push them to a repository of their own."
        )
    names = {head.config["version"], head.commit, *newest.tags}
    state = read_state(folder)
    if state and state.repo == repo and state.commit == head.commit:
        return
    if names & {on, config.get("parent"), *ancestors} or (on and len(on) >= 7 and head.commit.startswith(on)):
        return
    what = head.config["version"] or newest.name
    raise HubError(
        f"Refused: the newest version on {repo} is {what}, by {newest.author} ({newest.time_utc}), and these weights "
        f"do not build on it. Look at it with `python -m fkd hub pull --repo {repo}` and fine-tune from it; or, if "
        f"yours are to follow it all the same, push with --on {what}."
    )


def _beside(folder: Path, config: dict, card: str, before: dict | None, measured) -> dict[str, bytes]:
    """The files of the commit other than the weights, by name; what is text holds no token."""
    numbers = {
        "version": config["version"],
        "parent": config.get("parent", ""),
        "metrics": config.get("metrics", {}),
        "before": (before or {}).get("metrics", {}),
        "measured": [vars(one) for one in measured],
    }
    texts = {
        "config.json": json.dumps(config, indent=2, ensure_ascii=False) + "\n",
        "metrics.json": json.dumps(numbers, indent=2, ensure_ascii=False) + "\n",
        "README.md": card,
        "LICENSE.md": LICENCE,
    }
    for name, text in texts.items():
        if without_tokens(text) != text:
            raise HubError(f"{name} would hold what looks like a token. Take it out of config.json first.")
    made = {"sample.png": sample_picture(folder)} | {name: text.encode() for name, text in texts.items()}
    kept = [name for name in OPTIONAL_FILES if name not in made and (folder / name).is_file()]
    return made | {name: (folder / name).read_bytes() for name in kept}


def _commit(repo: str, files: dict[str, bytes], version: str, head: _Head, digest: str) -> str:
    """Commit the files on top of `head`, or not at all; return the commit."""
    from huggingface_hub import CommitOperationAdd

    operations = [CommitOperationAdd(name, content) for name, content in sorted(files.items())]
    try:
        with hub_errors_in_words(repo):
            return hub_api().create_commit(
                repo, operations, commit_message=f"Weights {version}", parent_commit=head.commit
            ).oid  # fmt: skip
    except HubError as error:
        if error.status in (409, 412):
            raise HubError(
                f"Refused: somebody else pushed to {repo} at the same moment. Nothing of yours is there. Look at "
                f"theirs with `python -m fkd hub log --repo {repo}`, then push again.",
                status=error.status,
            ) from error
        # The answer may have been lost after the work was done.
        if error.status is None or error.status >= 500:
            now = _head(repo, public=False)
            if now.digest == digest and now.config["version"] == version:
                return now.commit
        raise


def _tag(repo: str, version: str, commit: str) -> None:
    try:
        with hub_errors_in_words(repo):
            hub_api().create_tag(repo, tag=version, revision=commit)
    except HubError as error:
        raise HubError(
            f"The weights are on {repo}, but have no tag {version} yet. {error} Push once more to add it.",
            status=error.status,
        ) from error


def _remembered(folder: Path, pushed: Pushed) -> Pushed:
    if folder.resolve().parent != SHIPPED.resolve():  # those that come along belong to the program
        try:
            write_state(folder, HubState(pushed.repo, pushed.commit, pushed.version, utc_now()))
        except OSError as error:
            raise WeightsError(
                f"{pushed.sentence}. “{folder}” cannot be written ({error.strerror}), so that the next push from it "
                f"has to say --on {pushed.version}."
            ) from error
    return pushed
