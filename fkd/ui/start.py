"""From the command line to a running app."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence

from fkd.errors import FkdError
from fkd.ui.options import build_parser, rules_for

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the app until it is interrupted; returns the exit status."""
    options = build_parser().parse_args(arguments)
    # Before Gradio is imported: the app calls nobody unless it was told to.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # All apps of a machine would share Gradio's own: the first to end would remove the others' uploads.
    uploads = tempfile.TemporaryDirectory(prefix="fkd-uploads-")
    os.environ.setdefault("GRADIO_TEMP_DIR", uploads.name)
    # A server is stopped by SIGTERM as by Ctrl-C: leaving in order removes the copies of the photos that were open.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from fkd.ui.actions import Desk
    from fkd.ui.away import jobs_away
    from fkd.ui.door import Door
    from fkd.ui.hub_sync import HubSync
    from fkd.ui.models import ServedModels
    from fkd.ui.page import build_page
    from fkd.ui.serve import addresses, open_port
    from fkd.ui.tuning import TuneSources, Tuning

    try:
        models = ServedModels(options.weights, options.device, options.runs)
        scheme = options.scheme or models.default_scheme
        hub = HubSync(models, scheme, *hub_repos(options))
        serving = hub.serve_newest()  # loads it now, not at the first photo
        desk = Desk(models, options.annotations, options.photos)
        desk.latest()  # a file that is no corrections file is told of now, not at the first save
        away = jobs_away(hub.corrections)
    except FkdError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    for notice in filter(None, [models.notice(scheme), *desk.start_notices]):
        print(f"app.py: {notice}", file=sys.stderr)
    print(f"Serving {serving}, on {models.predictor(scheme).device}; corrections go to {desk.store.path}.", flush=True)
    sources = TuneSources(scheme, tuple(options.base), tuple(options.frozen), options.unlabelled)
    tuning = Tuning(models, desk.store, sources, away)
    try:
        with hub:
            door = Door(rules_for(options))
            page = build_page(desk, tuning, hub, door, scheme)
            links = open_port(page, door, options.host, options.port, share=options.share, auth=options.auth)
            for sentence in addresses(door.rules, *links, share=options.share):
                print(sentence, flush=True)
            page.block_thread()
    except OSError as error:  # the port is taken
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    finally:
        tuning.close()
    return 0


def hub_repos(options: argparse.Namespace) -> tuple:
    """The model repository, and what keeps the corrections together with the dataset repository, as far as named.

    Raises:
        HubError: if what the environment names is no repository.
    """
    from fkd.hub_client import check_repo_id
    from fkd.hub_corrections import CorrectionSync

    weights, corrections = (os.environ.get(name, "") for name in ("FKD_HUB_WEIGHTS", "FKD_HUB_CORRECTIONS"))
    if weights and options.weights:
        print(f"app.py: --weights is served, so {weights} on the Hub is not asked.", file=sys.stderr)
        weights = ""
    return (
        check_repo_id(weights) if weights else "",
        CorrectionSync(options.annotations, corrections) if corrections else None,
    )
