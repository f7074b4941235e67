"""Running a trained network: on which device, in which precision, on how many cores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hdrfuse.errors import DeviceError, UsageError, WeightsError
from hdrfuse.lfdiff.config import DRAWN, WITHOUT_PRIOR
from hdrfuse.lfdiff.model import LFDiff, draw_noise
from hdrfuse.lfdiff.signals import network_inputs
from hdrfuse.lfdiff.weights import WeightsMetadata, load_weights

Array = NDArray[np.float32]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A trained network, where it runs and how; `Network.load` makes one."""

    weights: Path
    model: LFDiff
    metadata: WeightsMetadata
    device: torch.device
    dtype: torch.dtype
    steps: int
    """Sampling steps of the diffusion."""
    prior: bool = True
    """Whether a prior corrects the reconstruction, where the weights have one."""
    sampled: bool = False
    """Whether it is one of those that are possible, in the place of their mean, where it corrects."""

    @classmethod
    def load(
        cls, weights: Path, *, device: str = "auto", precision: str = "auto", steps: int = 10, prior: bool = True,
        sampled: bool = False,
    ) -> "Network":  # fmt: skip
        """Load a weights file onto a device; once for many pictures, as long as the file stays as it is.

        Raises WeightsError for what is no file of ours or cannot run alone, UsageError for more steps than the
        diffusion has, without `prior` for weights that reconstruct from one, and `sampled` for weights that draw
        nothing, DeviceError for a precision that the device does not have.
        """
        where = find_device(device)
        dtype = find_precision(precision, where)
        stamp = (weights.stat().st_mtime_ns, weights.stat().st_size) if weights.is_file() else None
        model, metadata = _loaded(weights, stamp, where)
        config = metadata.config
        if config.prior == "ground-truth":
            raise WeightsError(f"{weights}: of the first training stage, which needs the truth; expected the second's")
        if config.prior in DRAWN and steps > config.diffusion_steps:
            raise UsageError(f"--steps {steps}: at most {config.diffusion_steps} were expected with {weights}")
        if not prior and config.prior not in WITHOUT_PRIOR:
            raise UsageError(
                f"--no-prior: {weights} reconstruct from a prior (prior: {config.prior}); weights whose prior is "
                f"{' or '.join(WITHOUT_PRIOR)} were expected"
            )
        if sampled and config.prior not in DRAWN:
            raise UsageError(f"--sample: {weights} draw nothing (prior: {config.prior}); a diffusion was expected")
        return cls(
            weights=weights, model=model, metadata=metadata, device=where, dtype=dtype, steps=steps, prior=prior,
            sampled=sampled,
        )  # fmt: skip

    @property
    def precision(self) -> str:
        """Key of DTYPES."""
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before waiting."""
        if self.dtype == torch.float32 or self.device.type == "cuda" or has_bf16(self.device):
            return ()
        return (f"--precision {self.precision}: not in this processor's hardware, and far slower than fp32",)

    @property
    def prior_used(self) -> str | None:
        """Where the prior came from, a PriorSource, or "off" where it was left out; None for weights without one."""
        source = self.metadata.config.prior
        return None if source == "none" else source if self.prior else "off"

    @property
    def multiple_of(self) -> int:
        """Rows and columns at which a tile may start so that the network's lattice stays where it is."""
        config = self.metadata.config
        return int(np.lcm(config.multiple_of, config.prior_stride))

    def noise(self, height: int, width: int, seed: int) -> Tensor | None:
        """z_T of a whole frame, (1, 3, ceil(H/s), ceil(W/s)), or None where nothing is drawn."""
        config = self.metadata.config
        draws = config.prior == "diffusion" or (config.prior == "block-means" and self.sampled)
        return draw_noise(config, height, width, seed=seed) if draws else None

    def share_of(self, noise: Tensor, rows: slice, columns: slice) -> Tensor:
        """A tile's part of a whole frame's noise."""
        stride = self.metadata.config.prior_stride
        return noise[..., rows.start // stride : -(-rows.stop // stride),
                     columns.start // stride : -(-columns.stop // stride)]  # fmt: skip

    def radiance(self, ldr: Array, exposures: Array, noise: Tensor | None) -> Array:
        """Gamma-encoded frames (B, 3, h, w, 3), their exposures (3,) and noise -> radiance (B, h, w, 3).

        1.0 is the white of the shortest frame.
        """
        with torch.inference_mode():
            frames = torch.from_numpy(ldr).to(self.device).permute(0, 1, 4, 2, 3)
            exposure = torch.from_numpy(exposures).to(self.device).expand(len(ldr), -1)
            start = None if noise is None else noise.to(self.device)
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
                found = self.model(network_inputs(frames, exposure), start, self.steps, corrected=self.prior)
            return found.permute(0, 2, 3, 1).float().contiguous().cpu().numpy()

    def release(self) -> None:
        """Give the device's memory back that a failed attempt may still hold."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def on_the_cpu(self) -> "Network":
        """The same network on the CPU."""
        return Network.load(self.weights, device="cpu", steps=self.steps, prior=self.prior, sampled=self.sampled)


@lru_cache(maxsize=1)
def _loaded(weights: Path, stamp: tuple[int, int] | None, device: torch.device) -> tuple[LFDiff, WeightsMetadata]:
    return load_weights(weights, device)


def join_noise(shares: Sequence[Tensor]) -> Tensor:
    """Noise of a batch of tiles of one shape, (B, 3, h, w)."""
    return torch.cat(list(shares))


def find_device(name: str) -> torch.device:
    """The device of a name; auto is a GPU where there is one. Raises DeviceError for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise DeviceError(f"--device {name}: GPUs found: {count}; auto and cpu work without one")
    return device


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format of a name; auto is bf16 where the device multiplies it in hardware, else fp32.

    Raises DeviceError for fp16 on a CPU.
    """
    if name == "auto":
        return torch.bfloat16 if has_bf16(device) else torch.float32
    if name == "fp16" and device.type == "cpu":
        raise DeviceError("--precision fp16: for GPUs only; the CPU has fp32, and bf16 where it can")
    return DTYPES[name]


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bf16 in hardware: emulated, it is twenty times slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = Path("/proc/cpuinfo")
    if device.type != "cpu" or not flags.is_file():
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.read_text(encoding="utf-8").split())


@contextmanager
def one_core_a_thread() -> Iterator[int]:
    """Let every Python thread compute on one core -> how many cores there are for them.

    Tiles side by side on a core each are faster than one tile on all cores, and sums do not depend on their number.
    """
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield cores
    finally:
        torch.set_num_threads(cores)
