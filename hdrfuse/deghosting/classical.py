"""The classical method: all frames merged by inverse variance, without the ghosts that were detected."""

from hdrfuse.deghosting.deghoster import DeghostedRadiance, Deghoster, MethodOptions, RegisteredBracket
from hdrfuse.imaging.merging.merge import merge
from hdrfuse.progress import Clock


class Classical(Deghoster):
    """Takes every frame, and no network."""

    def merge(
        self, bracket: RegisteredBracket, options: MethodOptions, loaded: None, clock: Clock
    ) -> DeghostedRadiance:  # fmt: skip
        """Merge. Raises MemoryError."""
        with clock.stage("merging", 1.0) as advance:
            radiance = merge(bracket.frames, bracket.reference, bracket.detection.ghosts, progress=advance)
        return DeghostedRadiance(radiance=radiance)
