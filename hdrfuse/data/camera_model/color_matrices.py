"""Colour matrices of real cameras: how their sensors see the light of a display's primaries."""

import numpy as np
from numpy.typing import NDArray

from hdrfuse.data.splits import Split
from hdrfuse.formats.image import REC709
from hdrfuse.imaging.color import rgb_to_xyz

Matrix = NDArray[np.float64]

XYZ_TO_SENSOR: dict[Split, dict[str, tuple[int, ...]]] = {
    "train": {
        "Canon EOS 20D": (6599, -537, -891, -8071, 15783, 2424, -1983, 2234, 7462),
        "Canon EOS 50D": (4920, 616, -593, -6493, 13964, 2784, -1774, 3178, 7005),
        "Canon EOS 5D Mark III": (6722, -635, -963, -4287, 12460, 2028, -908, 2162, 5668),
        "Nikon D200": (8367, -2248, -763, -8758, 16447, 2422, -1527, 1550, 8053),
        "Nikon D3S": (8828, -2406, -694, -4874, 12603, 2541, -660, 1509, 7587),
        "Nikon D500": (8813, -3210, -1036, -4703, 12868, 2021, -1054, 1940, 6129),
    },
    "validation": {
        "Canon EOS 7D": (6844, -996, -856, -3876, 11761, 2396, -593, 1772, 6198),
        "Nikon D3100": (7911, -2167, -813, -5327, 13150, 2408, -1288, 2483, 7968),
    },
    "test": {
        "Canon EOS 30D": (6257, -303, -1000, -7880, 15621, 2396, -1714, 1904, 7046),
        "Canon EOS 6D": (7034, -804, -1014, -4420, 12564, 2058, -851, 1994, 5758),
        "Nikon D3": (8139, -2171, -663, -8747, 16541, 2295, -1925, 2008, 8093),
        "Nikon D4": (8598, -2848, -857, -5618, 13606, 2195, -1002, 1773, 7137),
        "Nikon D5100": (8198, -2239, -724, -4871, 12389, 2798, -1043, 2050, 7181),
    },
}
"""CIE XYZ under D65 to sensor channels, row by row, times 10,000: tag ColorMatrix2 of these cameras' DNG files."""


def sensor_matrix(camera: str, split: Split) -> Matrix:
    """Return the matrix (3, 3) from linear BT.709 to a camera's channels, green of white = 1."""
    from_xyz = np.array(XYZ_TO_SENSOR[split][camera], np.float64).reshape(3, 3) / 1e4
    from_rgb = from_xyz @ rgb_to_xyz(REC709)
    return np.asarray(from_rgb / from_rgb[1].sum(), np.float64)
