"""From the command line to a running app."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from fkd.errors import FkdError
from fkd.schemes import scheme_names

__all__ = ["main"]

MAX_UPLOAD = "64mb"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Find every face in a photo, predict its keypoints, and correct them by hand in the browser.",
        epilog="Example: python app.py --weights runs/mine --annotations ~/faces",
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
    parser.add_argument("--share", action="store_true", help="also open a public gradio.live link for a week")
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
        "--runs", metavar="DIR", type=Path, default=Path("runs"),
        help="folder with the registry of versions; what was promoted there serves (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--auth", metavar="USER:PASSWORD", action="append", type=credentials,
        help="ask for this name and password; may be given several times",
    )  # fmt: skip
    return parser


def credentials(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("give USER:PASSWORD")
    return user, password


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the app until it is interrupted; returns the exit status."""
    options = build_parser().parse_args(arguments)
    # Before Gradio is imported: the app calls nobody unless it was told to.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # A server is stopped by SIGTERM as by Ctrl-C: leaving in order removes the copies of the photos that were open.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from fkd.ui.actions import Desk
    from fkd.ui.models import ServedModels
    from fkd.ui.page import CSS, build_page, theme

    try:
        models = ServedModels(options.weights, options.device, options.runs)
        scheme = options.scheme or models.default_scheme
        predictor = models.predictor(scheme)  # loads it now, not at the first photo
        desk = Desk(models, options.annotations)
        desk.latest()  # a file that is no corrections file is told of now, not at the first save
    except FkdError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    if notice := models.notice(scheme):
        print(f"app.py: {notice}", file=sys.stderr)
    print(f"Serving {predictor.version} on {predictor.device}; corrections go to {desk.store.path}.", flush=True)
    try:
        build_page(desk, scheme).launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            auth=options.auth,
            theme=theme(),
            css=CSS,
            show_error=False,
            run_history=False,  # else browsers would keep the faces
            ssr_mode=False,
            max_file_size=MAX_UPLOAD,
            footer_links=["api", "gradio"],
        )
    except OSError as error:  # the port is taken
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    return 0
