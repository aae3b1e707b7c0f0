"""``python -m training finetune``: better weights from corrections."""

from __future__ import annotations

import argparse
from pathlib import Path

from fkd.schemes import scheme_names
from training.commands.options import add_common, add_registry, add_who, stage_bars
from training.commands.values import above_zero, positive, share
from training.config import FinetuneConfig

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    tune = commands.add_parser(
        "finetune",
        help="make better weights from corrections",
        description="Merge corrections with base data, fine-tune weights on both, measure the error before and after "
        "on a frozen test and on corrections that were held out, and register the result as a version. A gate says "
        "whether it may serve. The old weights stay as they are, and go on serving until a version is promoted.",
        epilog="Example: python -m training finetune --corrections annotations --base wild68, then: python -m "
        "training promote VERSION. It stops on Ctrl-C, SIGTERM or a file named “cancel” in its folder; then nothing is "
        "changed.",
    )
    defaults = FinetuneConfig()
    tune.add_argument(
        "--weights", metavar="W", help="a shipped name, a folder or a Hub id to start from (default: what serves)"
    )
    tune.add_argument(
        "--scheme", choices=scheme_names(), default="ibug68",
        help="whose serving weights to start from, without --weights (default: %(default)s)",
    )  # fmt: skip
    tune.add_argument("--corrections", required=True, type=Path, metavar="CSV", help="corrections.csv or its folder")
    tune.add_argument("--base", nargs="+", default=[], metavar="DIR", help="base data to replay, against forgetting")
    tune.add_argument(
        "--frozen", nargs="+", default=[], metavar="DIR",
        help="labelled data for the frozen test; give the same for every version (default: a held-out tenth of --base)",
    )  # fmt: skip
    tune.add_argument(
        "--unlabelled", type=Path, metavar="DIR",
        help="photos without labels, for where there is no --base: what the old weights see in them is to stay, and "
        "every fifth of them only tells how far the points moved",
    )  # fmt: skip
    tune.add_argument(
        "--out", type=Path, metavar="RUN", help="folder for the new weights (default: one named by the time, in --runs)"
    )
    tune.add_argument(
        "--promote", choices=["auto", "never"], default="never",
        help="auto lets the version serve at once if it passes the gate (default: %(default)s)",
    )  # fmt: skip
    tune.add_argument("--steps", type=positive, default=defaults.steps, help="optimiser steps (default: %(default)s)")
    tune.add_argument(
        "--batch-size", type=positive, default=defaults.batch_size, help="faces a step (default: %(default)s)"
    )
    tune.add_argument("--lr", type=above_zero, default=defaults.lr, help="peak learning rate (default: %(default)s)")
    tune.add_argument(
        "--replay", type=share, default=defaults.replay, help="share of base faces (default: %(default)s)"
    )
    tune.add_argument(
        "--share", type=above_zero, default=defaults.share,
        help="how far to go from the old weights to the tuned ones, where there is labelled base data; few steps teach "
        "noise too, and 0.75 suits 48 of them (default: %(default)s)",
    )  # fmt: skip
    add_common(tune, defaults)
    tune.add_argument(
        "--background", action="store_true", help="run at low priority, so that an app on this machine keeps answering"
    )
    add_registry(tune)
    add_who(tune)
    away = tune.add_argument_group(
        "on other hardware",
        "With --on hf-jobs it runs as a Job on the Hugging Face Hub, which is paid for in advance: --corrections, "
        "--base and --frozen then name dataset repositories, and the weights are shipped ones or on the Hub. Example: "
        "python -m training finetune --on hf-jobs --flavor a10g-small --corrections ada/corrections --space ada/fkd",
    )
    away.add_argument("--on", choices=["here", "hf-jobs"], default="here", help="where to run (default: %(default)s)")
    away.add_argument("--flavor", default="cpu-upgrade", help="hardware of the job; “hf jobs hardware” lists it")
    away.add_argument("--timeout", default="2h", help="after which the job is stopped (default: %(default)s)")
    away.add_argument(
        "--space", metavar="USER/NAME", help="Space whose repository has the program (default: the one that this is)"
    )
    tune.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    if options.on == "hf-jobs":
        run_away(options)
    else:
        run_here(options)


def run_away(options: argparse.Namespace) -> None:
    import os
    import signal

    from fkd.errors import HubError
    from fkd.hub import read_config, weights_folder
    from fkd.registry import Registry
    from training.finetune import sentences
    from training.hf_jobs import JobPlan, finetune_on_hub, starting_point

    code = options.space or os.environ.get("SPACE_ID", "")
    if not code:
        raise HubError("The job needs the program: name the Space that has it with --space USER/NAME.")
    if options.unlabelled or options.out:
        raise HubError("--unlabelled and --out name folders of this machine, which a job cannot see. Leave them out.")
    start = options.weights or serving_weights(options.runs, options.scheme)
    weights, revision = starting_point(start)
    plan = JobPlan(
        flavor=options.flavor, code=code, weights=weights, revision=revision, corrections=str(options.corrections),
        base=tuple(options.base), frozen=tuple(options.frozen), results=f"{code}-candidates", timeout=options.timeout,
        options=tuple(
            f"--{name.replace('_', '-')}={getattr(options, name)}"
            for name in ("steps", "batch_size", "lr", "replay", "share", "seed")
        ),
    )  # fmt: skip
    registry = Registry(options.runs)
    scheme = read_config(weights_folder(start))["scheme"]
    # As Ctrl-C does, it cancels the job: one that nobody waits for costs money.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        version = finetune_on_hub(plan, registry, scheme, options.who, say=lambda line: print(line, flush=True))
    finally:
        signal.signal(signal.SIGTERM, before)
    print("\n".join(sentences(version)))
    if options.promote == "auto" and version.decision == "passed":
        print(registry.promote(version.version, options.who))
    tell_registered(version, options)


def run_here(options: argparse.Namespace) -> None:
    import os
    import signal

    from training.finetune import FinetuneJob, finetune
    from training.run_progress import ask_to_cancel

    if options.background and hasattr(os, "nice"):
        os.nice(10)
    config = FinetuneConfig(
        steps=options.steps, batch_size=options.batch_size, lr=options.lr, replay=options.replay, share=options.share,
        seed=options.seed, threads=options.threads, device=options.device,
    )  # fmt: skip
    job = FinetuneJob(
        weights=options.weights or serving_weights(options.runs, options.scheme), corrections=options.corrections,
        runs=options.runs, out=options.out, base=tuple(options.base), frozen=tuple(options.frozen),
        unlabelled=options.unlabelled, who=options.who, promote=options.promote == "auto",
    )  # fmt: skip

    def can_be_told_to_stop(run: Path) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ask_to_cancel(run))

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        version = finetune(
            job, config, say=lambda line: print(line, flush=True), watch=stage_bars(), on_run=can_be_told_to_stop
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    tell_registered(version, options)


def tell_registered(version, options: argparse.Namespace) -> None:
    """Where the new version is, and how to let it serve."""
    folder = options.runs / version.folder
    print(f"Registered {version.version}, with its weights in {folder}. Look at {folder / 'changed_most.png'}.")
    if options.promote != "auto" or version.decision != "passed":
        print(f"What serves was not changed. To let it serve: {promotion(version, options.runs)}")


def promotion(version, runs: Path) -> str:
    """The command that lets a version serve, as it is typed."""
    import shlex

    against = ["--override", "your reason, for the record"] if version.decision == "refused" else []
    return shlex.join(["python", "-m", "training", "promote", version.version, "--runs", str(runs), *against])


def serving_weights(runs: Path, scheme: str) -> str | Path:
    """The folder of the weights that the registry says serve a scheme, or the name of the shipped ones."""
    from fkd.registry import Registry

    registry = Registry(runs)
    version = registry.serving(scheme).version
    return registry.weights_of(version) if version else scheme
