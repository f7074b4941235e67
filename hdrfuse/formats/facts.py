"""What stands beside a merged radiance: how a file that hdrfuse wrote was made."""

from pathlib import Path

from hdrfuse.formats.image import RadianceFacts
from hdrfuse.formats.kinds import identify
from hdrfuse.formats.reading import reader_of, refusing
from hdrfuse.formats.writers import writable_suffixes, writer_of


def read_facts(path: Path) -> RadianceFacts:
    """Return what `write_image` wrote beside the pixels; the provenance of another program's file is empty.

    Raises ImageError if the file is missing, damaged in its header or of another kind than its suffix says.
    """
    with refusing(path):
        header = reader_of(identify(path)).read_header(path)
        provenance, white = dict[str, str](), None
        if path.suffix.lower() in writable_suffixes():
            provenance, white = writer_of(path).load().read_statement(path)
    return RadianceFacts(
        chromaticities=header.chromaticities,
        capture=header.capture,
        white_luminance_cd_m2=_number(white),
        provenance=provenance,
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
