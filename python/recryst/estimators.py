"""Estimators with scikit-learn's interface.  scikit-learn itself is not needed, and not imported."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays
from .crystal import Crystal, PathLike, as_crystal, check_listed, is_crystal_like, is_path
from .errors import ArgumentError, RecrystError
from .files import write
from .model import Model
from .training import Epoch, Run, full_names, overlay, start

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Callbacks = Union[None, Callable[[Epoch], Any], Sequence[Callable[[Epoch], Any]]]

# Weights stand under this name in the training data, with a dash or more where that is a target's.
_WEIGHT = "sample_weight"

# What fit writes into its run directory, and what tells that there is a run.
_DATA, _SPLIT = "structures.jsonl", "split.csv"
_OF_A_RUN = ("last.ckpt", "model.safetensors", "run_summary.json", os.path.join("member-1", "last.ckpt"))


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
        _arrays.whole(own["threads"], "threads")
        items = _listed(X)
        if len(items) != len(y):
            raise ArgumentError(f"{len(items)} crystals and {len(y)} targets")
        rows = [_Row(i) for i in range(len(y)) if weight is None or weight[i] > 0]
        y, weight = y[[r.place for r in rows]], None if weight is None else weight[weight > 0]
        crystals = [_crystal(r, items[r.place]) for r in rows]
        if X_val is not None and y_val is not None:
            validation = [_crystal(_Row(i, " of X_val"), item) for i, item in enumerate(_listed(X_val))]
            if len(validation) != len(y_val):
                raise ArgumentError(f"{len(validation)} validation crystals and {len(y_val)} targets")
            if y.shape[1:] != y_val.shape[1:]:
                raise ArgumentError(f"y has shape {y.shape}, y_val {y_val.shape}: not the same targets")
            parts = ["train"] * len(crystals) + ["val"] * len(validation)
            rows += [_Row(i, " of X_val", len(items)) for i in range(len(validation))]
            crystals, y = crystals + validation, np.concatenate([y, y_val])
            if weight is not None:
                weight = np.concatenate([weight, np.ones(len(validation))])
        elif X_val is not None or y_val is not None:
            raise ArgumentError("X_val and y_val go together")
        else:
            parts = _arrays.split(y, own["validation_fraction"], own["seed"], targets is None)
        kept = own["run_directory"] is not None
        directory = _own_directory(own["run_directory"]) if kept else tempfile.mkdtemp(prefix="recryst-")
        try:
            run = self._train(directory, kept, rows, crystals, y, weight, parts, targets or [_arrays.TARGET])
            model = Model(directory, threads=own["threads"])
        finally:
            if not kept:
                shutil.rmtree(directory, ignore_errors=True)
            elif not _holds(directory, _OF_A_RUN):
                # Nothing can go on from these, and another fit may have the directory.
                for name in (_DATA, _SPLIT):
                    if os.path.exists(os.path.join(directory, name)):
                        os.unlink(os.path.join(directory, name))
        self.model_ = model
        self.run_ = run if kept else dataclasses.replace(run, directory="", _model=model)
        self.history_ = run.history
        self.n_iter_ = run.epochs_done
        self.best_epoch_ = run.best_epoch
        self.interrupted_ = run.interrupted

    def _train(
        self,
        directory: str,
        kept: bool,
        rows: "List[_Row]",
        crystals: List[Crystal],
        y: "NDArray[np.float64]",
        weight: "Optional[NDArray[np.float64]]",
        parts: List[str],
        targets: List[str],
    ) -> Run:
        """Write the data where the run can find them again, and train."""
        own = self.get_params()
        data, split = os.path.join(directory, _DATA), os.path.join(directory, _SPLIT)
        # The library wants a test part; cross-validation and score() test elsewhere, so the validation rows serve again.
        again = [i for i, part in enumerate(parts) if part == "val"]
        ids = [row.id for row in rows] + [f"{rows[i].id}-again" for i in again]
        columns = dict(zip(targets, np.concatenate([y, y[again]]).reshape(len(ids), -1).T))
        weights = ""
        if weight is not None:
            weights = _WEIGHT
            while weights in targets:
                weights += "-"
            columns[weights] = np.concatenate([weight, weight[again]])
        settings = self._settings(targets)
        spelt = full_names(settings)
        for full, name in spelt.items():
            if full.startswith("split."):
                raise ArgumentError(f"{name} is no setting of an estimator; X_val, y_val and validation_fraction are")
        if "data.weights" in spelt:
            raise ArgumentError("weights is no setting of an estimator; fit takes sample_weight")
        write(data, crystals + [crystals[i] for i in again], columns, ids=ids)
        with open(split, "w", encoding="ascii") as file:
            file.write("id,part\n")
            file.writelines(f"{name},{part}\n" for name, part in zip(ids, parts + ["test"] * len(again)))
        settings = overlay({"strict": True, "weights": weights}, settings)
        settings.update(split_kind="file", split_file=split)
        try:
            return start(
                data,
                directory,
                settings,
                on_epoch=self._callback(),
                progress=bool(own["progress"]),
                on_interrupt=own["on_interrupt"],
                kept=kept,
                level=6,
            )
        except RecrystError as problem:
            line = problem.line - 1
            if os.path.basename(problem.file) == _DATA and 0 <= line < len(ids):
                # The line of a file that the caller did not write: of which crystal it was made.
                at = line if line < len(rows) else again[line - len(rows)]
                rows[at].name(problem, crystals[at])
            raise

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
        One that holds a run is refused, as it is.  Without it no files are kept: an interrupted fit can't go on.

    Attributes
    ----------
    model_ : Model
        The best model by the validation rows.
    history_ : list of Epoch
    best_epoch_, n_iter_ : int
    interrupted_ : bool
    run_ : Run
        What :func:`train` returned; its ``directory`` is empty without run_directory.

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
            Rows that choose the best epoch, in place of a share of X.  Of frames, columns go by their names.

        Returns
        -------
        self

        Raises
        ------
        RecrystError
            A crystal that can't be used (``index`` says which, of X or of X_val as the message says), a target that is
            not finite (a row without any, of several), frames of different columns, a weight that is none, a setting
            out of range, a run_directory that holds a run.
        """
        target, names = _arrays.targets(y), _arrays.names_of(y)
        weight = _arrays.weights(sample_weight, len(target))
        _arrays.check_targets(target, weight)
        validation = None
        if y_val is not None:
            validation = _arrays.in_order(_arrays.targets(y_val), _arrays.names_of(y_val), names, "y_val")
            _arrays.check_targets(validation, None, "validation target")
        numbered = _arrays.numbered(1 if target.ndim == 1 else target.shape[1])
        self._fit(X, target, weight, X_val, validation, names or numbered)
        self._columns = names
        return self

    def predict(self, X: Any) -> "NDArray[np.float64]":
        """Predictions in the targets' units; shape (n,), or (n, T) of several targets."""
        return self._raw(X)

    def score(self, X: Any, y: "ArrayLike", sample_weight: "Optional[ArrayLike]" = None) -> float:
        """R^2, 1 for a perfect fit, 0 for the mean of the targets; of several their mean, over what is not NaN.

        Parameters
        ----------
        X, y
            As for :meth:`fit`; the columns of a frame go by the names that fit was given in one.
        sample_weight : array_like, shape (n,), optional
            What each row counts in it.
        """
        self._fitted()
        target = _arrays.in_order(_arrays.targets(y), _arrays.names_of(y), getattr(self, "_columns", None), "y")
        n = len(target)
        if n == 0:
            raise ArgumentError("there is nothing to score: y is empty")
        given = _arrays.weights(sample_weight, n)
        _arrays.check_targets(target, given)
        weight = np.ones(n) if given is None else given
        value = self.predict(X)
        if target.shape != value.shape:
            raise ArgumentError(f"y has shape {target.shape}, the predictions {value.shape}")
        columns = zip(target.reshape(n, -1).T, value.reshape(n, -1).T)
        return float(np.mean([_arrays.r2(t, v, weight) for t, v in columns if (np.isfinite(t) & (weight > 0)).any()]))


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

    def fit(
        self,
        X: Any,
        y: "ArrayLike",
        sample_weight: "Optional[ArrayLike]" = None,
        X_val: Any = None,
        y_val: "Optional[ArrayLike]" = None,
    ) -> "Classifier":
        """Train; y holds two different labels of any kind, of which none is missing (NaN, None).

        Otherwise as :meth:`Regressor.fit`.  The weight of a row and that of its class (``settings={"class_weights":
        ...}``) are multiplied; "balanced" counts rows.
        """
        labels, gone = _arrays.labels(y)
        weight = _arrays.weights(sample_weight, len(labels))
        _arrays.check_labels(gone, weight)
        classes = _arrays.classes_of(labels, weight)
        encoded = _arrays.equal(labels, classes[1]).astype(np.float64)
        self._fit(X, encoded, weight, X_val, None if y_val is None else _encoded(y_val, classes))
        self.classes_ = classes
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
        self._fitted()
        labels, gone = _arrays.labels(y)
        if len(labels) == 0:
            raise ArgumentError("there is nothing to score: y is empty")
        weight = _arrays.weights(sample_weight, len(labels))
        _arrays.check_labels(gone, weight)
        found = self.predict(X)
        if found.shape != labels.shape:
            raise ArgumentError(f"y has shape {labels.shape}, the predictions {found.shape}")
        return float(np.average(_arrays.equal(labels, found), weights=weight))


def _encoded(y: "ArrayLike", classes: "NDArray[Any]") -> "NDArray[np.float64]":
    """Labels of validation rows as 0 and 1."""
    labels, gone = _arrays.labels(y, "y_val")
    _arrays.check_labels(gone, None, "validation label")
    second, known = _arrays.equal(labels, classes[1]), _arrays.equal(labels, classes[0])
    unknown = ~(second | known)
    if unknown.any():
        raise ArgumentError(f"{labels[unknown][0]!r} is neither of the classes {classes.tolist()}")
    return second.astype(np.float64)


@dataclass(frozen=True)
class _Row:
    """Where a crystal of the training data comes from."""

    place: int
    of: str = ""
    shift: int = 0  # of its id, so that no two are the same

    @property
    def id(self) -> str:
        return str(self.place + self.shift)

    def name(self, problem: RecrystError, crystal: Optional[Crystal] = None) -> None:
        """Say in an error which crystal it is about."""
        problem.index = self.place
        if crystal is not None:
            problem.file, problem.line = crystal.file, crystal.line
            called = f" ({crystal.id})" if crystal.id else ""
            problem.message = f"item {self.place}{self.of}{called}: {problem.message}"
        elif self.of:
            problem.message = f"item {self.place}{self.of}: {problem.message}"
        problem.args = (problem.message,)


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (str, int, float, bool)) and a == b)


def _listed(X: Any) -> List[Any]:
    """The items of X, each of which stands for one crystal."""
    if is_path(X) or is_crystal_like(X) or not hasattr(X, "__iter__"):
        raise TypeError("X is a sequence of crystals; of a dataset in a file, use recryst.train and Model.predict")
    check_listed(X, "X")
    return list(X)


def _one_each(X: Any) -> List[Any]:
    """The same for a model, which would take all that a file holds."""
    return [_crystal(_Row(i), item) if is_path(item) else item for i, item in enumerate(_listed(X))]


def _crystal(row: _Row, item: Any) -> Crystal:
    """An item as a crystal; an error has its number."""
    try:
        return as_crystal(item)
    except RecrystError as problem:
        row.name(problem)
        raise
    except TypeError as problem:
        raise TypeError(f"item {row.place}{row.of}: {problem}") from None


def _holds(directory: str, names: Sequence[str]) -> str:
    """The first of these files that is in the directory, or nothing."""
    return next((name for name in names if os.path.exists(os.path.join(directory, name))), "")


def _own_directory(given: PathLike) -> str:
    """A directory for a run, which is made; one that holds a run, or files that a run's would replace, is refused."""
    directory = os.fspath(given)
    if _holds(directory, _OF_A_RUN):
        raise ArgumentError("it holds a run already; choose another run_directory", directory)
    found = _holds(directory, (_DATA, _SPLIT))
    if found:
        raise ArgumentError(f"it holds {found}, which fit would replace; choose another run_directory", directory)
    os.makedirs(directory, exist_ok=True)
    return directory
