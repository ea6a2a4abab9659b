"""The shared library: its structs and functions as include/recryst.h declares them.

Nothing else in the package talks to ctypes' loader.  A foreign call lets go of the interpreter lock, so that other
threads of Python run while C works.  tests/test_layout.py holds every struct against the header.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_long,
    c_size_t,
    c_uint64,
    c_void_p,
)
from typing import Any, Optional, Sequence

from . import errors

ABI = 1


class rcr_error(Structure):
    _fields_ = [("status", c_int), ("file", c_char * 256), ("line", c_long), ("message", c_char * 512)]


class rcr_crystal(Structure):
    _fields_ = [
        ("id", c_char_p),
        ("lattice", c_double * 9),
        ("n_sites", c_int32),
        ("frac", c_void_p),
        ("atomic_number", c_void_p),
        ("species_offset", c_void_p),
        ("species_number", c_void_p),
        ("species_occupancy", c_void_p),
    ]


class rcr_graph_options(Structure):
    _fields_ = [
        ("radius", c_double),
        ("max_neighbors", c_int32),
        ("dmin", c_double),
        ("step", c_double),
        ("padding", c_int),
        ("ties", c_int),
        ("tie_tolerance", c_double),
        ("disorder", c_int),
    ]


class rcr_graph(Structure):
    _fields_ = [
        ("n_atoms", c_int32),
        ("n_edges", c_int32),
        ("atomic_number", c_void_p),
        ("offset", c_void_p),
        ("neighbor", c_void_p),
        ("distance", c_void_p),
        ("species_offset", c_void_p),
        ("species_number", c_void_p),
        ("species_occupancy", c_void_p),
    ]


class rcr_model_options(Structure):
    _fields_ = [
        ("architecture", c_int),
        ("task", c_int),
        ("depth", c_int32),
        ("gate", c_int32),
        ("layer_norm", c_int32),
        ("atom_features", c_int32),
        ("hidden", c_int32),
        ("hidden_layers", c_int32),
        ("n_targets", c_int32),
        ("variance", c_int32),
    ]


class rcr_model_info(Structure):
    _fields_ = [
        ("options", rcr_model_options),
        ("graph", rcr_graph_options),
        ("n_parameters", c_int64),
        ("n_conv_parameters", c_int64),
        ("target", c_char_p),
        ("unit", c_char_p),
    ]


class rcr_target_info(Structure):
    _fields_ = [("name", c_char_p), ("unit", c_char_p), ("transform", c_char_p)]


class rcr_embedding(Structure):
    _fields_ = [
        ("n_crystals", c_size_t),
        ("n_steps", c_int32),
        ("n_features", c_int32),
        ("row_offset", c_void_p),
        ("values", c_void_p),
        ("status", c_void_p),
    ]


class rcr_structure(Structure):
    _fields_ = [
        ("crystal", c_void_p),
        ("id", c_char_p),
        ("file", c_char_p),
        ("number", c_uint64),
        ("line", c_long),
        ("n_properties", c_size_t),
        ("key", POINTER(c_char_p)),
        ("value", POINTER(c_char_p)),
        ("error", rcr_error),
    ]


PROGRESS = CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t)
FAILED = CFUNCTYPE(None, c_void_p, c_size_t, POINTER(rcr_error))


class rcr_events(Structure):
    _fields_ = [("context", c_void_p), ("progress", PROGRESS), ("failed", FAILED)]


class rcr_row_layout(Structure):
    _fields_ = [
        ("n_columns", c_int32),
        ("n_targets", c_int32),
        ("block", c_int32),
        ("std", c_int32),
        ("spread", c_int32),
        ("lower", c_int32),
        ("upper", c_int32),
        ("distance", c_int32),
        ("has_domain", c_int32),
    ]


class rcr_explained(Structure):
    _fields_ = [
        ("n_atoms", c_int32),
        ("n_steps", c_int32),
        ("value", c_double),
        ("prediction", c_double),
        ("step_value", c_void_p),
        ("step_change", c_void_p),
        ("readout", c_void_p),
        ("input", c_void_p),
        ("readout_baseline", c_double),
        ("input_baseline", c_double),
        ("readout_gap", c_double),
        ("input_gap", c_double),
        ("own", c_void_p),
    ]


class rcr_chunk(Structure):
    _fields_ = [
        ("n", c_size_t),
        ("id", POINTER(c_char_p)),
        ("file", POINTER(c_char_p)),
        ("graph", POINTER(c_void_p)),
        ("error", POINTER(rcr_error)),
    ]


class rcr_tensor_view(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("rank", c_int32),
        ("shape", c_int32 * 2),
        ("values", c_void_p),
        ("is_parameter", c_int32),
    ]


class rcr_import_request(Structure):
    _fields_ = [
        ("atom_init", c_char_p),
        ("target", c_char_p),
        ("unit", c_char_p),
        ("radius", c_double),
        ("dmin", c_double),
        ("step", c_double),
        ("max_neighbors", c_int32),
        ("padding", c_int),
        ("ties", c_int),
        ("disorder", c_int),
        ("tie_tolerance", c_double),
    ]


class rcr_dataset_facts(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("path", c_char_p),
        ("sha256", c_char_p),
        ("target", c_char_p),
        ("n_rows", c_size_t),
        ("n_usable", c_size_t),
        ("n_unusable", c_size_t),
    ]


class rcr_dataset_row(Structure):
    _fields_ = [
        ("id", c_char_p),
        ("row", c_size_t),
        ("n_atoms", c_int32),
        ("n_edges", c_int32),
        ("target", c_double),
        ("error", POINTER(rcr_error)),
    ]


class rcr_scores(Structure):
    _fields_ = [
        ("n", c_size_t),
        ("mae", c_double),
        ("rmse", c_double),
        ("r2", c_double),
        ("accuracy", c_double),
        ("precision", c_double),
        ("recall", c_double),
        ("f1", c_double),
        ("auc", c_double),
        ("loss", c_double),
    ]


class rcr_training_epoch(Structure):
    _fields_ = [
        ("epoch", c_int32),
        ("n_epochs", c_int32),
        ("lr", c_double),
        ("train_loss", c_double),
        ("train_score", c_double),
        ("val_loss", c_double),
        ("val_score", c_double),
        ("is_best", c_int32),
        ("seconds", c_double),
    ]


READING = CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t)
STARTED = CFUNCTYPE(c_int, c_void_p, c_size_t, c_size_t, c_size_t, c_char_p, c_int)
BATCH = CFUNCTYPE(c_int, c_void_p, c_int32, c_int32, c_int32)
EPOCH = CFUNCTYPE(c_int, c_void_p, POINTER(rcr_training_epoch))
MESSAGE = CFUNCTYPE(c_int, c_void_p, c_char_p)


class rcr_training_events(Structure):
    _fields_ = [
        ("context", c_void_p),
        ("reading", READING),
        ("started", STARTED),
        ("batch", BATCH),
        ("epoch", EPOCH),
        ("message", MESSAGE),
        ("stop", POINTER(c_int32)),
    ]


class rcr_training_result(Structure):
    _fields_ = [
        ("train", rcr_scores),
        ("val", rcr_scores),
        ("test", rcr_scores),
        ("best_epoch", c_int32),
        ("epochs_done", c_int32),
        ("seconds", c_double),
    ]


STRUCTS: "tuple[type[Structure], ...]" = (
    rcr_error,
    rcr_crystal,
    rcr_graph_options,
    rcr_graph,
    rcr_model_options,
    rcr_model_info,
    rcr_target_info,
    rcr_embedding,
    rcr_structure,
    rcr_events,
    rcr_row_layout,
    rcr_explained,
    rcr_chunk,
    rcr_tensor_view,
    rcr_import_request,
    rcr_dataset_facts,
    rcr_dataset_row,
    rcr_scores,
    rcr_training_epoch,
    rcr_training_events,
    rcr_training_result,
)

KIND_SIZE = 64

# Words for the enumerations, in their order.
ARCHITECTURES = ("sr-cgcnn", "cgcnn")
TASKS = ("regression", "classification")
PADDINGS = ("none", "reference")
TIES = ("cut", "keep")
DISORDERS = ("refuse", "average")
EMBEDDINGS = ("crystal", "atoms", "steps")

_P = c_void_p
_E = POINTER(rcr_error)
_STRINGS = POINTER(c_char_p)

# name: (result, arguments).  A status is an int; objects and arrays are addresses.
PROTOTYPES: "dict[str, tuple[Any, list[Any]]]" = {
    "rcr_abi": (c_int32, []),
    "rcr_struct_size": (c_size_t, [c_char_p]),
    "rcr_version": (c_char_p, []),
    "rcr_free": (None, [_P]),
    "rcr_crystal_make": (c_int, [_P, c_char_p, _P, c_int32, _P, c_int, _P, c_size_t, _P, _P, _P, _E]),
    "rcr_crystal_read": (c_int, [_P, c_char_p, _E]),
    "rcr_crystal_free": (None, [_P]),
    "rcr_structures_open": (c_int, [_P, c_char_p, c_int, _E]),
    "rcr_structures_next": (c_int, [POINTER(POINTER(rcr_structure)), POINTER(c_size_t), _P, c_size_t, _E]),
    "rcr_structures_close": (None, [_P]),
    "rcr_crystals_write": (c_int, [c_char_p, c_char_p, _P, _STRINGS, c_size_t, _STRINGS, _P, c_size_t, _E]),
    "rcr_graph_options_default": (rcr_graph_options, []),
    "rcr_graph_options_n_gaussians": (c_int32, [POINTER(rcr_graph_options)]),
    "rcr_graph_build": (c_int, [_P, _P, POINTER(rcr_graph_options), _E]),
    "rcr_graph_free": (None, [_P]),
    "rcr_model_load": (c_int, [_P, c_char_p, _E]),
    "rcr_model_save": (c_int, [_P, c_char_p, _E]),
    "rcr_model_free": (None, [_P]),
    "rcr_model_pack": (c_int, [_P, POINTER(c_size_t), _P, _E]),
    "rcr_model_parse": (c_int, [_P, c_char_p, c_size_t, _E]),
    "rcr_model_describe": (rcr_model_info, [_P]),
    "rcr_model_target": (rcr_target_info, [_P, c_int32]),
    "rcr_model_set_disorder": (c_int, [_P, c_int, _E]),
    "rcr_model_members": (c_int32, [_P]),
    "rcr_model_take_member": (c_int, [_P, _P, c_int32, _E]),
    "rcr_model_tensor": (c_int, [POINTER(rcr_tensor_view), _P, c_size_t]),
    "rcr_model_batches_tracked": (c_int64, [_P]),
    "rcr_model_entry": (c_int, [_STRINGS, _STRINGS, _P, c_size_t]),
    "rcr_model_import": (c_int, [_P, c_char_p, POINTER(rcr_import_request), _E]),
    "rcr_import_request_default": (rcr_import_request, []),
    "rcr_model_export": (c_int, [_P, c_char_p, c_char_p, _E]),
    "rcr_model_score": (c_int, [POINTER(rcr_scores), _P, _P, _P, c_size_t, _E]),
    "rcr_model_score_target": (c_int, [_P, _P, c_size_t, _P, _P, c_size_t, _E]),
    "rcr_session_create": (c_int, [_P, _P, c_char_p, c_int, _E]),
    "rcr_session_free": (None, [_P]),
    "rcr_session_threads": (c_int, [_P]),
    "rcr_session_columns": (c_int32, [_P]),
    "rcr_session_kernels": (c_char_p, [_P]),
    "rcr_session_predict": (c_int, [_P, _P, _P, _P, c_size_t, _P, _E]),
    "rcr_session_predict_graphs": (c_int, [_P, _P, _P, _P, c_size_t, _P, _E]),
    "rcr_session_layout": (rcr_row_layout, [_P]),
    "rcr_session_set_level": (c_int, [_P, c_double, _E]),
    "rcr_session_forecast": (c_int, [_P, _P, _P, _P, _P, c_size_t, _P, _E]),
    "rcr_session_explain": (c_int, [POINTER(rcr_explained), _P, _P, _P, c_int32, _E]),
    "rcr_explained_release": (None, [POINTER(rcr_explained)]),
    "rcr_session_embed": (c_int, [_P, _P, c_int, _P, c_size_t, _P, _E]),
    "rcr_session_embed_graphs": (c_int, [_P, _P, c_int, _P, c_size_t, _P, _E]),
    "rcr_embedding_free": (None, [_P]),
    "rcr_stream_open": (c_int, [_P, _P, _STRINGS, c_size_t, _E]),
    "rcr_stream_next": (c_int, [POINTER(rcr_chunk), _P, _E]),
    "rcr_stream_close": (None, [_P]),
    "rcr_settings_create": (c_int, [_P, _E]),
    "rcr_settings_free": (None, [_P]),
    "rcr_settings_set": (c_int, [_P, c_char_p, c_char_p, _E]),
    "rcr_settings_get": (c_int, [_STRINGS, _STRINGS, _STRINGS, _P, _P, c_size_t, _E]),
    "rcr_dataset_open": (c_int, [_P, c_char_p, c_char_p, c_int, POINTER(rcr_graph_options), _P, c_int, _E]),
    "rcr_dataset_free": (None, [_P]),
    "rcr_dataset_describe": (rcr_dataset_facts, [_P]),
    "rcr_dataset_usable": (c_int, [POINTER(rcr_dataset_row), _P, c_size_t]),
    "rcr_dataset_unusable": (c_int, [POINTER(rcr_dataset_row), _P, c_size_t]),
    "rcr_dataset_target_name": (c_char_p, [_P, c_size_t]),
    "rcr_dataset_target": (c_double, [_P, c_size_t, c_size_t]),
    "rcr_dataset_graph": (c_int, [_P, _P, c_size_t, _E]),
    "rcr_session_predict_rows": (c_int, [_P, _P, _P, _P, c_size_t, c_size_t, _P, _E]),
    "rcr_session_predict_dataset": (c_int, [_P, _P, _P, _E]),
    "rcr_training_run": (
        c_int,
        [POINTER(rcr_training_result), c_char_p, c_char_p, _P, POINTER(rcr_training_events), _E],
    ),
    "rcr_training_resume": (
        c_int,
        [POINTER(rcr_training_result), c_char_p, c_int, POINTER(rcr_training_events), _E],
    ),
}


def library_path() -> str:
    """Where the shared library is: RECRYST_LIBRARY, else beside this file."""
    given = os.environ.get("RECRYST_LIBRARY")
    if given:
        return given
    name = "librecryst.dylib" if sys.platform == "darwin" else "librecryst.so"
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


def _load() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(path)
    except OSError as problem:
        raise ImportError(
            f"recryst's shared library can't be loaded: {problem}. "
            "Install the package (pip install .), or name a built librecryst.so in RECRYST_LIBRARY."
        ) from None
    for name, (result, arguments) in PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} is another version of recryst: it has no {name}") from None
        function.restype = result
        function.argtypes = arguments
    if library.rcr_abi() != ABI:
        raise ImportError(f"{path} has ABI {library.rcr_abi()}, and this package was made for {ABI}")
    for struct in STRUCTS:
        size = library.rcr_struct_size(struct.__name__.encode())
        if size != ctypes.sizeof(struct):
            raise ImportError(
                f"{path}: {struct.__name__} has {size} bytes there and {ctypes.sizeof(struct)} here; "
                "library and package are of different versions"
            )
    return library


lib = _load()


def text(value: Optional[bytes]) -> str:
    """A string of the library; bytes that are no UTF-8 are kept as os.fsdecode keeps them."""
    return os.fsdecode(value) if value else ""


def to_exception(error: rcr_error, index: Optional[int] = None, status: Optional[int] = None) -> errors.RecrystError:
    """The exception that an rcr_error stands for."""
    kind = errors.CLASSES.get(error.status if status is None else status, errors.RecrystError)
    return kind(text(error.message), text(error.file), error.line, index)


def check(status: int, error: rcr_error) -> None:
    """Raise what a call reported."""
    if status != 0:
        raise to_exception(error, status=status)


def path_bytes(path: "str | os.PathLike[str]") -> bytes:
    """A path for the library.  Raises TypeError, or ValueError for one with a NUL in it."""
    encoded = os.fsencode(os.fspath(path))
    if b"\0" in encoded:
        raise errors.ArgumentError("a path can't have a NUL character in it")
    return encoded


def plain_bytes(value: str, what: str) -> bytes:
    """Text for the library, which ends at a NUL."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a str, not {type(value).__name__}")
    encoded = value.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise errors.ArgumentError(f"{what} can't have a NUL character in it")
    return encoded


def strings(values: "Sequence[bytes]") -> Any:
    """A C array of strings."""
    return (c_char_p * max(len(values), 1))(*values)


def choice(value: str, words: "tuple[str, ...]", what: str) -> int:
    """The number that a word stands for."""
    if value not in words:
        raise errors.ArgumentError(f"{what} is {value!r}; allowed are {', '.join(words)}")
    return words.index(value)


__all__ = ["byref", "check", "choice", "lib", "path_bytes", "plain_bytes", "strings", "text", "to_exception"]
