"""What is given to a model, on its way to the library."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional

from . import _lib
from .crystal import Crystal, check_listed, is_crystal_like, is_path
from .dataset import Dataset
from .errors import RecrystError, UnusableWarning
from .graph import Graph

# Crystals that go to the library at a time.
CHUNK = 1024
# The same where they are crystals already, so that nothing but the library takes time.
BULK = 16384


@dataclass
class _Batch:
    """Some inputs on their way to the library."""

    n: int
    pointers: Any  # (c_void_p * n), or the address of n addresses
    is_graph: bool
    first: int = 0
    # Why entries have no pointer, by place in the batch.
    errors: Dict[int, RecrystError] = field(default_factory=dict)
    # What the pointers belong to; None: a stream, which tells ids and files.
    owners: Optional[List[Any]] = None
    chunk: Optional[_lib.rcr_chunk] = None
    keep: Any = None  # where the pointers lie
    # Where its rows `first` to `first` + `n` are meant, as graphs that Python holds or without any.
    dataset: Optional[Dataset] = None

    def ids(self) -> List[str]:
        if self.chunk is not None:
            return [_lib.text(raw) for raw in self.chunk.id[: self.n]]
        if self.dataset is not None:
            return [_lib.text(row.id) for row in self.dataset._rows(self.first, self.n)]
        return [owner.id if isinstance(owner, Crystal) else "" for owner in self.owners or []]

    def files(self) -> List[str]:
        if self.chunk is not None:
            return [_lib.text(raw) for raw in self.chunk.file[: self.n]]
        if self.dataset is not None:
            return [self.dataset.path] * self.n
        return [owner.file if isinstance(owner, Crystal) else "" for owner in self.owners or []]


# Lists that on_failed fills, by the context that the library hands back.
_failures: Dict[int, Dict[int, RecrystError]] = {}


def _on_failed(context: int, index: int, error: Any) -> None:
    _failures[context][index] = _lib.to_exception(error[0], index)


_ON_FAILED = _lib.FAILED(_on_failed)


class _Failures:
    """Collects why single crystals have no result."""

    def __init__(self) -> None:
        self.errors: Dict[int, RecrystError] = {}
        self.events = _lib.rcr_events(id(self), _lib.PROGRESS(), _ON_FAILED)

    def __enter__(self) -> "_Failures":
        _failures[id(self)] = self.errors
        return self

    def __exit__(self, *_: object) -> None:
        del _failures[id(self)]


def _items(x: Any) -> Iterable[Any]:
    """The inputs of a call one by one."""
    if is_path(x) or isinstance(x, Graph) or is_crystal_like(x):
        return (x,)
    if isinstance(x, (bytes, Mapping)) or not hasattr(x, "__iter__"):
        raise TypeError(
            "what to predict is a path, a recryst.Crystal, an ase.Atoms, a pymatgen Structure, "
            f"or a list or generator of these, not {type(x).__name__}"
        )
    if hasattr(x, "columns"):
        check_listed(x, "what to predict")
    found: Iterable[Any] = x
    return found


def _name_failures(batch: _Batch, failures: Mapping[int, RecrystError]) -> None:
    """Add what failed in the library, with the place and the file of each."""
    for i, problem in failures.items():
        if i in batch.errors:
            continue
        problem.index = batch.first + i
        if not problem.file and batch.chunk is not None:
            problem.file = _lib.text(batch.chunk.file[i])
        elif not problem.file and batch.dataset is not None:
            problem.file = batch.dataset.path
        elif not problem.file and batch.owners is not None and isinstance(batch.owners[i], Crystal):
            problem.file, problem.line = batch.owners[i].file, batch.owners[i].line
        batch.errors[i] = problem


def _warn(failed: Mapping[int, RecrystError], n: int) -> None:
    if failed:
        first = min(failed)
        warnings.warn(
            f"{len(failed)} of {n} inputs can't be used and are NaN; the first, {first}: {failed[first]}",
            UnusableWarning,
            stacklevel=3,
        )


class _Bar:
    """A bar of tqdm, or nothing."""

    def __init__(self, wanted: bool, x: Any) -> None:
        self._bar: Any = None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                raise ImportError("progress=True needs tqdm (pip install tqdm)") from None
            alone = is_path(x) or is_crystal_like(x)
            alone = alone or (hasattr(x, "__len__") and not isinstance(x, Dataset) and any(is_path(i) for i in x))
            total = len(x) if not alone and hasattr(x, "__len__") else None
            self._bar = tqdm(total=total, unit=" structures")

    def __enter__(self) -> "_Bar":
        return self

    def update(self, n: int) -> None:
        if self._bar is not None:
            self._bar.update(n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
