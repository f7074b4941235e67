"""OpenCV as a decoder of bytes in memory that keeps its remarks to itself."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hdrfuse.formats.quiet import silenced


def decoded_by_opencv(file: bytes, flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any] | None:
    """Decode a whole file in memory; None if OpenCV finds it damaged, of which neither it nor its libraries tell."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with silenced():
            return cv2.imdecode(np.frombuffer(file, np.uint8), flags)
    except cv2.error:
        return None
