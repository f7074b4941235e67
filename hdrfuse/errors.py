"""What can go wrong, each kind with the exit code that the command line gives it."""

import errno
from enum import IntEnum

OUT_OF_MEMORY = "out of memory"

LACKS_MEMORY = (
    OUT_OF_MEMORY, "can't allocate memory", "not enough memory", "insufficient memory", "cannot allocate memory",
    "unable to allocate", "bad_alloc", "bad allocation",
)  # fmt: skip
"""What libraries say in words alone: CUDA and Pillow, torch on Linux and Windows, OpenCV, the system, numpy, C++."""

NO_PRIMITIVE = "could not create a primitive"
"""All that oneDNN says where it finds no memory for a convolution's code."""


class ExitCode(IntEnum):
    """Exit status of every command."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    PARTIAL_BATCH = 3
    INTERRUPTED = 130


class HdrfuseError(Exception):
    """Processing failed; the message is one line that names the file, what was found and what was expected."""

    exit_code = ExitCode.FAILED


class BadInputError(HdrfuseError):
    """What the user gave cannot be worked with."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(BadInputError):
    """An option's value makes no sense, alone or with the others."""


class ImageError(BadInputError):
    """A file cannot be read as the image that it claims to be."""


class BracketError(BadInputError):
    """The files do not form a bracket: too few, of different sizes, of different channels."""


class ExposureError(BracketError):
    """The exposures are missing, equal or not numbers."""


class OutputError(BadInputError):
    """The output cannot be written where it was asked for; known before the work."""


class WriteError(HdrfuseError):
    """Writing the output failed after the work: a full disk, a vanished folder."""


class OutOfMemoryError(HdrfuseError, MemoryError):
    """Memory ran out over something that can be named."""


class WeightsError(BadInputError):
    """A weights file is missing, damaged or not one of ours."""


class DeviceError(BadInputError):
    """The device that was asked for is not there."""


class StoppedError(HdrfuseError):
    """The user asked a run to end; what it did is saved."""

    exit_code = ExitCode.INTERRUPTED


class PartialBatchError(HdrfuseError):
    """Some scenes of a batch failed; the others are done."""

    exit_code = ExitCode.PARTIAL_BATCH


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or a GPU had no memory left, whichever library tells of it."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, HdrfuseError) or (isinstance(error, OSError) and error.errno is not None):
        return isinstance(error, OSError) and error.errno == errno.ENOMEM
    text = str(error).lower()
    return text == NO_PRIMITIVE or any(words in text for words in LACKS_MEMORY)


def reason_of(error: BaseException) -> str:
    """What an exception says, in one line that is never empty: its kind where it says nothing."""
    if is_out_of_memory(error) and not isinstance(error, HdrfuseError):
        return OUT_OF_MEMORY
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__
