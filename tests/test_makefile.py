"""``make app``: when it makes the virtual environment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("has_pip", "made"), [(True, False), (False, True)])
def test_a_virtual_environment_without_pip_is_made_anew(tmp_path, has_pip, made):
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for path, script in (
        (tmp_path / ".venv/bin/python", f"exit {0 if has_pip else 1}"),
        (tmp_path / "python", 'echo "$@" >> calls.txt'),
    ):
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    subprocess.run(["make", "app", "PYTHON=./python"], cwd=tmp_path, capture_output=True, check=False)
    assert ("-m venv --clear .venv" in (tmp_path / "calls.txt").read_text()) == made
