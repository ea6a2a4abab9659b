"""Crystal graphs."""

from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Dict, Optional

import numpy as np

from . import _lib
from ._arrays import whole
from ._lib import lib
from ._memory import view
from .crystal import as_crystal
from .errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class GraphOptions:
    """How a crystal becomes a graph (Xie and Grossman 2018).

    Parameters
    ----------
    radius : float, default 8.0
        Neighbours are at most so far away, angstrom.
    max_neighbors : int, default 12
        At most so many for each atom, the nearest.
    dmin, step : float, default 0.0 and 0.2
        Centre of the first Gaussian, and spacing and width of the Gaussians, angstrom.
    padding : {"none", "reference"}
        An atom with fewer neighbours: leave the missing edges out, or pad as CGCNN's program does.
    ties : {"cut", "keep"}
        Neighbours at one distance where `max_neighbors` cuts: keep the number, or the whole shell.
    tie_tolerance : float, default 0.0
        Distances closer than this are equal, angstrom; 0: automatic.
    disorder : {"refuse", "average"}
        Disordered sites: an error, or the mean of the species' vectors.
    """

    radius: float = 8.0
    max_neighbors: int = 12
    dmin: float = 0.0
    step: float = 0.2
    padding: str = "none"
    ties: str = "cut"
    tie_tolerance: float = 0.0
    disorder: str = "refuse"

    def _c(self) -> _lib.rcr_graph_options:
        try:
            return _lib.rcr_graph_options(
                float(self.radius),
                whole(self.max_neighbors, "max_neighbors", -(2**31)),
                float(self.dmin),
                float(self.step),
                _lib.choice(self.padding, _lib.PADDINGS, "padding"),
                _lib.choice(self.ties, _lib.TIES, "ties"),
                float(self.tie_tolerance),
                _lib.choice(self.disorder, _lib.DISORDERS, "disorder"),
            )
        except ArgumentError:
            raise
        except (TypeError, ValueError, OverflowError) as problem:
            raise ArgumentError(f"graph options: {problem}") from None

    @classmethod
    def _of(cls, c: _lib.rcr_graph_options) -> "GraphOptions":
        return cls(
            c.radius,
            c.max_neighbors,
            c.dmin,
            c.step,
            _lib.PADDINGS[c.padding],
            _lib.TIES[c.ties],
            c.tie_tolerance,
            _lib.DISORDERS[c.disorder],
        )

    @property
    def n_gaussians(self) -> int:
        """K, the number of Gaussians: from `dmin` to at or past `radius`."""
        return int(lib.rcr_graph_options_n_gaussians(byref(self._c())))

    def to_dict(self) -> Dict[str, Any]:
        """The options by name."""
        return asdict(self)


class Graph:
    """The graph of a crystal: N atoms and E directed edges, from a neighbour (source) to the atom it surrounds.

    Parameters
    ----------
    crystal : Crystal, ase.Atoms, pymatgen Structure or path
        What to make the graph of.
    options : GraphOptions, optional
        The defaults when not given.
    **changes
        Options by name, in place of those, such as ``radius=6.0``.

    Raises
    ------
    ArgumentError
        Options out of their range.
    DataError, UnsupportedError
        A crystal that no graph can be made of.

    Examples
    --------
    >>> graph = recryst.Graph("NaCl.cif", max_neighbors=6)
    >>> graph.distances.reshape(graph.n_atoms, 6)
    """

    __slots__ = ("__weakref__", "_pointer", "_struct", "options")

    #: What it was made with.
    options: GraphOptions

    def __init__(self, crystal: Any, options: Optional[GraphOptions] = None, **changes: Any) -> None:
        self._pointer = 0
        base = options if options is not None else GraphOptions()
        unknown = [name for name in changes if name not in GraphOptions.__dataclass_fields__]
        if unknown:
            raise TypeError(f"there is no graph option {unknown[0]!r}")
        self.options = GraphOptions(**{**asdict(base), **changes})
        taken = as_crystal(crystal)
        pointer, error = c_void_p(), _lib.rcr_error()
        _lib.check(
            lib.rcr_graph_build(byref(pointer), taken._pointer, byref(self.options._c()), byref(error)),
            error,
        )
        self._own(pointer.value or 0)

    def _own(self, pointer: int) -> None:
        self._pointer = pointer
        self._struct = _lib.rcr_graph.from_address(pointer)

    @classmethod
    def _adopt(cls, pointer: int, options: GraphOptions) -> "Graph":
        graph = cls.__new__(cls)
        graph.options = options
        graph._own(pointer)
        return graph

    def __del__(self, _free: Any = lib.rcr_graph_free) -> None:
        pointer = getattr(self, "_pointer", 0)
        if pointer:
            self._pointer = 0
            _free(pointer)

    def __reduce__(self) -> Any:
        raise TypeError("a Graph can't be pickled; pickle the crystal, which is smaller")

    @property
    def n_atoms(self) -> int:
        """N."""
        return int(self._struct.n_atoms)

    @property
    def n_edges(self) -> int:
        """E."""
        return int(self._struct.n_edges)

    def __len__(self) -> int:
        return self.n_atoms

    def __repr__(self) -> str:
        return f"<Graph: {self.n_atoms} atoms, {self.n_edges} edges>"

    @property
    def atomic_numbers(self) -> "NDArray[np.uint8]":
        """Shape (N,), read-only."""
        return view(self, self._struct.atomic_number, (self.n_atoms,), np.uint8)

    @property
    def offsets(self) -> "NDArray[np.int32]":
        """Edges of atom i are ``offsets[i]`` to ``offsets[i + 1] - 1``; shape (N + 1,), read-only."""
        return view(self, self._struct.offset, (self.n_atoms + 1,), np.int32)

    @property
    def neighbors(self) -> "NDArray[np.int32]":
        """The atom that each edge comes from; shape (E,), read-only."""
        return view(self, self._struct.neighbor, (self.n_edges,), np.int32)

    @property
    def distances(self) -> "NDArray[np.float64]":
        """Angstrom, ascending within each atom; shape (E,), read-only."""
        return view(self, self._struct.distance, (self.n_edges,), np.float64)

    @property
    def edge_index(self) -> "NDArray[np.int64]":
        """Sources and targets of the edges; shape (2, E)."""
        target = np.repeat(np.arange(self.n_atoms), np.diff(self.offsets))
        return np.stack([self.neighbors.astype(np.int64), target.astype(np.int64)])

    def gaussians(self) -> "NDArray[np.float32]":
        """The distances expanded in Gaussians, exp(-(d - mu_k)^2 / step^2); shape (E, K)."""
        o = self.options
        centre = o.dmin + o.step * np.arange(o.n_gaussians)
        return np.exp(-(((self.distances[:, None] - centre) / o.step) ** 2)).astype(np.float32)


def to_torch_geometric(graph: Any, y: "Optional[ArrayLike]" = None) -> Any:
    """A ``torch_geometric.data.Data`` of a graph, for PyTorch Geometric's layers and loaders.

    Parameters
    ----------
    graph : Graph, or a crystal as for :class:`Graph`, which is given default options
    y : float or array_like, shape (T,), optional
        The target, or T targets.

    Returns
    -------
    torch_geometric.data.Data
        ``z`` (N,) atomic numbers; ``edge_index`` (2, E) sources and targets, grouped by target; ``edge_attr`` (E, K)
        the Gaussians; ``distance`` (E,) in angstrom; and, where given, ``y`` (1,) or (1, T), so that a batch of B
        graphs has (B,) or (B, T).

    Raises
    ------
    ImportError
        When PyTorch Geometric is not installed.
    ArgumentError
        Targets of more than one dimension.
    """
    import torch
    from torch_geometric.data import Data

    taken = graph if isinstance(graph, Graph) else Graph(graph)
    data = Data(
        z=torch.from_numpy(taken.atomic_numbers.astype(np.int64)),
        edge_index=torch.from_numpy(taken.edge_index),
        edge_attr=torch.from_numpy(taken.gaussians()),
        distance=torch.from_numpy(taken.distances.astype(np.float32)),
        num_nodes=taken.n_atoms,
    )
    if y is not None:
        target = np.asarray(y, np.float32)
        if target.ndim > 1:
            raise ArgumentError(f"y has shape {target.shape}; of one graph it is a number, or (T,)")
        data.y = torch.from_numpy(target.reshape(1, *target.shape))
    return data
