"""Pictures inside a page: shrunk, encoded as JPEG and written as data URIs, within what the page may weigh."""

import warnings
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from hdrfuse.errors import ImageError

ReportPicture = Path | bytes
"""A JPEG or PNG: a file, or a file's bytes."""

PAGE_BYTES = 44_000_000
"""What all pictures of a page may weigh; it opens in 3 s and stays below 60 MB with its text."""


@dataclass(frozen=True)
class Ladder:
    """What a kind of picture may be shrunk to."""

    steps: tuple[tuple[int, int], ...]
    """Long side in pixels and JPEG quality, best first."""
    share: float = 1.0
    """What one may weigh, against a picture of a whole frame."""


WHOLE = Ladder(
    (
        (1024, 85), (1024, 78), (1024, 70), (896, 70), (768, 70), (640, 68), (512, 65), (384, 60), (256, 50),
        (128, 45),
    )
)  # fmt: skip
"""For pictures of a whole frame."""

CROPS = Ladder(((512, 95), (512, 90), (512, 82), (256, 75), (128, 70)), share=0.3)
"""For crops, which are there to look at pixels."""

THUMBNAIL = (192, 70)

FULL_CHROMA_FROM = 90
"""JPEG quality from which colours are not stored at half the resolution."""


@dataclass(frozen=True, kw_only=True)
class Inlined:
    """A picture as a page holds it."""

    uri: str
    """`data:image/jpeg;base64,...`."""
    width: int
    height: int


class Album:
    """The pictures of one page: they share its bytes, and what one leaves the following may have."""

    def __init__(self, *, shares: float, page_bytes: float = PAGE_BYTES) -> None:
        """Expect pictures whose shares, each its ladder's, have so large a sum, in so many bytes of the page."""
        self.shares = shares
        self.page_bytes = page_bytes
        self._steps: dict[Ladder, int] = {}

    def inline(self, pictures: Sequence[ReportPicture], ladder: Ladder = WHOLE) -> list[Inlined]:
        """Return pictures that are compared with one another, all on the same step of the ladder.

        Raises ImageError, which names the file, for a picture that cannot be read.
        """
        opened = [_opened(picture, ladder.steps[0][0]) for picture in pictures]
        if not opened:
            return []
        shares = len(opened) * ladder.share
        allowed = self.page_bytes * min(1.0, shares / max(self.shares, 1e-6))
        step = max(0, self._steps.get(ladder, 0) - 1)
        while True:
            encoded = [_encoded(picture, *ladder.steps[step]) for picture in opened]
            weight = sum(len(each.uri) for each in encoded)
            if weight <= allowed or step == len(ladder.steps) - 1:
                break
            step += 1
        self._steps[ladder] = step
        self.shares -= shares
        self.page_bytes = max(0.0, self.page_bytes - weight)
        return encoded


def thumbnail(picture: ReportPicture) -> Inlined:
    """Return a picture as small as it stands in a list. Raises ImageError."""
    return _encoded(_opened(picture, THUMBNAIL[0]), *THUMBNAIL)


def _opened(picture: ReportPicture, side_px: int) -> Image.Image:
    """Decode a picture as RGB, a large JPEG at an eighth, a quarter or half its size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
                image.draft("RGB", (side_px, side_px))
                return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        name = "a picture" if isinstance(picture, bytes) else str(picture)
        raise ImageError(f"{name}: cannot be shown: {error}") from error


def _encoded(picture: Image.Image, side_px: int, quality: int) -> Inlined:
    scale = min(1.0, side_px / max(picture.size))
    if scale < 1.0:
        width, height = (max(1, round(extent * scale)) for extent in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = BytesIO()
    subsampling = "4:4:4" if quality >= FULL_CHROMA_FROM else "4:2:0"
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling, optimize=True)
    uri = "data:image/jpeg;base64," + b64encode(stream.getvalue()).decode("ascii")
    return Inlined(uri=uri, width=picture.width, height=picture.height)
