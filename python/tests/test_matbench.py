"""Matbench: folds, scores and records, against scikit-learn and the package matbench where they are there."""

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import recryst
from conftest import SMALL
from recryst import matbench
from recryst.matbench.__main__ import main
from recryst.matbench.tasks import _auc

DEMO = matbench.Task("matbench_demo", 60, "formation_energy", "eV/atom")
CLASSES = matbench.Task("matbench_demo_classes", 60, "stable", "", "classification")

# Run by the interpreter that RECRYST_MATBENCH names, which has the package matbench: is the record what that would write,
# and are the folds and the scores those that it has?
OFFICIAL = """
import json, sys
from matbench.bench import MatbenchBenchmark
from matbench.data_ops import score_array
from matbench.metadata import mbv01_metadata, mbv01_validation
record = MatbenchBenchmark.from_file(sys.argv[1])
assert record.validate() == {} and record.is_valid and record.is_recorded
given = json.load(sys.stdin)
told = {
    "scores": {task: {m: dict(v) for m, v in s.items()} for task, s in record.scores.items()},
    "folds": {name: [fold["test"] for fold in mbv01_validation.splits[name].values()] for name in given["tasks"]},
    "tasks": {name: [mbv01_metadata[name][k] for k in ("n_samples", "target", "task_type")] for name in given["tasks"]},
    "regression": score_array(given["t"], given["p"], "regression"),
    "classes": score_array(given["c"], given["q"], "classification"),
}
open(sys.argv[2], "w").write(json.dumps(told, default=float))
"""


class Mean:
    """Predicts the mean; counts how often it is fitted."""

    fitted = 0

    def __init__(self, shift=0.0):
        self.shift = shift

    def get_params(self, deep=True):
        return {"shift": self.shift}

    def fit(self, X, y):
        type(self).fitted += 1
        assert len(X) == len(y)
        self.mean_ = float(np.mean(y)) + self.shift

    def predict(self, X):
        return np.full(len(X), self.mean_)


@pytest.fixture
def data(alloys, energies, tmp_path):
    """A folder with small tasks in files such as Matbench's."""
    recryst.write(tmp_path / "matbench_demo.json", alloys[:60], {"formation_energy": energies[:60]})
    stable = (energies[:60] > np.median(energies[:60])).astype(float)
    recryst.write(tmp_path / "matbench_demo_classes.json", alloys[:60], {"stable": stable})
    return tmp_path


def test_folds_are_scikit_learn_s():
    selection = pytest.importorskip("sklearn.model_selection")
    random = np.random.default_rng(1)
    for n in (11, 60, 637, 1265):
        plain = selection.KFold(5, shuffle=True, random_state=18012019)
        task = matbench.Task("matbench_x", n, "y")
        for (train, test), (ours, tests) in zip(plain.split(np.zeros(n)), task.folds(np.zeros(n))):
            assert np.array_equal(train, ours) and np.array_equal(test, tests)
        for share in (0.3, 0.5, 0.9):
            y = random.random(n) < share
            task = matbench.Task("matbench_x", n, "y", "", "classification")
            if np.bincount(y).min() < 5:
                continue
            dealt = selection.StratifiedKFold(5, shuffle=True, random_state=18012019)
            for (train, test), (ours, tests) in zip(dealt.split(np.zeros(n), y), task.folds(y)):
                assert np.array_equal(train, ours) and np.array_equal(test, tests)


def test_folds_of_phonons_begin_as_published():
    task = matbench.task("phonons")
    train, test = task.folds(np.zeros(1265))[0]
    assert [task.ids[i] for i in test[:3]] == ["mb-phonons-0002", "mb-phonons-0003", "mb-phonons-0007"]
    assert len(train) == 1012 and len(test) == 253


def test_scores_are_scikit_learn_s():
    m = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(2)
    t, p = random.normal(size=50), random.normal(size=50)
    t[3] = 1e-7  # left out of relative errors
    found = matbench.Task("matbench_x", 50, "y").score(t, p)
    expected = {
        "mae": m.mean_absolute_error(t, p),
        "rmse": m.mean_squared_error(t, p) ** 0.5,
        "mape": m.mean_absolute_percentage_error(np.delete(t, 3), np.delete(p, 3)),
        "max_error": m.max_error(t, p),
    }
    assert found == pytest.approx(expected, rel=1e-12)
    c, q = random.random(50) < 0.4, random.random(50)
    found = matbench.Task("matbench_x", 50, "y", "", "classification").score(c, q)
    expected = {
        "accuracy": m.accuracy_score(c, q > 0.5),
        "balanced_accuracy": m.balanced_accuracy_score(c, q > 0.5),
        "f1": m.f1_score(c, q > 0.5),
        "rocauc": m.roc_auc_score(c, q > 0.5),
    }
    assert found == pytest.approx(expected, rel=1e-12)
    q[:20] = 0.25  # ties
    assert _auc(c, q) == pytest.approx(m.roc_auc_score(c, q), rel=1e-12)


def test_a_run_and_its_record(data, energies, tmp_path):
    told = []
    record = matbench.run(
        DEMO,
        Mean(),
        data=data,
        metadata={"algorithm": "mean"},
        on_fold=lambda t, k, s: told.append((t.name, k, s["mae"])),
    )
    y = energies[:60]
    maes = [np.abs(y[test] - y[train].mean()).mean() for train, test in DEMO.folds(y)]
    assert [mae for _, _, mae in told] == pytest.approx(maes, rel=1e-12)
    scores = record.scores()["matbench_demo"]["mae"]
    assert scores["mean"] == pytest.approx(np.mean(maes)) and scores["std"] == pytest.approx(np.std(maes))
    record.save(tmp_path / "results.json.gz")
    raw = json.loads(gzip.decompress((tmp_path / "results.json.gz").read_bytes()))
    assert raw["@class"] == "MatbenchBenchmark" and raw["user_metadata"] == {"algorithm": "mean"}
    again = matbench.Benchmark.load(tmp_path / "results.json.gz")
    assert again.scores() == record.scores() and again.metadata == record.metadata
    raw["tasks"]["matbench_demo"]["results"]["fold_0"]["scores"]["mae"] = 0.0
    (tmp_path / "forged.json").write_text(json.dumps(raw))
    with pytest.raises(recryst.ParseError, match="changed"):
        matbench.Benchmark.load(tmp_path / "forged.json")


def test_finished_folds_are_kept(data, tmp_path):
    Mean.fitted = 0
    part = matbench.run(DEMO, Mean(), data=data, folder=tmp_path / "kept", folds=[0, 3])
    assert Mean.fitted == 2 and part.recorded("matbench_demo") == [0, 3] and part.scores() == {}
    with pytest.raises(recryst.ArgumentError, match="no fold 1, 2, 4"):
        part.save(tmp_path / "early.json")
    whole = matbench.run(DEMO, Mean(), data=data, folder=tmp_path / "kept")
    assert Mean.fitted == 5 and whole.recorded("matbench_demo") == [0, 1, 2, 3, 4]
    fresh = matbench.run(DEMO, Mean(), data=data)
    assert fresh.scores() == whole.scores() and Mean.fitted == 10
    matbench.run(DEMO, Mean(0.5), data=data, folder=tmp_path / "kept")
    assert Mean.fitted == 15


class Constant:
    """Predicts one number, and says nothing of it."""

    def __init__(self, value):
        self.value = value

    def fit(self, X, y):
        pass

    def predict(self, X):
        return np.full(len(X), self.value)


class Wrapped(Mean):
    """A mean with a part of its own."""

    def __init__(self, shift=0.0, part=None):
        super().__init__(shift)
        self.part = part

    def get_params(self, deep=True):
        return {"shift": self.shift, "part": self.part}


def test_folds_of_another_estimator_are_trained_anew(data, tmp_path):
    def mae(estimator, **more):
        record = matbench.run(DEMO, estimator, data=data, **more)
        return record.scores()["matbench_demo"]["mae"]["mean"]

    kept = {"folder": tmp_path / "kept"}
    for estimator in (Constant(0.0), lambda task: Constant(0.0)):
        with pytest.raises(recryst.ArgumentError, match="Constant has no get_params.* key="):
            mae(estimator, **kept)
    assert mae(Constant(100.0), key=100, **kept) == mae(Constant(100.0)) > 90
    assert mae(Constant(0.0), key=0, **kept) == mae(Constant(0.0)) < 10
    assert mae(Constant(7.0), key=0, **kept) == mae(Constant(0.0))  # what the key says is believed
    # Parameters that are estimators say their own, and other objects none.
    Mean.fitted = Wrapped.fitted = 0
    for n, part in ((5, Mean(1.0)), (10, Mean(2.0)), (10, Mean(2.0)), (15, None), (20, np.mean), (20, np.mean)):
        mae(Wrapped(part=part), folder=tmp_path / "wrapped")
        assert Wrapped.fitted == n
    for part in (Constant(1.0), [Constant(1.0)], lambda x: x):
        with pytest.raises(recryst.ArgumentError, match="part is .* key="):
            mae(Wrapped(part=part), folder=tmp_path / "wrapped")
    # A class of the same name in another module is another.
    other = type("Mean", (Mean,), {"__module__": "elsewhere"})
    Mean.fitted = 0
    mae(Mean(), **kept)
    mae(other(), **kept)
    assert Mean.fitted == 5 and other.fitted == 10


def test_recryst_s_estimators(data):
    small = {**SMALL, "loss": "gaussian"}
    record = matbench.run(DEMO, lambda t: matbench.make_estimator(t, **small), data=data, folds=[1])
    entry = record._results["matbench_demo"]["fold_1"]
    bounds = next(iter(entry["uncertainty"].values()))
    assert bounds["ci_upper"] - bounds["ci_lower"] == pytest.approx(2 * 1.959963984540054 * bounds["std"])
    assert entry["parameters"]["settings"]["epochs"] == 2 and entry["parameters"]["unusable_test_rows"] == 0
    record = matbench.run(CLASSES, recryst.Classifier(**SMALL), data=data, folds=[0])
    values = list(record._results["matbench_demo_classes"]["fold_0"]["data"].values())
    assert 0 <= min(values) and max(values) <= 1 and len(values) == 12
    assert set(record._results["matbench_demo_classes"]["fold_0"]["scores"]) == set(CLASSES.metrics)


@pytest.mark.filterwarnings("ignore")
def test_crystals_that_can_t_be_used(data, alloys, energies, tmp_path):
    """A crystal of an element that no network knows, in the training rows of four folds and the test rows of one."""
    strange = recryst.Crystal(np.eye(3) * 4, ["Og"], [[0, 0, 0]])
    recryst.write(tmp_path / "matbench_demo.json", [strange, *alloys[1:60]], {"formation_energy": energies[:60]})
    y = energies[:60]
    record = matbench.run(DEMO, lambda t: matbench.make_estimator(t, **SMALL), data=tmp_path)
    (fold,) = [k for k, (_, test) in enumerate(DEMO.folds(y)) if 0 in test]
    entry = record._results["matbench_demo"][f"fold_{fold}"]
    assert entry["parameters"]["unusable_test_rows"] == 1
    assert entry["data"]["mb-demo-01"] == pytest.approx(np.median(y[DEMO.folds(y)[fold][0]]))


def test_what_can_t_be_run(data, tmp_path):
    with pytest.raises(recryst.ArgumentError, match="phonons"):
        matbench.task("steels")
    with pytest.raises(recryst.FileError, match="matbench_phonons.json.gz"):
        matbench.run("phonons", Mean(), data=data)
    with pytest.raises(recryst.DataError, match="60 rows"):
        matbench.task("phonons").load(data / "matbench_demo.json")
    with pytest.raises(recryst.DataError, match="gap"):
        matbench.Task("matbench_demo", 60, "gap").load(data)
    with pytest.raises(recryst.ArgumentError, match="fold"):
        matbench.run(DEMO, Mean(), data=data, folds=[5])
    benchmark = matbench.Benchmark()
    for fold, predictions, words in (
        (0, np.zeros(3), "shape"),
        (9, np.zeros(12), "fold"),
        (0, np.full(12, np.nan), "finite"),
    ):
        with pytest.raises(recryst.ArgumentError, match=words):
            benchmark.record(DEMO, fold, predictions, np.zeros(60))
    (tmp_path / "no.json").write_text("{")
    with pytest.raises(recryst.ParseError):
        matbench.Benchmark.load(tmp_path / "no.json")
    (tmp_path / "no.json").write_text("[1]")
    with pytest.raises(recryst.ParseError, match="no record"):
        matbench.Benchmark.load(tmp_path / "no.json")


def test_the_command_line(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(matbench.TASKS, "matbench_demo", DEMO)
    settings = [f"--set={name}={value}" for name, value in SMALL.items()]
    out = tmp_path / "results.json"
    arguments = ["demo", "--data", str(data), "--out", str(out), "--threads", "2", *settings]
    assert main([*arguments, "--recipe", "reference"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("matbench_demo fold 0: mae ") and lines[-1].endswith("is written")
    assert main(["--show", str(out)]) == 0
    assert "matbench_demo mae" in capsys.readouterr().out
    monkeypatch.setattr(sys.modules[__name__], "quiet", lambda task: Constant(0.0), raising=False)
    other = ["demo", "--data", str(data), "--folder", str(tmp_path / "kept"), "--estimator", f"{__name__}:quiet"]
    assert main(other) == 1
    assert "key" in capsys.readouterr().err
    assert main([*other, "--key", "zero"]) == 0
    assert "fold 4" in capsys.readouterr().out
    assert main(["demo", "--data", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err
    assert main([*arguments[:3], "--set", "epochz=1"]) == 1
    assert "epochz" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    told = subprocess.run(
        [sys.executable, "-m", "recryst.matbench", "--help"], capture_output=True, text=True, check=True
    )
    assert "phonons" in told.stdout and "--estimator" in told.stdout


def test_the_package_matbench_agrees(source, tmp_path):
    python = os.environ.get("RECRYST_MATBENCH")
    data = source.parent / "shared" / "data" / "matbench_phonons.json.gz"
    if not python:
        pytest.skip("RECRYST_MATBENCH names no interpreter that has the package matbench")
    if not data.is_file():
        pytest.skip("the phonons are not here")
    record = matbench.run("phonons", Mean(), data=data)
    record.save(tmp_path / "results.json")
    random = np.random.default_rng(3)
    plain = [t for t in matbench.TASKS.values() if t.kind == "regression"]
    given = {
        "tasks": list(matbench.TASKS),
        "t": random.normal(size=40).tolist(),
        "p": random.normal(size=40).tolist(),
        "c": (random.random(40) < 0.4).tolist(),
        "q": random.random(40).tolist(),
    }
    told = subprocess.run(
        [python, "-c", OFFICIAL, tmp_path / "results.json", tmp_path / "told.json"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert told.returncode == 0, told.stderr
    theirs = json.loads((tmp_path / "told.json").read_text())
    assert theirs["scores"]["matbench_phonons"]["mae"] == pytest.approx(record.scores()["matbench_phonons"]["mae"])
    for task in matbench.TASKS.values():
        assert theirs["tasks"][task.name] == [task.n_samples, task.target, task.kind]
    for task in plain:
        ids = task.ids
        ours = [[ids[i] for i in test] for _, test in task.folds(np.zeros(task.n_samples))]
        assert ours == theirs["folds"][task.name], task.name
    assert theirs["regression"] == pytest.approx(plain[0].score(given["t"], given["p"]), rel=1e-12)
    assert theirs["classes"] == pytest.approx(CLASSES.score(given["c"], given["q"]), rel=1e-12)
