"""Training: from data and settings to a run directory, followed epoch by epoch."""

from __future__ import annotations

import os
import queue
import threading
import warnings
from ctypes import byref, c_char_p, c_int32, c_void_p, pointer
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np

from . import _lib
from ._arrays import whole
from ._lib import lib
from .crystal import PathLike
from .errors import ArgumentError, Interrupted, TrainingStopped
from .model import Model
from .results import Scores

# Shorter names, as the command and most papers have them.
ALIASES = {
    "model": "model.architecture",
    "task": "model.task",
    "steps": "model.depth",
    "layers": "model.depth",
    "seed": "training.seed",
    "graph_step": "graph.step",
}


@dataclass(frozen=True)
class Epoch:
    """One epoch of training.

    Attributes
    ----------
    epoch, n_epochs : int
        From 1, and how many there will be.
    lr : float
        Learning rate.
    train_loss, val_loss : float
        Of normalised targets (mean squared error where it validates), or log loss.
    train_score, val_score : float
        Mean absolute error in the target's unit; for classes accuracy, and area under the ROC curve.
    is_best : bool
        Whether its model is the best so far by the validation part.
    seconds : float
    """

    epoch: int
    n_epochs: int
    lr: float
    train_loss: float
    train_score: float
    val_loss: float
    val_score: float
    is_best: bool
    seconds: float


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes
    ----------
    directory : str
        The run directory: model.safetensors (the best model), metrics.csv, predictions, report.html, ...  Empty where
        the files were not kept: an estimator's without run_directory.
    history : list of Epoch
        The epochs of this call.
    interrupted : bool
        Whether it was stopped; :func:`resume` goes on where there is a directory.
    train, val, test : Scores or None
        Of the best model; None when interrupted.
    best_epoch, epochs_done : int
    seconds : float
    """

    directory: str
    history: List[Epoch]
    interrupted: bool
    train: Optional[Scores]
    val: Optional[Scores]
    test: Optional[Scores]
    best_epoch: int
    epochs_done: int
    seconds: float
    _model: Optional[Model] = field(default=None, repr=False, compare=False)

    def model(self, *, threads: int = 0) -> Model:
        """The best model."""
        if self._model is not None:
            return Model.from_bytes(self._model.to_bytes(), threads=threads)
        return Model(self.directory, threads=threads)


class _Settings:
    """rcr_settings, filled in by name."""

    def __init__(self) -> None:
        handle, error = c_void_p(), _lib.rcr_error()
        self.pointer = 0
        _lib.check(lib.rcr_settings_create(byref(handle), byref(error)), error)
        self.pointer = handle.value or 0

    def __del__(self, _free: Any = lib.rcr_settings_free) -> None:
        handle, self.pointer = getattr(self, "pointer", 0), 0
        if handle:
            _free(handle)

    def rows(self) -> List[Tuple[str, str, str, str]]:
        """Section, name, value and meaning of each."""
        section, name, comment = c_char_p(), c_char_p(), c_char_p()
        value, error = c_void_p(), _lib.rcr_error()
        found: List[Tuple[str, str, str, str]] = []
        while not lib.rcr_settings_get(
            byref(section), byref(name), byref(comment), byref(value), self.pointer, len(found), byref(error)
        ):
            plain = c_char_p(value.value).value
            found.append((_lib.text(section.value), _lib.text(name.value), _lib.text(plain), _lib.text(comment.value)))
            lib.rcr_free(value)
        return found

    def set(self, name: str, value: str) -> None:
        error = _lib.rcr_error()
        raw = _lib.plain_bytes(value, name)
        _lib.check(lib.rcr_settings_set(self.pointer, name.encode(), raw, byref(error)), error)


def _full_names(rows: List[Tuple[str, str, str, str]]) -> Dict[str, str]:
    """From what a caller may write to SECTION.NAME: the name where only one section has it, SECTION_NAME always."""
    count: Dict[str, int] = {}
    for _, name, _, _ in rows:
        count[name] = count.get(name, 0) + 1
    names: Dict[str, str] = {}
    for section, name, _, _ in rows:
        names[f"{section}_{name}"] = f"{section}.{name}"
        if count[name] == 1:
            names[name] = f"{section}.{name}"
    names.update(ALIASES)
    return names


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1:
        return ",".join(_as_text(name, item) for item in value)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if value is None:
        return ""
    try:
        if hasattr(value, "item"):
            return _as_text(name, value.item())
        number = int(value)
        # A Fraction or a Decimal: what they hold, not its whole part.
        return str(number) if number == value else repr(float(value))
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"{name} is {value!r}, which is no number, text or list of these") from None


def overlay(settings: Mapping[str, Any], more: Mapping[str, Any]) -> Dict[str, Any]:
    """The settings with `more` in place of what they say of the same, however either is spelt."""
    names = _full_names(_Settings().rows())
    given = {names.get(name, name) for name in more}
    return {**{name: value for name, value in settings.items() if names.get(name, name) not in given}, **more}


def full_names(settings: Mapping[str, Any]) -> Dict[str, str]:
    """From SECTION.NAME to the spelling that was given.  One with a dot that there is not is the library's to refuse.

    Raises
    ------
    TypeError
        There is no such setting.
    ArgumentError
        One setting stands there in two spellings.
    """
    names = _full_names(_Settings().rows())
    spelt: Dict[str, str] = {}
    for name in settings:
        full = names.get(name, name if "." in name else None)
        if full is None:
            raise TypeError(f"there is no setting {name!r}; recryst.settings() lists them")
        if full in spelt:
            raise ArgumentError(f"{spelt[full]} and {name} are one setting; give it once")
        spelt[full] = name
    return spelt


def make_settings(settings: Mapping[str, Any]) -> _Settings:
    """Settings by the names that :func:`settings` lists, or by SECTION.NAME as config.toml has them."""
    made = _Settings()
    spelt = full_names(settings)
    architecture = settings[spelt["model.architecture"]] if "model.architecture" in spelt else None
    if spelt.get("model.depth") == "layers" and architecture != "cgcnn":
        raise ArgumentError("layers goes with model='cgcnn'; sr-cgcnn, which is the default, takes steps")
    if spelt.get("model.depth") == "steps" and architecture == "cgcnn":
        raise ArgumentError("steps goes with model='sr-cgcnn'; cgcnn takes layers")
    for full, name in spelt.items():
        made.set(full, _as_text(name, settings[name]))
    kind = settings[spelt["split.kind"]] if "split.kind" in spelt else None
    if kind in ("file", "reference") and "split.seed" in spelt:
        # The library can't tell, because the split's seed is the run's where it is not given.
        raise ArgumentError(f"{spelt['split.seed']} doesn't go with the split {kind!r}, which deals no rows by a seed")
    if "training.seed" in spelt and "split.seed" not in spelt:
        made.set("split.seed", _as_text("seed", settings[spelt["training.seed"]]))
    return made


def settings() -> Dict[str, Tuple[str, str]]:
    """All settings of :func:`train`: name to (default, meaning).  They are those of ``recryst train``'s config.toml."""
    rows = _Settings().rows()
    full = {f"{section}.{name}": (value, comment) for section, name, value, comment in rows}
    listed: Dict[str, str] = {}
    for name, target in _full_names(rows).items():
        if target not in listed or len(name) < len(listed[target]):
            listed[target] = name
    return {listed[target]: full[target] for target in full}


class _Follower:
    """Runs C's training on a thread of its own and tells the caller's thread what happens there.

    So an interrupt from the keyboard lands in Python code that can handle it, and callbacks run where fit was called.
    """

    def __init__(self, on_epoch: Optional[Callable[[Epoch], Any]], progress: bool) -> None:
        self.on_epoch = on_epoch
        self.progress = progress
        self.history: List[Epoch] = []
        self.messages: List[str] = []
        self.stop = c_int32(0)
        self.queue: "queue.SimpleQueue[Tuple[str, Any]]" = queue.SimpleQueue()
        self.answered = threading.Event()
        self.bar: Any = None
        self.outcome: Optional[BaseException] = None

    # ---- on the thread that trains

    def _epoch(self, _: Any, epoch: Any) -> int:
        e = epoch[0]
        values = [getattr(e, name) for name, _ in e._fields_]
        values[7] = bool(values[7])
        self.answered.clear()
        self.queue.put(("epoch", Epoch(*values)))
        # The caller may stop the run after exactly this epoch.
        self.answered.wait()
        return int(self.stop.value)

    def _message(self, _: Any, text: bytes) -> int:
        self.queue.put(("message", _lib.text(text)))
        return 0

    def _reading(self, _: Any, done: int, total: int) -> int:
        self.queue.put(("reading", (done, total)))
        return 0

    def _work(self, call: Callable[[Any], None]) -> None:
        try:
            # Kept in variables: the library calls them until `call` returns.
            events = _lib.rcr_training_events(
                None,
                _lib.READING(self._reading) if self.progress else _lib.READING(),
                _lib.STARTED(),
                _lib.BATCH(),
                _lib.EPOCH(self._epoch),
                _lib.MESSAGE(self._message),
                pointer(self.stop),
            )
            call(events)
        except BaseException as problem:  # noqa: BLE001
            self.outcome = problem
        self.queue.put(("done", None))

    # ---- on the caller's

    def _take(self, kind: str, value: Any) -> None:
        if kind == "message":
            self.messages.append(value)
        elif kind == "epoch":
            try:
                self.history.append(value)
                if self.bar is not None:
                    self.bar.total = value.n_epochs
                    self.bar.set_postfix(val=f"{value.val_score:.4g}", refresh=False)
                    self.bar.update(1)
                if self.on_epoch is not None and self.on_epoch(value) is False:
                    self.stop.value = 1
            except BaseException:
                self.stop.value = 1
                raise
            finally:
                self.answered.set()

    def run(self, call: Callable[[Any], None]) -> "Tuple[Optional[BaseException], Optional[BaseException]]":
        """What the library raised, and what stopped the caller (an interrupt, an error in its callback)."""
        if self.progress:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                raise ImportError("progress=True needs tqdm (pip install tqdm)") from None
            self.bar = tqdm(unit=" epochs")
        worker = threading.Thread(target=self._work, args=(call,), name="recryst training", daemon=True)
        worker.start()
        stopped: Optional[BaseException] = None
        while True:
            try:
                # With a bound on the wait an interrupt is noticed on every platform.
                kind, value = self.queue.get(timeout=0.2)
                if kind == "done":
                    break
                self._take(kind, value)
            except queue.Empty:
                if not worker.is_alive():
                    break
            except BaseException as problem:  # noqa: BLE001
                if stopped is None:
                    stopped = problem
                self.stop.value = 1
                self.on_epoch = None
                self.answered.set()
        worker.join()
        if self.bar is not None:
            self.bar.close()
        return self.outcome, stopped


def _follow(
    directory: str,
    call: Callable[[Any, Any, Any], int],
    on_epoch: Optional[Callable[[Epoch], Any]],
    progress: bool,
    on_interrupt: str,
    kept: bool = True,
    level: int = 3,
) -> Run:
    """kept: whether the directory outlives the call; level: of the caller's code in the stack, for warnings."""
    _lib.choice(on_interrupt, ("keep", "raise"), "on_interrupt")
    result, error = _lib.rcr_training_result(), _lib.rcr_error()
    follower = _Follower(on_epoch, progress)

    def work(events: Any) -> None:
        _lib.check(call(byref(result), byref(events), byref(error)), error)

    outcome, stopped = follower.run(work)
    for message in follower.messages:
        warnings.warn(message, stacklevel=level)
    if outcome is not None and not isinstance(outcome, Interrupted):
        raise outcome
    history = follower.history
    has_model = os.path.isfile(os.path.join(directory, "model.safetensors"))
    if stopped is not None and (not isinstance(stopped, KeyboardInterrupt) or on_interrupt == "raise" or not has_model):
        raise stopped
    if outcome is not None:
        if not has_model:
            raise outcome
        best = [e.epoch for e in history if e.is_best]
        last = history[-1].epoch if history else 0
        if stopped is not None:
            hint = f" (recryst.resume({directory!r}) goes on)" if kept else ""
            warnings.warn(
                f"training was interrupted after epoch {last}; the best model so far is kept{hint}",
                TrainingStopped,
                stacklevel=level,
            )
        seconds = sum(e.seconds for e in history)
        return Run(directory, history, True, None, None, None, best[-1] if best else 0, last, seconds)
    return Run(
        directory,
        history,
        False,
        Scores._of(result.train),
        Scores._of(result.val),
        Scores._of(result.test),
        result.best_epoch,
        result.epochs_done,
        result.seconds,
    )


def train(
    data: PathLike,
    run_directory: PathLike,
    *,
    on_epoch: Optional[Callable[[Epoch], Any]] = None,
    progress: bool = False,
    on_interrupt: str = "keep",
    **settings: Any,
) -> Run:
    """Train on a dataset, as ``recryst train`` does.

    Parameters
    ----------
    data : path
        As for :class:`Dataset`.
    run_directory : path
        Where the run's files go; it must not hold a run.
    on_epoch : callable, optional
        Called with each :class:`Epoch` on this thread; training stops when it returns False (not None), and when it
        raises, which is raised here once the run is on disk.
    progress : bool, default False
        Show a bar (tqdm).
    on_interrupt : {"keep", "raise"}, default "keep"
        An interrupt from the keyboard ends training after the batch.  With "keep" the run is returned, with a warning;
        with "raise", and when no epoch was finished, KeyboardInterrupt is raised.  Either way the best model is on disk
        and the run can be resumed.
    **settings
        Settings by name (:func:`settings` lists them), such as ``target="gap", unit="eV", epochs=100, lr=2e-3``; or by
        section and name as config.toml has them, ``**{"split.seed": 7}``.  ``seed`` is the split's seed too where
        ``split_seed`` is not given.

    Returns
    -------
    Run

    Raises
    ------
    TypeError
        There is no such setting.
    ArgumentError
        A setting is out of its range or given twice, in two spellings; or the directory holds a run.
    NumericError
        The loss stopped being a number.
    FileError, ParseError, DataError
        The data.

    Examples
    --------
    >>> run = recryst.train("elastic.tar.zst", "runs/gap", target="band_gap", unit="eV", epochs=100)
    >>> run.test.mae
    >>> run.model().predict("NaCl.cif")
    """
    return start(data, run_directory, settings, on_epoch=on_epoch, progress=progress, on_interrupt=on_interrupt)


def start(
    data: PathLike,
    run_directory: PathLike,
    settings: Mapping[str, Any],
    *,
    on_epoch: Optional[Callable[[Epoch], Any]],
    progress: bool,
    on_interrupt: str,
    kept: bool = True,
    level: int = 4,
) -> Run:
    """:func:`train`; kept and level as :func:`_follow` has them."""
    made = make_settings(settings)
    raw, directory = _lib.path_bytes(data), os.fspath(run_directory)
    place = _lib.path_bytes(directory)
    return _follow(
        directory,
        lambda result, events, error: int(lib.rcr_training_run(result, raw, place, made.pointer, events, error)),
        on_epoch,
        progress,
        on_interrupt,
        kept,
        level,
    )


def resume(
    run_directory: PathLike,
    *,
    threads: Optional[int] = None,
    on_epoch: Optional[Callable[[Epoch], Any]] = None,
    progress: bool = False,
    on_interrupt: str = "keep",
) -> Run:
    """Go on with a run exactly where it stopped; it ends with the weights that it would have ended with.

    Parameters
    ----------
    run_directory : path
    threads : int, optional
        As the run began when not given; 0: all cores.
    on_epoch, progress, on_interrupt
        As for :func:`train`.
    """
    directory = os.fspath(run_directory)
    place, n = _lib.path_bytes(directory), -1 if threads is None else whole(threads, "threads")
    return _follow(
        directory,
        lambda result, events, error: int(lib.rcr_training_resume(result, place, n, events, error)),
        on_epoch,
        progress,
        on_interrupt,
    )


__all__ = ["Epoch", "Run", "full_names", "make_settings", "overlay", "resume", "settings", "start", "train"]
