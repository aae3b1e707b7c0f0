"""``python -m fkd space``: the app as a Space on the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from fkd.schemes import scheme_names

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    space = commands.add_parser(
        "space",
        help="the app as a Space on the Hugging Face Hub",
        description="Put the app where anybody with a browser can open it.",
        epilog="Example: python -m fkd space deploy --repo ada/fkd",
    )
    actions = space.add_subparsers(dest="action", required=True)
    deploy = actions.add_parser(
        "deploy",
        help="create a Space with its repositories, or bring it up to date",
        description="Creates the Space, a model repository for weights and a dataset repository for corrections, or "
        "brings them up to date: variables and secrets first, then the files of this clone in one commit. Values of "
        "secrets come from the environment and are never printed.",
        epilog="Example: HF_TOKEN=… python -m fkd space deploy --repo ada/fkd --owners ada --secret HF_TOKEN. The "
        "secret HF_TOKEN lets the Space read private repositories and push corrections; make a token that may write "
        "to these two repositories only.",
    )
    deploy.add_argument("--repo", metavar="USER/NAME", required=True, help="the Space")
    deploy.add_argument(
        "--weights-repo", metavar="USER/NAME", help="model repository (default: that of the Space + -weights)"
    )
    deploy.add_argument(
        "--corrections-repo", metavar="USER/NAME", help="dataset repository (default: that of the Space + -corrections)"
    )
    deploy.add_argument(
        "--saving", choices=["open", "link", "login"], default="login",
        help="who may save corrections: anybody, whoever has the link (set FKD_LINK_KEY as a secret), or whoever is "
        "logged in (default: %(default)s)",
    )  # fmt: skip
    deploy.add_argument(
        "--owners",
        metavar="NAME,NAME",
        help="user names that may fine-tune, promote, roll back and push (default: yours)",
    )
    deploy.add_argument(
        "--secret", metavar="NAME", action="append", default=[],
        help="name of an environment variable to hand over as a secret; may be given several times",
    )  # fmt: skip
    deploy.add_argument(
        "--jobs", metavar="FLAVOR", default="",
        help="fine-tune in Jobs on the Hub on this hardware (“hf jobs hardware” lists it; paid for in advance; the "
        "secret HF_TOKEN must allow Jobs), and not in the Space",
    )  # fmt: skip
    deploy.add_argument(
        "--jobs-base", metavar="USER/NAME", nargs="+", default=[],
        help="dataset repositories with labelled data for these fine-tunes to replay",
    )  # fmt: skip
    deploy.add_argument("--public", action="store_true", help="let anybody open a new Space (default: private)")
    deploy.add_argument("--weights", metavar="W", help="weights for a new model repository (default: what serves)")
    deploy.add_argument("--scheme", default="ibug68", choices=scheme_names(), help="without --weights: of this scheme")
    deploy.add_argument(
        "--runs", metavar="DIR", type=Path, default=Path("runs"), help="of the registry (default: runs)"
    )
    deploy.add_argument("--root", metavar="DIR", type=Path, default=Path(), help="a clone of fkd (default: here)")
    deploy.set_defaults(run=run_deploy)


def run_deploy(options: argparse.Namespace) -> int:
    from fkd.hub_lineage import weights_to_push
    from fkd.registry import Registry
    from fkd.space import SpacePlan, deploy

    plan = SpacePlan(
        space=options.repo,
        weights=options.weights_repo or f"{options.repo}-weights",
        corrections=options.corrections_repo or f"{options.repo}-corrections",
        saving=options.saving,
        owners=tuple((options.owners or options.repo.split("/")[0]).split(",")),
        secrets=tuple(options.secret),
        public=options.public,
        jobs=options.jobs,
        jobs_base=tuple(options.jobs_base),
    )
    weights = weights_to_push(Registry(options.runs), options.scheme, options.weights)
    address = deploy(plan, options.root, weights, say=lambda line: print(line, flush=True))
    if "HF_TOKEN" not in plan.secrets:
        print("Without the secret HF_TOKEN the Space cannot push corrections: add --secret HF_TOKEN.")
    print(f"It is built now: {address}")
    return 0
