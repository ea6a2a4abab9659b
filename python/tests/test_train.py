"""Training by settings, and the estimators with and without scikit-learn."""

import pickle
import subprocess
import os

import numpy as np
import pytest

import recryst
from conftest import SMALL
from recryst.training import make_settings

PARTS = dict(train_size=100, val_size=30, test_size=30, batch_size=32, atom_features=8, hidden=8)


def test_a_run_is_the_command_s(demo, tmp_path):
    command = os.environ.get("RECRYST")
    if not command:
        pytest.skip("the command is not built (RECRYST)")
    words = [w for k, v in PARTS.items() for w in (f"--{k.replace('_', '-')}", str(v))]
    subprocess.run(
        [command, "train", demo / "alloys.extxyz", "--out", tmp_path / "c", "--quiet", "--epochs", "3", "--steps", "2"]
        + ["--target", "formation_energy", "--seed", "5", "--threads", "2", *words],
        check=True,
        capture_output=True,
    )
    run = recryst.train(
        demo / "alloys.extxyz", tmp_path / "p", epochs=3, steps=2, target="formation_energy", seed=5, **PARTS
    )
    theirs, ours = recryst.load(tmp_path / "c").state_dict(), run.model().state_dict()
    assert all(np.array_equal(theirs[name], ours[name]) for name in theirs)
    assert run.test.n == 30 and run.epochs_done == 3 and [e.epoch for e in run.history] == [1, 2, 3]


def test_stopping_and_going_on(demo, tmp_path):
    whole = recryst.train(demo / "alloys.extxyz", tmp_path / "a", target="formation_energy", epochs=4, **PARTS)
    part = recryst.train(
        demo / "alloys.extxyz",
        tmp_path / "b",
        target="formation_energy",
        epochs=4,
        on_epoch=lambda e: e.epoch < 2,
        **PARTS,
    )
    assert part.interrupted and part.epochs_done == 2 and part.test is None
    assert part.model().target == "formation_energy"
    rest = recryst.resume(tmp_path / "b", threads=1)
    assert not rest.interrupted and [e.epoch for e in rest.history] == [3, 4]
    assert rest.test == whole.test or np.isnan(whole.test.auc)
    assert rest.test.mae == whole.test.mae


def test_an_error_in_a_callback_comes_through(demo, tmp_path):
    def broken(epoch):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        recryst.train(demo / "alloys.extxyz", tmp_path / "r", target="formation_energy", on_epoch=broken, **PARTS)
    assert recryst.load(tmp_path / "r").target == "formation_energy"


@pytest.mark.parametrize(
    "settings, error, words",
    [
        (dict(epochz=3), TypeError, "epochz"),
        (dict(epochs=0), recryst.ArgumentError, "epochs"),
        (dict(epochs=1.5), recryst.ArgumentError, "epochs"),
        (dict(lr="fast"), recryst.ArgumentError, "lr"),
        (dict(optimizer="adamm"), recryst.ArgumentError, "adamw"),
        (dict(layers=3), recryst.ArgumentError, "layers"),
        (dict(model="cgcnn", steps=3), recryst.ArgumentError, "steps"),
        (dict(target="nothing"), recryst.ArgumentError, "formation_energy"),
        (dict(epochs=object()), recryst.ArgumentError, "epochs"),
        ({"training.epochs": 2, "epochs": 2}, recryst.ArgumentError, "training.epochs and epochs are one setting"),
        ({"split.seed": 7, "split_seed": 7}, recryst.ArgumentError, "split.seed and split_seed are one setting"),
        ({"model.architecture": "cgcnn", "steps": 3}, recryst.ArgumentError, "steps"),
        ({"training.epochz": 3}, recryst.ArgumentError, "epochz"),
        (dict(split_kind="reference", split_seed=7), recryst.ArgumentError, "split_seed doesn't go with"),
        ({"split_kind": "file", "split.seed": 7}, recryst.ArgumentError, "split.seed doesn't go with"),
        (dict(split_kind="file", split_file="x.csv"), recryst.ArgumentError, "don't go with a split from a file"),
        (dict(split_file="x.csv"), recryst.ArgumentError, "its kind is not"),
        (dict(folds=4, fold=0, test_ratio=0.3), recryst.ArgumentError, "doesn't go with folds"),
        (dict(fold=1), recryst.ArgumentError, "fold 1 of none"),
    ],
)
def test_bad_settings(demo, tmp_path, settings, error, words):
    with pytest.raises(error, match=words):
        recryst.train(demo / "alloys.extxyz", tmp_path / "r", **{"target": "formation_energy", **PARTS, **settings})


def test_settings_are_listed():
    listed = recryst.settings()
    assert listed["epochs"][0] == "300" and listed["lr"][0] == "0.001" and "radius" in listed
    assert listed["model"][0] == "sr-cgcnn" and listed["seed"] and listed["split_seed"]
    # A meaning speaks of no setting that is not listed, and says what a default follows.
    assert not any("kind =" in meaning for _, meaning in listed.values())
    assert "not given, seed" in listed["split_seed"][1] and "the split" in listed["seed"][1]


def values_of(**given):
    return {f"{section}.{name}": value for section, name, value, _ in make_settings(given).rows()}


def test_every_spelling_of_a_setting_means_the_same():
    for part in ("split.seed", "split_seed"):
        for whole in ("seed", "training_seed", "training.seed"):
            values = values_of(**{part: 7, whole: 1})
            assert values["split.seed"] == "7" and values["training.seed"] == "1"
            values = values_of(**{whole: 5})
            assert values["split.seed"] == "5" and values["training.seed"] == "5"
    assert values_of(**{"model.architecture": "cgcnn", "layers": 4})["model.depth"] == "4"


def test_an_estimator_s_settings_win_in_every_spelling(alloys, energies):
    for name in ("lr", "training.lr", "training_lr"):
        regressor = recryst.Regressor(**SMALL, settings={name: 1e-9})
        assert regressor.fit(alloys[:40], energies[:40]).history_[0].lr == pytest.approx(1e-9)
    for name in ("split.seed", "split_seed", "fold", "data.weights"):
        with pytest.raises(recryst.ArgumentError, match=f"{name}|weights"):
            recryst.Regressor(**SMALL, settings={name: 1}).fit(alloys[:40], energies[:40])
    labels = energies[:40] > np.median(energies[:40])
    recryst.Classifier(**SMALL, settings={"training.dropout": 0.0}).fit(alloys[:40], labels)


def test_a_directory_with_a_run_is_refused(run, demo):
    with pytest.raises(recryst.ArgumentError, match="holds a run"):
        recryst.train(demo / "alloys.extxyz", run.directory, target="formation_energy")


# ---- estimators


def test_fit_predict_score(alloys, energies):
    seen = []
    regressor = recryst.Regressor(**{**SMALL, "epochs": 8}, unit="eV", callbacks=[seen.append])
    assert regressor.fit(alloys, energies) is regressor
    assert len(seen) == len(regressor.history_) == regressor.n_iter_ == 8 and regressor.best_epoch_ >= 1
    values = regressor.predict(alloys)
    assert values.shape == (400,)
    expected = 1 - ((energies - values) ** 2).sum() / ((energies - energies.mean()) ** 2).sum()
    assert regressor.score(alloys, energies) == pytest.approx(expected, rel=1e-12)
    assert regressor.model_.unit == "eV" and not regressor.interrupted_
    again = pickle.loads(pickle.dumps(regressor))
    assert np.array_equal(again.predict(alloys), values) and again.n_iter_ == 8
    # The same seed gives the same weights, on any number of threads.
    other = recryst.Regressor(**{**SMALL, "epochs": 8}, threads=1).fit(alloys, energies)
    assert np.array_equal(other.predict(alloys), values)


def test_own_validation_rows_and_kept_files(alloys, energies, tmp_path):
    regressor = recryst.Regressor(**SMALL, run_directory=tmp_path / "run")
    regressor.fit(alloys[:200], energies[:200], X_val=alloys[200:260], y_val=energies[200:260])
    assert regressor.run_.train.n == 200 and regressor.run_.val.n == 60
    assert regressor.run_.val.mae == pytest.approx(
        np.abs(regressor.predict(alloys[200:260]) - energies[200:260]).mean(), rel=1e-9
    )
    assert (tmp_path / "run" / "report.html").exists()
    assert recryst.load(tmp_path / "run").predict_one(alloys[0]) == regressor.predict(alloys[:1])[0]


def test_callbacks_stop(alloys, energies):
    regressor = recryst.Regressor(**{**SMALL, "epochs": 50}, callbacks=lambda e: e.epoch < 3)
    with_warning = regressor.fit(alloys[:100], energies[:100])
    assert with_warning.n_iter_ == 3 and with_warning.interrupted_


def test_cgcnn_and_other_settings(alloys, energies):
    regressor = recryst.Regressor(
        "cgcnn", 2, **{k: v for k, v in SMALL.items() if k != "steps"}, settings={"loss": "huber", "radius": 6.0}
    )
    regressor.fit(alloys[:100], energies[:100])
    assert regressor.model_.architecture == "cgcnn" and regressor.model_.options["depth"] == 2
    assert regressor.model_.graph_options.radius == 6.0


@pytest.mark.filterwarnings("ignore:begins with")
def test_fine_tuning(alloys, energies, tmp_path):
    first = recryst.Regressor(**{**SMALL, "epochs": 20}).fit(alloys[:200], energies[:200])
    first.model_.save(tmp_path / "first.safetensors")
    little = {**SMALL, "epochs": 1, "lr": 1e-6}
    second = recryst.Regressor(**little, settings={"init": tmp_path / "first.safetensors"})
    second.fit(alloys[:200], energies[:200])
    fresh = recryst.Regressor(**little).fit(alloys[:200], energies[:200])
    # A few updates at such a rate leave the weights where they began.
    name = "shared_conv.fc_full.weight"
    start, tuned, other = (r.model_.state_dict()[name] for r in (first, second, fresh))
    assert 0 < np.abs(tuned - start).max() < 1e-4 < 1e-2 < np.abs(other - start).max()


def test_several_targets(alloys, energies):
    volume = np.array([abs(np.linalg.det(c.lattice)) / len(c) for c in alloys])
    y = np.column_stack([energies, volume])
    y[::3, 0] = np.nan
    regressor = recryst.Regressor(**{**SMALL, "epochs": 30, "lr": 1e-2}, unit=["eV/atom", "A^3"])
    assert regressor.fit(alloys, y) is regressor
    values = regressor.predict(alloys)
    assert values.shape == (400, 2) and regressor.model_.targets == ["target_1", "target_2"]
    assert regressor.model_.units == ["eV/atom", "A^3"]
    known = np.isfinite(y[:, 0])
    each = [
        1 - ((t - v) ** 2).sum() / ((t - t.mean()) ** 2).sum()
        for t, v in ((y[known, 0], values[known, 0]), (y[:, 1], values[:, 1]))
    ]
    assert regressor.score(alloys, y) == pytest.approx(np.mean(each), rel=1e-12) and min(each) > 0.5
    # What is missing is not learnt as something: the rows without it are predicted like the others.
    assert np.corrcoef(values[~known, 0], energies[~known])[0, 1] > 0.7
    assert np.array_equal(pickle.loads(pickle.dumps(regressor)).predict(alloys), values)
    with pytest.raises(recryst.ArgumentError, match="same targets"):
        regressor.fit(alloys[:50], y[:50], X_val=alloys[50:60], y_val=energies[50:60])
    with pytest.raises(recryst.ArgumentError, match="shape"):
        regressor.score(alloys, energies)
    one = recryst.Regressor(**SMALL).fit(alloys[:60], energies[:60, None])
    assert one.predict(alloys[:3]).shape == (3,)


def test_validation_rows_may_lack_the_first_target(alloys, energies):
    y = np.column_stack([energies[:80], np.arange(80)])
    y[60:, 0] = np.nan
    regressor = recryst.Regressor(**SMALL).fit(alloys[:60], y[:60], X_val=alloys[60:80], y_val=y[60:])
    assert np.isfinite(regressor.predict(alloys[60:80])).all()


def test_targets_in_a_frame(alloys, energies):
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"formation energy": energies[:80], "n": [len(a) for a in alloys[:80]]})
    regressor = recryst.Regressor(**SMALL).fit(alloys[:80], y)
    assert regressor.model_.targets == ["formation energy", "n"]
    with pytest.raises(recryst.ArgumentError, match="a,b"):
        recryst.Regressor(**SMALL).fit(alloys[:80], y.rename(columns={"n": "a,b"}))


def test_classes(alloys, energies):
    labels = np.where(energies > np.median(energies), "high", "low")
    classifier = recryst.Classifier(**{**SMALL, "epochs": 5}).fit(alloys, labels)
    assert classifier.classes_.tolist() == ["high", "low"]
    p = classifier.predict_proba(alloys)
    assert p.shape == (400, 2) and np.allclose(p.sum(1), 1) and (p >= 0).all()
    assert (classifier.predict(alloys) == np.where(p[:, 1] > 0.5, "low", "high")).all()
    assert classifier.score(alloys, labels) == pytest.approx((classifier.predict(alloys) == labels).mean())
    with pytest.raises(recryst.ArgumentError, match="3 classes"):
        recryst.Classifier().fit(alloys[:3], [1, 2, 3])
    with pytest.raises(recryst.ArgumentError, match="other"):
        recryst.Classifier(**SMALL).fit(alloys[:50], labels[:50], X_val=alloys[:1], y_val=["other"])


def weights_of(estimator):
    return estimator.model_.state_dict()


def alike(a, b):
    theirs, ours = weights_of(a), weights_of(b)
    return all(np.array_equal(theirs[name], ours[name]) for name in theirs)


def test_sample_weights(alloys, energies):
    some, y = alloys[:120], energies[:120]
    rng = np.random.default_rng(3)
    w = rng.uniform(0.1, 5, 120)
    plain = recryst.Regressor(**SMALL).fit(some, y)
    weighed = recryst.Regressor(**SMALL).fit(some, y, sample_weight=w)
    assert not alike(plain, weighed)
    assert alike(recryst.Regressor(**SMALL).fit(some, y, w * 4), weighed)  # ratios alone count
    for equal in (np.full(120, 0.3), 7, [1] * 120):
        assert alike(recryst.Regressor(**SMALL).fit(some, y, sample_weight=equal), plain)
    # A row without weight is as good as not given, of several targets and with own validation rows too.
    w[::5] = 0
    kept = [a for a, v in zip(some, w) if v]
    for targets in (y, np.column_stack([y, [len(a) for a in some]])):
        for more in ({}, dict(X_val=alloys[120:150], y_val=targets[:30])):
            left_out = recryst.Regressor(**SMALL).fit(some, targets, w, **more)
            assert alike(left_out, recryst.Regressor(**SMALL).fit(kept, targets[w > 0], w[w > 0], **more))


def test_heavy_rows_are_learnt_best(alloys, energies):
    # Two rows of one crystal that contradict each other: the weighted mean is what is learnt.
    X = alloys[:40] * 2
    y = np.concatenate([energies[:40], energies[:40] + 1])
    w = np.repeat([3.0, 1.0], 40)
    settings = {**SMALL, "epochs": 200, "lr": 1e-2, "batch_size": 80, "hidden": 32, "atom_features": 32}
    regressor = recryst.Regressor(**settings).fit(X, y, w, X_val=X, y_val=y)
    shift = np.mean(regressor.predict(alloys[:40]) - energies[:40])
    assert 0.15 < shift < 0.35  # 1/4, and 1/2 without weights


def test_weighted_classes(alloys, energies):
    labels = np.array(["b", "a", "c"])[(energies[:90] > np.median(energies[:90])).astype(int)]
    labels[::9] = "c"
    w = np.where(labels == "c", 0.0, 1.0) * np.linspace(1, 2, 90)
    with pytest.raises(recryst.ArgumentError, match="3 classes"):
        recryst.Classifier(**SMALL).fit(alloys[:90], labels)
    fit = recryst.Classifier(**SMALL, settings={"class_weights": "balanced"}).fit(alloys[:90], labels, w)
    assert fit.classes_.tolist() == ["a", "b"]
    right = fit.predict(alloys[:90]) == labels
    assert fit.score(alloys[:90], labels, w) == pytest.approx((right * w).sum() / w.sum(), rel=1e-12)


def test_bad_weights(alloys, energies):
    regressor = recryst.Regressor(**SMALL)
    for w, words in (
        ([1, 2, 3], r"shape \(3,\); there are 5"),
        (np.ones((5, 1)), "shape"),
        ([1, 2, np.nan, 4, 5], "sample_weight 2 is nan"),
        ([1, 2, 3, -4, 5], "sample_weight 3 is -4.0"),
        ([1, 2, 3, 4, np.inf], "sample_weight 4 is inf"),
        ([0] * 5, "every sample_weight is 0"),
        (["a"] * 5, "numbers"),
        ([1, 0, 0, 0, 0], "too few"),
    ):
        with pytest.raises(recryst.ArgumentError, match=words):
            regressor.fit(alloys[:5], energies[:5], sample_weight=w)
    with pytest.raises(recryst.ArgumentError, match="sample_weight"):
        recryst.Regressor(**SMALL, settings={"weights": "w"}).fit(alloys[:50], energies[:50])
    fitted = regressor.fit(alloys[:50], energies[:50])
    with pytest.raises(recryst.ArgumentError, match="shape"):
        fitted.score(alloys[:5], energies[:5], sample_weight=[1, 2])
    assert fitted.score(alloys[:5], energies[:5], [1, 1, 0, 0, 1]) == pytest.approx(
        fitted.score([alloys[i] for i in (0, 1, 4)], energies[[0, 1, 4]])
    )


def test_a_column_of_weights(alloys, energies, tmp_path):
    w = np.where(np.arange(160) % 3, 1.5, 0.25)
    recryst.write(tmp_path / "data.jsonl", alloys[:160], {"y": energies[:160], "w": w})
    settings = dict(target="y", epochs=1, **PARTS)
    plain = recryst.train(tmp_path / "data.jsonl", tmp_path / "plain", **settings).model()
    weighed = recryst.train(tmp_path / "data.jsonl", tmp_path / "weighed", weights="w", **settings).model()
    assert not np.array_equal(weighed.state_dict()["fc_out.weight"], plain.state_dict()["fc_out.weight"])
    with pytest.raises(recryst.ArgumentError, match="v"):
        recryst.train(tmp_path / "data.jsonl", tmp_path / "none", weights="v", **settings)


def test_bad_data_for_fit(alloys, energies, salt):
    regressor = recryst.Regressor(**SMALL)
    for X, y, words in (
        (alloys[:5], energies[:4], "5 crystals and 4"),
        (alloys[:5], [1, 2, 3, 4, np.nan], "target 4"),
        (alloys[:5], ["a"] * 5, "numbers"),
        (alloys[:5], np.zeros((5, 2, 2)), "shape"),
        (alloys[:5], np.zeros((5, 0)), "shape"),
        (alloys[:5], [[1, 2], [1, np.nan], [np.nan, np.nan], [1, 2], [1, 2]], "target 2"),
        (alloys[:5], [[1, 2], [1, np.inf], [1, 2], [1, 2], [1, 2]], "target 1"),
        (alloys[:1], energies[:1], "too few"),
    ):
        with pytest.raises(recryst.ArgumentError, match=words):
            regressor.fit(X, y)
    with pytest.raises(recryst.ArgumentError, match="go together"):
        regressor.fit(alloys[:5], energies[:5], X_val=alloys[:5])
    with pytest.raises(TypeError):
        regressor.fit("a file.cif", [1])
    with pytest.raises(TypeError):
        regressor.fit([1, 2], [1, 2])
    with pytest.raises(recryst.FileError) as caught:
        regressor.fit([alloys[0], "none.cif"], [1, 2])
    assert caught.value.index == 1
    with pytest.raises(recryst.RecrystError, match="Og"):
        regressor.fit([*alloys[:50], recryst.Crystal(salt.lattice, ["Og"], [[0, 0, 0]])], energies[:51])
    with pytest.raises(ValueError, match="not fitted"):
        recryst.Regressor().predict(alloys)
    with pytest.raises(recryst.ArgumentError, match="validation_fraction"):
        recryst.Regressor(**SMALL, validation_fraction=1.5).fit(alloys[:50], energies[:50])


def test_frames_go_by_their_names(alloys, energies):
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"e": energies[:80], "n": [100.0 * len(a) for a in alloys[:80]]})
    train, validate = y[:60], y[60:]
    fits = [
        recryst.Regressor(**SMALL).fit(alloys[:60], train, X_val=alloys[60:80], y_val=other)
        for other in (validate, validate[["n", "e"]], validate.to_numpy())
    ]
    assert len({tuple(e.val_score for e in fit.history_) for fit in fits}) == 1
    fitted = pickle.loads(pickle.dumps(fits[0]))
    score = fitted.score(alloys[60:80], validate)
    assert (
        fitted.score(alloys[60:80], validate[["n", "e"]]) == fitted.score(alloys[60:80], validate.to_numpy()) == score
    )
    other = validate.rename(columns={"n": "m"})
    for use in (
        lambda: fitted.score(alloys[60:80], other),
        lambda: fitted.fit(alloys[:60], train, X_val=alloys[60:80], y_val=other),
    ):
        with pytest.raises(recryst.ArgumentError, match="the columns e, m; the targets are e, n"):
            use()
    # What fit was given without names has none to go by.
    plain = recryst.Regressor(**SMALL).fit(alloys[:60], train.to_numpy())
    assert plain.score(alloys[60:80], other) == plain.score(alloys[60:80], other.to_numpy())
    with pytest.raises(recryst.ArgumentError, match="blanks"):
        plain.fit(alloys[:60], train.rename(columns={"n": " n"}))


def files_of(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_a_run_directory_that_holds_a_run_is_left_alone(alloys, energies, tmp_path):
    stopped = recryst.Regressor(**{**SMALL, "epochs": 3}, run_directory=tmp_path / "run", callbacks=lambda e: False)
    run = stopped.fit(alloys[:60], energies[:60]).run_
    assert run.interrupted and run.directory == str(tmp_path / "run")
    before = files_of(tmp_path / "run")
    with pytest.raises(recryst.ArgumentError, match="holds a run"):
        recryst.Regressor(**SMALL, run_directory=tmp_path / "run").fit(alloys[:40], -energies[:40])
    assert files_of(tmp_path / "run") == before
    assert recryst.resume(run.directory).epochs_done == 3
    # Nor is anything else that is called so; and what fit could not use leaves nothing.
    for name in ("structures.jsonl", "split.csv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("mine")
        with pytest.raises(recryst.ArgumentError, match=f"holds {name}"):
            recryst.Regressor(**SMALL, run_directory=tmp_path / name).fit(alloys[:40], energies[:40])
        assert files_of(tmp_path / name) == {name: b"mine"}
    bad = recryst.Regressor(**SMALL, run_directory=tmp_path / "bad", settings={"radius": -1})
    with pytest.raises(recryst.ArgumentError, match="radius"):
        bad.fit(alloys[:40], energies[:40])
    assert files_of(tmp_path / "bad") == {}
    bad.set_params(settings=None).fit(alloys[:40], energies[:40])


def test_an_interrupted_fit_names_no_run_that_is_gone(alloys, energies, tmp_path):
    def interrupt(epoch):
        raise KeyboardInterrupt

    for place in (None, tmp_path / "run"):
        regressor = recryst.Regressor(**SMALL, callbacks=interrupt, run_directory=place)
        with pytest.warns(recryst.TrainingStopped, match="after epoch 1") as caught:
            regressor.fit(alloys[:60], energies[:60])
        told = next(w for w in caught if w.category is recryst.TrainingStopped)
        assert told.filename == __file__ and ("resume" in str(told.message)) == (place is not None)
        run = pickle.loads(pickle.dumps(regressor.set_params(callbacks=None))).run_
        assert run.directory == ("" if place is None else str(place)) and run.interrupted
        for threads in (1, 2):
            model = run.model(threads=threads)
            assert model.threads == threads
            assert np.array_equal(model.predict(alloys[:9]), regressor.predict(alloys[:9]))
    assert recryst.resume(tmp_path / "run").epochs_done == 2


def test_a_crystal_that_training_refuses_is_named(alloys, energies, salt):
    mixed = recryst.Crystal(salt.lattice, [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]], id="mixed")
    some = [*alloys[:5], mixed, *alloys[5:40]]
    for w in (None, np.where(np.arange(41) == 2, 0, 1.0)):
        with pytest.raises(recryst.UnsupportedError, match=r"^item 5 \(mixed\): site 1 is disordered") as caught:
            recryst.Regressor(**SMALL).fit(some, energies[:41], w)
        assert caught.value.index == 5 and caught.value.file == ""
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    for X_val, error, words in (
        (some, recryst.UnsupportedError, r"item 5 of X_val \(mixed\)"),
        ([*alloys[:5], "none.cif"], recryst.FileError, "item 5 of X_val"),
    ):
        with pytest.raises(error, match=words) as caught:
            recryst.Regressor(**SMALL).fit(alloys[:40], energies[:40], X_val=X_val, y_val=energies[: len(X_val)])
        assert caught.value.index == 5
    with pytest.raises(TypeError, match="item 3: .*NoneType"):
        recryst.Regressor(**SMALL).fit([*alloys[:3], None], energies[:4])
    # A row of weight 0 is left out, whatever it is.
    y, w = energies[:41].copy(), np.where(np.arange(41) == 5, 0, 1.0)
    y[5] = np.nan
    left_out = recryst.Regressor(**SMALL).fit(some[:5] + ["none.cif"] + some[6:], y, w)
    assert alike(left_out, recryst.Regressor(**SMALL).fit(alloys[:40], np.delete(y, 5), np.ones(40)))
    assert left_out.score(alloys[:41], y, w) == left_out.score(alloys[:5] + alloys[6:41], np.delete(y, 5))


def test_labels_of_any_shape_and_what_is_no_label(alloys, energies):
    some, labels = alloys[:60], np.where(energies[:60] > np.median(energies[:60]), "high", "low")
    classifier = recryst.Classifier(**SMALL).fit(some, labels[:, None])
    right = (classifier.predict(some) == labels).mean()
    assert classifier.score(some, labels[:, None]) == classifier.score(some, labels.tolist()) == right
    for wrong, words in (
        (["high"], r"y has shape \(1,\), the predictions \(60,\)"),
        (np.column_stack([labels, labels]), r"y has shape \(60, 2\); it is \(n,\)"),
        ("high", r"y has shape \(\); it is \(n,\)"),
        ([], "empty"),
        ([None, *labels[1:]], "label 0 is missing"),
    ):
        with pytest.raises(recryst.ArgumentError, match=words):
            classifier.score(some, wrong)
    numbers = np.where(labels == "high", 1.0, 0.0)
    assert classifier.score(some, numbers) == 0  # other labels than those of fit are wrong ones
    holes = np.where(np.arange(60) % 2, np.nan, 1.0)
    masked = np.ma.array(numbers, mask=np.arange(60) == 1)
    for wrong in (holes, holes.tolist(), [None, *labels[1:]], ["high", np.nan, *labels[2:]], masked):
        with pytest.raises(recryst.ArgumentError, match="label [01] is missing"):
            classifier.fit(some, wrong)
    with pytest.raises(recryst.ArgumentError, match="validation label 1 is missing"):
        classifier.fit(some, labels, X_val=some[:2], y_val=["high", None])
    with pytest.raises(recryst.ArgumentError, match="no order"):
        classifier.fit(some[:4], np.array([0, "a", 0, "a"], object))
    # A fit that fails changes nothing; and a missing label may have no weight.
    assert classifier.classes_.tolist() == ["high", "low"] and classifier.score(some, labels) == right
    w = np.where(np.isnan(holes) & (np.arange(60) < 30), 0, 1.0)
    holes[31::2] = 0
    assert recryst.Classifier(**SMALL).fit(some, holes, w).classes_.tolist() == [0, 1]
    with pytest.raises(recryst.ArgumentError, match="empty"):
        recryst.Regressor(**SMALL).fit(some, energies[:60]).score([], [])


def test_threads_are_checked_before_training(alloys, energies):
    fitted = recryst.Regressor(**SMALL, threads=np.int64(1)).fit(alloys[:40], energies[:40])
    assert fitted.model_.threads == 1
    seen = []
    with pytest.raises(recryst.ArgumentError, match="threads is 1.5"):
        recryst.Regressor(**SMALL, threads=1.5, callbacks=seen.append).fit(alloys[:40], energies[:40])
    assert not seen


def test_parameters():
    regressor = recryst.Regressor(steps=2, lr=1e-2)
    params = regressor.get_params()
    assert params["steps"] == 2 and params["epochs"] == 300
    assert regressor.set_params(epochs=5) is regressor and regressor.epochs == 5
    with pytest.raises(ValueError, match="Invalid parameter"):
        regressor.set_params(nothing=1)
    assert repr(regressor) == "Regressor(steps=2, epochs=5, lr=0.01)"


def test_scikit_learn(alloys, energies):
    sklearn = pytest.importorskip("sklearn")
    from sklearn.base import clone, is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
    from sklearn.utils.validation import check_is_fitted

    assert sklearn
    regressor = recryst.Regressor(**SMALL, threads=2)
    assert is_regressor(regressor) and not is_classifier(regressor) and is_classifier(recryst.Classifier())
    assert clone(regressor).get_params() == regressor.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(regressor)
    some, y = alloys[:120], energies[:120]
    scores = cross_val_score(regressor, some, y, cv=3, scoring="neg_mean_absolute_error", error_score="raise")
    assert scores.shape == (3,) and (scores < 0).all()
    assert cross_val_predict(regressor, some, y, cv=3).shape == (120,)
    search = GridSearchCV(regressor, {"steps": [1, 2], "lr": [1e-2]}, cv=2, error_score="raise").fit(some, y)
    assert search.best_params_["steps"] in (1, 2)
    assert search.predict(alloys[120:125]).shape == (5,)
    check_is_fitted(search.best_estimator_)
    classes = (y > np.median(y)).astype(int)
    scores = cross_val_score(recryst.Classifier(**SMALL), some, classes, cv=3, scoring="roc_auc", error_score="raise")
    assert ((scores >= 0) & (scores <= 1)).all()


def test_scikit_learn_passes_weights(alloys, energies):
    sklearn = pytest.importorskip("sklearn")
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV, cross_validate

    some, y, w = alloys[:60], energies[:60], np.linspace(0, 1, 60)
    settings = {**SMALL, "epochs": 1}
    search = GridSearchCV(recryst.Regressor(**settings), {"steps": [1]}, cv=2, error_score="raise")
    assert alike(search.fit(some, y, sample_weight=w).best_estimator_, recryst.Regressor(**settings).fit(some, y, w))
    if not hasattr(sklearn.utils, "metadata_routing"):
        return
    with sklearn.config_context(enable_metadata_routing=True):
        asked = recryst.Regressor(**settings).set_fit_request(sample_weight=True)
        asked = clone(asked.set_score_request(sample_weight=False))
        found = cross_validate(
            asked, some, y, cv=2, params={"sample_weight": w}, return_estimator=True, return_indices=True
        )
        rows = found["indices"]["train"][0]
        alone = recryst.Regressor(**settings).fit([some[i] for i in rows], y[rows], w[rows])
        assert alike(found["estimator"][0], alone)
        with pytest.raises(Exception, match="sample_weight"):
            cross_validate(recryst.Regressor(**settings), some, y, cv=2, params={"sample_weight": w})


def test_scikit_learn_s_own_checks():
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    for estimator in (recryst.Regressor(), recryst.Classifier()):
        name = type(estimator).__name__
        for check in (
            "check_no_attributes_set_in_init",
            "check_get_params_invariance",
            "check_set_params",
            "check_parameters_default_constructible",
            "check_estimator_cloneable",
            "check_estimator_repr",
        ):
            if hasattr(checks, check):
                getattr(checks, check)(name, estimator)
