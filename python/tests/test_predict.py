"""Predicting: all kinds of inputs, the command's own values, errors that name their place."""

import csv
import itertools
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import types

import numpy as np
import pytest

import recryst


def test_values_are_the_command_s_to_the_last_bit(model, run, demo, command, alloys):
    out = subprocess.run(
        [command, "predict", run.directory, demo / "alloys.extxyz", demo / "examples", "--quiet"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows = list(csv.DictReader(out.splitlines()))
    frame_ids = [p.id for p in model.predict_iter([demo / "alloys.extxyz", demo / "examples"])]
    values = model.predict([demo / "alloys.extxyz", demo / "examples"])
    assert [float(r["prediction"]) for r in rows] == values.tolist()
    assert [r["id"] for r in rows] == frame_ids
    assert model.predict(alloys).tolist() == values[:400].tolist()


def test_all_inputs_give_one_value(model, alloys, demo, tmp_path):
    expected = model.predict(alloys[:40])
    assert expected.dtype == np.float64 and expected.shape == (40,)
    path = tmp_path / "part.jsonl"
    recryst.write(path, alloys[:40])
    graphs = [model.graph(a) for a in alloys[:40]]
    for same in (path, str(path), [path], iter(alloys[:40]), (a for a in alloys[:40]), graphs, tuple(alloys[:40])):
        assert np.array_equal(model.predict(same), expected)
    mixture = [alloys[0], path, graphs[1], *alloys[2:5], path]
    assert np.array_equal(
        model.predict(mixture),
        np.concatenate([expected[:1], expected, expected[1:2], expected[2:5], expected]),
    )
    assert [model.predict_one(a) for a in alloys[:40]] == expected.tolist()
    assert model.predict(alloys[3]).tolist() == [expected[3]]
    data = recryst.Dataset(path, need_target=False, model=model)
    assert np.allclose(model.predict(data), expected, rtol=1e-5)
    assert model.predict([]).shape == (0,)


def test_other_packages(model, salt):
    pytest.importorskip("ase")
    pytest.importorskip("pymatgen.core")
    value = model.predict(salt)
    assert model.predict([salt.to_pymatgen(), salt.to_pymatgen()]).tolist() == [value[0]] * 2
    assert model.predict(salt.to_ase()) == pytest.approx(value, rel=1e-6)
    assert len(model.predict(itertools.repeat(salt.to_ase(), 5))) == 5


def test_nothing_else_is_imported():
    code = "import sys, recryst; print([m for m in ('torch', 'pandas', 'ase', 'pymatgen', 'sklearn', 'tqdm', 'scipy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("wrong", [3, None, b"bytes", {"a": 1}, [3], [None], object(), 2.5])
def test_wrong_types(model, wrong):
    with pytest.raises(TypeError):
        model.predict(wrong)


def bad_ones(salt, tmp_path):
    unknown = recryst.Crystal(salt.lattice, [118], [[0, 0, 0]], id="unknown")
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a 1\n")
    return [salt, unknown, broken, tmp_path / "none.cif", salt]


def test_a_wrong_item_is_named_by_its_place(model, alloys):
    for items in ([*alloys[:2], None], (c for c in [*alloys * 4, *alloys[:2], None])):
        place = 2 if isinstance(items, list) else 4 * len(alloys) + 2
        with pytest.raises(TypeError, match=f"^item {place}: .* not NoneType"):
            model.predict(items, errors="record")


def test_a_frame_of_a_dataset_with_a_bar(model, demo, capsys):
    pytest.importorskip("pandas")
    pytest.importorskip("tqdm")
    data = recryst.Dataset(demo / "alloys.extxyz", "formation_energy", model=model)
    frame = model.predict(data, as_frame=True, progress=True)
    assert {"prediction", "lower", "upper", "distance", "kind"} < set(frame.columns) and len(frame) == 1500
    assert "1500/1500" in capsys.readouterr().err


def test_datasets_give_what_their_files_give(model, alloys, tmp_path):
    path = tmp_path / "some.jsonl"
    many = alloys * 3  # more than go to the library at a time
    recryst.write(path, many, ids=[f"c{i}" for i in range(len(many))])
    data = recryst.Dataset(path, need_target=False, model=model)
    known = model.forecast(path, level=0.8)
    told = model.forecast(data, level=0.8)
    assert told.ids == known.ids and told.kind == known.kind and set(told.files) == {str(path)}
    for name in ("values", "lower", "upper", "distance"):
        assert np.array_equal(getattr(told, name), getattr(known, name)), name
    assert np.array_equal(model.predict(data), known.values)
    assert np.array_equal(model.embed(data), model.embed(path))
    assert [row.id for row in model.predict_iter(data)] == known.ids
    other = recryst.Dataset(path, need_target=False, options=recryst.GraphOptions(radius=5.0))
    with pytest.raises(recryst.MismatchError):
        model.predict(other)
    with pytest.raises(recryst.MismatchError):
        model.forecast(other)


@pytest.fixture(scope="module")
def blind(model, tmp_path_factory):
    """The model with no vector for gold, and one for copper that no network survives."""
    folder = tmp_path_factory.mktemp("blind")
    model.export(folder / "m.ckpt")
    model.export(folder / "atoms.json")
    vectors = json.loads((folder / "atoms.json").read_text())
    del vectors["79"]
    vectors["29"] = [3e38] * len(vectors["29"])
    (folder / "atoms.json").write_text(json.dumps(vectors))
    return recryst.import_checkpoint(folder / "m.ckpt", atom_init=folder / "atoms.json", padding="none")


def test_datasets_are_predicted_as_lists_are(blind, salt, tmp_path, monkeypatch):
    gold, copper = (recryst.Crystal(salt.lattice, [e, "Cl"], salt.fractional, id=e) for e in ("Au", "Cu"))
    path = tmp_path / "five.jsonl"
    recryst.write(path, [salt, gold, salt, copper, salt], {"y": [1.0, 2.0, 3.0, 4.0, 5.0]}, ids=list("abcde"))
    data = recryst.Dataset(path, options=blind.graph_options)
    assert len(data) == 5
    for most in (16384, 2):
        monkeypatch.setattr("recryst.model.BULK", most)
        with pytest.warns(recryst.UnusableWarning, match="2 of 5"):
            values = blind.predict(data, errors="record")
        with pytest.warns(recryst.UnusableWarning):
            listed = blind.predict(list(data), errors="record")
        assert np.isnan(values).tolist() == [False, True, False, True, False]
        assert np.array_equal(values, listed, equal_nan=True)
        for use in (lambda: blind.predict(data), lambda: blind.evaluate(data)):
            with pytest.raises(recryst.DataError, match="Au") as caught:
                use()
            assert caught.value.index == 1 and caught.value.file == str(path)
    rows = list(blind.predict_iter(data))
    assert [row.id for row in rows] == list("abcde") and {row.file for row in rows} == {str(path)}
    assert isinstance(rows[1].error, recryst.DataError) and isinstance(rows[3].error, recryst.NumericError)
    assert rows[3].error.index == 3
    with pytest.raises(recryst.ArgumentError):
        blind.predict(data, errors="ignore")


def test_an_interrupt_ends_the_prediction_of_a_dataset(model, alloys, tmp_path, monkeypatch):
    recryst.write(tmp_path / "some.jsonl", alloys[:50])
    data = recryst.Dataset(tmp_path / "some.jsonl", need_target=False, model=model)
    monkeypatch.setattr("recryst.model.BULK", 20)
    done = []

    class Bar:
        def __init__(self, wanted, x):
            pass

        def __enter__(self):
            return self

        def update(self, n):
            done.append(n)
            if len(done) == 2:
                raise KeyboardInterrupt

        def __exit__(self, *_):
            pass

    monkeypatch.setattr("recryst.model._Bar", Bar)
    with pytest.raises(KeyboardInterrupt):
        model.predict(data)
    assert done == [20, 20]
    monkeypatch.undo()
    assert np.array_equal(model.predict(data), model.predict(alloys[:50]))


def test_errors_are_raised_with_their_place(model, salt, tmp_path):
    items = bad_ones(salt, tmp_path)
    with pytest.raises(recryst.DataError, match="Og") as caught:
        model.predict(items)
    assert caught.value.index == 1
    with pytest.raises(recryst.RecrystError) as caught:
        model.predict([salt, salt, items[2]])
    assert caught.value.index == 2 and caught.value.file == str(items[2])
    with pytest.raises(recryst.FileError) as caught:
        model.predict(items[3])
    assert caught.value.file.endswith("none.cif")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(recryst.DataError, match="Og"):
        model.predict_one(items[1])


def test_errors_are_recorded(model, salt, tmp_path):
    items = bad_ones(salt, tmp_path)
    with pytest.warns(recryst.UnusableWarning, match="3 of 5"):
        values = model.predict(items, errors="record")
    assert np.isnan(values).tolist() == [False, True, True, True, False]
    rows = list(model.predict_iter(items))
    assert [r.row for r in rows] == [0, 1, 2, 3, 4] and rows[1].id == "unknown"
    assert [r.error is None for r in rows] == [True, False, False, False, True]
    with pytest.raises(recryst.ArgumentError):
        model.predict(items, errors="ignore")


def test_frames(model, salt, tmp_path):
    pytest.importorskip("pandas")
    frame = model.predict(bad_ones(salt, tmp_path), errors="record", as_frame=True)
    assert list(frame.columns)[:3] == ["id", "file", "prediction"] and list(frame.columns)[-1] == "error"
    assert frame.attrs["units"]["prediction"] == "eV/atom"
    assert frame["error"].isna().tolist() == [True, False, False, False, True]
    assert "Og" in frame["error"][1] and "none.cif" in frame["error"][3]
    assert frame["prediction"].isna().sum() == 3
    series = frame["prediction"]
    assert series[0] == model.predict_one(salt)


def test_forecasts(model, alloys, salt, tmp_path):
    some = alloys[:50]
    forecast = model.forecast(some, level=0.8)
    assert np.array_equal(forecast.values, model.predict(some)) and not forecast.errors
    assert forecast.ids == [a.id for a in some] and forecast.spread is None and forecast.std is None
    assert np.array_equal(model.forecast([model.graph(a) for a in some]).values, forecast.values)
    if forecast.lower is not None:  # the model was calibrated
        assert (forecast.lower <= forecast.values).all() and (forecast.values <= forecast.upper).all()
        wider = model.forecast(some, level=0.95)
        assert (wider.upper >= forecast.upper).all()
    if forecast.kind is not None:
        assert set(forecast.kind) <= {"in", "far"}
        assert model.forecast([salt]).kind == ["element:Na+Cl"]
    bad = model.forecast(bad_ones(salt, tmp_path), errors="record")
    assert np.isnan(bad.values).tolist() == [False, True, True, True, False] and sorted(bad.errors) == [1, 2, 3]
    for level in (1, -0.1, np.nan):
        with pytest.raises(recryst.ArgumentError, match="level"):
            model.forecast(some, level=level)
    assert model.forecast([]).values.shape == (0,)


def test_explanations(model, alloys):
    crystal = max(alloys, key=len)
    e = model.explain(crystal)
    assert e.prediction == pytest.approx(model.predict_one(crystal), rel=1e-5, abs=1e-6)
    assert e.readout.shape == e.input.shape == (len(crystal),)
    assert e.step_values.shape == (model.options["depth"] + 1,) and e.step_changes.shape == (model.options["depth"],)
    assert e.step_values[-1] == pytest.approx(e.prediction, rel=1e-5, abs=1e-6)
    assert e.readout.sum() + e.readout_baseline - e.readout_gap == pytest.approx(e.value, abs=1e-6)
    assert e.input.sum() + e.input_baseline - e.input_gap == pytest.approx(e.value, abs=1e-6)
    assert np.array_equal(model.explain(model.graph(crystal)).input, e.input)
    with pytest.raises(recryst.ArgumentError):
        model.explain(crystal, target=5)
    with pytest.raises(recryst.FileError):
        model.explain("none.cif")


def test_a_generator_of_any_length_takes_no_memory(model, salt):
    numbers = model.predict_iter(salt for _ in range(20000))
    tracemalloc.start()
    try:
        next(numbers)
        before = tracemalloc.get_traced_memory()[0]
        for _ in itertools.islice(numbers, 15000):
            pass
        assert tracemalloc.get_traced_memory()[0] - before < 1_000_000
    finally:
        tracemalloc.stop()
    numbers.close()


def test_an_error_in_the_generator_comes_through(model, salt):
    def items():
        yield salt
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.predict(items())
    assert model.predict([salt]).shape == (1,)


def test_progress(model, alloys, demo, capsys):
    pytest.importorskip("tqdm")
    model.predict(alloys, progress=True)
    assert "400" in capsys.readouterr().err
    model.predict(recryst.Dataset(demo / "alloys.extxyz", "formation_energy", model=model), progress=True)
    assert "1500/1500" in capsys.readouterr().err


def test_embedding(model, alloys, salt, tmp_path):
    F, S = model.options["atom_features"], model.options["depth"]
    some = alloys[:30]
    whole = model.embed(some)
    assert whole.shape == (30, F) and whole.dtype == np.float32
    atoms, steps = model.embed(some, "atoms"), model.steps(some)
    for crystal, a, s, w in zip(some, atoms, steps, whole):
        assert a.shape == (len(crystal), F) and s.shape == (len(crystal), S, F)
        assert np.array_equal(s[:, -1], a)
        assert np.allclose(a.mean(0), w, rtol=1e-5, atol=1e-6)
    assert np.array_equal(model.embed([model.graph(a) for a in some]), whole)
    recryst.write(tmp_path / "x.jsonl", some)
    assert np.array_equal(model.embed(tmp_path / "x.jsonl"), whole)
    bad = bad_ones(salt, tmp_path)
    with pytest.warns(recryst.UnusableWarning):
        rows = model.embed(bad, errors="record")
    assert np.isnan(rows[:, 0]).tolist() == [False, True, True, True, False]
    with pytest.raises(recryst.RecrystError):
        model.embed(bad)
    with pytest.raises(recryst.ArgumentError):
        model.embed(some, "electrons")
    assert model.embed([]).shape == (0, F)


def test_scores(model, run, demo, alloys, energies):
    own = model.evaluate(alloys, energies)
    assert own.mae == pytest.approx(np.abs(model.predict(alloys) - energies).mean(), rel=1e-12)
    assert np.isnan(own.auc)
    whole = model.evaluate(demo / "alloys.extxyz")
    assert whole.n == 1500 and whole.rmse >= whole.mae > 0
    with pytest.raises(recryst.ArgumentError, match="shape"):
        model.score([1, 2], [1])
    with pytest.raises(recryst.DataError):
        model.score([np.nan], [1])
    with pytest.raises(TypeError):
        model.evaluate(alloys)


def test_what_a_model_is(model, run):
    assert model.target == "formation_energy" and model.unit == "eV/atom" and model.task == "regression"
    assert model.architecture == "sr-cgcnn" and model.options["depth"] == 3 and model.options["gate"] is False
    assert model.graph_options == recryst.GraphOptions()
    weights = model.state_dict()
    trained = sum(v.size for k, v in weights.items() if "running" not in k and "tracked" not in k)
    assert trained == model.n_parameters
    assert model.metadata["best_epoch"] in ("1", "2")
    assert "formation_energy" in repr(model)


def test_models_are_saved_pickled_and_closed(model, salt, tmp_path):
    value = model.predict_one(salt)
    model.save(tmp_path / "m.safetensors")
    for same in (
        recryst.load(tmp_path / "m.safetensors", threads=1),
        pickle.loads(pickle.dumps(model)),
        recryst.Model.from_bytes(model.to_bytes()),
    ):
        assert same.predict_one(salt) == value
        assert all(np.array_equal(a, b) for a, b in zip(same.state_dict().values(), model.state_dict().values()))
    with recryst.load(tmp_path / "m.safetensors") as opened:
        assert opened.predict_one(salt) == value
        rows = opened.predict_iter(salt for _ in range(5000))
        next(rows)
    for use in (
        lambda: opened.predict_one(salt),
        lambda: opened.predict([salt]),
        lambda: opened.target,
        lambda: opened.state_dict(),
        lambda: opened.embed(salt),
        lambda: opened.save(tmp_path / "n"),
        lambda: list(rows),
        lambda: opened.__enter__(),
        lambda: pickle.dumps(opened),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    opened.close()
    assert "closed" in repr(opened)


def test_bad_models(tmp_path, monkeypatch, model):
    with pytest.raises(recryst.FileError, match="no shipped model"):
        recryst.load("no-such-model")
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"\0" * 100)
    with pytest.raises(recryst.ParseError) as caught:
        recryst.load(junk)
    assert caught.value.file == str(junk)
    data = bytearray(model.to_bytes())
    data[-5] ^= 1
    with pytest.raises(recryst.MismatchError):
        recryst.Model.from_bytes(bytes(data))
    with pytest.raises(recryst.ArgumentError):
        recryst.load(tmp_path, threads=-1)
    model.save(tmp_path / "formation-energy.safetensors")
    monkeypatch.setenv("RECRYST_MODELS", str(tmp_path))
    assert "formation-energy" in recryst.models()
    assert recryst.load("formation-energy").target == "formation_energy"
    with pytest.raises(recryst.FileError, match="did you mean 'formation-energy'"):
        recryst.load("formation-energie")
    with pytest.raises(recryst.ArgumentError, match="kernels|sse"):
        recryst.load(tmp_path / "formation-energy.safetensors", kernels="sse").predict([])  # opened when first used
        recryst.load(tmp_path / "formation-energy.safetensors", kernels="sse").kernels  # noqa: B018


def test_disorder_can_be_chosen(model, salt):
    mixed = recryst.Crystal(salt.lattice, [{"Cu": 0.5, "Au": 0.5}, "Cu"], salt.fractional)
    own = pickle.loads(pickle.dumps(model))
    with pytest.raises(recryst.UnsupportedError):
        own.predict(mixed)
    own.set_disorder("average")
    assert np.isfinite(own.predict(mixed)).all()
    own.set_disorder("refuse")
    with pytest.raises(recryst.UnsupportedError):
        own.predict(mixed)
    with pytest.raises(recryst.ArgumentError):
        own.set_disorder("maybe")


def test_graphs_of_other_options_are_refused(model, salt):
    with pytest.raises(recryst.MismatchError, match="options"):
        model.predict([recryst.Graph(salt, radius=5)])


def test_checkpoints(model, salt, tmp_path):
    model.export(tmp_path / "m.ckpt")
    back = recryst.import_checkpoint(tmp_path / "m.ckpt", target="e", unit="eV", padding="none")
    assert back.target == "e" and back.unit == "eV"
    assert back.predict_one(salt) == pytest.approx(model.predict_one(salt), rel=1e-5)
    model.export(tmp_path / "m.onnx")
    model.export(tmp_path / "atoms.json")
    assert (tmp_path / "m.onnx").stat().st_size > 1000
    assert recryst.import_checkpoint(tmp_path / "m.ckpt", atom_init=tmp_path / "atoms.json").target == ""
    with pytest.raises(TypeError):
        recryst.import_checkpoint(tmp_path / "m.ckpt", radios=3)
    with pytest.raises(recryst.FileError):
        recryst.import_checkpoint(tmp_path / "none")
    with pytest.raises(recryst.ParseError):
        recryst.import_checkpoint(tmp_path / "atoms.json")
    with pytest.raises(recryst.ArgumentError):
        model.export(tmp_path / "m", "pdf")
    with pytest.raises(recryst.ArgumentError, match="max_neighbors is -5"):
        recryst.import_checkpoint(tmp_path / "m.ckpt", max_neighbors=-5)
    for wrong in (-1e-6, 0.5, np.nan, 1e-11):
        with pytest.raises(recryst.ArgumentError, match="tolerance of tied distances"):
            recryst.import_checkpoint(tmp_path / "m.ckpt", tie_tolerance=wrong)
    told = recryst.import_checkpoint(tmp_path / "m.ckpt", ties="keep", tie_tolerance=0.01, disorder="average")
    assert (told.graph_options.ties, told.graph_options.tie_tolerance) == ("keep", 0.01)
    assert told.graph_options.disorder == "average" and told.graph_options.max_neighbors == 12


def test_networks_of_an_ensemble(demo, tmp_path):
    small = dict(train_size=100, val_size=20, test_size=20, epochs=1, batch_size=64, atom_features=8, hidden=8)
    run = recryst.train(demo / "alloys.extxyz", tmp_path / "r", target="formation_energy", ensemble=2, **small)
    both, one = run.model(), recryst.train(demo / "alloys.extxyz", tmp_path / "s", target="formation_energy", **small)
    single = one.model()
    assert (both.n_members, single.n_members) == (2, 1) and "2 networks" in repr(both)
    assert both.n_parameters == 2 * single.n_parameters and both.n_conv_parameters == 2 * single.n_conv_parameters
    states = [both.state_dict(member=k) for k in (1, 2)]
    name = "shared_conv.fc_full.weight"
    assert np.array_equal(states[0][name], single.state_dict()[name])
    assert not np.array_equal(states[0][name], states[1][name])
    assert single.state_dict(member=1).keys() == single.state_dict().keys() == states[1].keys()
    for k in (1, 2):
        both.export(tmp_path / "m.ckpt", member=k)
        again = recryst.import_checkpoint(tmp_path / "m.ckpt")
        assert all(np.array_equal(v, states[k - 1][n]) for n, v in again.state_dict().items())
    both.export(tmp_path / "all.onnx")
    both.export(tmp_path / "second.onnx", member=2)
    assert (tmp_path / "all.onnx").stat().st_size > 1.1 * (tmp_path / "second.onnx").stat().st_size
    for use in (both.state_dict, lambda: both.export(tmp_path / "none.ckpt")):
        with pytest.raises(recryst.ArgumentError, match="ensemble of 2 networks.*member=1 to 2"):
            use()
    for model, wrong in ((both, 0), (both, 3), (both, -1), (both, 2**32 + 1), (single, 2)):
        with pytest.raises(recryst.ArgumentError, match="there is no network"):
            model.state_dict(member=wrong)
        with pytest.raises(recryst.ArgumentError, match="there is no network"):
            model.export(tmp_path / "none.ckpt", member=wrong)
    assert not (tmp_path / "none.ckpt").exists()


def test_state_dict_loads_into_pytorch(model, tmp_path):
    torch = pytest.importorskip("torch")
    state = model.to_torch_state_dict()
    assert all(isinstance(v, torch.Tensor) for v in state.values())
    model.export(tmp_path / "m.ckpt")
    stored = torch.load(tmp_path / "m.ckpt", weights_only=True)["state_dict"]
    assert set(stored) == set(state)
    for name, value in stored.items():
        assert torch.equal(value, state[name]), name


def test_a_module_without_pandas(model, salt, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas"):
        model.predict([salt], as_frame=True)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="tqdm"):
        model.predict([salt], progress=True)


def test_duck_types_that_break(model):
    fake = types.SimpleNamespace(arrays={}, cell=None, pbc=(True, True, True))
    with pytest.raises((KeyError, AttributeError, TypeError)):
        model.predict([fake])


def test_shipped_models(source, salt, monkeypatch):
    """By name, from an installed package as from the sources: the same models that stand there, each with its unit."""
    monkeypatch.delenv("RECRYST_MODELS", raising=False)
    shipped = sorted(path.stem for path in (source / "models").glob("*.safetensors"))
    assert shipped and recryst.models() == shipped
    for name in shipped:
        with recryst.load(name) as model:
            forecast = model.forecast(salt)
            assert np.isfinite(forecast.values).all() and forecast.kind == ["in"]
            assert model.target and (model.unit or model.task == "classification" or name == "poisson-ratio")
            assert model.to_bytes() == recryst.load(source / "models" / f"{name}.safetensors").to_bytes()
