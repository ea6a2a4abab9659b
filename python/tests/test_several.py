"""Models of several targets: their scores, and frames that have a column for each."""

import subprocess

import numpy as np
import pytest

import recryst


@pytest.fixture(scope="module")
def two(alloys, energies, tmp_path_factory):
    """A model of the targets "e" and "v", its data, and their values; some rows have no e."""
    path = tmp_path_factory.mktemp("two") / "two.jsonl"
    e, v = energies[:80].copy(), np.array([a.volume for a in alloys[:80]])
    e[::4] = np.nan
    recryst.write(path, alloys[:80], {"e": e, "v": v, "w": v + 1}, ids=[str(i) for i in range(80)])
    small = dict(train_size=50, val_size=20, test_size=10, epochs=2, batch_size=32, atom_features=8, hidden=8, steps=1)
    return recryst.train(path, path.parent / "run", target="e,v", **small).model(), path, np.column_stack([e, v])


def test_scores_of_several_targets(two, alloys):
    model, path, y = two
    values = model.predict(alloys[:80])
    known = np.isfinite(y[:, 0])
    maes = [np.abs(values[known, 0] - y[known, 0]).mean(), np.abs(values[:, 1] - y[:, 1]).mean()]
    listed = model.evaluate(alloys[:80], y)
    assert [s.mae for s in listed] == pytest.approx(maes, rel=1e-12) and [s.n for s in listed] == [60, 80]
    read = recryst.Dataset(path, "e,v", model=model)
    crossed = recryst.Dataset(path, "v,e", model=model)
    for told in (model.evaluate(path), model.evaluate(path, target="e,v"), model.evaluate(path, target="v, e")):
        assert [s.mae for s in told] == pytest.approx(maes, rel=1e-5)
    for data, name in ((read, None), (read, "e, v"), (crossed, None)):
        assert [s.mae for s in model.evaluate(data, target=name)] == pytest.approx(maes, rel=1e-5)
    for k, name in enumerate("ev"):
        assert model.evaluate(path, target=name).mae == pytest.approx(maes[k], rel=1e-5)
        assert model.evaluate(recryst.Dataset(path, name, model=model)).mae == pytest.approx(maes[k], rel=1e-5)
    other = model.evaluate(path, target="e,w")[1].mae
    assert other == pytest.approx(np.abs(values[:, 1] - y[:, 1] - 1).mean(), rel=1e-5)
    for use, words in (
        (lambda: model.evaluate(read, target="v"), "read with the target 'e,v', not 'v'"),
        (lambda: model.evaluate(alloys[:80], y, target="v"), "here y are the targets"),
        (lambda: model.evaluate(alloys[:80], y[:, 0]), r"both are \(n, 2\)"),
        (lambda: model.score(y, values[:, :1]), r"both are \(n, 2\)"),
        (lambda: model.evaluate(path, target="w"), "w"),
        (lambda: model.evaluate(path, target="v,w"), "'v' would be compared with the model's target 'e'"),
        (lambda: model.evaluate(path, target="w,e"), "'e' would be compared with the model's target 'v'"),
    ):
        with pytest.raises(recryst.ArgumentError, match=words):
            use()


def test_a_dataset_of_another_target_is_not_scored(model, demo, two):
    data = recryst.Dataset(demo / "alloys.extxyz", "formation_energy", model=model)
    assert model.evaluate(data, target="formation_energy").mae == model.evaluate(data).mae
    with pytest.raises(recryst.ArgumentError, match="read with the target 'formation_energy', not 'energy'"):
        model.evaluate(data, target="energy")
    with pytest.raises(recryst.ArgumentError, match="2 targets .e,v., and the model predicts 1"):
        model.evaluate(recryst.Dataset(two[1], "e,v", model=model))


def test_scores_of_frames_go_by_their_names(two, alloys):
    pd = pytest.importorskip("pandas")
    model, _, y = two
    frame = pd.DataFrame(y, columns=["e", "v"])
    for same in (frame, frame[["v", "e"]]):
        assert [s.mae for s in model.evaluate(alloys[:80], same)] == [s.mae for s in model.evaluate(alloys[:80], y)]
    with pytest.raises(recryst.ArgumentError, match="the columns e, w; the targets are e, v"):
        model.evaluate(alloys[:80], frame.rename(columns={"v": "w"}))
    assert model.score([[1, 2], [3, 4]], [[1, 2], [3, 4]])[1].mae == 0
    full = frame.fillna(0)
    for target in (full, full[["v", "e"]], full.to_numpy()):
        for prediction in (full, full[["v", "e"]], full.to_numpy()):
            assert [s.mae for s in model.score(target, prediction)] == [0, 0]
    with pytest.raises(recryst.ArgumentError, match="of predictions has the columns w, e; the targets are e, v"):
        model.score(full, full[["v", "e"]].rename(columns={"v": "w"}))


def test_frames_of_several_targets_lose_no_column(alloys, energies, command, tmp_path):
    pytest.importorskip("pandas")
    y = np.column_stack([energies[:60], 100 + energies[:60]])
    for first, second, plain in (
        ("gap_upper", "gap", False),
        ("gap", "gap_lower", False),
        ("kind", "e", False),
        ("gap", "lower", True),
    ):
        recryst.write(tmp_path / "data.jsonl", alloys[:60], {first: y[:, 0], second: y[:, 1]})
        out = tmp_path / f"{first}-{second}"
        small = dict(train_size=30, val_size=25, test_size=5, epochs=1, batch_size=32, atom_features=8, hidden=8)
        model = recryst.train(tmp_path / "data.jsonl", out, target=f"{first},{second}", **small).model()
        forecast, frame = model.forecast(alloys[:9]), model.predict(alloys[:9], as_frame=True)
        assert len(set(frame.columns)) == len(frame.columns)
        for k, name in enumerate((first, second)):
            for part in ("values", "lower", "upper"):
                word = "prediction" if part == "values" else part
                column = f"{word}_{name}" if not plain else name if part == "values" else f"{name}_{part}"
                assert np.array_equal(frame[column], getattr(forecast, part)[:, k])
                assert column in frame.attrs["units"]
        if not plain:
            told = subprocess.run(
                [command, "predict", out, tmp_path / "data.jsonl", "--quiet"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split("\n")[0]
            assert set(frame.attrs["units"]) < set(told.split(","))
