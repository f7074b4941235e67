"""The free-form response curve of Debevec & Malik 1997."""

from collections.abc import Sequence

import cv2
import numpy as np

from hdrfuse.errors import BracketError
from hdrfuse.imaging.calibration.correspondences import TonePairs
from hdrfuse.imaging.calibration.response import ResponseCurve, tabulate

SAMPLES = 120
"""Places used a channel and pair of frames; the paper asks for about 50 in all."""


def debevec1997(matches: Sequence[TonePairs], *, smoothness: float = 40.0) -> ResponseCurve:
    """Inverse response of 256 free values a channel (Debevec & Malik 1997, eq. 3), by OpenCV.

    It is solved on pairs of values that neighbouring frames give the same light, one curve for the bracket's
    median exposure step; `smoothness` is the paper's lambda. Raises BracketError where too few pairs exist.
    """
    step = float(np.median([pairs.step_ev for pairs in matches]))
    channels = []
    for c in range(3):
        dark, bright = [], []
        for pairs in matches:
            chosen = pairs.channel == c
            if chosen.any() and abs(pairs.step_ev - step) < 0.25:
                order = np.argsort(pairs.bright[chosen])
                keep = order[np.linspace(0, len(order) - 1, min(SAMPLES, len(order))).astype(int)]
                dark.append(pairs.dark[chosen][keep])
                bright.append(pairs.bright[chosen][keep])
        if not dark or sum(map(len, dark)) < 20:
            raise BracketError("--response debevec: too little is well exposed in two frames")
        codes = [np.rint(255 * np.concatenate(values)).astype(np.uint8)[None] for values in (dark, bright)]
        images = [np.ascontiguousarray(np.repeat(code[..., None], 3, axis=2)) for code in codes]
        solver = cv2.createCalibrateDebevec(samples=images[0].size // 3, lambda_=smoothness, random=False)
        curve = solver.process(images, np.array([1.0, 2.0**step], np.float32))
        channels.append(curve.reshape(256, 3)[:, 0].astype(np.float64))
    return tabulate("debevec", np.stack(channels))
