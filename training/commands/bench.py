"""``python -m training bench``: how long a network takes."""

from __future__ import annotations

import argparse
from dataclasses import astuple

from training.commands.values import positive

__all__ = ["add_parser"]

MIRROR_PASSES = 2


def add_parser(commands: argparse._SubParsersAction) -> None:
    bench = commands.add_parser(
        "bench",
        help="measure how long a network takes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure latency (one face, from its crop to its points) on one CPU core and on all, and\n"
        "throughput (a batch of pictures, cutting the faces out included) on the CPU, and on CUDA where there\n"
        "is a GPU for it. The variants take turns. Each row has the fastest and the median round (for latency also\n"
        "the processor time of the cheapest round, which other programs hardly change), and their ratios to the\n"
        "table's reference, its first row. 'fkd' is what the predictor does there.",
        epilog="Examples:\n"
        "  python -m training bench --weights ibug68\n"
        "  python -m training bench --against mediapipe    # needs: pip install mediapipe==0.10.21\n"
        "On a busy machine hold it on a quiet core: taskset -c 3 python -m training bench",
    )
    bench.add_argument("--weights", default="ibug68", metavar="W", help="default: %(default)s")
    bench.add_argument(
        "--against", choices=["mediapipe"], help="another program as the reference of the latency on one core"
    )
    bench.add_argument("--rounds", type=positive, default=50, help="of the latency tables (default: %(default)s)")
    bench.add_argument(
        "--batch", type=positive, default=256, help="faces at once for throughput (default: %(default)s)"
    )
    bench.add_argument("--batch-rounds", type=positive, default=5, help="of those tables (default: %(default)s)")
    bench.add_argument("--compile", action="store_true", help="try torch.compile too: takes minutes")
    bench.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    import torch

    from fkd import hub
    from fkd.model import load_net
    from training.bench import flops_per_face, in_turns, latency_variants, matrix_flops_per_s, on_cores, parameters

    net = load_net(hub.weights_folder(options.weights)).requires_grad_(False)
    flops = flops_per_face(net)
    print(f"{net.config.version}: {parameters(net) / 1e6:.2f} M parameters, crops of {net.config.input_px} px,")
    passes = "two passes a face, of the crop and its mirror image" if net.config.mirror_averaged else "one pass a face"
    print(f"{flops / 1e9:.3f} GFLOP a pass (multiplications and additions); these weights take {passes}")
    with on_cores(one=True):
        variants = latency_variants(net, compiled=options.compile)
        if options.against == "mediapipe":
            from training.mediapipe_mesh import mesh_variants

            variants = mesh_variants() | variants
        timings = in_turns(variants, options.rounds)
        limit = flops / matrix_flops_per_s(torch.device("cpu"), torch.float32)
    show_latency("Latency in ms, one face, one CPU core", timings)
    print(f"A matrix product of so many operations takes {1e3 * limit:.2f} ms.")
    with on_cores(one=False) as cores:
        if cores > 1:
            timings = in_turns(latency_variants(net, compiled=options.compile), options.rounds)
            show_latency(f"Latency in ms, one face, {cores} CPU cores", timings)
        throughput(net, torch.device("cpu"), f"{cores} CPU cores", flops, options)
    if torch.cuda.is_available():
        throughput(net.cuda(), torch.device("cuda"), torch.cuda.get_device_name(), flops, options)


def throughput(net, device, name: str, flops: int, options: argparse.Namespace) -> None:
    import torch

    from training.bench import batch_variants, in_turns, matrix_flops_per_s

    cuda = device.type == "cuda"
    wait = torch.cuda.synchronize if cuda else lambda: None
    variants = batch_variants(net, device, options.batch, compiled=options.compile)
    timings = in_turns(variants, options.batch_rounds, wait)
    show_throughput(f"Faces a second, {options.batch} at once, {name}", timings, options.batch)
    limit = matrix_flops_per_s(device, torch.float16 if cuda else torch.float32, wait) / flops
    print(
        f"A matrix product{' in float16' if cuda else ''} would do the operations of {limit:,.0f} passes a second, "
        f"one each of {limit:,.0f} faces or two of {limit / MIRROR_PASSES:,.0f}."
    )


def show_latency(title: str, timings: dict) -> None:
    """A table of milliseconds, and of their ratios to the first row's."""
    from training.tables import table

    first = next(iter(timings.values()))
    rows = []
    for name, timing in timings.items():
        row = [name]
        for seconds, reference in zip(astuple(timing), astuple(first), strict=True):
            row += [f"{1e3 * seconds:.2f}", f"{seconds / reference:.2f}×"]
        rows.append(row)
    print("", *table(rows, [title, "fastest", "ratio", "median", "ratio", "CPU", "ratio"]), sep="\n", flush=True)


def show_throughput(title: str, timings: dict, faces: int) -> None:
    """A table of faces a second, and of their ratios to the first row's."""
    from training.tables import table

    first = next(iter(timings.values()))
    rows = []
    for name, timing in timings.items():
        row = [name]
        for seconds, reference in ((timing.fastest_s, first.fastest_s), (timing.median_s, first.median_s)):
            row += [f"{faces / seconds:,.0f}", f"{reference / seconds:.2f}×"]
        rows.append(row)
    print("", *table(rows, [title, "fastest", "ratio", "median", "ratio"]), sep="\n", flush=True)
