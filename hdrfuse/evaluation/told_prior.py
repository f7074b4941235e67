"""A network that is told its prior: what a perfect one, or a wrong one, would give."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hdrfuse.deghosting.tiles import plan_tiles
from hdrfuse.errors import BadInputError, UsageError
from hdrfuse.evaluation.methods import HdrfuseMethod, MethodResult, Radiance
from hdrfuse.evaluation.scenes import KnownBracket, KnownScene, encoded

if TYPE_CHECKING:
    from torch import Tensor

    from hdrfuse.lfdiff.model import LFDiff

ToldSource = Literal["truth", "constant", "foreign"]

PRIOR_OF: dict[ToldSource, str] = {
    "truth": "the ground truth",
    "constant": "the ground truth, its mean over the scene everywhere",
    "foreign": "the ground truth of the next scene of another picture",
}
"""Where it comes from, in words."""

FOREIGN_TRIED = 3
"""Scenes that may turn out to be of the same picture, or of another size, before a scene has no foreign prior."""


@dataclass(frozen=True)
class ToldPrior(HdrfuseMethod):
    """A network of the first stage, or one that predicts block means, told the prior of a known radiance.

    Block means replace the output's own where the reference clips, trusted fully.
    """

    source: ToldSource = "truth"
    kind: str = "ground-truth"
    """The weights' prior: ground-truth or block-means."""
    scenes: tuple[KnownScene, ...] = ()
    """Of which the next is the foreign one."""

    @property
    def sentence(self) -> str:
        """Its weights, and what it sees of the truth."""
        weights = f"weights {Path(self.options.weights or '').stem} (sha256 {self.digests['weights'][:12]})"
        weights += f", {precision_name(self.options.precision, self.options.device)}"
        made = "encoded from" if self.kind == "ground-truth" else "block means of"
        swapped = "" if self.kind == "ground-truth" else ", swapped in where the reference clips"
        return f"{self.name}: the prior is {made} {PRIOR_OF[self.source]}{swapped}; {weights}."

    def check(self) -> None:
        """See what the weights' row did not. Raises DeviceError, UsageError for a scene that none follows."""
        precision_name(self.options.precision, self.options.device)
        if self.source == "foreign" and not all(self.following(each.name) for each in self.scenes):
            raise UsageError("--prior foreign: takes the next scene's; two scenes of each kind of motion were expected")

    def identity(self, scene: str) -> dict[str, Any]:
        """Options and weights, and the scenes that a foreign prior may be of."""
        others = [dict(each.identity) for each in self.following(scene)] if self.source == "foreign" else []
        return {**super().identity(scene), "prior": self.source, "others": others}

    def following(self, scene: str) -> list[KnownScene]:
        """The next scenes of the set with the same kind of motion, the first ones after the last."""
        group = next(each.group for each in self.scenes if each.name == scene)
        alike = [each for each in self.scenes if each.group == group]
        place = [each.name for each in alike].index(scene)
        return [*alike[place + 1 :], *alike[:place]][:FOREIGN_TRIED]

    def told_radiance(self, scene: str, bracket: KnownBracket) -> Radiance:
        """The radiance (H, W, 3) that the prior is of, 0 to 1. Raises BadInputError where no scene is foreign."""
        if self.source != "foreign":
            return np.clip(bracket.truth, 0, 1)
        for other in self.following(scene):
            read = other.read()
            if read.truth.shape == bracket.truth.shape and (not read.source or read.source != bracket.source):
                return np.clip(read.truth, 0, 1)
        height, width = bracket.truth.shape[:2]
        raise BadInputError(
            f"{scene}: no prior is foreign to it; another picture of {width} x {height} pixels was expected among the "
            f"{FOREIGN_TRIED} scenes that follow"
        )

    def merge(self, scene: str, bracket: KnownBracket) -> MethodResult:
        """Run the network tile by tile, told the prior."""
        import torch

        from hdrfuse.lfdiff.inference import find_device, find_precision
        from hdrfuse.lfdiff.model import pad_to_multiple
        from hdrfuse.lfdiff.signals import inverse_mu_law, network_inputs
        from hdrfuse.lfdiff.weights import find_weights, load_weights

        device = find_device(self.options.device)
        dtype = find_precision(self.options.precision, device)
        model, metadata = load_weights(find_weights(self.options.weights), device)
        told = torch.from_numpy(self.told_radiance(scene, bracket)).permute(2, 0, 1)[None]
        ldr = np.stack([encoded(frame) for frame in bracket.frames])
        exposure = torch.tensor(bracket.gains, dtype=torch.float32, device=device)[None]
        radiance = np.zeros(bracket.truth.shape, np.float32)
        multiple = model.config.multiple_of
        size = self.options.tile or metadata.tile_px
        step = int(np.lcm(multiple, model.config.prior_stride))
        with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            mean = encode(model, told.to(device)).mean((2, 3), keepdim=True) if self.source == "constant" else None
            for tile in plan_tiles(*bracket.truth.shape[:2], tile_px=size, multiple_of=step):
                seen = torch.from_numpy(ldr[:, tile.rows, tile.columns]).to(device).permute(0, 3, 1, 2)[None]
                frames = pad_to_multiple(network_inputs(seen, exposure), multiple)
                prior = encode(model, told[..., tile.rows, tile.columns].to(device))
                tonemapped = reconstruct(model, frames, prior if mean is None else mean.expand_as(prior))
                height, width = tile.shape
                content = inverse_mu_law(tonemapped[..., :height, :width].clamp(0, 1).float(), model.config.mu)
                tile.add_to(radiance, content[0].permute(1, 2, 0).cpu().numpy())
        return MethodResult(radiance=radiance)


def precision_name(precision: str, device: str) -> str:
    """What a precision comes to on a device, such as bf16. Raises DeviceError."""
    from hdrfuse.lfdiff.inference import DTYPES, find_device, find_precision

    return next(name for name, dtype in DTYPES.items() if dtype == find_precision(precision, find_device(device)))


def encode(model: "LFDiff", radiance: "Tensor") -> "Tensor":
    """Radiance (B, 3, H, W) in [0, 1] -> its prior z (B, 3, ceil(H/s), ceil(W/s)), padded as frames are."""
    from hdrfuse.lfdiff.model import pad_to_multiple
    from hdrfuse.lfdiff.observed_blocks import block_means
    from hdrfuse.lfdiff.signals import mu_law

    padded = pad_to_multiple(radiance[:, None], model.config.multiple_of)[:, 0]
    if model.config.prior == "ground-truth":
        return model.true_prior(padded)
    return block_means(mu_law(padded, model.config.mu), model.config.prior_stride)


def reconstruct(model: "LFDiff", frames: "Tensor", prior: "Tensor") -> "Tensor":
    """Padded frames X (B, 3, 6, H, W) and a prior (B, 3, H/s, W/s) -> T(radiance) (B, 3, H, W)."""
    from hdrfuse.lfdiff.block_means import swap
    from hdrfuse.lfdiff.observed_blocks import block_means, clipped_pixels

    if model.config.prior == "ground-truth":
        return model.reconstruction(frames, prior)
    tonemapped = model.reconstruction(frames, None).clamp(0, 1)
    return swap(tonemapped, prior - block_means(tonemapped, model.config.prior_stride), clipped_pixels(frames))
