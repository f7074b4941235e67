"""What can go wrong, each kind with the exit code that the command line gives it."""

from enum import IntEnum


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
