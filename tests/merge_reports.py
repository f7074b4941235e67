"""Reports of merges that nobody made, each field something."""

from pathlib import Path

from hdrfuse.formats import Capture
from hdrfuse.imaging.radiometry import NoiseModel
from hdrfuse.merge_report import FrameReport, MergeReport, ResponseReport


def frame_report(name, ev, **others):
    defaults = {
        "path": Path("/card") / name, "capture": Capture(), "ev_source": "EXIF", "gain_ev": 0.01, "ghost_fraction": 0.0,
        "noise": NoiseModel(shot=1e-5, read=1e-8),
    }  # fmt: skip
    return FrameReport(name=name, ev=ev, **{**defaults, **others})


def merge_report(*frames, **others):
    defaults = {
        "version": "0.2.0", "scene": "beach", "method": "lfdiff", "size_px": (16, 12), "reference": 1,
        "response": ResponseReport(curve="srgb", residual_ev=0.02, srgb_residual_ev=None), "ghost_fraction": 0.1,
        "filled_fraction": 0.01, "warnings": ("odd",), "seconds": {"reading": 0.1, "total": 0.5},
        "outputs": {"radiance": Path("/hdr/beach.exr")},
    }  # fmt: skip
    return MergeReport(frames=frames, **{**defaults, **others})
