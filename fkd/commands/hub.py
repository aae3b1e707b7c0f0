"""``python -m fkd hub``: weights and corrections to and from the Hugging Face Hub."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from fkd.schemes import scheme_names

__all__ = ["add_parser"]

_ANNOTATIONS = "folder with corrections.csv and images/ (default: annotations)"
_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN, to push and to see private repositories."


def add_parser(commands: argparse._SubParsersAction) -> None:
    hub = commands.add_parser(
        "hub",
        help="weights and corrections to and from the Hugging Face Hub",
        description="Weights live in a model repository, corrections in a dataset repository. " + _LOGIN,
        epilog="Example: python -m fkd hub push --repo ada/faces",
    )
    actions = hub.add_subparsers(dest="action", required=True)

    push = _action(
        actions, "push", run_push, "weights to the Hub, as its newest version",
        "One commit with weights, card and numbers, and a tag for the version. Refused if somebody else's newer "
        "version is there that these do not build on; nothing on the Hub is ever overwritten.",
        "python -m fkd hub push --repo ada/faces --version ibug68-20261121-101500",
    )  # fmt: skip
    push.add_argument("--as", dest="name", metavar="V", help="name on the Hub (default: that in config.json)")
    push.add_argument(
        "--on", metavar="V", help="newest version on the Hub, that these follow although not made from it"
    )
    push.add_argument("--corrections", metavar="USER/NAME", help="dataset repository they learnt from, for the card")
    push.add_argument("--public", action="store_true", help="make a new repository public (default: private)")

    pull = _action(
        actions, "pull", run_pull, "weights from the Hub into a folder",
        "The files are checked against the Hub's hashes and loaded once before they are moved into place. Weights that "
        "are there are never changed.",
        "python -m fkd hub pull --repo ada/faces --revision mine-2 --out runs/theirs",
    )  # fmt: skip
    pull.add_argument("--revision", metavar="V", help="version, branch or commit (default: the newest)")
    pull.add_argument("--scheme", choices=scheme_names(), help="refuse weights of another scheme")
    pull.add_argument("--out", metavar="DIR", type=Path, help="a new folder (default: one under runs/hub)")

    status = _action(
        actions, "status", run_status, "how weights here compare with those on the Hub",
        "Which version is newest on the Hub, whether these weights are that version, and which corrections are not "
        "there yet.",
        "python -m fkd hub status --repo ada/faces --corrections ada/corrections",
    )  # fmt: skip
    status.add_argument(
        "--corrections", metavar="USER/NAME", default=os.environ.get("FKD_HUB_CORRECTIONS", ""),
        help="dataset repository of the corrections (default: $FKD_HUB_CORRECTIONS)",
    )  # fmt: skip
    status.add_argument("--annotations", metavar="DIR", type=Path, default=Path("annotations"), help=_ANNOTATIONS)

    _action(
        actions, "log", run_log, "the versions on the Hub, newest first", "One line a version: when, name, by whom.",
        "python -m fkd hub log --repo ada/faces",
    )  # fmt: skip

    send = _action(
        actions, "push-corrections", run_push_corrections, "corrections that the Hub lacks to a dataset repository",
        "Rows are only ever added, in a file of this run's own: nobody else's are touched.",
        "python -m fkd hub push-corrections --repo ada/corrections --annotations annotations",
    )  # fmt: skip
    send.add_argument("--annotations", metavar="DIR", type=Path, default=Path("annotations"), help=_ANNOTATIONS)

    fetch = _action(
        actions, "pull-corrections", run_pull_corrections, "all of a dataset repository into one corrections.csv",
        "Rows that are there stay; the rest is appended, with the pictures.",
        "python -m fkd hub pull-corrections --repo ada/corrections --out together",
    )  # fmt: skip
    fetch.add_argument("--out", metavar="DIR", type=Path, default=Path("annotations"), help=_ANNOTATIONS)


def _action(actions, name: str, run, text: str, more: str, example: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=f"{more} {_LOGIN}", epilog=f"Example: {example}")
    corrections = name.endswith("corrections")
    variable = "FKD_HUB_CORRECTIONS" if corrections else "FKD_HUB_WEIGHTS"
    known = "" if corrections else "the one that the weights came from, or "
    action.add_argument("--repo", metavar="USER/NAME", help=f"the repository (default: {known}${variable})")
    if name in ("push", "status"):
        action.add_argument(
            "--version", metavar="V", help="a registered version, a folder or a shipped name (default: what serves)"
        )
        action.add_argument(
            "--scheme", default="ibug68", choices=scheme_names(), help="without --version: what serves this scheme"
        )
        action.add_argument(
            "--runs", metavar="DIR", type=Path, default=Path("runs"), help="of the registry (default: runs)"
        )
    action.set_defaults(run=run)
    return action


def run_push(options: argparse.Namespace) -> int:
    from fkd.hub import read_config
    from fkd.hub_lineage import lineage_of, weights_to_push
    from fkd.hub_push import push
    from fkd.hub_versions import default_repo
    from fkd.registry import Registry

    registry = Registry(options.runs)
    folder = weights_to_push(registry, options.scheme, options.version)
    lineage = lineage_of(registry, read_config(folder)["version"])
    pushed = push(
        folder, options.repo or default_repo(folder), version=options.name, on=options.on,
        ancestors=lineage.ancestors, measured=lineage.measured, base_repo=lineage.base_repo,
        corrections_repo=options.corrections, public=options.public,
    )  # fmt: skip
    print(f"{pushed.sentence}.")
    return 0


def run_pull(options: argparse.Namespace) -> int:
    from fkd.hub_pull import pull
    from fkd.hub_versions import default_repo

    repo = options.repo or default_repo(options.out)
    folder, state = pull(repo, options.revision, options.out, scheme=options.scheme)
    print(f"{state.version} of {repo} is in {folder}. Use it with --weights {folder}.")
    return 0


def run_status(options: argparse.Namespace) -> int:
    from fkd.hub_lineage import weights_to_push
    from fkd.hub_versions import compare, default_repo
    from fkd.hub_waiting import rows_not_on_hub, waiting_in_words
    from fkd.registry import Registry

    folder = weights_to_push(Registry(options.runs), options.scheme, options.version)
    print(compare(folder, options.repo or default_repo(folder)))
    if options.corrections:
        print(waiting_in_words(options.corrections, rows_not_on_hub(options.corrections, options.annotations)))
    return 0


def run_log(options: argparse.Namespace) -> int:
    from fkd.hub_versions import default_repo, hub_log

    for version in hub_log(options.repo or default_repo()):
        names = " ".join(version.tags) or "-"
        print(f"{version.time_utc}  {version.commit[:12]}  {names}  {version.author}  {version.title}")
    return 0


def run_push_corrections(options: argparse.Namespace) -> int:
    from fkd.hub_corrections import CorrectionSync
    from fkd.hub_versions import default_repo

    sync = CorrectionSync(options.annotations, options.repo or default_repo(variable="FKD_HUB_CORRECTIONS"))
    count = sync.push_now()
    print(f"Rows pushed: {count}. {sync.status()}")
    return 0


def run_pull_corrections(options: argparse.Namespace) -> int:
    from fkd.hub_shards import pull_corrections
    from fkd.hub_versions import default_repo

    repo = options.repo or default_repo(variable="FKD_HUB_CORRECTIONS")
    pulled = pull_corrections(repo, options.out)
    print(
        f"Rows on {repo}: {len(pulled.ids)}. New here: {pulled.new_rows}, and {pulled.new_pictures} pictures. "
        f"All are in {options.out / 'corrections.csv'}."
    )
    for problem in pulled.problems:
        print(f"fkd: {problem}", file=sys.stderr)
    return 1 if pulled.problems else 0
