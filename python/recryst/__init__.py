"""Crystal graph neural networks (CGCNN, SR-CGCNN) for materials properties: a C library for people who live in notebooks.

>>> import recryst
>>> recryst.load("runs/first").predict("structures/")

Lengths are in angstrom, lattice vectors are rows, positions are fractional unless it is said otherwise.
"""

from ._lib import lib as _library
from ._lib import text as _text
from .crystal import Crystal
from .dataset import Dataset
from .errors import (
    ArgumentError,
    DataError,
    FileError,
    Interrupted,
    LimitError,
    MismatchError,
    NumericError,
    OutOfMemory,
    ParseError,
    RecrystError,
    TrainingStopped,
    UnsupportedError,
    UnusableWarning,
)
from .estimators import Classifier, Regressor
from .files import read, write
from .graph import Graph, GraphOptions, to_torch_geometric
from .loading import import_checkpoint, load, models
from .model import Model
from .results import Explanation, Forecast, Prediction, Scores
from .training import Epoch, Run, resume, settings, train

#: The library's version.
__version__: str = _text(_library.rcr_version())

__all__ = [
    "ArgumentError",
    "Classifier",
    "Crystal",
    "DataError",
    "Dataset",
    "Epoch",
    "Explanation",
    "FileError",
    "Forecast",
    "Graph",
    "GraphOptions",
    "Interrupted",
    "LimitError",
    "MismatchError",
    "Model",
    "NumericError",
    "OutOfMemory",
    "ParseError",
    "Prediction",
    "RecrystError",
    "Regressor",
    "Run",
    "Scores",
    "TrainingStopped",
    "UnsupportedError",
    "UnusableWarning",
    "__version__",
    "import_checkpoint",
    "load",
    "models",
    "read",
    "resume",
    "settings",
    "to_torch_geometric",
    "train",
    "write",
]
