"""A batch whose results are there already, and that merges nothing any more."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from fuzz.sound_images import RGB
from hdrfuse.batch.journal import JOURNAL, Journal
from hdrfuse.batch.request import BatchRequest, run_batch
from hdrfuse.batch.scheduler import Event, Failed, Finished, Work
from hdrfuse.batch.settings import BatchSettings
from hdrfuse.batch.work import SceneWork
from hdrfuse.options import MergeOptions


class InPlace:
    """A scheduler that does the work at once, in this process, or refuses to."""

    slots = 1

    def __init__(self, *, merging: bool) -> None:
        self.merging = merging
        self.events: list[Event] = []

    def submit(self, work: Work, *, alone: bool = False) -> None:
        if not self.merging:
            self.events.append(Failed(key=work.key, reason="is not merged here"))
            return
        steps = work.start(nobody_listens)
        steps.read()
        steps.merge()
        self.events.append(Finished(key=work.key, result=steps.write()))

    def collect(self) -> Sequence[Event]:
        events, self.events = self.events, []
        return events

    stop = collect

    def close(self) -> None: ...


def nobody_listens(stage: str, share: float) -> None:
    """Hear of progress."""


def nobody(works: Sequence[SceneWork], journal: Journal) -> tuple[InPlace, int]:
    """Schedule for nobody."""
    return InPlace(merging=False), 1


def in_place(works: Sequence[SceneWork], journal: Journal) -> tuple[InPlace, int]:
    """Schedule for this process."""
    return InPlace(merging=True), 1


def request_of(out: Path) -> BatchRequest:
    """Return what the user asked for: the frames beside a folder of results, merged into it."""
    settings = BatchSettings(options=MergeOptions(method="classical", response="srgb", align=False))
    return BatchRequest(root=out.parent / "shoot", out=out, settings=settings)


def write_frames(folder: Path) -> None:
    """Write a bracket of three small pictures, exposures in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for ev in (-2, 0, 2):
        pixels = (RGB * 2.0 ** (ev / 2.2)).clip(0, 255).astype("uint8")
        Image.fromarray(pixels).save(folder / f"frame_{ev:+d}EV.jpg")


def write_results(out: Path) -> bytes:
    """Merge the bracket -> its journal."""
    write_frames(out.parent / "shoot")
    run_batch(request_of(out), schedule=in_place)
    return (out / JOURNAL).read_bytes()
