"""A fine-tune on hardware that Hugging Face lends: submitted as a Job, followed, and brought home to the gate.

https://huggingface.co/docs/huggingface_hub/guides/jobs. What the job works on comes from the Hub (the program from a
Space's repository, the weights from a model repository, corrections and base data from dataset repositories), and what
it makes goes to a model repository of its own: what is newest among the weights is what apps begin to use, and this has
not been through the gate.
"""

from __future__ import annotations

import re
import shlex
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fkd import hub
from fkd.durable import write_whole
from fkd.errors import HubError, WeightsError
from fkd.hub_client import check_repo_id, fetch_file, hub_api, hub_errors_in_words, without_tokens
from fkd.hub_pull import check_weights
from fkd.hub_versions import read_state
from fkd.registry import Registry
from fkd.settle import SETTLE_FILE
from fkd.versions import Version
from training.gate import GateConfig, decide

__all__ = ["JobPlan", "bring_home", "finetune_on_hub", "job_script", "starting_point"]

IMAGE = "python:3.12"
_CODE, _WEIGHTS, _CORRECTIONS, _RUNS = "/fkd", "/weights", "/tmp/corrections", "/tmp/runs"
_BROUGHT = ("config.json", "model.safetensors", SETTLE_FILE, "before_after.json", "changed_most.png", "progress.jsonl")
_NAME = re.compile(r"[0-9A-Za-z][\w-]*(\.[\w-]+)*")
_MOST_BYTES = 500_000_000


@dataclass(frozen=True)
class JobPlan:
    """What a job is to do.

    Attributes:
        flavor: hardware, as ``hf jobs hardware`` lists it.
        code: Space whose repository has the program.
        weights: a shipped name, or a model repository.
        revision: commit of that repository.
        corrections: dataset repository.
        base, frozen: dataset repositories with labelled data.
        results: model repository that the result goes to.
        options: further options of ``python -m training finetune``.
        timeout: after which the job is stopped, like ``2h``.
    """

    flavor: str
    code: str
    weights: str
    revision: str
    corrections: str
    base: tuple[str, ...]
    frozen: tuple[str, ...]
    results: str
    options: tuple[str, ...] = ()
    timeout: str = "2h"


def finetune_on_hub(
    plan: JobPlan, registry: Registry, scheme: str, who: str, say: Callable[[str], None] = lambda line: None
) -> Version:
    """Run a fine-tune as a Job, print its log, bring the result home and ask the gate; return the registered version.

    Ctrl-C cancels the job.

    Args:
        scheme: of the weights.
        say: is told of the job and of every line of its log.

    Raises:
        HubError: without permission or credit, if the job fails, or the result cannot be fetched.
        WeightsError, RegistryError: if the result cannot be trusted or registered. Nothing was changed then.
    """
    for repo in (plan.code, plan.corrections, plan.results, *plan.base, *plan.frozen):
        check_repo_id(repo)
    label, api = uuid.uuid4().hex[:12], hub_api()
    with hub_errors_in_words(plan.results):
        api.create_repo(plan.results, private=True, exist_ok=True)
    job = _submit(plan, label)
    say(f"Job {job.id} is on its way on {plan.flavor}: {job.url}")
    try:
        _follow(job, say)
    except KeyboardInterrupt:
        with hub_errors_in_words(plan.results):
            api.cancel_job(job_id=job.id, namespace=job.owner.name)
        say("The job was cancelled.")
        raise
    return bring_home(plan.results, label, registry, scheme, who)


def job_script(plan: JobPlan, label: str, who: str) -> str:
    """What the job does, for bash: the same command as here, its input fetched before and its output sent after."""
    finetune = ["python", "-m", "training", "finetune", "--weights", _WEIGHTS if plan.revision else plan.weights]
    finetune += ["--corrections", _CORRECTIONS, "--runs", _RUNS, "--who", who, *plan.options]
    for option, repos in (("base", plan.base), ("frozen", plan.frozen)):
        if repos:
            finetune += [f"--{option}", *_mounted_at(option, repos)]
    lines = [
        ["set", "-e"],
        ["cp", "-r", _CODE, "/tmp/fkd"],
        ["cd", "/tmp/fkd"],
        ["python", "-m", "pip", "install", "-q", "-r", "requirements.txt"],
        ["python", "-m", "fkd", "hub", "pull-corrections", "--repo", plan.corrections, "--out", _CORRECTIONS],
        finetune,
        ["hf", "upload", plan.results, _RUNS, label],
    ]
    return "\n".join(map(shlex.join, lines))


def bring_home(results: str, label: str, registry: Registry, scheme: str, who: str) -> Version:
    """Fetch what a job made, check it, ask the gate and register it; return the registered version.

    Raises:
        HubError, WeightsError, RegistryError: if it cannot be fetched, trusted or registered.
    """
    staging = registry.folder / f".job-{label}"
    try:
        _fetch(results, label, staging)
        made = list(Registry(staging).versions().values())
        if len(made) != 1 or not _NAME.fullmatch(made[0].version):
            raise HubError(f"The job left no version in {results}/{label}. Its log says why.")
        (version,) = made
        folder, target = staging / version.version, registry.folder / version.version
        check_weights(folder, scheme)
        if hub.sha256_of(folder / "model.safetensors") != version.sha256 or target.exists():
            raise WeightsError(f"The weights of {version.version} are not those that the job registered, or are here.")
        folder.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    verdict = decide(version.measured, GateConfig())  # here, and not by what the job says
    return registry.register(
        replace(version, folder=str(target), decision=verdict.decision, reasons=verdict.reasons, who=who)
    )


def _mounted_at(option: str, repos: Sequence[str]) -> list[str]:
    """Where the job finds data sets. A folder's name is part of its faces' names, and by these a tenth is held out: it
    is the same tenth wherever the folder is called alike."""
    return [f"/{option}/{number}/{repo.rpartition('/')[2]}" for number, repo in enumerate(repos)]


def _submit(plan: JobPlan, label: str):
    from huggingface_hub import Volume, get_token

    volumes = [Volume(type="space", source=plan.code, mount_path=_CODE)]
    if plan.revision:
        volumes.append(Volume(type="model", source=plan.weights, mount_path=_WEIGHTS, revision=plan.revision))
    for option, repos in (("base", plan.base), ("frozen", plan.frozen)):
        places = zip(repos, _mounted_at(option, repos), strict=True)
        volumes += [Volume(type="dataset", source=repo, mount_path=place) for repo, place in places]
    api = hub_api()
    try:
        with hub_errors_in_words(plan.results):
            who = api.whoami()["name"]
            return api.run_job(
                image=IMAGE, command=["bash", "-c", job_script(plan, label, who)], flavor=plan.flavor, volumes=volumes,
                timeout=plan.timeout, secrets={"HF_TOKEN": get_token()}, labels={"fkd": label}, namespace=who,
            )  # fmt: skip
    except HubError as error:
        raise _why_no_job(error) from error


def _why_no_job(error: HubError) -> HubError:
    if error.status == 402:
        words = "Jobs are paid for in advance, and there is no credit left: see huggingface.co/settings/billing."
    elif error.status in (401, 403):
        words = (
            "The token may not start Jobs. Make one with the permission for Jobs at huggingface.co/settings/tokens, "
            "and see whether your account or plan has Jobs at all."
        )
    else:
        return error
    return HubError(f"{words} Nothing was started; without --on the fine-tune runs here.", status=error.status)


def _follow(job, say: Callable[[str], None]) -> None:
    api = hub_api()
    with hub_errors_in_words(job.owner.name):
        for line in api.fetch_job_logs(job_id=job.id, namespace=job.owner.name, follow=True):
            say(without_tokens(line.rstrip("\n")))
        status = api.inspect_job(job_id=job.id, namespace=job.owner.name).status
    if status.stage != "COMPLETED":
        reason = f": {without_tokens(status.message)}" if status.message else ""
        raise HubError(f"The job ended as {status.stage}{reason}. Its log is at {job.url}. Nothing was changed here.")


def _fetch(results: str, label: str, staging: Path) -> None:
    from huggingface_hub.hf_api import RepoFile

    api = hub_api()
    with hub_errors_in_words(results):
        commit = api.model_info(results).sha
        tree = api.list_repo_tree(results, recursive=True, revision=commit)
        files = [file for file in tree if isinstance(file, RepoFile) and file.path.startswith(f"{label}/")]
    wanted = []
    for file in files:
        folder, _, name = file.path.removeprefix(f"{label}/").rpartition("/")
        if (folder, name) == ("", "registry.jsonl") or (_NAME.fullmatch(folder) and name in _BROUGHT):
            wanted.append((file, Path(folder) / name))
    if sum(file.size for file, _ in wanted) > _MOST_BYTES:
        raise WeightsError(f"What the job left in {results} is larger than any weights of fkd: not fetched.")
    for file, place in wanted:
        content = fetch_file(results, file, commit, staging / "download")
        (staging / place).parent.mkdir(parents=True, exist_ok=True)
        write_whole(staging / place, content)


def starting_point(weights: str | Path) -> tuple[str, str]:
    """Where a job finds weights: a shipped name and "", or a model repository and the commit.

    Raises:
        HubError: if they are on this machine only.
    """
    name = str(weights)
    if name in hub.shipped_names():
        return name, ""
    state = read_state(Path(name))
    if state is not None:
        return state.repo, state.commit
    if not Path(name).exists():
        with hub_errors_in_words(name):
            return check_repo_id(name), hub_api().model_info(name).sha
    raise HubError(
        f"A job cannot see “{name}”: it is on this machine only. Push it first: python -m fkd hub push --version {name}"
    )
