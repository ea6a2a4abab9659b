"""What NumPy and pandas give as targets, labels, weights and numbers, checked before anything is learnt from them."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

import numpy as np

from .errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# What is learnt stands under this name in the training data, or under this and a number.
TARGET = "target"


def whole(value: Any, what: str, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number of any type that has such (numpy's too); ctypes would cut off what does not fit."""
    try:
        is_whole = isinstance(value, (float, np.floating)) and value == value // 1
        number = operator.index(int(value) if is_whole else value)
    except (TypeError, OverflowError):
        raise ArgumentError(f"{what} is {value!r}; it is a whole number") from None
    if not least <= number <= most:
        raise ArgumentError(f"{what} is {number}; it is at least {least}" + (f", at most {most}" * (number > most)))
    return number


def _is_missing(value: Any) -> bool:
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return False


def _missing(array: "NDArray[Any]") -> "NDArray[np.bool_]":
    """Which entries stand for no value."""
    if array.dtype.kind == "O":
        return np.array([_is_missing(value) for value in array.ravel()], bool).reshape(array.shape)
    if array.dtype.kind in "mM":
        return np.asarray(np.isnat(array), bool)
    found: "NDArray[np.bool_]" = np.isnan(array) if array.dtype.kind in "fc" else np.zeros(array.shape, bool)
    return found


def numbers(values: Any, what: str) -> "NDArray[np.float64]":
    """An array of numbers; NaN where one is missing or masked."""
    try:
        mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
        array = np.asarray(values)
        if array.dtype.kind in "cmM":  # numpy would make numbers of these, but others than were meant
            raise TypeError
        if array.dtype.kind == "O":
            gone = _missing(array)
            array = np.where(gone, 0, array).astype(np.float64)
            array[gone] = np.nan
        array = array.astype(np.float64, copy=mask is not None)
        if mask is not None:
            array[mask] = np.nan
    except (TypeError, ValueError):
        raise ArgumentError(f"{what} can't be made an array of numbers") from None
    return array


def _one_column(array: "NDArray[Any]") -> "NDArray[Any]":
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def targets(y: "ArrayLike") -> "NDArray[np.float64]":
    """Targets (n,), or (n, T) of several; they may be NaN."""
    values = _one_column(numbers(y, "y"))
    if values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise ArgumentError(f"y has shape {values.shape}; it is (n,), or (n, T) of several targets")
    return values


def check_targets(values: "NDArray[np.float64]", weight: "Optional[NDArray[np.float64]]", what: str = "target") -> None:
    """Refuse a row that counts and has no target, or one that is infinite."""
    wrong = ~np.isfinite(values) if values.ndim == 1 else np.isinf(values).any(axis=1) | np.isnan(values).all(axis=1)
    if weight is not None:
        wrong &= weight > 0
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(f"{what} {i} is {values[i]}, not a finite number")


def names_of(y: Any) -> Optional[List[str]]:
    """Names of the targets: those of a frame's columns; None where they have none."""
    columns = getattr(y, "columns", None)
    if columns is None:
        return None
    names = [str(name) for name in columns]
    odd = [name for name in names if not name or name != name.strip() or "," in name or names.count(name) > 1]
    if odd:
        raise ArgumentError(
            f"the column {odd[0]!r} of y: names are different, not empty, without commas and blanks around them"
        )
    return names


def numbered(T: int) -> List[str]:
    """Names for T targets that have none."""
    return [TARGET] if T == 1 else [f"{TARGET}_{k + 1}" for k in range(T)]


def in_order(
    values: "NDArray[np.float64]", given: Optional[List[str]], names: Optional[List[str]], what: str
) -> "NDArray[np.float64]":
    """The columns of a frame in the order of `names`; as they are where either side has no names."""
    if given is None or names is None or given == names:
        return values
    if sorted(given) != sorted(names):
        raise ArgumentError(f"{what} has the columns {', '.join(given)}; the targets are {', '.join(names)}")
    return values[:, [given.index(name) for name in names]]


def weights(weight: "Optional[ArrayLike]", n: int) -> "Optional[NDArray[np.float64]]":
    """Weights of n rows, not all of them 0; None where there are none."""
    if weight is None:
        return None
    values = numbers(weight, "sample_weight")
    if values.ndim == 0:
        values = np.full(n, values)
    if values.shape != (n,):
        raise ArgumentError(f"sample_weight has shape {values.shape}; there are {n} rows, so it is ({n},)")
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(f"sample_weight {i} is {values[i]}, not a finite number of 0 or more")
    if n > 0 and not values.any():
        raise ArgumentError("every sample_weight is 0")
    return values


def labels(y: Any, what: str = "y") -> "Tuple[NDArray[Any], NDArray[np.bool_]]":
    """Labels (n,), and which of them are missing."""
    # numpy makes the text "nan" of a NaN beside texts: what is missing is looked for before.
    plain = np.asarray(y, object) if isinstance(y, (list, tuple)) else np.asarray(y)
    gone = _missing(plain) | (np.ma.getmaskarray(y) if isinstance(y, np.ma.MaskedArray) else False)
    try:
        found, gone = _one_column(np.asarray(y)), _one_column(gone)
    except ValueError:
        raise ArgumentError(f"{what} can't be made an array of labels") from None
    if found.ndim != 1:
        raise ArgumentError(f"{what} has shape {found.shape}; it is (n,)")
    return found, gone


def check_labels(gone: "NDArray[np.bool_]", weight: "Optional[NDArray[np.float64]]", what: str = "label") -> None:
    """Refuse a row that counts and has no label."""
    wrong = gone if weight is None else gone & (weight > 0)
    if wrong.any():
        raise ArgumentError(f"{what} {int(np.flatnonzero(wrong)[0])} is missing; NaN is no class")


def classes_of(found: "NDArray[Any]", weight: "Optional[NDArray[np.float64]]") -> "NDArray[Any]":
    """The two labels of the rows that count, in ascending order."""
    try:
        classes: "NDArray[Any]" = np.unique(found if weight is None else found[weight > 0])
    except TypeError:
        raise ArgumentError("the labels of y are of kinds that have no order") from None
    if len(classes) != 2:
        raise ArgumentError(f"y holds {len(classes)} classes{'' if weight is None else ' that have a weight'}; two")
    return classes


def equal(found: "NDArray[Any]", others: Any) -> "NDArray[np.bool_]":
    """Which labels are those of others, or the one that others is; they may be of different kinds, and missing."""
    pairs = zip(found.astype(object), np.broadcast_to(np.asarray(others), found.shape).astype(object))
    return np.array([not _is_missing(a) and bool(a == b) for a, b in pairs], bool)


def r2(target: "NDArray[np.float64]", value: "NDArray[np.float64]", weight: "NDArray[np.float64]") -> float:
    """R^2 over the rows that have a target."""
    known = np.isfinite(target)
    t, v, w = target[known], value[known], weight[known]
    mean = np.average(t, weights=w)
    residual, total = float(np.sum(w * (t - v) ** 2)), float(np.sum(w * (t - mean) ** 2))
    return 1 - residual / total if total > 0 else float(residual == 0)


def split(y: "NDArray[np.float64]", fraction: float, seed: int, classes: bool) -> List[str]:
    """A part for each row: a share that validates, drawn by the seed; of each class alike."""
    if not 0 < fraction < 1:
        raise ArgumentError(f"validation_fraction is {fraction!r}; between 0 and 1")
    if len(y) < 2:
        raise ArgumentError(f"n_samples={len(y)}, too few: some rows train, some choose the best epoch")
    random = np.random.RandomState(seed % (1 << 32))
    parts = np.full(len(y), "train", dtype="<U5")
    groups: Tuple[Any, ...] = (np.flatnonzero(y == 0), np.flatnonzero(y == 1)) if classes else (np.arange(len(y)),)
    for rows in groups:
        n = min(max(1, round(len(rows) * fraction)), len(rows) - 1)
        parts[random.permutation(rows)[:n]] = "val"
    if not (parts == "val").any():
        raise ArgumentError("too few rows: some train, some choose the best epoch")
    named: List[str] = parts.tolist()
    return named
