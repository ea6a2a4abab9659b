"""Models: predicting, embedding, evaluating."""

from __future__ import annotations

import ctypes
import os
from array import array
from ctypes import byref, c_int, c_void_p
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from . import _arrays, _lib
from ._base import BaseModel
from ._inputs import BULK, CHUNK, _Bar, _Batch, _Failures, _items, _name_failures, _warn
from ._lib import lib
from ._memory import address, view
from .crystal import Crystal, as_crystal, is_crystal_like, is_path
from .dataset import Dataset
from .errors import ArgumentError, MismatchError, RecrystError
from .graph import Graph
from .results import Explanation, Forecast, Prediction, Scores, column_names, paired, split_names

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Model(BaseModel):
    """A trained network with everything that predicting needs.  Made by :func:`load`, training, or :func:`import_checkpoint`.

    It may be used by several threads at once (each call already uses all cores), after a fork, and pickled.
    """

    # ---- inputs

    def _stream(self, paths: List[bytes]) -> Iterator[_Batch]:
        """What files hold, with their graphs."""
        pointer, error = c_void_p(), _lib.rcr_error()
        process = os.getpid()
        with self._lock:
            session = self._ready()
            number = self._n_sessions
            status = lib.rcr_stream_open(byref(pointer), session, _lib.strings(paths), len(paths), byref(error))
        _lib.check(status, error)
        stream = pointer.value or 0
        try:
            while True:
                chunk = _lib.rcr_chunk()
                with self._lock:
                    if not self._session or self._n_sessions != number or os.getpid() != process:
                        raise RuntimeError(
                            "the model was closed or changed, or the process forked, while it was reading"
                        )
                    status = lib.rcr_stream_next(byref(chunk), stream, byref(error))
                _lib.check(status, error)
                if chunk.n == 0:
                    return
                bad = {i: _lib.to_exception(chunk.error[i]) for i in range(chunk.n) if chunk.error[i].status}
                yield _Batch(chunk.n, chunk.graph, True, errors=bad, chunk=chunk)
        finally:
            if os.getpid() == process:  # the session, which may be gone, has no part in it
                lib.rcr_stream_close(stream)

    def _batch(self, items: List[Any], position: Optional[int] = None) -> _Batch:
        """Crystals, or graphs, in memory; the first is the caller's item number `position`, where it has one."""
        is_graph = isinstance(items[0], Graph)
        errors: Dict[int, RecrystError] = {}
        owners: List[Any] = []
        if is_graph:
            options = self.graph_options
            for i, item in enumerate(items):
                if item.options != options:
                    errors[i] = MismatchError("the graph was made with other options than the model's; see Model.graph")
            owners = items
        else:
            for i, item in enumerate(items):
                if type(item) is Crystal:
                    owners.append(item)
                    continue
                try:
                    owners.append(as_crystal(item))
                except RecrystError as problem:
                    errors[i] = problem
                    owners.append(None)
                except TypeError as problem:
                    if position is None:
                        raise
                    raise TypeError(f"item {position + i}: {problem}") from None
        n = len(owners)
        pointers = (c_void_p * n)(*[None if o is None else o._pointer for o in owners])
        for i in errors:
            pointers[i] = None
        return _Batch(n, pointers, is_graph, errors=errors, owners=owners)

    def _batches(self, x: Any, rows: int = 0) -> Iterator[_Batch]:
        """The inputs in their order, numbered; of a dataset as graphs, or so many rows at a time, without any."""
        first = 0
        if isinstance(x, Dataset):
            batches = self._rows_of(x, rows) if rows > 0 else self._graphs_of(x)
        else:
            batches = self._unnumbered(x)
        for batch in batches:
            batch.first = first
            for i, error in batch.errors.items():
                error.index = first + i
            yield batch
            first += batch.n

    def _unnumbered(self, x: Any) -> Iterator[_Batch]:
        if isinstance(x, (list, tuple)) and set(map(type, x)) == {Crystal}:
            for first in range(0, len(x), BULK):
                part = list(x[first : first + BULK])
                pointers = array("Q", [crystal._pointer for crystal in part])
                yield _Batch(len(part), pointers.buffer_info()[0], False, owners=part, keep=pointers)
            return
        held: List[Any] = []
        kind = ""
        position = 0
        for position, item in enumerate(_items(x)):
            new = "path" if is_path(item) else "graph" if isinstance(item, Graph) else "crystal"
            if held and (new != kind or len(held) == CHUNK):
                yield from self._flush(held, kind, position - len(held))
                held = []
            kind = new
            held.append(item)
        if held:
            yield from self._flush(held, kind, position + 1 - len(held))

    def _flush(self, held: List[Any], kind: str, position: int) -> Iterator[_Batch]:
        if kind == "path":
            yield from self._stream([_lib.path_bytes(path) for path in held])
        else:
            yield self._batch(held, position)

    def _graphs_of(self, dataset: Dataset) -> Iterator[_Batch]:
        for first in range(0, len(dataset), CHUNK):
            batch = self._batch([dataset[i] for i in range(first, min(first + CHUNK, len(dataset)))])
            batch.dataset = dataset
            yield batch

    def _rows_of(self, dataset: Dataset, most: int) -> Iterator[_Batch]:
        for first in range(0, len(dataset), most):
            yield _Batch(min(most, len(dataset) - first), None, True, dataset=dataset)

    # ---- predicting

    def _predict_batch(self, batch: _Batch) -> "NDArray[np.float64]":
        """The numbers of a batch, shape (n, V); batch.errors gets those that have none."""
        values = np.empty((batch.n, self._n_values))
        error = _lib.rcr_error()
        inputs: "Tuple[Any, ...]" = (batch.pointers,)
        function = lib.rcr_session_predict_graphs if batch.is_graph else lib.rcr_session_predict
        if batch.dataset is not None and batch.pointers is None:
            inputs = (batch.dataset._pointer, batch.first)
            function = lib.rcr_session_predict_rows
        with _Failures() as failures:
            with self._lock:
                status = function(
                    address(values), None, self._ready(), *inputs, batch.n, byref(failures.events), byref(error)
                )
            _lib.check(status, error)
        _name_failures(batch, failures.errors)
        return values

    @property
    def _n_values(self) -> int:
        """V: the values of T targets, and their standard deviations where there are any."""
        return self.n_targets * (2 if self.has_std else 1)

    def _values(self, numbers: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Of numbers [n, V] the values: [n], or [n, T] of several targets."""
        T = self.n_targets
        return numbers[:, 0] if T == 1 else numbers[:, :T]

    def predict_one(self, crystal: Any) -> float:
        """The value of one crystal, with the least overhead.

        Parameters
        ----------
        crystal : Crystal, ase.Atoms, pymatgen Structure or path (of a file, its first structure)

        Returns
        -------
        float
            The target in its unit, or the probability of class 1.

        Raises
        ------
        RecrystError
            When it can't be used.
        ValueError
            When the model has several targets.
        """
        if self._n_values != 1:
            raise ValueError("the model predicts more than one number; predict gives them all")
        taken = crystal if type(crystal) is Crystal else as_crystal(crystal)
        value, status, error = ctypes.c_double(), c_int(), _lib.rcr_error()
        pointer = c_void_p(taken._pointer)
        with self._lock:
            result = lib.rcr_session_predict(
                byref(value), byref(status), self._session or self._ready(), byref(pointer), 1, None, byref(error)
            )
        _lib.check(result, error)
        if status.value:
            batch = self._batch([taken])
            self._predict_batch(batch)
            raise batch.errors[0]
        return value.value

    def predict(
        self, x: Any, *, errors: str = "raise", as_frame: bool = False, progress: bool = False, level: float = 0.9
    ) -> "Union[NDArray[np.float64], Any]":
        """Predict crystals.

        Parameters
        ----------
        x : path, Crystal, ase.Atoms, pymatgen Structure, Graph, Dataset, or iterable of these (but for Dataset)
            Of a path, everything it holds: files of one or many structures, folders, archives, datasets, in the order
            of ``recryst predict``.  A generator may be of any length; a part of it is in memory at a time.
        errors : {"raise", "record"}, default "raise"
            What to do with what can't be used: raise the first error, or give NaN (and the reason in a frame).
        as_frame : bool, default False
            Give a pandas frame.
        progress : bool, default False
            Show a bar (tqdm).
        level : float, default 0.9
            Of the intervals in a frame: the share of crystals that they are to hold.

        Returns
        -------
        numpy.ndarray, shape (n,), or (n, T) of a model of several targets
            The target in its own unit (:attr:`unit`), or the probability of class 1; the same to the last bit whatever
            is predicted together, on any number of threads.
        pandas.DataFrame
            With ``as_frame``: columns id, file, prediction; where the model knows them std, spread, lower, upper,
            distance and kind (:class:`Forecast`); and error. Of several targets, columns are named ``TARGET``,
            ``TARGET_std``, ...; where two columns would have one name, all targets' are named as the command does,
            ``prediction_TARGET``, ``std_TARGET``, ... Units are in ``frame.attrs["units"]``.

        Raises
        ------
        RecrystError
            With ``errors="raise"``, of the first input that can't be used: its ``index`` says which (of a Dataset, which
            of its usable rows), ``file`` and ``line`` where.
        MismatchError
            Of a Dataset whose graphs were made with other options than the model's.
        TypeError
            For what stands for no crystal.

        Examples
        --------
        >>> model = recryst.load("runs/first")
        >>> model.predict("structures/")
        >>> model.predict([atoms, "NaCl.cif", structure], errors="record", as_frame=True)
        """
        _lib.choice(errors, ("raise", "record"), "errors")
        if not as_frame and not progress and errors == "raise" and is_crystal_like(x) and self._n_values == 1:
            return np.array([self.predict_one(x)])
        if as_frame:
            return self._frame(self.forecast(x, level=level, errors=errors, progress=progress))
        parts: "List[NDArray[np.float64]]" = []
        failed: Dict[int, RecrystError] = {}
        with _Bar(progress, x) as bar:
            for batch in self._batches(x, BULK):
                values = self._predict_batch(batch)
                if batch.errors and errors == "raise":
                    raise batch.errors[min(batch.errors)]
                failed.update((batch.first + i, problem) for i, problem in batch.errors.items())
                parts.append(values)
                bar.update(batch.n)
        numbers = np.concatenate(parts) if parts else np.empty((0, self._n_values))
        _warn(failed, len(numbers))
        return self._values(numbers)

    def forecast(self, x: Any, *, level: float = 0.9, errors: str = "raise", progress: bool = False) -> Forecast:
        """Predict crystals and say how far the values can be believed.

        Parameters
        ----------
        x
            As for :meth:`predict`.
        level : float, default 0.9
            The share of crystals that the intervals are to hold, between 0 and 1.
        errors, progress
            As for :meth:`predict`.

        Raises
        ------
        ArgumentError
            A level out of its range.
        """
        _lib.choice(errors, ("raise", "record"), "errors")
        parts: "List[NDArray[np.float64]]" = []
        kinds: List[str] = []
        ids: List[str] = []
        files: List[str] = []
        failed: Dict[int, RecrystError] = {}
        with self._lock:
            layout = self._set_level(level)
        with _Bar(progress, x) as bar:
            for batch in self._batches(x):
                rows, words = self._forecast_batch(batch, level)
                if batch.errors and errors == "raise":
                    raise batch.errors[min(batch.errors)]
                failed.update((batch.first + i, problem) for i, problem in batch.errors.items())
                parts.append(rows)
                kinds += words
                ids += batch.ids()
                files += batch.files()
                bar.update(batch.n)
        table = np.concatenate(parts) if parts else np.empty((0, layout.n_columns))
        T, block = layout.n_targets, layout.block
        blocks = table[:, : T * block].reshape(len(table), T, block)

        def column(k: int) -> "NDArray[np.float64]":
            return blocks[:, 0, k] if T == 1 else blocks[:, :, k]

        def known(k: int) -> "Optional[NDArray[np.float64]]":
            return column(k) if k else None

        return Forecast(
            values=column(0),
            std=known(layout.std),
            spread=known(layout.spread),
            lower=known(layout.lower),
            upper=known(layout.upper),
            distance=table[:, layout.distance] if layout.distance else None,
            kind=kinds if layout.has_domain else None,
            ids=ids,
            files=files,
            errors=failed,
        )

    def _set_level(self, level: float) -> _lib.rcr_row_layout:
        """The lock is held."""
        session, error = self._ready(), _lib.rcr_error()
        _lib.check(lib.rcr_session_set_level(session, float(level), byref(error)), error)
        layout = lib.rcr_session_layout(session)
        assert isinstance(layout, _lib.rcr_row_layout)
        return layout

    def _forecast_batch(self, batch: _Batch, level: float) -> "Tuple[NDArray[np.float64], List[str]]":
        error = _lib.rcr_error()
        kind = ctypes.create_string_buffer(batch.n * _lib.KIND_SIZE)
        crystals, graphs = (None, batch.pointers) if batch.is_graph else (batch.pointers, None)
        with _Failures() as failures:
            with self._lock:
                layout = self._set_level(level)  # another thread may want another
                rows = np.empty((batch.n, layout.n_columns))
                status = lib.rcr_session_forecast(
                    address(rows), kind, self._session, crystals, graphs, batch.n, byref(failures.events), byref(error)
                )
            _lib.check(status, error)
        _name_failures(batch, failures.errors)
        raw = kind.raw
        words = [raw[i : i + _lib.KIND_SIZE].split(b"\0", 1)[0].decode() for i in range(0, len(raw), _lib.KIND_SIZE)]
        return rows, words if layout.has_domain else [""] * batch.n

    def predict_iter(self, x: Any) -> Iterator[Prediction]:
        """Predict a stream of crystals: one row for each, in order, while memory does not grow.

        Parameters
        ----------
        x
            As for :meth:`predict`.

        Yields
        ------
        Prediction
            ``(row, id, file, value, error)``; value is NaN where there is an error.
        """
        for batch in self._batches(x, CHUNK):
            values = self._values(self._predict_batch(batch))
            listed: List[Any] = values.tolist() if values.ndim == 1 else list(values)
            for i, (name, file, value) in enumerate(zip(batch.ids(), batch.files(), listed)):
                yield Prediction(batch.first + i, name, file, value, batch.errors.get(i))

    def _frame(self, forecast: Forecast) -> Any:
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("as_frame=True needs pandas (pip install pandas)") from None
        T = self.n_targets
        columns: Dict[str, Any] = {"id": forecast.ids, "file": forecast.files}
        units: Dict[str, str] = {}
        parts = [p for p in ("values", "std", "spread", "lower", "upper") if getattr(forecast, p) is not None]
        for k, (names, unit) in enumerate(zip(column_names(self.targets, parts), self.units)):
            for part, name in zip(parts, names):
                column = getattr(forecast, part)
                columns[name] = column if T == 1 else column[:, k]
                units[name] = "" if self.task == "classification" else unit
        if forecast.distance is not None:
            columns["distance"] = forecast.distance
        if forecast.kind is not None:
            columns["kind"] = forecast.kind
        reasons = [str(forecast.errors[i]) if i in forecast.errors else None for i in range(len(forecast.ids))]
        columns["error"] = pd.Series(reasons, dtype=object)
        frame = pd.DataFrame(columns)
        frame.attrs["targets"] = self.targets
        frame.attrs["units"] = units
        return frame

    # ---- embedding

    def embed(self, x: Any, kind: str = "crystal", *, errors: str = "raise", progress: bool = False) -> Any:
        """Vectors of crystals or atoms: what the network makes of them before its last layers.

        Parameters
        ----------
        x
            As for :meth:`predict`.
        kind : {"crystal", "atoms", "steps"}
            The mean of a crystal's atoms after the last step or layer; each atom's vector then; or after every step.
        errors : {"raise", "record"}
            As for :meth:`predict`; what can't be used has NaN, or no rows.

        Returns
        -------
        numpy.ndarray, shape (n, F), float32
            For ``"crystal"``; F is ``options["atom_features"]``.
        list of numpy.ndarray, shape (n_atoms, F) or (n_atoms, S, F)
            For ``"atoms"`` and ``"steps"``, atoms in the order of the sites; S is ``options["depth"]``.
        """
        _lib.choice(errors, ("raise", "record"), "errors")
        number = _lib.choice(kind, _lib.EMBEDDINGS, "kind")
        rows: List[Any] = []
        failed: Dict[int, RecrystError] = {}
        with _Bar(progress, x) as bar:
            for batch in self._batches(x):
                rows += self._embed_batch(batch, number)
                if batch.errors and errors == "raise":
                    raise batch.errors[min(batch.errors)]
                failed.update((batch.first + i, problem) for i, problem in batch.errors.items())
                bar.update(batch.n)
        _warn(failed, len(rows))
        if kind != "crystal":
            return rows
        F = self._describe().options.atom_features
        return np.concatenate(rows) if rows else np.empty((0, F), np.float32)

    def steps(self, x: Any, *, errors: str = "raise") -> "List[NDArray[np.float32]]":
        """Every atom's vector after every step or layer: :meth:`embed` with ``kind="steps"``."""
        found: "List[NDArray[np.float32]]" = self.embed(x, "steps", errors=errors)
        return found

    def _embed_batch(self, batch: _Batch, kind: int) -> List[Any]:
        pointer, error = c_void_p(), _lib.rcr_error()
        function = lib.rcr_session_embed_graphs if batch.is_graph else lib.rcr_session_embed
        with _Failures() as failures:
            with self._lock:
                status = function(
                    byref(pointer), self._ready(), kind, batch.pointers, batch.n, byref(failures.events), byref(error)
                )
            _lib.check(status, error)
        try:
            e = _lib.rcr_embedding.from_address(pointer.value or 0)
            offset = np.array(view(e, e.row_offset, (batch.n + 1,), np.uintp)).astype(np.int64)
            width = (e.n_features,) if kind < 2 else (e.n_steps, e.n_features)
            values = np.array(view(e, e.values, (int(offset[-1]), *width), np.float32))
        finally:
            lib.rcr_embedding_free(pointer)
        _name_failures(batch, failures.errors)
        rows: List[Any] = [values[offset[i] : offset[i + 1]] for i in range(batch.n)]
        for i in batch.errors:
            rows[i] = np.full((1, *width), np.nan, np.float32) if kind == 0 else rows[i][:0]
        return rows

    def explain(self, x: Any, target: int = 0) -> Explanation:
        """What each atom and each step does to the prediction of one crystal.

        Parameters
        ----------
        x : Crystal, Graph, ase.Atoms, pymatgen Structure or path (of a file, its first structure)
        target : int, default 0
            Which of several targets.

        Raises
        ------
        ArgumentError
            There is no such target.
        UnsupportedError
            The networks of this ensemble transform the target differently; explain one of them.
        RecrystError
            The crystal can't be used.
        """
        batch = self._batch([as_crystal(x) if not isinstance(x, Graph) else x])
        if batch.errors:
            raise batch.errors[0]
        pointer = batch.pointers[0]
        crystal, graph = (None, pointer) if batch.is_graph else (pointer, None)
        e, error = _lib.rcr_explained(), _lib.rcr_error()
        with self._lock:
            status = lib.rcr_session_explain(
                byref(e), self._ready(), crystal, graph, _arrays.whole(target, "target", -(2**31)), byref(error)
            )
        _lib.check(status, error)
        try:
            lengths = {"step_value": e.n_steps + 1, "step_change": e.n_steps, "readout": e.n_atoms, "input": e.n_atoms}
            arrays = [np.array(view(e, getattr(e, name), (n,), np.float64)) for name, n in lengths.items()]
            gaps = (e.readout_baseline, e.input_baseline, e.readout_gap, e.input_gap)
            return Explanation(e.prediction, e.value, arrays[0], arrays[1], arrays[2], arrays[3], *gaps)
        finally:
            lib.rcr_explained_release(byref(e))

    # ---- evaluating

    def score(self, target: "ArrayLike", prediction: "ArrayLike") -> "Union[Scores, List[Scores]]":
        """How well predictions fit, by the measures of the model's task.

        Parameters
        ----------
        target, prediction : array_like, shape (n,), or (n, T) of a model of several targets
            In the target's unit; or class 0 or 1 beside the probability of class 1.  Of several targets, a target that
            is NaN does not count, and columns of a pandas frame, of either, are taken by their names.

        Returns
        -------
        Scores, or list of Scores of several targets
            In the order of :attr:`targets`.

        Raises
        ------
        DataError
            A target that is not finite, or no class.
        ArgumentError
            Other shapes, or a frame of other targets.
        """
        t, p = _arrays.targets(target), _arrays.targets(prediction)
        T = self.n_targets
        if T > 1:
            t = _arrays.in_order(t, _arrays.names_of(target), self.targets, "the frame")
            p = _arrays.in_order(p, _arrays.names_of(prediction), self.targets, "the frame of predictions")
        if t.shape != p.shape or t.shape[1:] != (() if T == 1 else (T,)):
            raise ArgumentError(
                f"targets have shape {t.shape}, predictions {p.shape}; both are {'(n,)' if T == 1 else f'(n, {T})'}"
            )
        return self._score(0, t, p) if T == 1 else [self._score(k, t[:, k], p[:, k]) for k in range(T)]

    def _score(self, k: int, target: "NDArray[np.float64]", prediction: "NDArray[np.float64]") -> Scores:
        """Of target k; of several, over the rows that have it."""
        known = ~np.isnan(target) if self.n_targets > 1 else np.full(len(target), True)
        t, p = np.ascontiguousarray(target[known]), np.ascontiguousarray(prediction[known])
        scores, error = _lib.rcr_scores(), _lib.rcr_error()
        _lib.check(
            lib.rcr_model_score_target(byref(scores), self._c(), k, address(t), address(p), len(t), byref(error)), error
        )
        return Scores._of(scores)

    def evaluate(
        self, data: Any, y: "Optional[ArrayLike]" = None, *, target: Optional[str] = None
    ) -> "Union[Scores, List[Scores]]":
        """Predict data and compare with their targets.

        Parameters
        ----------
        data : path, Dataset, or what :meth:`predict` takes beside `y`
            A dataset as for ``recryst evaluate``.
        y : array_like, shape (n,), or (n, T) of a model of several targets, optional
            The targets of crystals that are not a dataset.
        target : str, optional
            A dataset's column, or several with commas between them; the model's own targets when not given.  The
            model's own names may come in any order, and of a model of several, the name of one scores that one; others
            stand for its targets in their order.  A :class:`Dataset` has been read with its target.

        Returns
        -------
        Scores, or list of Scores of several targets
            In the order of :attr:`targets`.

        Raises
        ------
        ArgumentError
            The model has other targets than the data, a column named as one of its targets stands for another of
            them, or a :class:`Dataset` was read with another than `target`.
        """
        if y is not None:
            if target is not None:
                raise ArgumentError("target names a column of a dataset; here y are the targets")
            return self.score(y, self.predict(data))
        if isinstance(data, Dataset):
            if target is not None and split_names(target) != data.target_names:
                raise ArgumentError(f"the dataset was read with the target {data.target!r}, not {target!r}")
        elif is_path(data):
            own = ",".join(self.targets) or None
            data = Dataset(data, target if target is not None else own, model=self, threads=self._threads)
        else:
            raise TypeError("evaluate takes a path or a Dataset, or crystals with their targets")
        names, targets, T = data.target_names, self.targets, self.n_targets
        one = targets.index(names[0]) if T > 1 and len(names) == 1 and names[0] in targets else None
        if one is None and len(names) != T:
            raise ArgumentError(
                f"the data were read with {len(names)} targets ({data.target}), and the model predicts {T}: "
                f"{', '.join(targets)}"
            )
        order = paired(names, targets) if one is None else []
        predicted, known = self.predict(data), data.targets
        if one is not None:
            return self._score(one, known, predicted[:, one])
        return self.score(known[:, order] if T > 1 else known, predicted)
