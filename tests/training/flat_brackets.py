"""Brackets of one grey each, so that a network learns them in a few steps, and a network that is small enough."""

import os
import signal
from dataclasses import replace

import numpy as np

from hdrfuse.data.sample import BracketSample
from hdrfuse.lfdiff.config import PRESETS


class FlatBrackets:
    """In a module of its own name: another process finds it there, as it would not in one of several conftests."""

    def __init__(self, size=32):
        self.size = size

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        shape = (self.size, self.size, 3)
        radiance = np.full(shape, rng.uniform(0.1, 0.9), np.float32)
        exposure = np.array([1, 4, 16], np.float32)
        ldr = np.stack([np.clip(radiance * t, 0, 1) ** (1 / 2.2) for t in exposure]).astype(np.float32)
        return BracketSample(ldr=ldr, exposure=exposure, radiance=radiance)


class DeadlyBrackets:
    """End the process that makes a sample, as the system does where memory runs out."""

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


def tiny_config():
    return replace(
        PRESETS["fast"],
        alignment_channels=8,
        channels=16,
        heads=2,
        low_residuals=1,
        frms_per_block=(1,),
        prior_width=8,
        prior_residuals=1,
        condition_width=8,
        denoiser_width=4,
        sampling_steps=2,
    )
