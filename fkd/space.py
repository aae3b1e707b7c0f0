"""The app as a Space on the Hugging Face Hub, with a model and a dataset repository beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fkd.errors import HubError
from fkd.hub_client import check_repo_id, holds_token, hub_api, hub_errors_in_words, tokens_in_use
from fkd.hub_push import push

__all__ = ["SpacePlan", "deploy", "space_readme", "space_requirements"]

# What of a clone a Space needs; nothing else is sent, above all no corrections and no runs.
_SENT = ("app.py", "requirements.txt", "README.md", "LICENSE", "fkd", "training", "docs")
_NOT_SENT = (".pyi", ".pyc")


@dataclass(frozen=True)
class SpacePlan:
    """What is to be on the Hub.

    Attributes:
        space, weights, corrections: the repositories, ``user/name`` each.
        saving: who may save, see :mod:`fkd.ui.rights`.
        owners: user names on the Hub that own the app.
        secrets: names of environment variables whose values become secrets of the Space.
        public: whether anybody may open the Space. The other two repositories are made private in any case.
        jobs: hardware of the Jobs that fine-tunes run as, as ``hf jobs hardware`` lists it; "" to tune in the Space.
        jobs_base: dataset repositories with labelled data for them.
    """

    space: str
    weights: str
    corrections: str
    saving: str = "login"
    owners: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    public: bool = False
    jobs: str = ""
    jobs_base: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """What the app in the Space reads from its environment."""
        return {
            "FKD_HUB_WEIGHTS": self.weights,
            "FKD_HUB_CORRECTIONS": self.corrections,
            "FKD_SAVING": self.saving,
            "FKD_OWNERS": ",".join(self.owners),
            **({"FKD_JOBS_FLAVOR": self.jobs, "FKD_JOBS_BASE": " ".join(self.jobs_base)} if self.jobs else {}),
        }


def deploy(plan: SpacePlan, root: Path, weights: Path, say: Callable[[str], None] = lambda line: None) -> str:
    """Create the Space and its two repositories, or bring them up to date; return the Space's address.

    The Space gets its variables and secrets before its files, so that it never starts without them. Its files are one
    commit; of what it holds already, only what this program sends is changed or removed. A model repository without
    weights gets some to begin with.

    Args:
        root: a clone of fkd.
        weights: folder of the weights to begin with.
        say: is told of what is done, a line at a time; never of a secret's value.

    Raises:
        HubError: if the Hub cannot be reached or refuses, `root` is no clone, a secret has no value here, or a file
            holds what looks like a token.
        WeightsError: if the weights cannot be used.
    """
    for repo in (plan.space, plan.weights, plan.corrections, *plan.jobs_base):
        check_repo_id(repo)
    values = {name: _value_of(name) for name in plan.secrets}
    files = _files(root, plan)
    api = hub_api()
    with hub_errors_in_words(plan.space):
        api.create_repo(
            plan.space, repo_type="space", space_sdk="gradio", private=not plan.public, exist_ok=True
        )  # fmt: skip
    say(f"Space {plan.space} is there.")
    for name, value in plan.variables.items():
        with hub_errors_in_words(plan.space):
            api.add_space_variable(plan.space, name, value)
    say(f"Its variables are set: {', '.join(plan.variables)}.")
    for name, value in values.items():
        _set_secret(plan.space, name, value)
        say(f"Its secret {name} is set.")
    with hub_errors_in_words(plan.corrections):
        api.create_repo(plan.corrections, repo_type="dataset", private=True, exist_ok=True)
    say(f"Dataset repository {plan.corrections} is there.")
    say(_weights_to_begin_with(plan.weights, weights))
    say(_commit(plan.space, files))
    return f"{api.endpoint}/spaces/{plan.space}"


def space_readme(readme: str, plan: SpacePlan) -> str:
    """The project's README with the front matter of this Space: its title and its repositories.

    https://huggingface.co/docs/hub/spaces-config-reference
    """
    from huggingface_hub import RepoCard

    card = RepoCard(readme, ignore_metadata_errors=False)
    if card.data.get("sdk") != "gradio":
        raise HubError("README.md has no front matter for a Space. Take that of the project.")
    card.data["title"] = plan.space.split("/")[1]
    card.data["models"], card.data["datasets"] = [plan.weights], [plan.corrections]
    return str(card)


def space_requirements(requirements: str) -> str:
    """The project's requirements.txt with a PyTorch that ZeroGPU has: a Space may be switched to it with a click.

    https://huggingface.co/docs/hub/spaces-zerogpu
    """
    return re.sub(r"^torch>=2\.8$", "torch>=2.8,<2.12", requirements, flags=re.MULTILINE)


def _value_of(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise HubError(f"The secret {name} has no value here. Set it in the environment: export {name}=…")
    return value


def _set_secret(space: str, name: str, value: str) -> None:
    try:
        with hub_errors_in_words(space):
            hub_api().add_space_secret(space, name, value)
    except HubError as error:  # whatever the Hub said back, it shall not be this
        raise HubError(str(error).replace(value, "[secret]"), status=error.status) from None


def _files(root: Path, plan: SpacePlan) -> dict[str, bytes]:
    """What the Space is to hold, by path."""
    if not (root / "app.py").is_file() or not (root / "fkd" / "space.py").is_file():
        raise HubError(f"“{root}” is no clone of fkd. Run this in one, or name it with --root.")
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in _sent(root)}
    files["README.md"] = space_readme(files["README.md"].decode(), plan).encode()
    files["requirements.txt"] = space_requirements(files["requirements.txt"].decode()).encode()
    tokens = tokens_in_use()
    for name, content in files.items():
        if any(holds_token(line, tokens) for line in content.splitlines()):
            raise HubError(f"{name} holds what looks like a token. Take it out first; nothing was sent.")
    return files


def _sent(root: Path) -> Iterator[Path]:
    for name in _SENT:
        found = [root / name] if (root / name).is_file() else sorted((root / name).rglob("*"))
        for path in found:
            hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
            if path.is_file() and not hidden and path.suffix not in _NOT_SENT:
                yield path


def _weights_to_begin_with(repo: str, weights: Path) -> str:
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub_errors_in_words(repo):
        try:
            names = {file.rfilename for file in hub_api().model_info(repo).siblings}
        except RepositoryNotFoundError:
            names = set()
    if "model.safetensors" in names:
        return f"Model repository {repo} has weights already."
    return f"Model repository: {push(weights, repo).sentence}."


def _commit(space: str, files: dict[str, bytes]) -> str:
    """Bring the Space's files to these, in one commit on top of what is there."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.hf_api import RepoFile

    api = hub_api()
    with hub_errors_in_words(space):
        parent = api.space_info(space).sha
        tree = api.list_repo_tree(space, recursive=True, repo_type="space", revision=parent)
        there = {file.path for file in tree if isinstance(file, RepoFile)}
        gone = [name for name in there - files.keys() if name.split("/")[0] in _SENT]
        operations = [CommitOperationAdd(name, content) for name, content in sorted(files.items())]
        operations += [CommitOperationDelete(name, is_folder=False) for name in sorted(gone)]
        commit = api.create_commit(
            space, operations, repo_type="space", commit_message="Deploy fkd", parent_commit=parent
        )  # fmt: skip
    if commit.oid == parent:
        return f"The files of {space} were up to date."
    return f"{len(files)} files are in {space} now, commit {commit.oid[:12]}."
