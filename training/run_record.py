"""What a run is, in ``RUN/run.json``: written before the first step, so that a run that was killed tells it too."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fkd.durable import write_whole
from fkd.errors import DataError
from fkd.version import __version__
from training.state import STATE_FILE

__all__ = ["RECORD_FILE", "machine", "record_start", "source_revision", "versions"]

RECORD_FILE = "run.json"
LIBRARIES = ("torch", "numpy", "pillow", "accelerate", "safetensors", "huggingface_hub")
UNKNOWN = "unknown"


def record_start(run: Path, facts: dict[str, Any]) -> None:
    """Write `facts` to ``run.json``, and beside them who computes: command, code, libraries and machine.

    A run that goes on stays what it is and gets one more start.

    Args:
        facts: what the run is, as JSON has it: settings, model, data.

    Raises:
        DataError: if there is a ``run.json`` that is damaged.
    """
    file, record = run / RECORD_FILE, facts | {"starts": []}
    if file.exists() and (run / STATE_FILE).exists():
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            record["starts"] = list(record["starts"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"“{file}” is damaged ({error}). Remove it, or name another --out.") from error
    record["starts"].append(
        {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": shlex.join(["python", "-m", "training", *sys.argv[1:]]),
            "code": source_revision(),
            "versions": versions(),
            "machine": machine(),
        }
    )
    text = json.dumps(record, indent=1, ensure_ascii=False)
    write_whole(file, f"{text}\n".encode())


def source_revision() -> dict[str, Any]:
    """The git revision of this program's own files, and whether any of them differs from it.

    "unknown" without git, or where the files lie in nobody's repository, or in somebody else's.
    """
    folder = Path(__file__).parent
    tracked = _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
    revision = _git(folder, "rev-parse", "HEAD") if tracked else None
    if revision is None:
        return {"revision": UNKNOWN, "changed": UNKNOWN}
    changes = _git(folder, "status", "--porcelain", "--", ".", "../fkd")
    return {"revision": revision, "changed": UNKNOWN if changes is None else bool(changes)}


def versions() -> dict[str, str]:
    """Versions of Python, fkd and the libraries that a result depends on."""
    return {"python": platform.python_version(), "fkd": __version__} | {name: version(name) for name in LIBRARIES}


def machine() -> dict[str, Any]:
    """What computes: system, processor, its cores, torch's threads, and the GPUs."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux; platform.processor() knows the name elsewhere
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _git(folder: Path, *arguments: str) -> str | None:
    """What ``git`` prints, without the white space around it; None where it is not there or fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
