"""LF-Diff whole: prior, then reconstruction."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from hdrfuse.lfdiff.block_means import BlockMeansNet
from hdrfuse.lfdiff.block_means_diffusion import correlated_noise
from hdrfuse.lfdiff.config import LFDiffConfig
from hdrfuse.lfdiff.denoiser import Denoiser
from hdrfuse.lfdiff.diffusion import NoiseSchedule, ddim_sample
from hdrfuse.lfdiff.prior import LPENet, LPENetDM
from hdrfuse.lfdiff.reconstruction import DHRNet
from hdrfuse.lfdiff.signals import inverse_mu_law


class LFDiff(nn.Module):
    """Ghost-free radiance from three frames (Hu, Yan, Qi, Zhang, CVPR 2024, arXiv 2404.00849).

    `config.prior` says which parts exist: the ground truth's encoder, the frames' encoder, the denoiser, or what
    predicts block means.
    """

    def __init__(self, config: LFDiffConfig) -> None:
        super().__init__()
        self.config = config
        self.reconstruction = DHRNet(config)
        if config.prior == "ground-truth":
            self.true_prior = LPENet(config)
        if config.prior in ("direct", "diffusion"):
            self.condition = LPENetDM(config)
        if config.prior == "diffusion":
            self.denoiser = Denoiser(config)
            self.schedule = NoiseSchedule(config)
        if config.prior == "block-means":
            self.block_means = BlockMeansNet(config)

    def forward(
        self, frames: Tensor, noise: Tensor | None = None, sampling_steps: int | None = None, *, corrected: bool = True
    ) -> Tensor:
        """Frames X (B, 3, 6, H, W) of any size -> radiance (B, 3, H, W) in [0, 1], float32.

        1.0 is the white of the shortest frame. `noise` is the frame's share of z_T, (B, 3, ceil(H/s), ceil(W/s))
        with the prior's stride s, needed by the diffusion alone; not `corrected`, block means stay as the
        reconstruction gives them. Source: LF-Diff, sections 4.1 to 4.3.
        """
        height, width = frames.shape[-2:]
        frames = pad_to_multiple(frames, self.config.multiple_of)
        prior = self.sample_prior(frames, noise, sampling_steps)
        tonemapped = self.reconstruction(frames, prior)
        if self.config.prior == "block-means" and corrected:
            tonemapped = self.block_means(frames, tonemapped, noise, sampling_steps)
        return inverse_mu_law(tonemapped[..., :height, :width].clamp(0, 1), self.config.mu)

    def sample_prior(
        self, frames: Tensor, noise: Tensor | None = None, sampling_steps: int | None = None
    ) -> Tensor | None:
        """The prior that the reconstruction is told, (B, 3, H/s, W/s), or None for one that is told none.

        Frames (B, 3, 6, H, W) are padded already; noise is padded here.
        """
        match self.config.prior:
            case "none" | "block-means":
                return None
            case "direct":
                return self.condition(frames)
            case "ground-truth":
                raise ValueError("a stage-1 network takes its prior from the ground truth: it cannot run alone")
            case "diffusion":
                if noise is None:
                    raise ValueError("the diffusion starts from noise at the prior's size; none was given")
                h, w = (side // self.config.prior_stride for side in frames.shape[-2:])
                noise = F.pad(noise, (0, w - noise.shape[-1], 0, h - noise.shape[-2]))
                steps = sampling_steps or self.config.sampling_steps
                return ddim_sample(self.denoiser, noise, self.condition(frames), self.schedule, steps)


def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """(B, 3, 6, H, W) -> the same, its last row and column repeated up to multiples of a number."""
    height, width = frames.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    if not any(padding):
        return frames
    return rearrange(
        F.pad(rearrange(frames, "b f c h w -> (b f) c h w"), padding, mode="replicate"),
        "(b f) c h w -> b f c h w",
        f=frames.shape[1],
    )


def on_device(model: LFDiff, device: torch.device | str) -> LFDiff:
    """Move a network to a device, its convolutions in channels-last order, which pays on CPU and GPU."""
    return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def draw_noise(
    config: LFDiffConfig, height: int, width: int, *, seed: int, device: torch.device | str = "cpu"
) -> Tensor:
    """z_T of a whole frame of H x W pixels, (1, 3, ceil(H/s), ceil(W/s)); the same on every device.

    Tiles that start at multiples of the prior's stride s cut their share from it, so that neighbours and other tile
    sizes agree.
    """
    generator = torch.Generator().manual_seed(seed)
    size = (1, config.prior_channels, -(-height // config.prior_stride), -(-width // config.prior_stride))
    drawn = correlated_noise if config.prior == "block-means" else torch.randn
    return drawn(size, generator=generator).to(device)
