"""Versions of weights on the Hub: what there is, what is newest, and which of them a folder holds."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fkd.durable import write_whole
from fkd.errors import HubError
from fkd.hub import read_config
from fkd.hub_client import check_repo_id, hub_api, hub_errors_in_words

__all__ = [
    "STATE_FILE",
    "HubState",
    "HubVersion",
    "compare",
    "default_repo",
    "hub_log",
    "newer_revision",
    "read_state",
    "write_state",
]

STATE_FILE = ".hub.json"


@dataclass(frozen=True)
class HubState:
    """What a weights folder remembers of the Hub: the commit that it was pulled from, or last pushed as.

    Attributes:
        repo: ``user/name``.
        commit: 40 hexadecimal digits.
        version: its name there.
        time_utc: when it was pulled or pushed.
    """

    repo: str
    commit: str
    version: str
    time_utc: str


@dataclass(frozen=True)
class HubVersion:
    """One commit of a repository of weights.

    Attributes:
        commit: 40 hexadecimal digits.
        title: the first line of its message.
        author: who pushed it.
        time_utc: when.
        tags: names that it can be pulled by; usually one, its version.
    """

    commit: str
    title: str
    author: str
    time_utc: str
    tags: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its version, or the short form of its commit where it has none."""
        return self.tags[0] if self.tags else self.commit[:12]


def read_state(folder: Path) -> HubState | None:
    """What the folder remembers of the Hub; None if it has nothing to do with it, or what stands there is no such."""
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        return HubState(**{field.name: str(state[field.name]) for field in fields(HubState)})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is a memory aid: without it, a push asks what it builds on


def write_state(folder: Path, state: HubState) -> None:
    """Remember where the weights in the folder stand on the Hub."""
    write_whole(folder / STATE_FILE, (json.dumps(asdict(state), indent=2) + "\n").encode())


def default_repo(folder: Path | None = None, variable: str = "FKD_HUB_WEIGHTS") -> str:
    """The repository that the folder came from or went to, or else the one that the environment names.

    Raises:
        HubError: if there is neither.
    """
    state = read_state(folder) if folder is not None else None
    repo = state.repo if state else os.environ.get(variable, "")
    if not repo:
        raise HubError(f"Which repository on the Hub? Name it with --repo user/name, or in {variable}.")
    return check_repo_id(repo)


def hub_log(repo: str, revision: str = "main") -> list[HubVersion]:
    """The commits of a repository of weights, newest first, with the versions that they are tagged as.

    Raises:
        HubError: if the Hub cannot be reached, or has no such repository.
    """
    check_repo_id(repo)
    api = hub_api()
    with hub_errors_in_words(repo):
        commits = api.list_repo_commits(repo, revision=revision)
        tags: dict[str, list[str]] = {}
        for tag in api.list_repo_refs(repo).tags:
            tags.setdefault(tag.target_commit, []).append(tag.name)
    return [
        HubVersion(
            commit=commit.commit_id,
            title=commit.title,
            author=", ".join(commit.authors) or "somebody",
            time_utc=commit.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            tags=tuple(sorted(tags.get(commit.commit_id, ()))),
        )
        for commit in commits
    ]


def compare(folder: Path, repo: str) -> str:
    """One sentence on how the weights in the folder compare with the newest ones on the Hub.

    Raises:
        HubError: if the Hub cannot be reached, or has no such repository.
        WeightsError: if there are no weights in the folder.
    """
    here, log, state = read_config(folder)["version"], hub_log(repo), read_state(folder)
    there = next((commit for commit in log if commit.tags), log[0])
    newest = f"Newest on {repo} is {there.name}, by {there.author} ({there.time_utc})"
    known = state.commit if state and state.repo == repo else None
    if there.commit == known or (known is None and here in there.tags):
        return f"{newest}: that is {here} here."
    place = next((n for n, commit in enumerate(log) if commit.commit == known or here in commit.tags), None)
    if place is None:
        return f"{newest}; {here} here is not on the Hub."
    older = "1 version" if place == 1 else f"{place} versions"
    return f"{newest}; {here} here is {older} older."


def newer_revision(repo: str, current_commit: str, timeout_s: float = 10.0) -> str | None:
    """The commit that is newest on the Hub, if it is not `current_commit`: for an app that runs, to ask now and then.

    Raises:
        HubError: if the Hub does not answer in time, or has no such repository.
    """
    check_repo_id(repo)
    with hub_errors_in_words(repo):
        newest = hub_api().model_info(repo, timeout=timeout_s).sha
    return newest if newest != current_commit else None
