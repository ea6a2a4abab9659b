"""Finding, loading and importing models."""

from __future__ import annotations

import difflib
import os
from ctypes import byref, c_void_p
from typing import Any, List, Optional, Sequence

from . import _lib
from ._arrays import whole
from ._lib import lib
from .crystal import PathLike
from .errors import FileError
from .model import Model


def _model_folders() -> List[str]:
    given = os.environ.get("RECRYST_MODELS")
    package = os.path.dirname(os.path.abspath(__file__))
    own = os.path.join(package, "models")
    tree = os.path.dirname(os.path.dirname(package))  # the sources, where the package is used as it lies there
    if not os.path.isdir(own) and os.path.isfile(os.path.join(tree, "models", "train.sh")):
        own = os.path.join(tree, "models")
    return ([given] if given else []) + [own]


def models() -> List[str]:
    """Names of the models that :func:`load` knows: shipped ones, and those in the folder ``RECRYST_MODELS``."""
    ending = ".safetensors"
    found: "set[str]" = set()
    for folder in _model_folders():
        if os.path.isdir(folder):
            found.update(f[: -len(ending)] for f in os.listdir(folder) if f.endswith(ending) and not f.startswith("."))
    return sorted(found)


def _find(name: PathLike) -> PathLike:
    plain = os.fspath(name)
    if not isinstance(plain, str):
        raise TypeError("a model's path is a str or os.PathLike of str")
    if os.path.exists(plain):
        return plain
    if os.sep not in plain:
        for folder in _model_folders():
            for candidate in (plain, plain + ".safetensors"):
                path = os.path.join(folder, candidate)
                if os.path.isfile(path):
                    return path
    known = models()
    near: Sequence[str] = difflib.get_close_matches(plain, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"those are: {', '.join(known)}" if known else "none were found"
    raise FileError(f"{plain!r} is no file or folder, and no shipped model ({hint})")


def load(name: PathLike, *, threads: int = 0, kernels: Optional[str] = None, disorder: Optional[str] = None) -> Model:
    """Load a model.

    Parameters
    ----------
    name : path or str
        A model file (.safetensors), a run directory, or the name of a shipped model (:func:`models`).
    threads : int, default 0
        Threads that predict; 0: all cores that this process may use.
    kernels : {"ref", "base", "avx2", "avx512"}, optional
        The instruction set; the best of the machine when not given.
    disorder : {"refuse", "average"}, optional
        Take disordered crystals or refuse them, whatever the model was trained with.

    Raises
    ------
    FileError
        There is no such model.
    ParseError, MismatchError, UnsupportedError
        The file is no model, or is damaged.
    """
    return Model(_find(name), threads=threads, kernels=kernels, disorder=disorder)


def import_checkpoint(
    path: PathLike,
    *,
    atom_init: Optional[PathLike] = None,
    target: str = "",
    unit: str = "",
    threads: int = 0,
    **graph: Any,
) -> Model:
    """A model from a checkpoint of CGCNN, SR-CGCNN or cgcnn2.  It is read as data: nothing in it is run.

    Parameters
    ----------
    path : path
        ``model_best.pth.tar``, a ``.ckpt``, ...
    atom_init : path, optional
        The element vectors that it was trained with; CGCNN's published ones when not given.
    target, unit : str
        What it predicts, which checkpoints do not say.
    **graph
        Where the checkpoint does not say them: radius, dmin, step, max_neighbors, padding ("reference" when not
        given), ties, tie_tolerance, disorder, as in :class:`GraphOptions`.

    Raises
    ------
    FileError, ParseError, UnsupportedError, MismatchError
    ArgumentError
        max_neighbors or tie_tolerance out of its range.
    """
    request = lib.rcr_import_request_default()
    words = {"padding": _lib.PADDINGS, "ties": _lib.TIES, "disorder": _lib.DISORDERS}
    for name, value in graph.items():
        if name in words:
            setattr(request, name, _lib.choice(value, words[name], name))
        elif name in ("radius", "dmin", "step", "tie_tolerance"):
            setattr(request, name, float(value))
        elif name == "max_neighbors":
            request.max_neighbors = whole(value, name, -(2**31))
        else:
            raise TypeError(f"import_checkpoint has no argument {name!r}")
    # ctypes keeps these alive with the struct.
    request.atom_init = None if atom_init is None else _lib.path_bytes(atom_init)
    request.target = _lib.plain_bytes(target, "target")
    request.unit = _lib.plain_bytes(unit, "unit")
    threads = whole(threads, "threads")
    pointer, error = c_void_p(), _lib.rcr_error()
    _lib.check(lib.rcr_model_import(byref(pointer), _lib.path_bytes(path), byref(request), byref(error)), error)
    return Model._adopt(pointer.value or 0, threads)


__all__ = ["import_checkpoint", "load", "models"]
