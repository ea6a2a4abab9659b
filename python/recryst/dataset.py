"""Datasets: crystals as graphs, with their targets."""

from __future__ import annotations

from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Iterator, List, Optional

import numpy as np

from . import _lib
from ._arrays import numbered, whole
from ._lib import lib
from .crystal import PathLike
from .errors import RecrystError
from .graph import Graph, GraphOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import Model


class Dataset:
    """A dataset in any form that ``recryst train`` takes, its crystals as graphs in memory or in a mapped graph store.

    Parameters
    ----------
    path : path
        A folder or archive in CGCNN's layout (id_prop.csv beside ID.cif files), a CSV table with a column of file
        names or CIFs, extended XYZ, JSON (pymatgen, Matbench, pandas, OPTIMADE), an ASE database, or a graph store.
    target : str, optional
        Which column or property to read, or several with commas between them; None: the only one.
    need_target : bool, default True
        Whether a row without a value for it is unusable.
    options : GraphOptions, optional
        How graphs are made; the defaults when not given.
    model : Model, optional
        Take its graph options and elements, so that it can predict the dataset.
    threads : int, default 0
        0: all cores.

    Raises
    ------
    FileError, ParseError, DataError
        The data can't be read, or no row is usable.
    ArgumentError
        There is no such target, or several and none named: the message lists them.
    """

    __slots__ = ("__weakref__", "_pointer", "_targets", "options")

    #: How the graphs were made.
    options: GraphOptions

    def __init__(
        self,
        path: PathLike,
        target: Optional[str] = None,
        *,
        need_target: bool = True,
        options: Optional[GraphOptions] = None,
        model: "Optional[Model]" = None,
        threads: int = 0,
    ) -> None:
        self._pointer = 0
        self._targets: "Optional[NDArray[np.float64]]" = None
        self.options = model.graph_options if model is not None else options if options is not None else GraphOptions()
        pointer, error = c_void_p(), _lib.rcr_error()
        graph = self.options._c()
        _lib.check(
            lib.rcr_dataset_open(
                byref(pointer),
                _lib.path_bytes(path),
                None if target is None else _lib.plain_bytes(target, "target"),
                1 if need_target else 0,
                byref(graph),
                model._c() if model is not None else None,
                whole(threads, "threads"),
                byref(error),
            ),
            error,
        )
        self._pointer = pointer.value or 0

    def __del__(self, _free: Any = lib.rcr_dataset_free) -> None:
        pointer = getattr(self, "_pointer", 0)
        if pointer:
            self._pointer = 0
            _free(pointer)

    def __reduce__(self) -> Any:
        raise TypeError("a Dataset can't be pickled; open it again from its path")

    def _facts(self) -> _lib.rcr_dataset_facts:
        facts = lib.rcr_dataset_describe(self._pointer)
        assert isinstance(facts, _lib.rcr_dataset_facts)
        return facts

    @property
    def name(self) -> str:
        """The last part of the path; of a store, of what it was made from."""
        return _lib.text(self._facts().name)

    @property
    def path(self) -> str:
        """As given."""
        return _lib.text(self._facts().path)

    @property
    def sha256(self) -> str:
        """Over the ids, targets and structures of all rows."""
        return _lib.text(self._facts().sha256)

    @property
    def target(self) -> str:
        """Name of the target, or of several as they were given; empty when none was read."""
        return _lib.text(self._facts().target)

    @property
    def target_names(self) -> List[str]:
        """The names of the targets, one by one; [""] when none was read."""
        found: List[str] = []
        while (name := lib.rcr_dataset_target_name(self._pointer, len(found))) is not None:
            found.append(_lib.text(name))
        return found

    @property
    def n_rows(self) -> int:
        """Rows of the source, usable or not."""
        return int(self._facts().n_rows)

    def __len__(self) -> int:
        """Usable rows."""
        return int(self._facts().n_usable)

    def __repr__(self) -> str:
        unusable = self.n_rows - len(self)
        return f"<Dataset {self.name!r}: {len(self)} rows{f', {unusable} unusable' if unusable else ''}, target {self.target!r}>"

    def _rows(self, first: int = 0, n: Optional[int] = None) -> Iterator[_lib.rcr_dataset_row]:
        for i in range(first, len(self) if n is None else first + n):
            row = _lib.rcr_dataset_row()
            lib.rcr_dataset_usable(byref(row), self._pointer, i)
            yield row

    @property
    def ids(self) -> List[str]:
        """Of the usable rows, in the order of the source."""
        return [_lib.text(row.id) for row in self._rows()]

    @property
    def targets(self) -> "NDArray[np.float64]":
        """Of the usable rows; NaN where there is none; shape (n,), or (n, T) of several targets."""
        if self._targets is None:
            n, T = len(self), len(self.target_names)
            each = (lib.rcr_dataset_target(self._pointer, i, k) for i in range(n) for k in range(T))
            values = np.fromiter(each, np.float64, n * T)
            self._targets = values if T == 1 else values.reshape(n, T)
            self._targets.flags.writeable = False
        return self._targets

    @property
    def rows(self) -> "NDArray[np.int64]":
        """Place of each usable row in the source, from 0; shape (n,)."""
        return np.fromiter((row.row for row in self._rows()), np.int64, len(self))

    @property
    def n_atoms(self) -> "NDArray[np.int64]":
        """Atoms of each crystal; shape (n,)."""
        return np.fromiter((row.n_atoms for row in self._rows()), np.int64, len(self))

    @property
    def errors(self) -> "List[RecrystError]":
        """Why the other rows can't be used; ``index`` is the row's place in the source."""
        found: List[RecrystError] = []
        row = _lib.rcr_dataset_row()
        while lib.rcr_dataset_unusable(byref(row), self._pointer, len(found)):
            found.append(_lib.to_exception(row.error[0], int(row.row)))
        return found

    def graph(self, i: int) -> Graph:
        """The graph of a usable row, distances in single precision.

        Raises
        ------
        IndexError
        """
        n = len(self)
        if not -n <= i < n:
            raise IndexError(f"row {i} of {n}")
        pointer, error = c_void_p(), _lib.rcr_error()
        _lib.check(lib.rcr_dataset_graph(byref(pointer), self._pointer, i % n, byref(error)), error)
        return Graph._adopt(pointer.value or 0, self.options)

    def __getitem__(self, i: int) -> Graph:
        return self.graph(i)

    def to_frame(self) -> Any:
        """A pandas frame with the columns id, row, n_atoms and the target, or each of several.

        A target of one of these names is called target; where one of several is, they are target_1, target_2, ...

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        import pandas as pd

        columns = {"id": self.ids, "row": self.rows, "n_atoms": self.n_atoms}
        names = self.target_names
        if self.target:
            if set(names) & set(columns):
                names = numbered(len(names))
            columns.update(zip(names, np.array(self.targets).reshape(len(self), -1).T))
        return pd.DataFrame(columns)
