"""Training and predicting the folds."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from .. import __version__
from ..crystal import Crystal, PathLike
from ..errors import ArgumentError, UnusableWarning
from ..estimators import Classifier, Regressor, _Estimator
from ..training import overlay
from .record import Benchmark, _read_json, _sorted, _write
from .tasks import N_FOLDS, Task, _auc, task

if TYPE_CHECKING:
    from numpy.typing import NDArray


def recipe(of: Union[str, Task]) -> Dict[str, Any]:
    """Settings that suit a task: those of :func:`run` when no estimator is given.

    SR-CGCNN with three steps; absolute errors, AdamW, one cycle of the learning rate, a moving average of the weights.
    Small data are trained longer, in smaller batches.
    """
    work = task(of)
    small, middle = work.n_samples < 5000, work.n_samples < 50000
    settings: Dict[str, Any] = {
        "epochs": 500 if small else 300 if middle else 150,
        "batch_size": 32 if small else 128 if middle else 256,
        "optimizer": "adamw",
        "lr": 3e-3,
        "weight_decay": 0.02,
        "schedule": "one-cycle",
        "average": 0.999,
    }
    if work.kind == "regression":
        settings["loss"] = "l1"
    return settings


def make_estimator(of: Union[str, Task], **settings: Any) -> Union[Regressor, Classifier]:
    """A :class:`recryst.Regressor` or :class:`recryst.Classifier` for a task.

    Parameters
    ----------
    of : str or Task
    **settings
        Those of :func:`recryst.train` by name.
    """
    work = task(of)
    kind = Regressor if work.kind == "regression" else Classifier
    own = [name for name in settings if name in kind._names() and name != "settings"]
    given = {name: settings[name] for name in own}
    given.setdefault("unit", work.unit)
    given["settings"] = overlay({"strict": False}, {k: v for k, v in settings.items() if k not in own})
    return kind(on_interrupt="raise", **given)


def _fresh(estimator: Any, work: Task) -> Any:
    """An estimator that has not seen anything yet."""
    if estimator is None:
        return make_estimator(work, **recipe(work))
    if hasattr(estimator, "fit") and not isinstance(estimator, type):
        made = type(estimator)(**estimator.get_params(deep=False)) if hasattr(estimator, "get_params") else estimator
    elif callable(estimator):
        made = estimator() if isinstance(estimator, type) else estimator(work)
    else:
        raise TypeError("an estimator has fit and predict, or is a function of the task that makes one")
    if isinstance(made, _Estimator):
        made.set_params(on_interrupt="raise")
    return made


def _predict(fitted: Any, work: Task, crystals: List[Crystal]) -> "Tuple[NDArray[np.float64], Any]":
    """Values of the test rows, NaN of those that can't be used, and standard deviations where the model has them."""
    if not isinstance(fitted, _Estimator):
        if work.kind == "classification" and hasattr(fitted, "predict_proba"):
            return np.asarray(fitted.predict_proba(crystals), np.float64)[:, 1], None
        return np.asarray(fitted.predict(crystals), np.float64), None
    forecast = fitted.model_.forecast(crystals, errors="record")
    parts = [part for part in (forecast.std, forecast.spread) if part is not None]
    std = np.sqrt(sum(part**2 for part in parts)) if parts and work.kind == "regression" else None
    return forecast.values, std


def _run_fold(estimator: Any, work: Task, crystals: List[Crystal], y: "NDArray[np.float64]", fold: int) -> Any:
    """Predictions, standard deviations or None, and what is to be told of a fold."""
    train, test = work.folds(y)[fold]
    begin = time.monotonic()
    labels = y if work.kind == "regression" else y > 0.5
    estimator.fit([crystals[i] for i in train], labels[train])
    values, std = _predict(estimator, work, [crystals[i] for i in test])
    unusable = ~np.isfinite(values)
    if unusable.any():
        # Every row is to have a prediction: what is best without knowing the crystal.
        values = np.where(unusable, np.median(y[train]) if work.kind == "regression" else y[train].mean(), values)
        std = None if std is None else np.where(unusable, y[train].std(), std)
        warnings.warn(
            f"{int(unusable.sum())} of {len(test)} test rows can't be used; the training rows' typical value is recorded",
            UnusableWarning,
            stacklevel=3,
        )
    told: Dict[str, Any] = {"estimator": type(estimator).__name__, "unusable_test_rows": int(unusable.sum())}
    told["seconds"] = round(time.monotonic() - begin, 1)
    if isinstance(estimator, _Estimator):
        told["program"] = f"recryst {__version__}"
        told["network_parameters"] = estimator.model_.n_parameters
        told["best_epoch"], told["epochs"] = estimator.best_epoch_, estimator.n_iter_
    if work.kind == "classification":
        told["rocauc_of_probabilities"] = _auc(y[test] > 0.5, values)
    return values, std, told


def run(
    tasks: Union[str, Task, Iterable[Union[str, Task]]],
    estimator: Any = None,
    *,
    data: PathLike,
    folder: Optional[PathLike] = None,
    key: Any = None,
    folds: Optional[Sequence[int]] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    on_fold: Optional[Callable[[Task, int, Dict[str, float]], Any]] = None,
) -> Benchmark:
    """Train and predict every fold of Matbench tasks.

    Parameters
    ----------
    tasks : str, Task, or iterable of these
        Names as in :data:`TASKS`, with or without ``matbench_``.
    estimator : estimator or callable, optional
        What is trained: an estimator with ``fit(crystals, targets)`` and ``predict(crystals)``, made anew for every fold
        where it has ``get_params``; or its class; or a function that makes one for a :class:`Task`.  When not given,
        ``make_estimator(task, **recipe(task))``.  Classes are True and False, and ``predict_proba`` is used where it is
        there.  Standard deviations are recorded of recryst's estimators that know them (a Gaussian loss, an ensemble).
    data : path
        The task's published file, or a folder with those of all the tasks.
    folder : path, optional
        Finished folds are kept there, and taken from there instead of being trained again, so that an interrupted run goes
        on; those of another estimator, program or data are trained anew.
    key : str, number, or list or mapping of these, optional
        What tells the estimator from others of its class in `folder`, where its ``get_params`` does not say it all in
        numbers and text; needed where it has none.
    folds : sequence of int, optional
        Some of the folds, from 0; all when not given.
    metadata : mapping, optional
        For the record.
    on_fold : callable, optional
        Called with the task, the fold and its scores.

    Returns
    -------
    Benchmark

    Raises
    ------
    RecrystError
        The data, or a setting; a `folder` for an estimator whose settings can't be told, without `key`; a crystal that can't be used does not stop the run (it is left out of training; in the test
        rows the training rows' median or share of class 1 stands for it, and the fold's parameters say of how many).
    """
    benchmark = Benchmark(metadata)
    listed = [task(tasks)] if isinstance(tasks, (str, Task)) else [task(name) for name in tasks]
    for work in listed:
        crystals, y = work.load(data)
        for fold in range(N_FOLDS) if folds is None else folds:
            if fold not in range(N_FOLDS):
                raise ArgumentError(f"there is no fold {fold!r}; they are 0 to {N_FOLDS - 1}")
            made = _fresh(estimator, work)
            settings = _sorted(made.get_params()) if hasattr(made, "get_params") else {}
            kept = _Kept(folder, work, fold, [_told(made, key), key, __version__, y.tolist()] if folder else [])
            entry = kept.read()
            if entry is None:
                values, std, told = _run_fold(made, work, crystals, y, fold)
                benchmark.record(work, fold, values, y, std=std, parameters={**told, "settings": settings})
                kept.write(benchmark._results[work.name][f"fold_{fold}"])
            else:
                benchmark._keep(work.name, fold, entry)
            if on_fold is not None:
                on_fold(work, fold, benchmark._results[work.name][f"fold_{fold}"]["scores"])
    return benchmark


# Parameters that change no prediction.
_NO_MATTER = ("threads", "progress", "callbacks", "run_directory", "on_interrupt")


def _told(estimator: Any, key: Any) -> Any:
    """What an estimator is, to tell it from others; without a key of the caller's it has to say all of it."""
    if key is None and not hasattr(estimator, "get_params"):
        raise ArgumentError(
            f"{type(estimator).__name__} has no get_params, so that its folds can't be told from those of another with "
            "other settings: give key=, or no folder"
        )
    return _plain(estimator, "it", key is None)


def _plain(value: Any, name: str, strict: bool) -> Any:
    """A parameter as JSON; an object is its class and its parameters."""
    if value is None or isinstance(value, (str, bool, int, float, np.ndarray, np.generic, os.PathLike)):
        return _sorted(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(value[k], f"{name}[{k!r}]", strict) for k in value}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, strict) for item in value]
    named = value if hasattr(value, "__qualname__") else type(value)
    place = [getattr(named, "__module__", ""), named.__qualname__]
    if hasattr(value, "get_params") and not isinstance(value, type):
        ignored = _NO_MATTER if isinstance(value, _Estimator) else ()
        params = {k: v for k, v in value.get_params(deep=False).items() if k not in ignored}
        return [*place, {k: _plain(v, k, strict) for k, v in params.items()}]
    if strict and (named is not value or "<" in named.__qualname__):
        raise ArgumentError(
            f"{name} is {value!r}, which says nothing of its settings, so that folds can't be told from those of "
            "another: give key=, or no folder"
        )
    return place


class _Kept:
    """The file of a finished fold."""

    def __init__(self, folder: Optional[PathLike], work: Task, fold: int, made_of: List[Any]) -> None:
        self.path = ""
        self.key = hashlib.sha256(json.dumps(_sorted(made_of)).encode()).hexdigest()
        if folder is not None:
            place = os.path.join(str(os.fspath(folder)), work.name)
            os.makedirs(place, exist_ok=True)
            self.path = os.path.join(place, f"fold_{fold}.json")

    def read(self) -> Optional[Dict[str, Any]]:
        if not self.path or not os.path.exists(self.path):
            return None
        kept = _read_json(self.path)
        entry: Dict[str, Any] = kept.get("fold", {})
        return entry if kept.get("made_of") == self.key else None

    def write(self, entry: Dict[str, Any]) -> None:
        if self.path:
            _write(self.path, json.dumps({"made_of": self.key, "fold": entry}).encode())
