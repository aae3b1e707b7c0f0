"""Where weights come from: a shipped name, a folder, or a repository on the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from fkd.errors import HubError, WeightsError
from fkd.settle import SETTLE_FILE

__all__ = ["SHIPPED", "WEIGHTS_FILES", "read_config", "sha256_of", "shipped_names", "weights_folder"]

SHIPPED = Path(__file__).parent / "weights"
WEIGHTS_FILES = ("config.json", "model.safetensors")
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def shipped_names() -> list[str]:
    """Names of the weights that come with fkd; those that are called like a scheme serve it by default."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "config.json").is_file())


def weights_folder(
    source: str | Path,
    revision: str | None = None,
    *,
    cache_dir: str | Path | None = None,
    force_download: bool = False,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The local folder with `source`'s ``config.json`` and ``model.safetensors``, downloaded if need be.

    Args:
        source: a shipped name (``ibug68``), a folder, or a Hub id (``user/name``), tried in that order: write
            ``./ibug68`` for a folder that has a shipped name.
        revision: branch, tag or commit, for a Hub id.

    Raises:
        WeightsError: if there is nothing of that name, or it cannot be fetched.
    """
    name = str(source)
    if name in shipped_names():
        return SHIPPED / name
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not _REPO_ID.fullmatch(name):
        raise WeightsError(
            f"There are no weights “{name}”. Give a shipped name ({', '.join(shipped_names())}), a folder with "
            "config.json and model.safetensors, or a Hub id like user/name."
        )
    return _download(name, revision, cache_dir, force_download, local_files_only, token)


def _download(name, revision, cache_dir, force_download, local_files_only, token) -> Path:
    from fkd.hub_client import hub_api, hub_errors_in_words

    try:
        with hub_errors_in_words(name):
            folder = hub_api().snapshot_download(
                name, revision=revision, allow_patterns=[*WEIGHTS_FILES, SETTLE_FILE], cache_dir=cache_dir,
                force_download=force_download, local_files_only=local_files_only, token=token,
            )  # fmt: skip
    except HubError as error:
        raise WeightsError(
            f"The weights “{name}” are no folder here and could not be fetched from the Hub. {error}"
        ) from error
    for file in (WEIGHTS_FILES[1], SETTLE_FILE):
        _check_cached(Path(folder) / file)
    return Path(folder)


def _check_cached(file: Path) -> None:
    """Refuse a file whose contents do not have the hash that the Hub named, and forget it, so that it is fetched anew.

    The client checks the size only. Its cache links ``snapshots/<commit>/<file>`` to ``blobs/<hash>``, the SHA-256 of
    what is kept by LFS (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
    """
    if not file.is_symlink():  # a folder of its own, or a file system without links
        return
    expected = file.readlink().name
    if re.fullmatch("[0-9a-f]{64}", expected) and sha256_of(file) != expected:
        file.resolve().unlink()
        file.unlink()
        raise WeightsError(
            f"“{file.name}” came damaged from the Hub: it does not have the hash that the Hub names. It is not used; "
            "try again to fetch it anew."
        )


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_config(folder: Path) -> dict:
    """The decoded ``config.json`` of a weights folder.

    Raises:
        WeightsError: if it is missing or not a JSON object.
    """
    missing = [file for file in WEIGHTS_FILES if not (folder / file).is_file()]
    if missing:
        raise WeightsError(f"The weights folder “{folder.name}” lacks {' and '.join(missing)}.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"The config.json of “{folder.name}” is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise WeightsError(f"The config.json of “{folder.name}” is not a JSON object.")
    return config
