"""Reading and writing crystals."""

from __future__ import annotations

import ctypes
import os
import re
import warnings
from ctypes import byref, c_size_t, c_void_p
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Sequence, Union

import numpy as np

from . import _lib
from ._arrays import numbers, whole
from ._lib import lib
from .crystal import Crystal, Number, PathLike, as_crystal, check_listed, is_crystal_like, is_path
from .errors import ArgumentError, FileError, RecrystError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


# A number in decimal, as the library reads it: ASCII digits, and Fortran's d may stand for e. What else int and float
# take ("12_3", " 1", "inf", digits of other scripts) is text.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")


def _value(raw: bytes) -> Number:
    """A property as a number where it is one."""
    word = _lib.text(raw)
    if word in ("true", "false"):
        return word == "true"
    if len(word) <= 300 and _WHOLE.fullmatch(word):  # Python refuses whole numbers of thousands of digits
        return int(word)
    if _NUMBER.fullmatch(word):
        return float(word.replace("d", "e").replace("D", "e"))
    return word


class _Structures:
    """The C reader of a file's structures, a chunk at a time."""

    def __init__(self, path: PathLike, threads: int) -> None:
        pointer, error = c_void_p(), _lib.rcr_error()
        self._pointer = 0
        _lib.check(
            lib.rcr_structures_open(byref(pointer), _lib.path_bytes(path), whole(threads, "threads"), byref(error)),
            error,
        )
        self._pointer = pointer.value or 0
        self._process = os.getpid()

    def next(self, most: int = 256) -> "List[Union[Crystal, RecrystError]]":
        if os.getpid() != self._process:
            raise RuntimeError("a reader can't be used in a forked process; open the file there")
        rows = ctypes.POINTER(_lib.rcr_structure)()
        n, error = c_size_t(), _lib.rcr_error()
        _lib.check(lib.rcr_structures_next(byref(rows), byref(n), self._pointer, most, byref(error)), error)
        return [self._take(rows[i]) for i in range(n.value)]

    @staticmethod
    def _take(row: _lib.rcr_structure) -> "Union[Crystal, RecrystError]":
        if not row.crystal:
            return _lib.to_exception(row.error)
        pointer = row.crystal
        row.crystal = None
        properties = {_lib.text(row.key[k]): _value(row.value[k]) for k in range(row.n_properties)}
        return Crystal._adopt(pointer, _lib.text(row.file), row.line, properties)

    def close(self) -> None:
        pointer, self._pointer = self._pointer, 0
        if pointer and os.getpid() == self._process:
            lib.rcr_structures_close(pointer)

    __del__ = close


def read(path: PathLike, *, errors: str = "raise", threads: int = 0) -> Iterator[Crystal]:
    """The structures of a file, a folder or an archive, one after the other; memory does not grow with their number.

    Parameters
    ----------
    path : path
        A file of any format that recryst reads (CIF, POSCAR, extended XYZ, JSON, ASE database, CSV, ...; packed or
        not), a folder or an archive of such, or a dataset in CGCNN's layout.
    errors : {"raise", "warn", "ignore"}, default "raise"
        What to do with a structure that can't be used: raise its error, warn and go on, or go on.  A path that holds
        no structures at all counts as one.
    threads : int, default 0
        Threads that parse; 0: all cores.

    Yields
    ------
    Crystal
        With :attr:`~Crystal.id`, :attr:`~Crystal.file`, :attr:`~Crystal.line` and :attr:`~Crystal.properties`.

    Raises
    ------
    FileError, ParseError, UnsupportedError, DataError
        When the path can't be read at all, and for a structure with ``errors="raise"``.
    """
    _lib.choice(errors, ("raise", "warn", "ignore"), "errors")
    return _iterate(_Structures(path, threads), errors)


def _iterate(reader: _Structures, errors: str) -> Iterator[Crystal]:
    try:
        rows = reader.next()
        while rows:
            for row in rows:
                if isinstance(row, Crystal):
                    yield row
                elif errors == "raise":
                    raise row
                elif errors == "warn":
                    warnings.warn(str(row), stacklevel=2)
            rows = reader.next()
    finally:
        reader.close()


def first_of(path: PathLike) -> Crystal:
    """The first structure of a file or an archive."""
    if os.path.isdir(path):
        raise FileError("can't read: it is a folder", os.fspath(path))
    reader = _Structures(path, 1)
    try:
        (row,) = reader.next(1)
    finally:
        reader.close()
    if isinstance(row, Crystal):
        return row
    raise row


def _all_of(items: Any) -> Iterator[Crystal]:
    for item in items:
        if is_path(item):
            yield from read(item)
        else:
            yield as_crystal(item)


def write(
    path: PathLike,
    crystals: Any,
    properties: "Optional[Mapping[str, ArrayLike]]" = None,
    *,
    ids: Optional[Sequence[str]] = None,
    format: Optional[str] = None,  # noqa: A002
) -> None:
    """Write crystals to one file, which appears when it is complete.

    Parameters
    ----------
    path : path
        Its ending tells the format: .cif, .vasp, .extxyz, .xyz, .json or .jsonl.
    crystals : Crystal, ase.Atoms, pymatgen Structure, path, or iterable of these
        Of a path, all structures that it holds.  POSCAR holds one, the others any number.  JSON lines keep every bit
        of every crystal, disordered ones too.
    properties : mapping from name to array of length n, optional
        Numbers to write beside each (extxyz and JSON), also a frame; those that are not finite, or missing, are left out.
    ids : sequence of str, optional
        Names in place of the crystals' own.  CIF has room for no more than 70 ASCII letters, digits and some marks, and
        where that makes names the same, or they are, all blocks after the first get a number: NAME-2, NAME-3, ...
    format : {"cif", "poscar", "extxyz", "json", "jsonl"}, optional
        In place of what the ending says.

    Raises
    ------
    FileError, ArgumentError, DataError, UnsupportedError
    """
    alone = is_path(crystals) or is_crystal_like(crystals)
    if not alone:
        check_listed(crystals, "what to write")
    taken = list(_all_of([crystals] if alone else crystals))
    n = len(taken)
    names = [] if properties is None else list(properties)
    columns = [] if properties is None else [numbers(properties[name], f"property {name!r}") for name in names]
    for name, column in zip(names, columns):
        if column.shape != (n,):
            raise ArgumentError(f"property {name!r} has shape {column.shape}; for {n} crystals it is ({n},)")
    if ids is not None and len(ids) != n:
        raise ArgumentError(f"{len(ids)} ids for {n} crystals")
    values = np.ascontiguousarray(np.column_stack(columns)) if columns else np.zeros((n, 0))
    pointers = (c_void_p * max(n, 1))(*[c._pointer for c in taken])
    error = _lib.rcr_error()
    _lib.check(
        lib.rcr_crystals_write(
            _lib.path_bytes(path),
            None if format is None else _lib.plain_bytes(format, "format"),
            pointers,
            _lib.strings([_lib.plain_bytes(i, "an id") for i in ids]) if ids is not None else None,
            n,
            _lib.strings([_lib.plain_bytes(name, "a property's name") for name in names]),
            values.ctypes.data,
            len(names),
            byref(error),
        ),
        error,
    )
