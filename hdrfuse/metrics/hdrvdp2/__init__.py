"""HDR-VDP-2.2.2: how visible the differences of two pictures are (Mantiuk, Kim, Rempel & Heidrich 2011)."""

from hdrfuse.metrics.hdrvdp2.metric import Visibility, hdrvdp2
from hdrfuse.metrics.hdrvdp2.presets import PRESETS, Preset, Screen, Viewing

__all__ = ["PRESETS", "Preset", "Screen", "Viewing", "Visibility", "hdrvdp2"]
