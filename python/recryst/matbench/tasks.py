"""Tasks, their folds and their scores."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Tuple, Union

import numpy as np

from ..crystal import Crystal, PathLike
from ..errors import ArgumentError, DataError, FileError
from ..files import read

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: How every task is dealt.
N_FOLDS, SEED = 5, 18012019

_REGRESSION = ("mae", "rmse", "mape", "max_error")
_CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1", "rocauc")


@dataclass(frozen=True)
class Task:
    """A task whose inputs are structures.

    Attributes
    ----------
    name : str
        Such as ``"matbench_phonons"``.
    n_samples : int
        Rows.
    target, unit : str
        The column that is learnt.
    kind : {"regression", "classification"}
    """

    name: str
    n_samples: int
    target: str
    unit: str = ""
    kind: str = "regression"

    @property
    def metrics(self) -> Tuple[str, ...]:
        """What Matbench scores, the main score first; of classes that is the last, rocauc."""
        return _REGRESSION if self.kind == "regression" else _CLASSIFICATION

    @property
    def main_metric(self) -> str:
        """The score that the leaderboard sorts by: mae, or rocauc."""
        return "mae" if self.kind == "regression" else "rocauc"

    @property
    def ids(self) -> List[str]:
        """Matbench's names of the rows, in the order of the data."""
        digits = math.floor(math.log10(self.n_samples)) + 1
        stem = self.name.replace("matbench", "mb").replace("_", "-")
        return [f"{stem}-{i + 1:0{digits}d}" for i in range(self.n_samples)]

    def load(self, path: PathLike) -> "Tuple[List[Crystal], NDArray[np.float64]]":
        """Its data from a local file.

        Parameters
        ----------
        path : path
            The published file (``matbench_phonons.json.gz``, packed or not), or a folder that holds it.

        Returns
        -------
        crystals : list of Crystal
        targets : numpy.ndarray, shape (n,)
            0 and 1 of a classification.

        Raises
        ------
        FileError, ParseError
            There is no such file, or it can't be read.
        DataError
            It has not the task's number of rows, or a row has no target.
        """
        file = _find(self.name, path)
        crystals = list(read(file))
        if len(crystals) != self.n_samples:
            raise DataError(f"{file}: {len(crystals)} rows; {self.name} has {self.n_samples}")
        targets = np.full(len(crystals), np.nan)
        for i, crystal in enumerate(crystals):
            value = crystal.properties.get(self.target)
            if not isinstance(value, (bool, int, float)):
                raise DataError(f"{file}: row {i} has no number as {self.target!r}")
            targets[i] = value
        if not np.isfinite(targets).all():
            raise DataError(f"{file}: a value of {self.target!r} is not finite")
        return crystals, targets

    def folds(self, targets: "ArrayLike") -> "List[Tuple[NDArray[np.int64], NDArray[np.int64]]]":
        """Rows that train (and choose the best epoch), and rows that test, of each of the five folds; ascending.

        Parameters
        ----------
        targets : array_like, shape (n,)
            Classes are dealt evenly among the folds; of a regression only the number of rows matters.
        """
        values = np.asarray(targets)
        deal = _plain_folds(len(values)) if self.kind == "regression" else _stratified_folds(values)
        return [(np.flatnonzero(deal != k), np.flatnonzero(deal == k)) for k in range(N_FOLDS)]

    def score(self, truth: "ArrayLike", predictions: "ArrayLike") -> Dict[str, float]:
        """Matbench's scores of predictions.

        Its ``rocauc`` is computed, as the package computes it, from the classes that probabilities above 0.5 stand for,
        and so is the mean of both classes' recalls; :meth:`recryst.Model.score` gives the area under the curve of
        probabilities.

        Parameters
        ----------
        truth, predictions : array_like, shape (n,)
            Classes are 0 and 1, predictions of them probabilities of class 1.
        """
        t, p = np.asarray(truth, np.float64), np.asarray(predictions, np.float64)
        if self.kind == "regression":
            large = np.abs(t) > 1e-5
            error = np.abs(t - p)
            relative = float(np.mean(error[large] / np.abs(t[large]))) if large.any() else math.nan
            scores = (error.mean(), math.sqrt((error**2).mean()), relative, error.max())
        else:
            yes, said = t > 0.5, p > 0.5
            hits = int((yes & said).sum())
            recalls = [float((said == c)[yes == c].mean()) for c in (False, True) if (yes == c).any()]
            balanced = sum(recalls) / len(recalls)
            f1 = 2 * hits / (int(yes.sum()) + int(said.sum())) if hits else 0.0
            scores = ((yes == said).mean(), balanced, f1, balanced)
        return {name: float(value) for name, value in zip(self.metrics, scores)}


#: The tasks of structures by name.  Matbench's other four are of compositions, of which no crystal graph can be made.
TASKS: Dict[str, Task] = {
    task.name: task
    for task in (
        Task("matbench_dielectric", 4764, "n"),
        Task("matbench_jdft2d", 636, "exfoliation_en", "meV/atom"),
        Task("matbench_log_gvrh", 10987, "log10(G_VRH)", "log10(GPa)"),
        Task("matbench_log_kvrh", 10987, "log10(K_VRH)", "log10(GPa)"),
        Task("matbench_mp_e_form", 132752, "e_form", "eV/atom"),
        Task("matbench_mp_gap", 106113, "gap pbe", "eV"),
        Task("matbench_mp_is_metal", 106113, "is_metal", "", "classification"),
        Task("matbench_perovskites", 18928, "e_form", "eV/unit cell"),
        Task("matbench_phonons", 1265, "last phdos peak", "1/cm"),
    )
}


def task(name: Union[str, Task]) -> Task:
    """A task by its name, with or without ``matbench_``.

    Raises
    ------
    ArgumentError
        There is no such task of structures.
    """
    if isinstance(name, Task):
        return name
    for candidate in (name, f"matbench_{name}"):
        if candidate in TASKS:
            return TASKS[candidate]
    raise ArgumentError(f"{name!r} is no task of structures of Matbench; those are {', '.join(TASKS)}")


def _find(name: str, path: PathLike) -> str:
    place = os.fspath(path)
    if not isinstance(place, str):
        raise TypeError("the data's path is a str or os.PathLike of str")
    if os.path.isfile(place):
        return place
    if os.path.isdir(place):
        for ending in (".json.gz", ".json", ".json.zst"):
            file = os.path.join(place, name + ending)
            if os.path.isfile(file):
                return file
        raise FileError(f"{place} has no {name}.json.gz")
    raise FileError(f"{place} is no file and no folder; it is to be {name}.json.gz of Matbench, or a folder with it")


def _plain_folds(n: int) -> "NDArray[np.int64]":
    """The fold that tests each row: n rows in random order, cut in five; the first ones have a row more."""
    order = np.arange(n)
    np.random.RandomState(SEED).shuffle(order)
    deal = np.empty(n, np.int64)
    for k, rows in enumerate(np.array_split(order, N_FOLDS)):
        deal[rows] = k
    return deal


def _stratified_folds(classes: "NDArray[Any]") -> "NDArray[np.int64]":
    """The same with every class spread evenly, as scikit-learn's StratifiedKFold spreads them.

    Rows sorted by class are dealt out like cards, which says how many of a class each fold gets; which rows these are
    is drawn class by class.  Classes count in the order in which they appear.
    """
    _, first, which = np.unique(classes, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    encoded = rank[which.reshape(-1)]
    dealt = np.sort(encoded)
    random = np.random.RandomState(SEED)
    deal = np.empty(len(encoded), np.int64)
    for c in range(len(rank)):
        shares = [int((dealt[k::N_FOLDS] == c).sum()) for k in range(N_FOLDS)]
        cards = np.repeat(np.arange(N_FOLDS), shares)
        random.shuffle(cards)
        deal[encoded == c] = cards
    return deal


def _auc(yes: "NDArray[np.bool_]", p: "NDArray[np.float64]") -> float:
    """Area under the ROC curve by the ranks of the probabilities; equal ones share theirs."""
    _, which, count = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[which.reshape(-1)]
    n, m = int(yes.sum()), int((~yes).sum())
    return float((rank[yes].sum() - n * (n + 1) / 2) / (n * m)) if n and m else math.nan
