"""The report of a merge: what was read, found, done and written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from hdrfuse import __version__
from hdrfuse.formats import Capture
from hdrfuse.imaging.radiometry import NoiseModel


@dataclass(frozen=True, kw_only=True)
class FrameReport:
    """One frame of the bracket."""

    path: Path | None
    """The file; None for an array."""
    capture: Capture
    name: str
    ev: float
    ev_source: str
    """Where the EV was found: EXIF, a file name, `--exposures`."""
    gain_ev: float
    """What calibration added to the EV."""
    noise: NoiseModel
    ghost_fraction: float
    """Share of the frame that shows something else than the reference, 0 to 1."""
    shift_px: float | None = None
    """How far registration moved the frame; None where frames were taken as aligned."""
    registration: str | None = None
    """The motion model; None where frames were taken as aligned."""
    ev_interval: tuple[float, float] | None = None
    """Where an estimated EV lies in nine brackets of ten, the reference's being 0; None for what is stated."""

    def as_json(self) -> dict[str, Any]:
        """Plain types; without registration or an interval where there was none."""
        document: dict[str, Any] = {
            "path": None if self.path is None else str(self.path),
            "capture": self.capture.as_json(),
            "name": self.name,
            "ev": self.ev,
            "ev_source": self.ev_source,
            "gain_ev": self.gain_ev,
            "noise": asdict(self.noise),
            "ghost_fraction": self.ghost_fraction,
        }
        if self.ev_interval is not None:
            document["ev_interval"] = list(self.ev_interval)
        if self.registration is not None:
            document |= {"shift_px": self.shift_px, "registration": self.registration}
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            path=None if document.get("path") is None else Path(document["path"]),
            capture=Capture.from_json(document["capture"]),
            name=document["name"],
            ev=document["ev"],
            ev_source=document["ev_source"],
            gain_ev=document["gain_ev"],
            noise=NoiseModel(shot=document["noise"]["shot"], read=document["noise"]["read"]),
            ghost_fraction=document["ghost_fraction"],
            shift_px=document.get("shift_px"),
            registration=document.get("registration"),
            ev_interval=None if (interval := document.get("ev_interval")) is None else (interval[0], interval[1]),
        )


@dataclass(frozen=True, kw_only=True)
class ResponseReport:
    """The response curve that was undone, and how well it explains the frames."""

    curve: str
    """A name of KNOWN_CURVES, "linear" or that of a fitted curve."""
    residual_ev: float | None
    """Root mean square; None where nothing could be compared."""
    srgb_residual_ev: float | None
    """What sRGB would have left; None for linear frames too."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `asdict` gave."""
        return cls(
            curve=document["curve"],
            residual_ev=document.get("residual_ev"),
            srgb_residual_ev=document.get("srgb_residual_ev"),
        )


@dataclass(frozen=True, kw_only=True)
class NetworkReport:
    """What the network did."""

    weights: str
    """The weights file's name without its suffix."""
    sha256: str
    frames: tuple[str, ...]
    """Names of the frames that it saw."""
    share: float = 1.0
    """Its share of the picture, 0 to 1."""
    tile_px: int | None = None
    """Side of its tiles; None where it saw the frame whole."""
    tiles: int = 1
    """Tiles that it ran on."""
    settled_tiles: int = 0
    """Tiles that it was not needed for."""
    device: str
    precision: str
    prior: str | None = None
    """Where its low-frequency prior came from, "off" where it was left out; None for weights without one."""

    def as_json(self) -> dict[str, Any]:
        """Plain types; without a prior where the weights have none."""
        document = {**asdict(self), "frames": list(self.frames)}
        if self.prior is None:
            del document["prior"]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        whole = {"prior": None, **document}
        return cls(**{**{each.name: whole[each.name] for each in fields(cls)}, "frames": tuple(document["frames"])})


@dataclass(frozen=True, kw_only=True)
class MergeReport:
    """One merge. Figures are rounded to what they are good for."""

    version: str = __version__
    """hdrfuse's."""
    scene: str
    method: str
    size_px: tuple[int, int]
    """Width and height of the result."""
    frames: tuple[FrameReport, ...]
    """Darkest first."""
    reference: int
    """Index of the frame whose motion the result shows."""
    response: ResponseReport
    ghost_fraction: float
    """Share of the picture where frames were rejected, 0 to 1."""
    filled_fraction: float
    """Share of the picture whose highlights something moving hides in the darker frames, 0 to 1."""
    warnings: tuple[str, ...] = ()
    unseen_fraction: float = 0.0
    """Share of the picture for which no frame has data, 0 to 1."""
    network: NetworkReport | None = None
    """None where none ran."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, in the order in which they ran; `total`, where files were written, is the whole."""
    peak_memory_mb: float | None = None
    """Largest resident size of the process by then."""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    """The files by what they are (`radiance`, `preview`, ...); none where none were written."""

    @property
    def reference_frame(self) -> FrameReport:
        """The frame whose motion the result shows."""
        return self.frames[self.reference]

    def as_json(self) -> dict[str, Any]:
        """Plain types, as `hdrfuse merge --json` prints them."""
        return {
            "hdrfuse": self.version,
            "scene": self.scene,
            "method": self.method,
            "size": list(self.size_px),
            "inputs": [frame.as_json() for frame in self.frames],
            "reference": {"index": self.reference, "name": self.reference_frame.name},
            "response": asdict(self.response),
            "ghost_fraction": self.ghost_fraction,
            "filled_fraction": self.filled_fraction,
            "warnings": list(self.warnings),
            "unseen_fraction": self.unseen_fraction,
            "network": None if self.network is None else self.network.as_json(),
            "tiles": None if self.network is None else self.network.tiles,
            "seconds": dict(self.seconds),
            "peak_memory_mb": self.peak_memory_mb,
            "outputs": {what: str(path) for what, path in self.outputs.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave, hdrfuse 0.1.0's too, which knew no frames without data."""
        network = document.get("network")
        width, height = document["size"]
        return cls(
            version=document["hdrfuse"],
            scene=document["scene"],
            method=document["method"],
            size_px=(width, height),
            frames=tuple(map(FrameReport.from_json, document["inputs"])),
            reference=document["reference"]["index"],
            response=ResponseReport.from_json(document["response"]),
            ghost_fraction=document["ghost_fraction"],
            filled_fraction=document["filled_fraction"],
            warnings=tuple(document["warnings"]),
            unseen_fraction=document.get("unseen_fraction") or 0.0,
            network=None if network is None else NetworkReport.from_json(network),
            seconds=dict(document["seconds"]),
            peak_memory_mb=document.get("peak_memory_mb"),
            outputs={what: Path(path) for what, path in document["outputs"].items()},
        )
