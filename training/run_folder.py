"""The folder of a run: made before the training, and given the weights after it in a way that a kill cannot spoil."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from safetensors import SafetensorError

from fkd.crop_net import CONFIG_FILE, WEIGHTS_FILE, CropNet
from fkd.durable import write_whole
from fkd.errors import DataError, WeightsError

__all__ = ["check_free_of_weights", "make_run_folder", "new_run_folder", "write_new_weights", "write_weights"]


def make_run_folder(out: Path) -> None:
    """Make the folder `out` before the training: that it cannot be written should not come out after it.

    Raises:
        DataError: if it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The folder “{out}” cannot be made: {error.strerror}. Name another one with --out.") from error
    if not os.access(out, os.W_OK):
        raise DataError(f"The folder “{out}” cannot be written to. Name another one with --out.")


def new_run_folder(runs: Path, scheme: str) -> Path:
    """Make a folder for a new version in `runs`, named by the scheme and the time, which no other run has.

    Raises:
        DataError: if it cannot be made.
    """
    stem = f"{scheme}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}"
    for number in range(1, 1000):
        folder = runs / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise DataError(f"“{folder}” cannot be made: {error.strerror}. Name another folder with --runs.") from error
    raise DataError(f"“{runs}” has a thousand runs of this second. Name another folder with --runs.")


def check_free_of_weights(out: Path) -> None:
    """Whether new weights may go to `out`: a version is never changed.

    Raises:
        WeightsError: if there are weights.
    """
    if any((out / name).exists() for name in (WEIGHTS_FILE, CONFIG_FILE)):
        raise WeightsError(f"“{out}” holds weights already; the new ones need a folder of their own (--out).")


def write_weights(net: CropNet, out: Path) -> None:
    """Write a network's files to `out`, each whole and on the disk; until both are there it holds no weights.

    Raises:
        OSError: if they cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            net.save_pretrained(folder)
        except SafetensorError as error:
            raise OSError(errno.EIO, str(error), folder) from error
        for name in (WEIGHTS_FILE, CONFIG_FILE):
            write_whole(out / name, (Path(folder) / name).read_bytes())


def write_new_weights(net: CropNet, out: Path) -> str:
    """Write a network to the new folder `out`, and name it by that; returns the name.

    Raises:
        DataError: if the folder cannot be made or written to.
    """
    net.config = replace(net.config, version=f"{net.config.scheme}-{out.resolve().name}")
    make_run_folder(out)
    try:
        write_weights(net, out)
    except OSError as error:
        raise DataError(f"“{out}” cannot be written to: {error.strerror or error}.") from error
    return net.config.version
