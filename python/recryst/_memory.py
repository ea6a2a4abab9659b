"""Arrays over memory of the library, which keep its owner alive."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np


class _Memory:
    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: object, address: int, shape: Tuple[int, ...], typestr: str) -> None:
        self.owner = owner
        self.__array_interface__ = {"version": 3, "data": (address, True), "shape": shape, "typestr": typestr}


def view(owner: object, address: "int | None", shape: Tuple[int, ...], dtype: Any) -> "np.ndarray[Any, Any]":
    """A read-only array over `shape` values at an address, which stay valid as long as owner lives."""
    kind = np.dtype(dtype)
    if not address or 0 in shape:
        return np.zeros(shape, kind)
    return np.asarray(_Memory(owner, address, shape, kind.str))


def address(array: "np.ndarray[Any, Any]") -> int:
    """Where an array's values begin; in a third of the time that array.ctypes.data takes."""
    where: int = array.__array_interface__["data"][0]
    return where
