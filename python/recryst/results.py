"""What models answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Union

import numpy as np

from . import _lib
from .errors import ArgumentError, RecrystError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """How well predictions fit; what does not apply to the task is NaN.

    Attributes
    ----------
    n : int
        Rows.
    mae, rmse, r2 : float
        Regression, in the target's unit (r2 has none).
    accuracy, precision, recall, f1, auc : float
        Classification, of class 1.
    loss : float
        Mean squared error of normalised targets, or mean negative log-likelihood.
    """

    n: int
    mae: float
    rmse: float
    r2: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    auc: float
    loss: float

    @classmethod
    def _of(cls, c: _lib.rcr_scores) -> "Scores":
        return cls(*[getattr(c, name) for name, _ in c._fields_])  # type: ignore[misc]


class Prediction(NamedTuple):
    """One row of :meth:`Model.predict_iter`: its number from 0, where it comes from, and the value or the error."""

    row: int
    id: str
    file: str
    value: "Union[float, NDArray[np.float64]]"
    error: Optional[RecrystError]


@dataclass(frozen=True)
class Forecast:
    """All that a model says of n crystals; what it does not know is None.

    Attributes
    ----------
    values : numpy.ndarray, shape (n,), or (n, T) of several targets
        In the target's unit, or probabilities of class 1; of an ensemble, the mean of its networks.
    std : numpy.ndarray or None
        Standard deviations that the model predicts, of the same shape.
    spread : numpy.ndarray or None
        Of an ensemble, the standard deviation of its networks' values.
    lower, upper : numpy.ndarray or None
        Ends of the interval that is to hold the truth (calibrated on rows that were not trained on); may be infinite.
    distance : numpy.ndarray, shape (n,), or None
        From the training rows; above 1 is unlike them.
    kind : list of str or None
        "in", "far", or "element:Cs+Fr" of elements that no training row had; "" where there is no prediction.
    ids, files : list of str
    errors : dict from row to RecrystError
    """

    values: "NDArray[np.float64]"
    std: "Optional[NDArray[np.float64]]"
    spread: "Optional[NDArray[np.float64]]"
    lower: "Optional[NDArray[np.float64]]"
    upper: "Optional[NDArray[np.float64]]"
    distance: "Optional[NDArray[np.float64]]"
    kind: Optional[List[str]]
    ids: List[str]
    files: List[str]
    errors: Dict[int, RecrystError]


@dataclass(frozen=True)
class Explanation:
    """What a network's value is made of (docs/trust.md has the equations).

    Attributes
    ----------
    prediction : float
        The target in its unit, or the probability of class 1.
    value : float
        f, of which the rest speaks: the transformed target, or the logarithm of the odds of class 1.
    step_values : numpy.ndarray, shape (S + 1,)
        The prediction that the last layers would make after each step; first of the atoms' embedding.
    step_changes : numpy.ndarray, shape (S,)
        How much each step changes the atoms' vectors, relative to their length.
    readout, input : numpy.ndarray, shape (n_atoms,)
        What each atom adds to f by integrated gradients: at the last layers, and through all of the network.
    readout_baseline, input_baseline : float
        f of nothing, to which these add up but for the gaps.
    readout_gap, input_gap : float
    """

    prediction: float
    value: float
    step_values: "NDArray[np.float64]"
    step_changes: "NDArray[np.float64]"
    readout: "NDArray[np.float64]"
    input: "NDArray[np.float64]"
    readout_baseline: float
    input_baseline: float
    readout_gap: float
    input_gap: float


def split_names(target: str) -> List[str]:
    """The names in a list of targets, "a, b"."""
    return [name.strip() for name in target.split(",")]


def paired(names: List[str], targets: List[str]) -> List[int]:
    """Which of the columns `names` is compared with each of as many targets of a model.

    By their names where those are the model's, else as they stand; but not a target's column with another target.
    """
    if sorted(names) == sorted(targets):
        return [names.index(name) for name in targets]
    for name, target in zip(names, targets):
        if name != target and name in targets:
            raise ArgumentError(
                f"the column {name!r} would be compared with the model's target {target!r}, and the model has a target "
                f"{name!r}; its targets are {', '.join(targets)}: name the columns in their order"
            )
    return list(range(len(names)))


def column_names(targets: List[str], parts: List[str]) -> List[List[str]]:
    """Names for a frame's columns, all different: those of each target, one for each part ("values", "std", ...)."""
    plain = ["prediction" if part == "values" else part for part in parts]
    if len(targets) == 1:
        return [plain]
    names = [[target if part == "values" else f"{target}_{part}" for part in parts] for target in targets]
    every = [name for some in names for name in some] + ["id", "file", "distance", "kind", "error", ""]
    if len(set(every)) == len(every):
        return names
    labels = [t if t and t not in targets[:k] else str(k + 1) for k, t in enumerate(targets)]
    return [[f"{part}_{label}" for part in plain] for label in labels]
