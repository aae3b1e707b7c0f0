"""The options of ``python app.py``, and the rules that follow from them and from the environment."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
from pathlib import Path

from fkd.schemes import scheme_names
from fkd.ui.rights import SAVING, Rules

__all__ = ["build_parser", "rules_for"]

_ENVIRONMENT = """
environment:
  FKD_HUB_WEIGHTS      user/name of a model repository: newer weights there are taken, at the start and while running
  FKD_HUB_CORRECTIONS  user/name of a dataset repository: what is saved here goes there, and is brought from there
  FKD_OWNER_PASSWORD   makes whoever gives it on the page an owner; without one, an app that others can reach prints
                       one that it made up (not in a Space)
  FKD_LINK_KEY         what the link for annotators carries, with --saving link (default: made up at each start)
  FKD_JOBS_FLAVOR      hardware of a Job on the Hub that fine-tunes run as, like a10g-small (default: they run here)
  FKD_JOBS_BASE        dataset repositories with labelled data for such Jobs, with spaces between them
  FKD_JOBS_SPACE       user/name of the Space whose repository has the program (default: the one that this is)
  HF_TOKEN             token for the Hub, else that of `hf auth login`
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Find every face in a photo, predict its keypoints, and correct them by hand in the browser.",
        epilog="Example: python app.py --weights runs/mine --annotations ~/faces\n" + _ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Containers that run Gradio apps say where to listen by Gradio's own variables.
    parser.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="address to listen on; 0.0.0.0 for the whole network (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=os.environ.get("GRADIO_SERVER_PORT", "7860"),
        help="port to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--share", action="store_true",
        help="also open a public gradio.live link for a week, for annotators: it never gives owner's rights by itself",
    )  # fmt: skip
    parser.add_argument(
        "--device",
        default="auto",
        choices=["auto", "cpu", "cuda", "mps"],
        help="where to predict (default: %(default)s)",
    )
    parser.add_argument(
        "--scheme", choices=scheme_names(), help="keypoints chosen at first (default: those of --weights, else ibug68)"
    )
    parser.add_argument(
        "--weights", metavar="W", help="a shipped name, a folder or a Hub id to serve for its scheme (default: shipped)"
    )
    parser.add_argument(
        "--annotations", metavar="DIR", type=Path, default=Path("annotations"),
        help="folder that corrections are saved in (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--photos", metavar="DIR", type=Path,
        help="folder of photos to correct, offered to everybody who can open the app",
    )  # fmt: skip
    parser.add_argument(
        "--runs", metavar="DIR", type=Path, default=Path("runs"),
        help="folder with the registry of versions; what was promoted there serves (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--base", metavar="PATH", nargs="+", type=Path, default=[],
        help="labelled data of the scheme chosen at first, for fine-tunes to replay against forgetting",
    )  # fmt: skip
    parser.add_argument(
        "--frozen", metavar="PATH", nargs="+", type=Path, default=[],
        help="labelled data of that scheme to test each fine-tune on (default: a held-out tenth of --base)",
    )  # fmt: skip
    parser.add_argument(
        "--unlabelled", metavar="DIR", type=Path,
        help="photos without labels for fine-tunes to remember by, where there is no --base",
    )  # fmt: skip
    parser.add_argument(
        "--auth", metavar="USER:PASSWORD", action="append", type=credentials,
        help="ask for this name and password; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--saving", choices=SAVING, default=os.environ.get("FKD_SAVING", "open"),
        help="who may save: anybody who can open the app, whoever comes by the link for annotators, or whoever is "
        "logged in (default: FKD_SAVING, else open)",
    )  # fmt: skip
    parser.add_argument(
        "--owners", metavar="NAME,NAME", type=names, default=os.environ.get("FKD_OWNERS", ""),
        help="names on the Hugging Face Hub, or of --auth, that may fine-tune, promote, roll back, push and see what "
        "others saved; where only this machine can reach the app, so may whoever sits at it (default: FKD_OWNERS)",
    )  # fmt: skip
    return parser


def credentials(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("give USER:PASSWORD")
    return user, password


def names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def rules_for(options: argparse.Namespace) -> Rules:
    """Who may do what, by the options and the environment."""
    in_space = os.environ.get("SYSTEM") == "spaces"
    public = in_space or options.share or not is_loopback(options.host)
    password = os.environ.get("FKD_OWNER_PASSWORD", "")
    if public and not password and not in_space:  # its log is where only its owners look, but they can log in
        password = secrets.token_urlsafe(9)
    key = os.environ.get("FKD_LINK_KEY", "") or secrets.token_urlsafe(12)
    return Rules(
        saving=options.saving, owners=options.owners, public=public, owner_password=password,
        link_key=key if options.saving == "link" else "",
    )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an app that listens there."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
