"""Where weights come from: a shipped name, a folder, or a repository on the Hugging Face Hub."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fkd.errors import WeightsError

__all__ = ["read_config", "shipped_names", "weights_folder"]

SHIPPED = Path(__file__).parent / "weights"
_FILES = ("config.json", "model.safetensors")
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def shipped_names() -> list[str]:
    """Names of the weights that come with fkd."""
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
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            name, revision=revision, allow_patterns=list(_FILES), cache_dir=cache_dir, force_download=force_download,
            local_files_only=local_files_only, token=token,
        )  # fmt: skip
    except HFValidationError as error:
        raise WeightsError(f"“{name}” is neither a folder nor a Hub id: {error}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        raise WeightsError(
            f"The weights “{name}” are no folder here and could not be fetched from the Hub. Check the name, the "
            "network and, for a private repository, the token (`hf auth login`)."
        ) from error
    return Path(folder)


def read_config(folder: Path) -> dict:
    """The decoded ``config.json`` of a weights folder.

    Raises:
        WeightsError: if it is missing or not a JSON object.
    """
    missing = [file for file in _FILES if not (folder / file).is_file()]
    if missing:
        raise WeightsError(f"The weights folder “{folder.name}” lacks {' and '.join(missing)}.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"The config.json of “{folder.name}” is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise WeightsError(f"The config.json of “{folder.name}” is not a JSON object.")
    return config
