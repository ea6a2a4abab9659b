"""Crystals."""

from __future__ import annotations

import os
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _lib, elements
from ._arrays import numbers
from ._lib import lib
from ._memory import address, view
from .errors import ArgumentError, DataError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PathLike = Union[str, "os.PathLike[str]"]
Number = Union[int, float, bool, str]


class Crystal:
    """A periodic crystal.  It does not change once it is made.

    Parameters
    ----------
    lattice : array_like, shape (3, 3)
        Lattice vectors a, b, c as rows, in angstrom.
    species : sequence of length n_sites
        What is on each site: an atomic number, a symbol such as ``"Fe"``, or for a disordered site a mapping from
        either to its occupancy, such as ``{"Fe": 0.5, "Co": 0.25}`` (the rest is vacant).
    positions : array_like, shape (n_sites, 3)
        Fractional coordinates, not necessarily in [0, 1); Cartesian ones in angstrom where `cartesian` is true.
    cartesian : bool, default False
        What `positions` are.
    id : str, optional
        Name of the material.
    properties : mapping, optional
        What is known about it, such as ``{"band_gap": 1.1}``.

    Raises
    ------
    DataError
        Numbers that are not finite, a cell without volume, occupancies that make no sense.
    ArgumentError
        Arrays of another shape, species that are no elements.

    Examples
    --------
    >>> import recryst
    >>> salt = recryst.Crystal([[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]], ["Na", "Cl"], [[0, 0, 0], [.5, .5, .5]])
    >>> salt.formula
    'NaCl'
    """

    __slots__ = ("__weakref__", "_pointer", "_struct", "file", "line", "properties")

    _pointer: int
    _struct: Optional[_lib.rcr_crystal]
    #: The file it was read from; "" when it was not.
    file: str
    #: The line where it begins in that file, from 1; 0 when it is not known.
    line: int
    #: What is known about it; keys as in the file that it was read from.  A number in decimal becomes int or float,
    #: true and false bool, and all else (also nan and inf) stays text.
    properties: Dict[str, Number]

    def __init__(
        self,
        lattice: "ArrayLike",
        species: Iterable[Any],
        positions: "ArrayLike",
        *,
        cartesian: bool = False,
        id: str = "",  # noqa: A002
        properties: Optional[Mapping[str, Number]] = None,
    ) -> None:
        self._pointer = 0
        numbers, sites, parts, shares = _species(species)
        self._make(
            _floats(lattice, "lattice"), numbers, _floats(positions, "positions"), cartesian, id, sites, parts, shares
        )
        self.properties = dict(properties) if properties else {}

    def _make(
        self,
        lattice: "NDArray[np.float64]",
        numbers: "NDArray[np.uint8]",
        positions: "NDArray[np.float64]",
        cartesian: bool,
        name: str,
        sites: Sequence[int] = (),
        parts: Sequence[int] = (),
        shares: Sequence[float] = (),
    ) -> None:
        """From contiguous arrays of the right types."""
        n = len(numbers)
        if lattice.shape != (3, 3):
            raise ArgumentError(f"the lattice has shape {lattice.shape}; it is (3, 3), with vectors as rows")
        if positions.shape != (n, 3):
            raise ArgumentError(f"the positions have shape {positions.shape}; for {n} sites it is ({n}, 3)")
        pointer, error = c_void_p(), _lib.rcr_error()
        n_species = len(sites)
        entries: "Tuple[Optional[int], Optional[int], Optional[int]]" = (None, None, None)
        if n_species:
            # The arrays are kept until the call is over.
            arrays = (np.array(sites, np.int32), np.array(parts, np.uint8), np.array(shares, np.float64))
            entries = (address(arrays[0]), address(arrays[1]), address(arrays[2]))
        status = lib.rcr_crystal_make(
            byref(pointer),
            _lib.plain_bytes(name, "a crystal's id"),
            address(lattice),
            n,
            address(positions),
            1 if cartesian else 0,
            address(numbers),
            n_species,
            *entries,
            byref(error),
        )
        _lib.check(status, error)
        self._own(pointer.value or 0)

    def _own(self, pointer: int, file: str = "", line: int = 0) -> None:
        self._pointer = pointer
        self._struct = None
        self.file = file
        self.line = line

    @classmethod
    def _adopt(cls, pointer: int, file: str, line: int, properties: Dict[str, Number]) -> "Crystal":
        crystal = cls.__new__(cls)
        crystal._own(pointer, file, line)
        crystal.properties = properties
        return crystal

    def __del__(self, _free: Any = lib.rcr_crystal_free) -> None:
        pointer = getattr(self, "_pointer", 0)
        if pointer:
            self._pointer = 0
            _free(pointer)

    def _c(self) -> _lib.rcr_crystal:
        if self._struct is None:
            self._struct = _lib.rcr_crystal.from_address(self._pointer)
        return self._struct

    # ---- what it is

    @property
    def id(self) -> str:
        """Name of the material."""
        return _lib.text(self._c().id)

    @property
    def lattice(self) -> "NDArray[np.float64]":
        """Lattice vectors as rows, angstrom; shape (3, 3), read-only."""
        return view(self, self._pointer + _lib.rcr_crystal.lattice.offset, (3, 3), np.float64)

    @property
    def fractional(self) -> "NDArray[np.float64]":
        """Fractional coordinates; shape (n_sites, 3), read-only, without a copy."""
        return view(self, self._c().frac, (len(self), 3), np.float64)

    @property
    def cartesian(self) -> "NDArray[np.float64]":
        """Cartesian coordinates, angstrom; shape (n_sites, 3)."""
        return self.fractional @ self.lattice

    @property
    def atomic_numbers(self) -> "NDArray[np.uint8]":
        """Atomic numbers; of a disordered site, the one with the largest share; shape (n_sites,), read-only."""
        return view(self, self._c().atomic_number, (len(self),), np.uint8)

    @property
    def symbols(self) -> List[str]:
        """The symbols of :attr:`atomic_numbers`."""
        return [elements.SYMBOLS[z] for z in self.atomic_numbers]

    @property
    def is_ordered(self) -> bool:
        """Whether every site is one whole atom."""
        return not self._c().species_offset

    @property
    def species(self) -> List[Dict[str, float]]:
        """For each site, symbols and occupancies."""
        c = self._c()
        if not c.species_offset:
            return [{symbol: 1.0} for symbol in self.symbols]
        offset = view(self, c.species_offset, (len(self) + 1,), np.int32)
        number = view(self, c.species_number, (int(offset[-1]),), np.uint8)
        share = view(self, c.species_occupancy, (int(offset[-1]),), np.float64)
        return [
            {elements.SYMBOLS[number[k]]: float(share[k]) for k in range(offset[i], offset[i + 1])}
            for i in range(len(self))
        ]

    @property
    def volume(self) -> float:
        """Volume of the cell, cubic angstrom."""
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def formula(self) -> str:
        """What the cell holds, elements in the order of the sites: ``'Na4Cl4'``."""
        amounts: Dict[str, float] = {}
        for site in self.species:
            for symbol, share in site.items():
                amounts[symbol] = amounts.get(symbol, 0.0) + share
        return "".join(s + ("" if abs(x - 1) < 1e-8 else f"{round(x, 6):g}") for s, x in amounts.items())

    def __len__(self) -> int:
        return int(self._c().n_sites)

    def __repr__(self) -> str:
        name = f" {self.id!r}" if self.id else ""
        return f"<Crystal{name}: {self.formula}, {len(self)} site{'' if len(self) == 1 else 's'}>"

    def __eq__(self, other: object) -> bool:
        """Whether lattice, positions and species are the same to the last bit; ids and properties do not count."""
        if not isinstance(other, Crystal):
            return NotImplemented
        return (
            len(self) == len(other)
            and np.array_equal(self.lattice, other.lattice)
            and np.array_equal(self.fractional, other.fractional)
            and self.species == other.species
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Tuple[Any, ...]:
        species: List[Any] = self.species if not self.is_ordered else self.atomic_numbers.tolist()
        state = (
            np.array(self.lattice),
            species,
            np.array(self.fractional),
            self.id,
            self.properties,
            self.file,
            self.line,
        )
        return _restore_crystal, state

    # ---- from and to other packages

    @classmethod
    def from_ase(cls, atoms: Any) -> "Crystal":
        """From an ``ase.Atoms``, periodic in all three directions.

        Occupancies that ASE's CIF reader left in ``atoms.info`` are taken, but for atoms that were given an element
        since that is not among those of their site; so is ``atoms.info["id"]``.  ASE counts every atom that is added
        later to the first site: one of an element of that site gets its occupancies.  Delete
        ``atoms.info["occupancy"]`` where each atom stands for itself.

        Raises
        ------
        DataError
            Not periodic, no volume, numbers that are not finite.
        ArgumentError
            Atomic numbers that are no elements (ASE's "X").
        """
        crystal = cls.__new__(cls)
        crystal._pointer = 0
        arrays = atoms.arrays
        if not atoms.pbc.all():
            raise DataError("pbc says that it is not periodic in all three directions")
        wide = arrays["numbers"]
        numbers = wide.astype(np.uint8)
        if numbers.tolist() != wide.tolist() or 0 in numbers:
            wrong = int(wide[(wide < 1) | (wide > 118)][0])
            raise ArgumentError(f"{wrong} is not the atomic number of an element (1 to 118)")
        name = atoms.info.get("id", "")
        sites: List[int] = []
        parts: List[int] = []
        shares: List[float] = []
        if "occupancy" in atoms.info:
            _ase_occupancies(atoms, sites, parts, shares)
        crystal._make(
            np.ascontiguousarray(atoms.cell.array, np.float64),
            numbers,
            np.ascontiguousarray(arrays["positions"], np.float64),
            True,
            name if isinstance(name, str) else str(name),
            sites,
            parts,
            shares,
        )
        crystal.properties = {}
        return crystal

    def to_ase(self) -> Any:
        """An ``ase.Atoms``.

        Raises
        ------
        ImportError
            When ASE is not installed.
        UnsupportedError
            For a disordered crystal, which ``Atoms`` has no place for.
        """
        from ase import Atoms

        if not self.is_ordered:
            raise UnsupportedError(f"{self!r} is disordered, and ase.Atoms has no place for that")
        info = {"id": self.id} if self.id else {}
        return Atoms(
            numbers=self.atomic_numbers, scaled_positions=self.fractional, cell=self.lattice, pbc=True, info=info
        )

    @classmethod
    def from_pymatgen(cls, structure: Any) -> "Crystal":
        """From a pymatgen ``Structure``; disordered ones too.

        Raises
        ------
        DataError
            Not periodic in all three directions, numbers that are not finite, no volume.
        ArgumentError
            Species that are no elements, such as dummy species.
        """
        lattice = structure.lattice
        if not all(getattr(lattice, "pbc", (True, True, True))):
            raise DataError("pbc says that it is not periodic in all three directions")
        species: List[Any] = []
        for site in structure:
            parts = site.species
            if len(parts) == 1 and abs(parts.num_atoms - 1) < 1e-8:
                species.append(next(iter(parts)))
            else:
                shares: Dict[int, float] = {}
                for element, share in parts.items():
                    number = elements.atomic_number(element)
                    shares[number] = shares.get(number, 0.0) + float(share)
                species.append(shares)
        properties = {k: v for k, v in (structure.properties or {}).items() if isinstance(v, (int, float, str, bool))}
        return cls(lattice.matrix, species, structure.frac_coords, properties=properties)

    def to_pymatgen(self) -> Any:
        """A pymatgen ``Structure``.

        Raises
        ------
        ImportError
            When pymatgen is not installed.
        """
        from pymatgen.core import Structure

        species: List[Any] = self.symbols if self.is_ordered else self.species
        return Structure(self.lattice, species, self.fractional)

    @classmethod
    def read(cls, path: PathLike) -> "Crystal":
        """The first structure of a file of any format that recryst reads, as :func:`read` gives it.

        Raises
        ------
        FileError, ParseError, DataError, UnsupportedError
            With the file and, where it is known, the line.
        """
        from .files import first_of  # which needs this module

        return first_of(path)


def _restore_crystal(
    lattice: Any, species: Any, fractional: Any, name: str, properties: Dict[str, Number], file: str, line: int
) -> Crystal:
    crystal = Crystal(lattice, species, fractional, id=name, properties=properties)
    crystal.file, crystal.line = file, line
    return crystal


def _floats(values: "ArrayLike", what: str) -> "NDArray[np.float64]":
    return np.ascontiguousarray(numbers(values, what))


def _species(species: Iterable[Any]) -> "Tuple[NDArray[np.uint8], List[int], List[int], List[float]]":
    """Atomic numbers, and entries (site, number, share) of the disordered sites."""
    if isinstance(species, (str, bytes)):
        raise ArgumentError(f"species is a list with an entry for each site, not the text {species!r}")
    numbers: List[int] = []
    sites: List[int] = []
    parts: List[int] = []
    shares: List[float] = []
    for i, entry in enumerate(species):
        if not isinstance(entry, Mapping):
            numbers.append(elements.atomic_number(entry))
            continue
        if not entry:
            raise ArgumentError(f"site {i} holds nothing")
        best = (-1.0, 0)
        for part, share in entry.items():
            number = elements.atomic_number(part)
            sites.append(i)
            parts.append(number)
            shares.append(_share(share, part, i))
            best = max(best, (shares[-1], -number))
        numbers.append(-best[1])
    return np.array(numbers, np.uint8), sites, parts, shares


def _share(value: Any, part: Any, site: int) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"the occupancy of {part} on site {site} is {value!r}; it is a number") from None


def _ase_occupancies(atoms: Any, sites: List[int], parts: List[int], shares: List[float]) -> None:
    """What ASE's CIF reader says of sites that are shared or partly vacant."""
    occupancy = atoms.info["occupancy"]
    kinds = atoms.arrays.get("spacegroup_kinds")
    if kinds is None or not isinstance(occupancy, Mapping):
        return
    for i, (kind, number) in enumerate(zip(kinds, atoms.arrays["numbers"])):
        entry = occupancy.get(str(kind), occupancy.get(int(kind)))
        # One that was substituted, or added: ASE gives those the kind 0.
        if entry and number not in map(elements.NUMBERS.get, entry):
            continue
        listed = [(symbol, _share(share, symbol, i)) for symbol, share in entry.items()] if entry else []
        if not listed or (len(listed) == 1 and abs(listed[0][1] - 1) < 1e-8):
            continue
        for symbol, share in listed:
            sites.append(i)
            parts.append(elements.atomic_number(symbol))
            shares.append(share)


def is_path(value: object) -> bool:
    """Whether a value is taken for a path."""
    return isinstance(value, (str, os.PathLike))


def check_listed(values: Any, what: str) -> None:
    """Refuse what gives names when it is iterated over, which would be taken for paths, or crystals in no order."""
    if isinstance(values, (Mapping, bytes, set, frozenset)) or hasattr(values, "columns"):
        kind = type(values).__name__
        raise TypeError(f"{what} is a list of crystals, not {kind}; of a frame give the column that has them")


def as_crystal(value: Any) -> Crystal:
    """A crystal from whatever stands for one.

    Parameters
    ----------
    value : Crystal, ase.Atoms, pymatgen Structure or path
        Of a file, its first structure.

    Raises
    ------
    TypeError
        For anything else.
    RecrystError
        When no crystal can be made of it.
    """
    if isinstance(value, Crystal):
        return value
    if is_path(value):
        return Crystal.read(value)
    if hasattr(value, "arrays") and hasattr(value, "cell") and hasattr(value, "pbc"):
        return Crystal.from_ase(value)
    if hasattr(value, "lattice") and hasattr(value, "frac_coords"):
        return Crystal.from_pymatgen(value)
    if hasattr(value, "structure"):  # pymatgen's entries
        return as_crystal(value.structure)
    raise TypeError(
        f"a crystal is a path, a recryst.Crystal, an ase.Atoms or a pymatgen Structure, not {type(value).__name__}"
    )


def is_crystal_like(value: object) -> bool:
    """Whether :func:`as_crystal` would try (paths aside)."""
    return (
        isinstance(value, Crystal)
        or (hasattr(value, "arrays") and hasattr(value, "cell") and hasattr(value, "pbc"))
        or (hasattr(value, "lattice") and hasattr(value, "frac_coords"))
    )
