"""Weights files: safetensors that carry everything needed to build the network."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hdrfuse.errors import WeightsError
from hdrfuse.lfdiff.config import LFDiffConfig, check_field
from hdrfuse.lfdiff.model import LFDiff, on_device

FORMAT = "hdrfuse-lfdiff-1"

DTYPES = ("F32", "F16", "BF16")
"""What safetensors calls the numbers that weights may be."""

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
        problem = "not a regular file" if path.exists() else "no such file"
        raise WeightsError(f"--weights {path}: {problem}, nor the name of shipped weights ({names})")
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
    """Write a network's weights; float16 halves the file. Raises OSError where the system refuses."""
    tensors = {name: value.detach().to(dtype).contiguous().cpu() for name, value in weights.items()}
    metadata = {
        "format": FORMAT,
        "config": json.dumps(asdict(config)),
        "tile_px": str(tile_px),
        "training": json.dumps(dict(training)),
        "tensors_sha256": tensors_sha256(tensors),
    }
    write_tensors(path, tensors, metadata | {"metadata_sha256": metadata_sha256(metadata)})


def load_weights(path: Path, device: torch.device | str = "cpu") -> tuple[LFDiff, WeightsMetadata]:
    """Build the network that a file describes, float32, ready to infer.

    Its metadata may say anything: they are compared with the tensors before anything is built or read. Raises
    WeightsError if the file is missing, damaged or not one of hdrfuse's.
    """
    with _opened(path) as file:
        metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            found = metadata.get("format", "no format at all")
            raise WeightsError(f"{path}: not a weights file of hdrfuse: found {found}, expected {FORMAT}")
        try:
            described = _described(metadata)
            _check_shapes(file, described.config)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise WeightsError(f"{path}: its tensors do not fit its configuration: {told_by(error)}") from error
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if tensors_sha256(tensors) != metadata.get("tensors_sha256"):
        raise WeightsError(f"{path}: damaged: its tensors do not have the checksum written with them")
    if metadata.get("metadata_sha256", digest := metadata_sha256(metadata)) != digest:
        raise WeightsError(f"{path}: damaged: its metadata do not have the checksum written with them")
    if (name := not_finite(tensors)) is not None:
        raise WeightsError(f"{path}: damaged: {name} holds NaN or infinity; expected numbers")
    model = LFDiff(described.config)
    model.load_state_dict({name: value.float() for name, value in tensors.items()})
    with path.open("rb") as stream:
        described = replace(described, sha256=hashlib.file_digest(stream, "sha256").hexdigest())
    return on_device(model, device).eval().requires_grad_(False), described


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file. Raises OSError where the system refuses.

    Not by `save_file`, which writes through a temporary file of its own that a killed process leaves behind.
    """
    path.write_bytes(save(dict(tensors), dict(metadata)))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return all tensors and the metadata of a safetensors file. Raises WeightsError."""
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file, its header checked against its size. Raises WeightsError."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise WeightsError(f"{path}: not a regular file; expected a weights file")
        with safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file") from error
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file: {told_by(error)}") from error


def _described(metadata: Mapping[str, str]) -> WeightsMetadata:
    """What a file says of itself. Raises KeyError, TypeError, ValueError or RecursionError."""
    training = json.loads(metadata["training"])
    if not isinstance(training, dict):
        raise TypeError(f"training {metadata['training']}; expected names with values")
    config = config_from_json(metadata["config"])
    tile_px = int(metadata["tile_px"])
    check_field("tile_px", tile_px, config.tile_px)
    return WeightsMetadata(config=config, tile_px=tile_px, training=training)


def _check_shapes(file: Any, config: LFDiffConfig) -> None:  # noqa: ANN401 - safetensors has no types
    """Raise ValueError where a file's tensors are not those of a configuration; costs no memory, whatever it says."""
    found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    if config.blocks > len(found):
        raise ValueError(f"{len(found)} tensors for {config.blocks} blocks")
    with torch.device("meta"):
        expected = LFDiff(config).state_dict()
    if missing := expected.keys() - found.keys():
        raise ValueError(f"{min(missing)} is missing")
    if foreign := found.keys() - expected.keys():
        raise ValueError(f"{min(foreign)} is not a part of it")
    for name, tensor in found.items():
        if (shape := tensor.get_shape()) != [*expected[name].shape]:
            raise ValueError(f"{name} {shape}; expected {[*expected[name].shape]}")
        if tensor.get_dtype() not in DTYPES:
            raise ValueError(f"{name} {tensor.get_dtype()}; expected one of {', '.join(DTYPES)}")


def told_by(error: Exception) -> str:
    """An exception's message, shortened, in one line; a missing key is named as such."""
    text = f"no {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(text.split())[:200]


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds NaN or infinity, if there is one."""
    return next((name for name, value in tensors.items() if not torch.isfinite(value).all()), None)


def config_from_json(text: str) -> LFDiffConfig:
    """Return the configuration that `save_weights` wrote. Raises TypeError or ValueError."""
    values: dict[str, Any] = json.loads(text)
    if not isinstance(values, dict):
        raise TypeError(f"config {text}; expected names with values")
    arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return LFDiffConfig(**arguments)


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names and values, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def metadata_sha256(metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of everything that a file says of itself, the checksum of its tensors included."""
    stated = sorted(item for item in metadata.items() if item[0] != "metadata_sha256")
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()
