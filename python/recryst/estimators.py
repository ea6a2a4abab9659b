"""Estimators with scikit-learn's interface.  scikit-learn itself is not needed, and not imported."""

from __future__ import annotations

import copy
import inspect
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from .crystal import Crystal, PathLike, as_crystal, is_crystal_like, is_path
from .errors import ArgumentError, RecrystError
from .files import write
from .model import Model
from .training import Epoch, Run, full_names, overlay, train

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Callbacks = Union[None, Callable[[Epoch], Any], Sequence[Callable[[Epoch], Any]]]

# What is learnt stands under this name in the training data, or under this and a number; weights under the other, with
# a dash or more where that is a target's.
_TARGET, _WEIGHT = "target", "sample_weight"


class NotFittedError(ValueError, AttributeError):
    """The estimator has to be fitted first."""


class _Estimator:
    """What regressor and classifier share."""

    _estimator_type: str
    _task: str

    classes_: "NDArray[Any]"
    model_: Model
    history_: List[Epoch]
    run_: Run
    n_iter_: int
    best_epoch_: int
    interrupted_: bool
    _metadata_request: Any

    # ---- scikit-learn's interface

    @classmethod
    def _names(cls) -> List[str]:
        return [name for name in inspect.signature(cls).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> Dict[str, Any]:
        """The parameters of the constructor by name."""
        del deep
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> "_Estimator":
        """Set parameters of the constructor; returns self."""
        names = self._names()
        for name, value in params.items():
            if name not in names:
                raise ValueError(f"Invalid parameter {name!r} for {type(self).__name__}; valid are {', '.join(names)}")
            setattr(self, name, value)
        return self

    def get_metadata_routing(self) -> Any:
        """What scikit-learn's metadata routing passes on: sample_weight of fit and score, where it was requested."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = getattr(self, "_metadata_request", None)
        if request is None:
            request = MetadataRequest(owner=type(self).__name__)
            for method in ("fit", "score"):
                getattr(request, method).add_request(param="sample_weight", alias=None)
        return copy.deepcopy(request)

    def _request(self, method: str, sample_weight: Union[bool, str, None]) -> Any:
        request = self.get_metadata_routing()
        getattr(request, method).add_request(param="sample_weight", alias=sample_weight)
        self._metadata_request = request  # scikit-learn's clone copies it by this name
        return self

    def set_fit_request(self, *, sample_weight: Union[bool, str, None]) -> Any:
        """Whether scikit-learn's metadata routing passes sample_weight on to fit; returns self.

        Parameters
        ----------
        sample_weight : bool, str or None
            True: it does; False: it does not; a name: what is called so; None: it is an error to give it.
        """
        return self._request("fit", sample_weight)

    def set_score_request(self, *, sample_weight: Union[bool, str, None]) -> Any:
        """Whether scikit-learn's metadata routing passes sample_weight on to score, as :meth:`set_fit_request`."""
        return self._request("score", sample_weight)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True, multi_output=self._estimator_type == "regressor"),
            transformer_tags=None,
            classifier_tags=ClassifierTags(multi_class=False) if self._estimator_type == "classifier" else None,
            regressor_tags=RegressorTags() if self._estimator_type == "regressor" else None,
            input_tags=InputTags(two_d_array=False),
            no_validation=True,
        )

    def _more_tags(self) -> Dict[str, Any]:
        return {"no_validation": True, "binary_only": True, "X_types": ["crystals"]}

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in inspect.signature(type(self)).parameters.items()}
        changed = [f"{n}={v!r}" for n, v in self.get_params().items() if not _same(v, defaults[n])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _fitted(self) -> Model:
        model = getattr(self, "model_", None)
        if model is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        assert isinstance(model, Model)
        return model

    # ---- fitting

    def _settings(self, targets: List[str]) -> Dict[str, Any]:
        named: Dict[str, Any] = {}
        own = self.get_params()
        for name in ("epochs", "batch_size", "lr", "optimizer", "weight_decay", "patience", "seed", "threads"):
            named[name] = own[name]
        named["model"] = own["model"]
        named["layers" if own["model"] == "cgcnn" else "steps"] = own["steps"]
        named["atom_features"] = own["atom_features"]
        named["hidden"] = own["hidden"]
        named["hidden_layers"] = own["hidden_layers"]
        named["task"] = self._task
        named["unit"] = own["unit"]
        return overlay(overlay(named, own["settings"] or {}), {"target": ",".join(targets)})

    def _callback(self) -> Optional[Callable[[Epoch], Any]]:
        callbacks = self.get_params()["callbacks"]
        if callbacks is None or callable(callbacks):
            found: Optional[Callable[[Epoch], Any]] = callbacks
            return found
        every = list(callbacks)

        def call(epoch: Epoch) -> Optional[bool]:
            # Each is called, and any can stop the training.
            return False if any([c(epoch) is False for c in every]) else None

        return call

    def _fit(
        self,
        X: Any,
        y: "NDArray[np.float64]",
        weight: "Optional[NDArray[np.float64]]",
        X_val: Any,
        y_val: "Optional[NDArray[np.float64]]",
        targets: Optional[List[str]] = None,
    ) -> None:
        """Train on y, (n,) or (n, T); targets are the T names, and None stands for the two classes."""
        own = self.get_params()
        crystals = _crystals(X)
        if len(crystals) != len(y):
            raise ArgumentError(f"{len(crystals)} crystals and {len(y)} targets")
        n = len(y)
        ids = np.arange(n)
        if weight is not None:
            ids = np.flatnonzero(weight)
            crystals, y, weight = [crystals[i] for i in ids], y[ids], weight[ids]
        if X_val is not None and y_val is not None:
            validation = _crystals(X_val)
            if len(validation) != len(y_val):
                raise ArgumentError(f"{len(validation)} validation crystals and {len(y_val)} targets")
            if y.shape[1:] != y_val.shape[1:]:
                raise ArgumentError(f"y has shape {y.shape}, y_val {y_val.shape}: not the same targets")
            parts = ["train"] * len(crystals) + ["val"] * len(validation)
            ids = np.concatenate([ids, n + np.arange(len(validation))])
            crystals, y = crystals + validation, np.concatenate([y, y_val])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(validation))])
        elif X_val is not None or y_val is not None:
            raise ArgumentError("X_val and y_val go together")
        else:
            parts = _split(y, own["validation_fraction"], own["seed"], targets is None)
        directory = own["run_directory"]
        temporary = None
        if directory is None:
            directory = temporary = tempfile.mkdtemp(prefix="recryst-")
        else:
            directory = os.fspath(directory)
            os.makedirs(directory, exist_ok=True)
        try:
            run = self._train(directory, [str(i) for i in ids], crystals, y, weight, parts, targets or [_TARGET])
            self.model_ = Model(directory, threads=own["threads"])
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
        self.run_ = run
        self.history_ = run.history
        self.n_iter_ = run.epochs_done
        self.best_epoch_ = run.best_epoch
        self.interrupted_ = run.interrupted

    def _train(
        self,
        directory: str,
        ids: List[str],
        crystals: List[Crystal],
        y: "NDArray[np.float64]",
        weight: "Optional[NDArray[np.float64]]",
        parts: List[str],
        targets: List[str],
    ) -> Run:
        """Write the data where the run can find them again, and train."""
        own = self.get_params()
        data, split = os.path.join(directory, "structures.jsonl"), os.path.join(directory, "split.csv")
        # The library wants a test part; cross-validation and score() test elsewhere, so the validation rows serve again.
        again = [i for i, part in enumerate(parts) if part == "val"]
        ids = ids + [f"{ids[i]}-again" for i in again]
        columns = dict(zip(targets, np.concatenate([y, y[again]]).reshape(len(ids), -1).T))
        weights = ""
        if weight is not None:
            weights = _WEIGHT
            while weights in targets:
                weights += "-"
            columns[weights] = np.concatenate([weight, weight[again]])
        write(data, crystals + [crystals[i] for i in again], columns, ids=ids)
        with open(split, "w", encoding="ascii") as file:
            file.write("id,part\n")
            file.writelines(f"{name},{part}\n" for name, part in zip(ids, parts + ["test"] * len(again)))
        settings = self._settings(targets)
        spelt = full_names(settings)
        for full, name in spelt.items():
            if full.startswith("split."):
                raise ArgumentError(f"{name} is no setting of an estimator; X_val, y_val and validation_fraction are")
        if "data.weights" in spelt:
            raise ArgumentError("weights is no setting of an estimator; fit takes sample_weight")
        return train(
            data,
            directory,
            on_epoch=self._callback(),
            progress=bool(own["progress"]),
            on_interrupt=own["on_interrupt"],
            split_kind="file",
            split_file=split,
            **overlay({"strict": True, "weights": weights}, settings),
        )

    def _raw(self, X: Any) -> "NDArray[np.float64]":
        """Values of the model, one for each item of X."""
        model = self._fitted()
        values: "NDArray[np.float64]" = model.predict(_one_each(X))
        return values


@dataclass(eq=False, repr=False)
class _Parameters(_Estimator):
    """The constructor of both, and what it sets; :class:`Regressor` says what each means."""

    model: str = "sr-cgcnn"
    steps: int = 3
    atom_features: int = 64
    hidden: int = 128
    hidden_layers: int = 1
    epochs: int = 300
    batch_size: int = 256
    lr: float = 1e-3
    optimizer: str = "adam"
    weight_decay: float = 0.0
    patience: int = 0
    validation_fraction: float = 0.1
    seed: int = 123
    threads: int = 0
    unit: Union[str, Sequence[str]] = ""
    settings: Optional[Mapping[str, Any]] = None
    callbacks: Callbacks = None
    progress: bool = False
    on_interrupt: str = "keep"
    run_directory: Optional[PathLike] = None


@dataclass(eq=False, repr=False)
class Regressor(_Parameters):
    """A network that predicts a number of a crystal, with scikit-learn's interface.

    It can be cloned, pickled, cross-validated and searched over like any estimator of scikit-learn.

    Parameters
    ----------
    model : {"sr-cgcnn", "cgcnn"}
        One convolution used again at every step (Bhattacharjee 2026), or one for each layer (Xie and Grossman 2018).
    steps : int, default 3
        Message-passing steps, or layers.
    atom_features, hidden, hidden_layers : int
        Length of an atom's vector; width and number of the layers after pooling.
    epochs, batch_size : int
        Passes over the training rows, and crystals in a batch.
    lr : float
        Learning rate at the start.
    optimizer : {"adam", "adamw", "sgd"}
    weight_decay : float
    patience : int, default 0
        Stop after so many epochs without a better validation score; 0: never.
    validation_fraction : float, default 0.1
        Share of the rows that choose the best epoch, when fit is not given others.
    seed : int, default 123
        Weights, order of the batches and choice of the validation rows.  The same seed, data and machine give the same
        weights, on any number of threads.
    threads : int, default 0
        0: all cores.
    unit : str or sequence of str
        Unit of the target, or of each of several; kept in the model.
    settings : mapping, optional
        Any other setting of :func:`recryst.train`, such as ``{"loss": "huber", "schedule": "one-cycle"}``.
    callbacks : callable or sequence of callables, optional
        Called with each :class:`Epoch`; one that returns False ends the training after it.
    progress : bool, default False
        Show a bar (tqdm).
    on_interrupt : {"keep", "raise"}
        What an interrupt from the keyboard does: keep the best model so far and end fit with a warning, or raise.
    run_directory : path, optional
        Keep the run's files there (data, metrics, predictions, report.html; its test part repeats the validation rows).

    Attributes
    ----------
    model_ : Model
        The best model by the validation rows.
    history_ : list of Epoch
    best_epoch_, n_iter_ : int
    interrupted_ : bool

    Examples
    --------
    >>> regressor = recryst.Regressor(epochs=100).fit(crystals, energies)
    >>> regressor.predict(others)
    >>> sklearn.model_selection.cross_val_score(recryst.Regressor(), crystals, energies, cv=5)
    """

    _estimator_type = "regressor"
    _task = "regression"

    def fit(
        self,
        X: Any,
        y: "ArrayLike",
        sample_weight: "Optional[ArrayLike]" = None,
        X_val: Any = None,
        y_val: "Optional[ArrayLike]" = None,
    ) -> "Regressor":
        """Train.

        Parameters
        ----------
        X : sequence of n crystals
            Crystal, ase.Atoms, pymatgen Structure or path (of a file, its first structure).
        y : array_like, shape (n,) or (n, T)
            Their targets.  Of several, a row may lack values, which are NaN, but not all; the network learns each in
            units of its own spread from the rows that have it.  Columns of a pandas frame give the targets their names.
        sample_weight : array_like, shape (n,), optional
            What each row counts in the loss, 0 or more: the loss of a batch is the sum of weight times loss over the
            sum of weights, so that only their ratios matter, and equal weights train as none do, bit for bit.  A row of
            weight 0 is left out as if it had not been given.  The rows that choose the best epoch, and the intervals
            that they calibrate, count all the same.
        X_val, y_val : optional
            Rows that choose the best epoch, in place of a share of X.

        Returns
        -------
        self

        Raises
        ------
        RecrystError
            A crystal that can't be used (``index`` says which), a target that is not finite (a row without any, of
            several), a weight that is none, a setting out of range.
        """
        target = _targets(y)
        weight = _weights(sample_weight, len(target))
        self._fit(X, target, weight, X_val, None if y_val is None else _targets(y_val), _names_of(y))
        return self

    def predict(self, X: Any) -> "NDArray[np.float64]":
        """Predictions in the targets' units; shape (n,), or (n, T) of several targets."""
        return self._raw(X)

    def score(self, X: Any, y: "ArrayLike", sample_weight: "Optional[ArrayLike]" = None) -> float:
        """R^2, 1 for a perfect fit, 0 for the mean of the targets; of several their mean, over what is not NaN.

        Parameters
        ----------
        X, y
            As for :meth:`fit`.
        sample_weight : array_like, shape (n,), optional
            What each row counts in it.
        """
        target, value = _targets(y), self.predict(X)
        if target.shape != value.shape:
            raise ArgumentError(f"y has shape {target.shape}, the predictions {value.shape}")
        n = len(target)
        weight = _weights(sample_weight, n)
        weight = np.ones(n) if weight is None else weight
        columns = zip(target.reshape(n, -1).T, value.reshape(n, -1).T)
        return float(np.mean([_r2(t, v, weight) for t, v in columns if (np.isfinite(t) & (weight > 0)).any()]))


@dataclass(eq=False, repr=False)
class Classifier(_Parameters):
    """A network that tells two classes of crystals apart, with scikit-learn's interface.

    Parameters are those of :class:`Regressor`, and one more.

    Parameters
    ----------
    dropout : float, default 0.5
        Before the layers after pooling.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (2,)
        The labels in ascending order; the probability is that of the second.
    others
        As for :class:`Regressor`.
    """

    _estimator_type = "classifier"
    _task = "classification"

    dropout: float = 0.5

    def _settings(self, targets: List[str]) -> Dict[str, Any]:
        return overlay({"dropout": self.dropout}, super()._settings(targets))

    def _encode(self, y: "ArrayLike") -> "NDArray[np.float64]":
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise ArgumentError(f"y has shape {labels.shape}; it is (n,)")
        unknown = ~np.isin(labels, self.classes_)
        if unknown.any():
            raise ArgumentError(f"{labels[unknown][0]!r} is neither of the classes {self.classes_.tolist()}")
        encoded: "NDArray[np.float64]" = (labels == self.classes_[1]).astype(np.float64)
        return encoded

    def fit(
        self,
        X: Any,
        y: "ArrayLike",
        sample_weight: "Optional[ArrayLike]" = None,
        X_val: Any = None,
        y_val: "Optional[ArrayLike]" = None,
    ) -> "Classifier":
        """Train; y holds two different labels of any kind.

        Otherwise as :meth:`Regressor.fit`.  The weight of a row and that of its class (``settings={"class_weights":
        ...}``) are multiplied; "balanced" counts rows.
        """
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise ArgumentError(f"y has shape {labels.shape}; it is (n,)")
        weight = _weights(sample_weight, len(labels))
        found = np.unique(labels if weight is None else labels[weight > 0])
        if len(found) != 2:
            raise ArgumentError(f"y holds {len(found)} classes{'' if weight is None else ' that have a weight'}; two")
        self.classes_ = found
        encoded = (labels == found[1]).astype(np.float64)
        self._fit(X, encoded, weight, X_val, None if y_val is None else self._encode(y_val))
        return self

    def predict_proba(self, X: Any) -> "NDArray[np.float64]":
        """Probabilities of the two classes; shape (n, 2)."""
        second = self._raw(X)
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> "NDArray[Any]":
        """The likelier class of each crystal; shape (n,)."""
        return np.asarray(self.classes_[(self._raw(X) > 0.5).astype(int)])

    def score(self, X: Any, y: "ArrayLike", sample_weight: "Optional[ArrayLike]" = None) -> float:
        """The share of crystals whose class is right; with sample_weight, (n,), of their weight."""
        right = np.asarray(y) == self.predict(X)
        return float(np.average(right, weights=_weights(sample_weight, len(right))))


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (str, int, float, bool)) and a == b)


def _one_each(X: Any) -> List[Any]:
    """The items of X, each of which is one crystal."""
    if is_path(X) or is_crystal_like(X) or not hasattr(X, "__iter__"):
        raise TypeError("X is a sequence of crystals; of a dataset in a file, use recryst.train and Model.predict")
    return [_crystal(i, item) if is_path(item) else item for i, item in enumerate(X)]


def _crystal(i: int, item: Any) -> Crystal:
    """Item i as a crystal; an error has its number."""
    try:
        return as_crystal(item)
    except RecrystError as problem:
        problem.index = i
        raise


def _crystals(X: Any) -> List[Crystal]:
    return [_crystal(i, item) for i, item in enumerate(_one_each(X))]


def _targets(y: "ArrayLike") -> "NDArray[np.float64]":
    try:
        values: "NDArray[np.float64]" = np.asarray(y, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("y can't be made an array of numbers") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise ArgumentError(f"y has shape {values.shape}; it is (n,), or (n, T) of several targets")
    wrong = ~np.isfinite(values) if values.ndim == 1 else np.isinf(values).any(axis=1) | np.isnan(values).all(axis=1)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(f"target {i} is {values[i]}, not a finite number")
    return values


def _weights(weight: "Optional[ArrayLike]", n: int) -> "Optional[NDArray[np.float64]]":
    """Weights of n rows, not all of them 0; None where there are none."""
    if weight is None:
        return None
    try:
        values: "NDArray[np.float64]" = np.asarray(weight, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("sample_weight can't be made an array of numbers") from None
    if values.ndim == 0:
        values = np.full(n, values)
    if values.shape != (n,):
        raise ArgumentError(f"sample_weight has shape {values.shape}; there are {n} rows, so it is ({n},)")
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ArgumentError(f"sample_weight {i} is {values[i]}, not a finite number of 0 or more")
    if n > 0 and not values.any():
        raise ArgumentError("every sample_weight is 0")
    return values


def _names_of(y: Any) -> List[str]:
    """Names of the targets: those of a frame's columns, else numbered."""
    columns = getattr(y, "columns", None)
    T = 1 if np.ndim(y) == 1 else np.shape(y)[1]
    if columns is None:
        return [_TARGET] if T == 1 else [f"{_TARGET}_{k + 1}" for k in range(T)]
    names = [str(name) for name in columns]
    odd = [name for name in names if not name or "," in name or names.count(name) > 1]
    if odd:
        raise ArgumentError(f"the column {odd[0]!r} of y: names are different, not empty and without commas")
    return names


def _r2(target: "NDArray[np.float64]", value: "NDArray[np.float64]", weight: "NDArray[np.float64]") -> float:
    known = np.isfinite(target)
    t, v, w = target[known], value[known], weight[known]
    mean = np.average(t, weights=w)
    residual, total = float(np.sum(w * (t - v) ** 2)), float(np.sum(w * (t - mean) ** 2))
    return 1 - residual / total if total > 0 else float(residual == 0)


def _split(y: "NDArray[np.float64]", fraction: float, seed: int, classes: bool) -> List[str]:
    """A part for each row: a share that validates, drawn by the seed; of each class alike."""
    if not 0 < fraction < 1:
        raise ArgumentError(f"validation_fraction is {fraction!r}; between 0 and 1")
    if len(y) < 2:
        raise ArgumentError(f"n_samples={len(y)}, too few: some rows train, some choose the best epoch")
    random = np.random.RandomState(seed % (1 << 32))
    parts = np.full(len(y), "train", dtype="<U5")
    groups: Tuple[Any, ...] = (np.flatnonzero(y == 0), np.flatnonzero(y == 1)) if classes else (np.arange(len(y)),)
    for rows in groups:
        n = min(max(1, round(len(rows) * fraction)), len(rows) - 1)
        parts[random.permutation(rows)[:n]] = "val"
    if not (parts == "val").any():
        raise ArgumentError("too few rows: some train, some choose the best epoch")
    named: List[str] = parts.tolist()
    return named
