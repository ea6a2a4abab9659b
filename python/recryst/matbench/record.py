"""The record of predictions and scores that the leaderboard takes."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

import numpy as np

from ..crystal import PathLike
from ..errors import ArgumentError, FileError, ParseError
from .tasks import N_FOLDS, Task, task

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: What the record says of itself: the benchmark, and the version of the package matbench whose layout it has.
BENCHMARK, LAYOUT = "matbench_v0.1", "0.6"

# Half the width of an interval of 95 % in standard deviations.
_Z95 = 1.959963984540054


def _sorted(value: Any) -> Any:
    """Mappings in the order of their keys, as the hash of a record wants them; numpy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return getattr(value, "__qualname__", type(value).__qualname__)


def _hash(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_sorted(record)).encode()).hexdigest()


def _write(path: str, data: bytes) -> None:
    """The whole file or none of it."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except OSError as problem:
        if os.path.exists(part):
            os.unlink(part)
        raise FileError(f"{path} can't be written: {problem.strerror}") from None


def _packed(path: str, text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0) if path.endswith(".gz") else text.encode()


class Benchmark:
    """Predictions of Matbench tasks and their scores: what the leaderboard takes as ``results.json.gz``.

    Parameters
    ----------
    metadata : mapping, optional
        What is to be kept with the record: the algorithm, its settings, its authors.
    """

    def __init__(self, metadata: Optional[Mapping[str, Any]] = None) -> None:
        self.metadata: Dict[str, Any] = dict(metadata or {})
        self._results: Dict[str, Dict[str, Dict[str, Any]]] = {}

    def __repr__(self) -> str:
        done = [f"{name} {len(folds)}/{N_FOLDS}" for name, folds in self._results.items()]
        return f"<Benchmark {BENCHMARK}: {', '.join(done) or 'no task'}>"

    @property
    def tasks(self) -> List[str]:
        """Names of the tasks with a recorded fold."""
        return list(self._results)

    def recorded(self, name: str) -> List[int]:
        """The folds of a task that are recorded."""
        return [k for k in range(N_FOLDS) if f"fold_{k}" in self._results.get(name, {})]

    def record(
        self,
        of: Union[str, Task],
        fold: int,
        predictions: "ArrayLike",
        targets: "ArrayLike",
        *,
        std: "Optional[ArrayLike]" = None,
        parameters: Optional[Mapping[str, Any]] = None,
    ) -> Dict[str, float]:
        """Keep the predictions of a fold and score them.

        Parameters
        ----------
        of : str or Task
        fold : int
            From 0.
        predictions : array_like, shape (n_test,)
            Of the fold's test rows in their order, in the target's unit; of classes probabilities of class 1.
        targets : array_like, shape (n,)
            Of all rows of the task.
        std : array_like, shape (n_test,), optional
            Standard deviations of a regression; kept with the intervals of 95 % of a normal distribution.
        parameters : mapping, optional
            What the model of this fold was made with.

        Returns
        -------
        dict from metric to float

        Raises
        ------
        ArgumentError
            There is no such fold, or a shape or a value is wrong.
        """
        work = task(of)
        truth = np.asarray(targets, np.float64)
        values = np.asarray(predictions, np.float64)
        if truth.shape != (work.n_samples,):
            raise ArgumentError(f"targets have shape {truth.shape}; of {work.name} they are all ({work.n_samples},)")
        if fold not in range(N_FOLDS):
            raise ArgumentError(f"there is no fold {fold!r}; they are 0 to {N_FOLDS - 1}")
        test = work.folds(truth)[fold][1]
        if values.shape != test.shape:
            raise ArgumentError(f"predictions have shape {values.shape}; fold {fold} of {work.name} tests {test.shape}")
        if not np.isfinite(values).all():
            raise ArgumentError("a prediction is not finite")
        if work.kind == "classification" and (std is not None or values.min() < 0 or values.max() > 1):
            raise ArgumentError("of classes, predictions are probabilities, without std")
        ids = work.ids
        names = [ids[i] for i in test]
        uncertainty = None
        if std is not None:
            width = np.asarray(std, np.float64)
            if width.shape != values.shape or not (np.isfinite(width).all() and (width >= 0).all()):
                raise ArgumentError("std is to have a standard deviation for each prediction")
            rows = zip(names, values.tolist(), width.tolist())
            uncertainty = {n: {"ci_lower": v - _Z95 * s, "ci_upper": v + _Z95 * s, "std": s} for n, v, s in rows}
        scores = work.score(truth[test], values)
        self._keep(
            work.name,
            fold,
            {
                "data": dict(zip(names, values.tolist())),
                "uncertainty": uncertainty,
                "parameters": _sorted(parameters or {}),
                "scores": scores,
            },
        )
        return scores

    def _keep(self, name: str, fold: int, entry: Dict[str, Any]) -> None:
        folds = self._results.setdefault(name, {})
        folds[f"fold_{fold}"] = entry
        self._results[name] = {key: folds[key] for key in sorted(folds)}

    def scores(self) -> Dict[str, Dict[str, Dict[str, float]]]:
        """Of every task whose folds are all recorded: metric to mean, max, min and std over the folds."""
        found: Dict[str, Dict[str, Dict[str, float]]] = {}
        for name, folds in self._results.items():
            if len(folds) < N_FOLDS:
                continue
            found[name] = {}
            for metric in next(iter(folds.values()))["scores"]:
                values = np.array([entry["scores"][metric] for entry in folds.values()])
                found[name][metric] = {
                    "mean": float(values.mean()),
                    "max": float(values.max()),
                    "min": float(values.min()),
                    "std": float(values.std()),
                }
        return found

    def to_dict(self) -> Dict[str, Any]:
        """The record in Matbench's layout.

        Raises
        ------
        ArgumentError
            A task has folds that are not recorded yet.
        """
        for name, folds in self._results.items():
            if len(folds) < N_FOLDS:
                missing = [str(k) for k in range(N_FOLDS) if f"fold_{k}" not in folds]
                raise ArgumentError(f"{name} has no fold {', '.join(missing)} yet; a record has all {N_FOLDS}")
        if not self._results:
            raise ArgumentError("nothing is recorded")
        now = datetime.datetime.now(datetime.timezone.utc)
        record: Dict[str, Any] = {
            "@module": "matbench.bench",
            "@class": "MatbenchBenchmark",
            "version": LAYOUT,
            "tasks": {
                name: {
                    "@module": "matbench.task",
                    "@class": "MatbenchTask",
                    "benchmark_name": BENCHMARK,
                    "dataset_name": name,
                    "results": folds,
                }
                for name, folds in self._results.items()
            },
            "user_metadata": self.metadata,
            "benchmark_name": BENCHMARK,
            "datestamp": now.strftime("%Y.%m.%d %H:%M.%S"),
        }
        record = {key: _sorted(value) for key, value in record.items()}
        record["hash"] = _hash(record)
        return record

    def save(self, path: PathLike) -> None:
        """Write the record; packed when the path ends in ``.gz``.  It appears when it is whole.

        Raises
        ------
        ArgumentError
            As :meth:`to_dict`.
        FileError
        """
        place = str(os.fspath(path))
        _write(place, _packed(place, json.dumps(self.to_dict())))

    @classmethod
    def load(cls, path: PathLike) -> "Benchmark":
        """Read a record that :meth:`save` or the package matbench wrote.

        Raises
        ------
        FileError, ParseError
            It can't be read, is no record, lacks folds, or was changed after it was written.
        """
        place = str(os.fspath(path))
        record = _read_json(place)
        found = cls()
        try:
            claimed = record.pop("hash")
            if record["@class"] != "MatbenchBenchmark" or record["benchmark_name"] != BENCHMARK:
                raise ParseError(f"{place}: no record of {BENCHMARK}")
            if _hash(record) != claimed:
                raise ParseError(f"{place}: its hash is another: it was changed after it was written")
            found.metadata = record["user_metadata"]
            for name, entry in record["tasks"].items():
                missing = [k for k in range(N_FOLDS) if not entry["results"][f"fold_{k}"]["data"]]
                if missing or len(entry["results"]) != N_FOLDS:
                    raise ParseError(f"{place}: {name} has not {N_FOLDS} folds")
                found._results[name] = entry["results"]
        except (KeyError, TypeError, AttributeError) as problem:
            raise ParseError(f"{place}: no record of {BENCHMARK}: {problem!r}") from None
        return found


def _read_json(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            data = file.read()
        return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except OSError as problem:
        raise FileError(f"{path} can't be read: {problem.strerror or problem}") from None
    except (ValueError, EOFError) as problem:
        raise ParseError(f"{path}: {problem}") from None
