"""Packed blocks: what the prior's network sees of many samples, computed once, since the reconstruction stays frozen.

A sample of 512 x 512 pixels costs half a second of a core, most of it the reconstruction, and 352 KB at 1/8 of the
size, from which crops are drawn again and again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hdrfuse.data.patches import make_folder
from hdrfuse.data.sample import Brackets
from hdrfuse.formats.atomic import replacing
from hdrfuse.lfdiff.model import LFDiff
from hdrfuse.lfdiff.observed_blocks import SEEN_CHANNELS, ObservedBlocks, block_means
from hdrfuse.lfdiff.signals import mu_law, network_inputs

Blocks = NDArray[np.float32]

FORM = "1"
"""Changes with what is packed, so that older files are not read."""

CHANNELS = SEEN_CHANNELS + 1 + 3 + 3 + 3
"""Seen, occluded, clipped, means of the output, means of the truth."""
OCCLUDED, CLIPPED, OUTPUT, TRUTH = SEEN_CHANNELS, SEEN_CHANNELS + 1, SEEN_CHANNELS + 4, SEEN_CHANNELS + 7

CHUNK = 32
"""Samples a file."""

CROP = 32
"""Blocks a side of what is learned from at a time: hidden light seldom reaches further than 256 pixels."""

AT_HIDDEN_LIGHT = 0.75
"""Share of the crops around a block of hidden light, which is 1 to 2 % of all."""
HIDDEN, MOSTLY_CLIPPED = 0.03, 0.5
"""What counts as one: so far below the reference's white, after the mu-law, and so much of it clipped."""
OFF_CENTRE = 10
"""Blocks by which it lies beside the crop's middle at most."""


@dataclass(frozen=True, kw_only=True)
class BlockBatch:
    """Crops of packed samples on the training device."""

    blocks: Tensor
    """(B, CHANNELS, h, w) float32."""

    @property
    def observed(self) -> ObservedBlocks:
        """What the frames show."""
        x = self.blocks
        return ObservedBlocks(
            seen=x[:, :OCCLUDED], occluded=x[:, OCCLUDED:CLIPPED], clipped=x[:, CLIPPED:OUTPUT]
        )  # fmt: skip

    @property
    def output(self) -> Tensor:
        """(B, 3, h, w) what the reconstruction gives, after the mu-law."""
        return self.blocks[:, OUTPUT:TRUTH]

    @property
    def truth(self) -> Tensor:
        """(B, 3, h, w)."""
        return self.blocks[:, TRUTH:]

    def to(self, device: torch.device) -> "BlockBatch":
        """The same on a device."""
        return BlockBatch(blocks=self.blocks.to(device))


@dataclass(frozen=True, kw_only=True)
class BlockSample:
    """One crop."""

    blocks: Blocks
    """(CHANNELS, h, w)."""


@dataclass(frozen=True, kw_only=True)
class PackedBlocks:
    """Crops of packed samples, flipped, turned, their colours exchanged: an endless list.

    The same files, seed and index give the same crop.
    """

    files: tuple[Path, ...]
    """.npy, (CHUNK, CHANNELS, h, w) float16."""
    seed: int

    @cached_property
    def chunks(self) -> list[NDArray[np.float16]]:
        """The files, memory-mapped."""
        return [np.load(file, mmap_mode="r") for file in self.files]

    def __getitem__(self, index: int) -> BlockSample:
        """Return crop `index` >= 0."""
        rng = np.random.default_rng([self.seed, index])
        chunk = self.chunks[int(rng.integers(len(self.chunks)))]
        whole = np.asarray(chunk[int(rng.integers(len(chunk)))])
        crop = whole[(slice(None), *crop_place(rng, whole))].astype(np.float32)
        crop = np.rot90(crop, int(rng.integers(4)), (1, 2))
        crop = crop[..., ::-1] if rng.random() < 0.5 else crop
        return BlockSample(blocks=np.ascontiguousarray(crop[exchanged(rng)]))


def crop_place(rng: np.random.Generator, whole: NDArray[np.float16]) -> tuple[slice, slice]:
    """Draw rows and columns of a packed sample (CHANNELS, h, w), most of them around hidden light."""
    height, width = whole.shape[1:]
    highest = np.array([max(height - CROP, 0), max(width - CROP, 0)])
    corner = rng.integers(0, highest + 1)
    if rng.random() < AT_HIDDEN_LIGHT:
        clipped = whole[CLIPPED:OUTPUT].max(axis=0) > MOSTLY_CLIPPED
        places = np.argwhere(clipped & (whole[OCCLUDED] > HIDDEN))
        if len(places):
            beside = rng.integers(-OFF_CENTRE, OFF_CENTRE + 1, 2)
            corner = np.clip(places[int(rng.integers(len(places)))] - CROP // 2 + beside, 0, highest)
    top, left = map(int, corner)
    return slice(top, top + CROP), slice(left, left + CROP)


def exchanged(rng: np.random.Generator) -> NDArray[np.intp]:
    """Channels of a packed sample, red, green and blue in another order everywhere half of the time."""
    order = np.arange(CHANNELS)
    if rng.random() < 0.5:
        colours = rng.permutation(3)
        for first in (*range(0, 30, 3), CLIPPED, OUTPUT, TRUTH):
            order[first : first + 3] = first + colours
    return order


def pack_blocks(
    model: LFDiff, brackets: Brackets, cache: Path, *, count: int, state: str, seed: int,
    report: Callable[[str], None] = lambda name: None,
) -> PackedBlocks:  # fmt: skip
    """Pack what a frozen reconstruction makes of the first `count` samples, rounded up to whole files.

    `state` says what the samples are made of: other files are packed where it differs. An interrupted call is
    continued by the next; `report` is told of each file. Raises OutputError or WriteError where the cache takes
    nothing.
    """
    make_folder(cache)
    digest = sha256(f"{FORM} {state}".encode()).hexdigest()[:12]
    files = tuple(cache / f"blocks-{digest}-{number:05d}.npy" for number in range(-(-count // CHUNK)))
    for number, file in enumerate(files):
        if file.is_file():
            continue
        report(f"samples {number * CHUNK + 1} to {(number + 1) * CHUNK} of {len(files) * CHUNK}")
        packed = np.stack([packed_blocks(model, brackets, number * CHUNK + k) for k in range(CHUNK)])
        with replacing(file, overwrite=True) as temporary, temporary.open("wb") as stream:
            np.save(stream, packed)
    return PackedBlocks(files=files, seed=seed)


@torch.no_grad()
def block_batch(model: LFDiff, frames: Tensor, radiance: Tensor) -> BlockBatch:
    """What the reconstruction makes of frames X (B, 3, 6, H, W), beside what they show and the truth (B, 3, H, W).

    Sides are multiples of the prior's stride.
    """
    stride, mu = model.config.prior_stride, model.config.mu
    output = model.reconstruction(frames, None).float().clamp(0, 1)
    observed = ObservedBlocks.of(frames, stride, mu)
    means = [block_means(plane, stride) for plane in (output, mu_law(radiance, mu))]
    return BlockBatch(blocks=torch.cat([observed.seen, observed.occluded, observed.clipped, *means], 1))


def packed_blocks(model: LFDiff, brackets: Brackets, index: int) -> NDArray[np.float16]:
    """One sample as it is packed, (CHANNELS, h, w)."""
    sample = brackets[index]
    ldr, radiance = (
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(plane, -1, -3)))[None]
        for plane in (sample.ldr, sample.radiance)
    )
    frames = network_inputs(ldr, torch.from_numpy(sample.exposure)[None])
    return np.asarray(block_batch(model, frames, radiance).blocks[0].half().numpy())
