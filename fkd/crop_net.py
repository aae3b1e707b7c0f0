"""What every network of fkd has in common: a crop goes in, a Prediction comes out, and weights are files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
import torch.nn as nn
from huggingface_hub import PyTorchModelHubMixin

from fkd import hub
from fkd.errors import SchemeError, WeightsError
from fkd.model_config import ModelConfig
from fkd.schemes import load_scheme

# The annotations of __init__ must be classes, not strings (no `from __future__ import annotations` here): the mixin
# reads them to turn config.json back into a ModelConfig.

__all__ = ["CropNet", "Prediction", "luma"]

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


class Prediction(NamedTuple):
    """What a network says of N crops.

    Attributes:
        points: (N, K, 2) float, unit crop coordinates (x, y).
        scale: (N, K) float, the Laplace scale of each point's error in crop sides; its expected error is twice that.
        log_heat: (N, K, G, G) float, log-probabilities of the heatmap's cells; None from a network without heatmaps.
    """

    points: torch.Tensor
    scale: torch.Tensor
    log_heat: torch.Tensor | None


def luma(pictures: torch.Tensor) -> torch.Tensor:
    """Red, green and blue to grey by ITU-R BT.601, as PIL's "L": (N, 3, S, S) → (N, 1, S, S)."""
    weights = pictures.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True)


class CropNet(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="fkd",
    license="other",
    license_name="research-only",
    tags=["facial-keypoints", "face-alignment", "keypoint-detection"],
):
    """Crop in, keypoints and their uncertainty out; saved and loaded by the mixin's usual two methods.

    A subclass says which of `fkd.model_config.ARCHITECTURES` it is, and has ``forward``: (N, 3, S, S) float crops, RGB
    in 0 … 255, to a :class:`Prediction`.
    """

    architecture: ClassVar[str]

    def __init__(self, config: ModelConfig):
        super().__init__()
        if config.architecture != self.architecture:
            raise ValueError(f"its architecture is {config.architecture}, this class is {self.architecture}")
        self.config = config
        scheme = load_scheme(config.scheme)
        self.n_points = scheme.n_points
        self.grey = scheme.grey
        self.register_buffer("flip_order", torch.from_numpy(scheme.flip_order), persistent=False)

    def centred(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) in 0 … 255 → -1 … 1, in the precision of the weights."""
        return crops.to(next(self.parameters()).dtype) / 127.5 - 1.0

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write ``config.json`` and ``model.safetensors``.

        Float16 for the convolutions, float32 for what is small and wide in range.
        """
        from safetensors.torch import save_file

        tensors = {
            name: value.detach().cpu().to(torch.float16 if value.dim() == 4 else value.dtype).contiguous()
            for name, value in self.state_dict().items()
        }
        save_file(tensors, save_directory / WEIGHTS_FILE, metadata={"format": "pt", "version": self.config.version})
        # The mixin would write the config that the network was made with, not the one that it has now.
        config = json.dumps(asdict(self.config), indent=2, ensure_ascii=False)
        (save_directory / CONFIG_FILE).write_text(config + "\n", encoding="utf-8")

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        **_ignored,
    ) -> "CropNet":
        """Load safetensors only: unlike the mixin's own, this never falls back to a pickle, and is strict."""
        folder = hub.weights_folder(
            model_id, revision, cache_dir=cache_dir, force_download=force_download, token=token,
            local_files_only=local_files_only,
        )  # fmt: skip
        return cls.from_folder(folder).to(map_location)

    @classmethod
    def from_folder(cls, folder: Path) -> "CropNet":
        """The network in `folder`, on the CPU, ready to predict.

        Raises:
            WeightsError: if a file is missing, damaged, of another architecture or scheme, or holds NaN.
        """
        config = hub.read_config(folder)
        try:
            net = cls(ModelConfig(**{k: v for k, v in config.items() if k in ModelConfig.__dataclass_fields__}))
        except (AttributeError, RuntimeError, SchemeError, TypeError, ValueError) as error:
            raise WeightsError(
                f"The config.json of “{folder.name}” does not describe a fkd network: {error}."
            ) from error
        _load_tensors(net, folder / WEIGHTS_FILE)
        return net.eval()


def _load_tensors(net: CropNet, file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"“{file.name}” in “{file.parent.name}” is missing or damaged: {error}. Get it anew."
        ) from error
    bad = [name for name, value in tensors.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise WeightsError(f"The weights in “{file.parent.name}” hold NaN or infinity ({bad[0]}): they are not used.")
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise WeightsError(f"The weights in “{file.parent.name}” do not fit their config.json: {first}") from error
