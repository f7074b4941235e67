"""Weights files: safetensors that carry everything needed to build the network."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.model import LFDiff, on_device

FORMAT = "hdrfuse-lfdiff-1"

SUFFIX = ".safetensors"

DEFAULT_WEIGHTS = "fast"
"""Name of the shipped weights that a merge uses unless told otherwise."""

USUAL_ERROR = 0.005
"""Typical error after the mu-law that weights are taken to have where they do not say what validation measured."""


@dataclass(frozen=True, kw_only=True)
class WeightsMetadata:
    """What a weights file says of itself."""

    config: LFDiffConfig
    tile_px: int
    """Tile size that the weights were made for."""
    training: dict[str, Any] = field(default_factory=dict)
    """Recipe, seeds, source images and validation, as the training wrote them."""
    sha256: str = ""
    """Of the whole file, in hexadecimal."""

    @property
    def error(self) -> float:
        """Typical error after the mu-law, root mean square: of the last validation, or a usual one."""
        try:
            error = float(self.training["progress"]["scores"][-1]["typical_error"])
        except (KeyError, IndexError, TypeError, ValueError):
            return USUAL_ERROR
        return error if 0.0 < error < 1.0 else USUAL_ERROR


def shipped_weights(package: Path | None = None) -> dict[str, Path]:
    """Weights that come with hdrfuse, by name: `hdrfuse/weights/` of an installed wheel, `weights/` of a checkout."""
    package = package or Path(__file__).parents[1]
    folders = [package / "weights"]
    if (package.parent / "pyproject.toml").is_file():
        folders.append(package.parent / "weights")
    found = (path for folder in folders for path in sorted(folder.glob(f"*{SUFFIX}")))
    return {path.stem: path for path in found}


def find_weights(name_or_path: str | Path | None = None) -> Path:
    """The file of a shipped name, or a file; by default the shipped weights of DEFAULT_WEIGHTS.

    Raises WeightsError where there is none.
    """
    shipped = shipped_weights()
    if name_or_path is None:
        if DEFAULT_WEIGHTS not in shipped:
            raise WeightsError("--method lfdiff: no trained weights are installed; use --method classical")
        return shipped[DEFAULT_WEIGHTS]
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(shipped) or "none"
        raise WeightsError(f"--weights {path}: no such file, nor the name of shipped weights ({names})")
    return path


def save_weights(
    path: Path,
    config: LFDiffConfig,
    weights: Mapping[str, Tensor],
    *,
    tile_px: int,
    training: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a network's weights beside `path`, then rename; float16 halves the file."""
    tensors = {name: value.detach().to(dtype).contiguous().cpu() for name, value in weights.items()}
    metadata = {
        "format": FORMAT,
        "config": json.dumps(asdict(config)),
        "tile_px": str(tile_px),
        "training": json.dumps(dict(training)),
        "tensors_sha256": tensors_sha256(tensors),
    }
    write_tensors(path, tensors, metadata)


def load_weights(path: Path, device: torch.device | str = "cpu") -> tuple[LFDiff, WeightsMetadata]:
    """Build the network that a file describes, float32, ready to infer.

    Raises WeightsError if the file is missing, damaged or not one of hdrfuse's.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        found = metadata.get("format", "no format at all")
        raise WeightsError(f"{path}: not a weights file of hdrfuse: found {found}, expected {FORMAT}")
    if tensors_sha256(tensors) != metadata.get("tensors_sha256"):
        raise WeightsError(f"{path}: damaged: its tensors do not have the checksum written with them")
    try:
        config = config_from_json(metadata["config"])
        model = LFDiff(config)
        model.load_state_dict({name: value.float() for name, value in tensors.items()})
        description = WeightsMetadata(
            config=config,
            tile_px=int(metadata["tile_px"]),
            training=json.loads(metadata["training"]),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: its tensors do not fit its configuration: {reason}") from error
    return on_device(model, device).eval().requires_grad_(False), description


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file beside `path`, readable by everybody, then rename it."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        save_file(dict(tensors), beside, dict(metadata))
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return all tensors and the metadata of a safetensors file. Raises WeightsError."""
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file") from error
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {error}") from error


def config_from_json(text: str) -> LFDiffConfig:
    """Return the configuration that `save_weights` wrote. Raises TypeError or ValueError."""
    values: dict[str, Any] = json.loads(text)
    arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return LFDiffConfig(**arguments)


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names and values, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
