"""Versions of weights for tests that never look into them: a folder with two small files, registered."""

from __future__ import annotations

from pathlib import Path

from fkd.registry import Registry
from fkd.versions import FROZEN, Measured, Version

__all__ = ["damage", "registered", "weights_folder"]


def weights_folder(folder: Path, content: bytes = b"weights") -> Path:
    """A folder that looks like weights to whoever does not load them."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(content)
    return folder


def registered(
    registry: Registry,
    name: str,
    *,
    parent: str = "ibug68-shipped",
    scheme: str = "ibug68",
    error: float = 0.04,
    **values,
) -> Version:
    """Register a version whose error on the frozen test is `error`."""
    folder = values.pop("folder", None) or weights_folder(registry.folder / name, name.encode())
    measured = Measured(what=FROZEN, faces_id="faces", n=200, before=0.05, after=error, low=-0.02, high=-0.01)
    values = {"measured": (measured,), "decision": "passed", "reasons": ("It gained.",)} | values
    return registry.register(
        Version(version=name, scheme=scheme, parent=parent, folder=str(folder), sha256="", **values)
    )


def damage(registry: Registry, version: Version) -> None:
    """Cut the weights of a version short, as a disk that was full does."""
    path = registry.weights_of(version) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
