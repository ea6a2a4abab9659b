"""Models: opening, closing, what is in them."""

from __future__ import annotations

import ctypes
import operator
import os
import threading
import weakref
from ctypes import byref, c_size_t, c_void_p
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Type, TypeVar

import numpy as np

from . import _lib
from ._arrays import whole
from ._lib import lib
from ._memory import view
from .crystal import PathLike
from .errors import ArgumentError
from .graph import Graph, GraphOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_M = TypeVar("_M", bound="BaseModel")

_models: "weakref.WeakSet[BaseModel]" = weakref.WeakSet()


def _after_fork() -> None:
    """The threads of a session stay with the parent: the child makes its own."""
    for model in list(_models):
        model._lock = threading.Lock()
        model._session = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class BaseModel:
    """A model without what it computes."""

    def __init__(
        self, path: PathLike, *, threads: int = 0, kernels: Optional[str] = None, disorder: Optional[str] = None
    ) -> None:
        threads = whole(threads, "threads")
        pointer, error = c_void_p(), _lib.rcr_error()
        _lib.check(lib.rcr_model_load(byref(pointer), _lib.path_bytes(path), byref(error)), error)
        self._own(pointer.value or 0, threads, kernels)
        if disorder is not None:
            self.set_disorder(disorder)

    def _own(self, pointer: int, threads: int, kernels: Optional[str]) -> None:
        self._pointer = pointer
        self._session = 0
        self._n_sessions = 0  # made so far: what tells one from another, whose address may be that of one before it
        self._lock = threading.Lock()
        self._threads = threads
        self._kernels = kernels
        self._info: Optional[_lib.rcr_model_info] = None
        _models.add(self)

    @classmethod
    def _adopt(cls: Type[_M], pointer: int, threads: int = 0, kernels: Optional[str] = None) -> _M:
        model = cls.__new__(cls)
        model._own(pointer, threads, kernels)
        return model

    @classmethod
    def from_bytes(cls: Type[_M], data: bytes, *, threads: int = 0, kernels: Optional[str] = None) -> _M:
        """A model from the bytes of a model file.

        Raises
        ------
        ParseError, MismatchError
        """
        threads = whole(threads, "threads")
        pointer, error = c_void_p(), _lib.rcr_error()
        _lib.check(lib.rcr_model_parse(byref(pointer), data, len(data), byref(error)), error)
        return cls._adopt(pointer.value or 0, threads, kernels)

    def to_bytes(self) -> bytes:
        """What :meth:`save` writes."""
        pointer, length, error = c_void_p(), c_size_t(), _lib.rcr_error()
        _lib.check(lib.rcr_model_pack(byref(pointer), byref(length), self._c(), byref(error)), error)
        try:
            return ctypes.string_at(pointer.value or 0, length.value)
        finally:
            lib.rcr_free(pointer)

    def __reduce__(self) -> Any:
        return _restore_model, (type(self), self.to_bytes(), self._threads, self._kernels)

    def __copy__(self: _M) -> _M:
        return self

    def __deepcopy__(self: _M, _: Any) -> _M:
        return self._adopt_copy()

    def _adopt_copy(self: _M) -> _M:
        return type(self).from_bytes(self.to_bytes(), threads=self._threads, kernels=self._kernels)

    def _c(self) -> int:
        if not self._pointer:
            raise ValueError("the model is closed")
        return self._pointer

    def close(self) -> None:
        """Free its memory and threads now; using it afterwards is a ValueError."""
        with self._lock:
            session, self._session = self._session, 0
            pointer, self._pointer = self._pointer, 0
        if session:
            lib.rcr_session_free(session)
        if pointer:
            lib.rcr_model_free(pointer)

    def __enter__(self: _M) -> _M:
        self._c()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self, _free: Any = lib.rcr_model_free, _free_session: Any = lib.rcr_session_free) -> None:
        session, pointer = getattr(self, "_session", 0), getattr(self, "_pointer", 0)
        self._session = self._pointer = 0
        if session:
            _free_session(session)
        if pointer:
            _free(pointer)

    def _ready(self) -> int:
        """The session; the lock is held."""
        if not self._session:
            pointer, error = c_void_p(), _lib.rcr_error()
            kernels = None if self._kernels is None else _lib.plain_bytes(self._kernels, "kernels")
            status = lib.rcr_session_create(byref(pointer), self._c(), kernels, self._threads, byref(error))
            _lib.check(status, error)
            self._session = pointer.value or 0
            self._n_sessions += 1
        return self._session

    # ---- what it is

    def _describe(self) -> _lib.rcr_model_info:
        if self._info is None:
            self._info = lib.rcr_model_describe(self._c())
        self._c()
        return self._info

    @property
    def target(self) -> str:
        """What it predicts (the first of several targets); empty when the file does not say."""
        return _lib.text(self._describe().target)

    @property
    def unit(self) -> str:
        """Unit of that; empty when the file does not say."""
        return _lib.text(self._describe().unit)

    @property
    def n_targets(self) -> int:
        """T, how many properties it predicts at once."""
        return max(1, int(self._describe().options.n_targets))

    @property
    def targets(self) -> List[str]:
        """Their names."""
        return [_lib.text(lib.rcr_model_target(self._c(), k).name) for k in range(self.n_targets)]

    @property
    def units(self) -> List[str]:
        """Their units."""
        return [_lib.text(lib.rcr_model_target(self._c(), k).unit) for k in range(self.n_targets)]

    @property
    def has_std(self) -> bool:
        """Whether it predicts a standard deviation beside each value."""
        return bool(self._describe().options.variance)

    @property
    def task(self) -> str:
        """``"regression"`` or ``"classification"``."""
        return _lib.TASKS[self._describe().options.task]

    @property
    def architecture(self) -> str:
        """``"sr-cgcnn"`` or ``"cgcnn"``."""
        return _lib.ARCHITECTURES[self._describe().options.architecture]

    @property
    def options(self) -> Dict[str, Any]:
        """The shape of the network by name: depth, atom_features, hidden, ..."""
        o = self._describe().options
        named: Dict[str, Any] = {name: getattr(o, name) for name, *_ in o._fields_}
        named["architecture"], named["task"] = self.architecture, self.task
        for name in ("gate", "layer_norm", "variance"):
            named[name] = bool(named[name])
        return named

    @property
    def graph_options(self) -> GraphOptions:
        """How it makes graphs of crystals."""
        return GraphOptions._of(self._describe().graph)

    @property
    def n_members(self) -> int:
        """How many networks it averages: more than 1 of an ensemble."""
        return int(lib.rcr_model_members(self._c()))

    @property
    def n_parameters(self) -> int:
        """Trainable parameters, of all its networks."""
        return int(self._describe().n_parameters) * self.n_members

    @property
    def n_conv_parameters(self) -> int:
        """Of these, those of the convolutions with their batch norms."""
        return int(self._describe().n_conv_parameters) * self.n_members

    @property
    def metadata(self) -> Dict[str, str]:
        """What the file tells of its making: data, split, seed, scores."""
        key, value = ctypes.c_char_p(), ctypes.c_char_p()
        found: Dict[str, str] = {}
        i = 0
        while lib.rcr_model_entry(byref(key), byref(value), self._c(), i):
            found[_lib.text(key.value)] = _lib.text(value.value)
            i += 1
        return found

    @property
    def threads(self) -> int:
        """Threads that predict."""
        with self._lock:
            return int(lib.rcr_session_threads(self._ready()))

    @property
    def kernels(self) -> str:
        """The instruction set in use."""
        with self._lock:
            return _lib.text(lib.rcr_session_kernels(self._ready()))

    def __repr__(self) -> str:
        if not self._pointer:
            return "<Model, closed>"
        unit = f" ({self.unit})" if self.unit else ""
        networks = f" in {self.n_members} networks" if self.n_members > 1 else ""
        return f"<Model {self.architecture}, {self.n_parameters} parameters{networks}: {self.target or 'target unknown'}{unit}>"

    def set_disorder(self, disorder: str) -> None:
        """Take disordered crystals (``"average"``) or refuse them (``"refuse"``), whatever it was trained with."""
        error = _lib.rcr_error()
        number = _lib.choice(disorder, _lib.DISORDERS, "disorder")
        with self._lock:
            _lib.check(lib.rcr_model_set_disorder(self._c(), number, byref(error)), error)
            session, self._session, self._info = self._session, 0, None
        if session:
            lib.rcr_session_free(session)

    def graph(self, crystal: Any) -> Graph:
        """The graph of a crystal as the model makes it."""
        return Graph(crystal, self.graph_options)

    # ---- files, weights

    def save(self, path: PathLike) -> None:
        """Write a model file (.safetensors), whole or not at all."""
        error = _lib.rcr_error()
        _lib.check(lib.rcr_model_save(self._c(), _lib.path_bytes(path), byref(error)), error)

    def _taken(self: _M, member: int) -> _M:
        """One network of an ensemble, as a model of its own."""
        pointer, error = c_void_p(), _lib.rcr_error()
        number = operator.index(member)
        number = number if abs(number) < 2**31 else 0
        _lib.check(lib.rcr_model_take_member(byref(pointer), self._c(), number, byref(error)), error)
        return self._adopt(pointer.value or 0)

    def _refuse_ensemble(self, what: str) -> None:
        if self.n_members > 1:
            raise ArgumentError(
                f"the model is an ensemble of {self.n_members} networks, and {what} one: member=1 to {self.n_members} "
                "says which"
            )

    def export(self, path: PathLike, format: Optional[str] = None, *, member: Optional[int] = None) -> None:  # noqa: A002
        """Write the model for another program.

        Parameters
        ----------
        path : path
        format : {"checkpoint", "onnx", "atom-init"}, optional
            A checkpoint for CGCNN, SR-CGCNN and cgcnn2, an ONNX graph, or the element vectors; when not given, ONNX
            where the path ends in .onnx, element vectors where it ends in .json, else a checkpoint.
        member : int, optional
            Of an ensemble: the one network to write, counted from 1.  A checkpoint holds one and needs it; an ONNX
            graph holds all when it is not given.

        Raises
        ------
        ArgumentError
            A checkpoint of an ensemble, without member; there is no such network, or no such format.
        """
        name = os.fspath(path)
        if format is None:
            format = "onnx" if name.endswith(".onnx") else "atom-init" if name.endswith(".json") else "checkpoint"  # noqa: A001
        if member is not None:
            with self._taken(member) as taken:
                taken.export(path, format)
            return
        if format == "checkpoint":
            self._refuse_ensemble("a checkpoint holds")
        error = _lib.rcr_error()
        _lib.check(
            lib.rcr_model_export(self._c(), _lib.path_bytes(path), _lib.plain_bytes(format, "format"), byref(error)),
            error,
        )

    def state_dict(self, *, member: Optional[int] = None) -> "Dict[str, NDArray[Any]]":
        """Weights and running statistics by PyTorch's names, as copies: float32, and int64 for num_batches_tracked.

        Parameters
        ----------
        member : int, optional
            Of an ensemble: which network's, counted from 1.

        Raises
        ------
        ArgumentError
            The model is an ensemble and member is not given; or there is no such network.
        """
        if member is not None:
            with self._taken(member) as taken:
                return taken.state_dict()
        self._refuse_ensemble("a state_dict holds")
        tensor = _lib.rcr_tensor_view()
        found: "Dict[str, NDArray[Any]]" = {}
        i = 0
        while lib.rcr_model_tensor(byref(tensor), self._c(), i):
            shape = tuple(tensor.shape[: tensor.rank])
            name = _lib.text(tensor.name)
            found[name] = np.array(view(self, tensor.values, shape, np.float32))
            if name.endswith(".running_var"):
                tracked = lib.rcr_model_batches_tracked(self._c())
                found[name.replace("running_var", "num_batches_tracked")] = np.array(tracked, np.int64)
            i += 1
        return found

    def to_torch_state_dict(self, *, member: Optional[int] = None) -> Dict[str, Any]:
        """The same as PyTorch tensors, for ``load_state_dict`` of the published programs' networks.

        Parameters
        ----------
        member : int, optional
            As for :meth:`state_dict`.

        Raises
        ------
        ImportError
            When PyTorch is not installed.
        ArgumentError
            As of :meth:`state_dict`.
        """
        import torch

        return {name: torch.from_numpy(value) for name, value in self.state_dict(member=member).items()}


def _restore_model(cls: Type[BaseModel], data: bytes, threads: int, kernels: Optional[str]) -> BaseModel:
    return cls.from_bytes(data, threads=threads, kernels=kernels)
