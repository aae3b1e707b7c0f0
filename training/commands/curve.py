"""``python -m training curve``: what corrections buy, against their number."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.options import add_common
from training.commands.values import positive
from training.config import FinetuneConfig

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    curve = commands.add_parser(
        "curve",
        help="measure the error against the number of corrected faces",
        description="A simulated person corrects faces of a domain that the weights know little of: points farther "
        "than 2 % of the outer-eye distance from their label are moved to it, the others are confirmed. After each of "
        "--counts corrections the weights are fine-tuned as finetune does it, and measured on other faces of the "
        "domain and on the frozen test. DIR gets curve.json and curve.png, and nothing else is kept.",
        epilog="Example: python -m training curve --domain caricature68 --base wild68 --counts 5 10 20 --tested 30 "
        "--out runs/curve. A fine-tune a count and seed: some three minutes each on two CPU cores.",
    )
    defaults = FinetuneConfig()
    curve.add_argument(
        "--weights", default="ibug68", metavar="W", help="to start from: a shipped name, a folder or a Hub id "
        "(default: %(default)s)",
    )  # fmt: skip
    curve.add_argument("--domain", required=True, metavar="PATH", help="labelled faces to correct and to test on")
    curve.add_argument("--base", nargs="+", default=[], metavar="DIR", help="base data to replay, as for finetune")
    curve.add_argument("--frozen", nargs="+", default=[], metavar="DIR", help="frozen test, as for finetune")
    curve.add_argument(
        "--counts",
        nargs="+",
        type=positive,
        default=[5, 10, 20],
        metavar="N",
        help="corrected faces (default: 5 10 20)",
    )
    curve.add_argument(
        "--tested", type=positive, default=30, metavar="N", help="faces that are never corrected (default: %(default)s)"
    )
    curve.add_argument(
        "--seeds", type=positive, default=3, metavar="N", help="repetitions with other faces (default: %(default)s)"
    )
    curve.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the numbers and the plot")
    add_common(curve, defaults)
    curve.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import json
    from dataclasses import asdict

    from fkd.durable import write_whole
    from fkd.errors import DataError
    from training.curve import CurveJob, CurvePoint, mean_and_spread, measure_curve
    from training.figures import correction_curve

    job = CurveJob(
        weights=options.weights, domain=options.domain, base=tuple(options.base), frozen=tuple(options.frozen),
        counts=tuple(sorted(set(options.counts))), tested=options.tested, seeds=options.seeds,
    )  # fmt: skip
    config = FinetuneConfig(seed=options.seed, threads=options.threads, device=options.device)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{options.out} cannot be made: {error.strerror or error}. Name another folder.") from error

    def tell(point: CurvePoint) -> None:
        frozen = "" if point.frozen is None else f", frozen test {point.frozen:.2%}"
        print(f"seed {point.seed}, {point.corrections} corrected: domain {point.domain:.2%}{frozen}", flush=True)

    points = measure_curve(job, config, tell)
    domain, frozen = mean_and_spread(points, "domain"), mean_and_spread(points, "frozen")
    result = {"job": asdict(job), "config": asdict(config), "points": [asdict(point) for point in points]}
    write_whole(options.out / "curve.json", (json.dumps(result, indent=2, default=str) + "\n").encode())
    write_whole(options.out / "curve.png", correction_curve(domain, frozen))
    for what, rows in (("domain", domain), ("frozen test", frozen)):
        for count, mean, low, high in rows:
            change = f" ({mean / rows[0][1] - 1.0:+.1%})" if count else ""
            print(f"{what}, {count} corrected: NME {mean:.2%}{change}, {low:.2%} to {high:.2%} by seed")
    print(f"Wrote curve.json and curve.png in {options.out}.")
