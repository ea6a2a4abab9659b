"""Exceptions: one class for each status of the C library, with the file and line that it named."""

from __future__ import annotations

from typing import Optional


class RecrystError(Exception):
    """Something could not be done.

    Attributes
    ----------
    message : str
        One sentence: what is wrong and, where possible, what to do.
    file : str
        The file that it is about; empty when there is none.
    line : int
        The line in that file, from 1; 0 when it is not known.
    index : int or None
        Which of several inputs it is about, from 0; None when there is no such number.
    """

    def __init__(self, message: str, file: str = "", line: int = 0, index: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.index = index

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.file and self.line > 0 else "")
        return f"{place}: {self.message}" if place else self.message

    def __reduce__(self) -> "tuple[type[RecrystError], tuple[str, str, int, Optional[int]]]":
        return type(self), (self.message, self.file, self.line, self.index)


class ArgumentError(RecrystError, ValueError):
    """An argument or option makes no sense."""


class OutOfMemory(RecrystError, MemoryError):
    """Out of memory."""


class FileError(RecrystError, OSError):
    """A file can't be opened, read, written or renamed."""


class ParseError(RecrystError, ValueError):
    """A file is not what its format demands."""


class UnsupportedError(RecrystError, ValueError):
    """Well formed, but a feature that recryst does not handle."""


class DataError(RecrystError, ValueError):
    """Well formed, but useless: no sites, no volume, a target missing."""


class MismatchError(RecrystError, ValueError):
    """Two things that must agree do not: a model and data, a checkpoint and options."""


class NumericError(RecrystError, ArithmeticError):
    """A loss or a prediction is not a number."""


class LimitError(RecrystError, ValueError):
    """Larger than a documented limit."""


class Interrupted(RecrystError):
    """Stopped on request; what was reached is saved."""


class UnusableWarning(UserWarning):
    """Some inputs could not be used, and have NaN for a result."""


class TrainingStopped(UserWarning):
    """Training was interrupted; the best model so far is kept."""


# By rcr_status.
CLASSES: "dict[int, type[RecrystError]]" = {
    1: ArgumentError,
    2: OutOfMemory,
    3: FileError,
    4: ParseError,
    5: UnsupportedError,
    6: DataError,
    7: MismatchError,
    8: NumericError,
    9: LimitError,
    10: Interrupted,
}
