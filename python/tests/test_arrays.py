"""What comes from NumPy and pandas: whole numbers of its types, what is missing, tables in place of lists."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import recryst
from recryst import _arrays
from recryst.training import make_settings


def test_whole_numbers_of_every_type(model, demo, alloys, tmp_path):
    for one in (1, np.int64(1), np.uint8(1), np.array(1), True, 1.0, np.float32(1)):
        assert _arrays.whole(one, "it") == 1
    for wrong in (1.5, np.nan, np.inf, "1", None, Fraction(1, 2), 2**31, -1):
        with pytest.raises(recryst.ArgumentError, match="^it is"):
            _arrays.whole(wrong, "it")
    recryst.write(tmp_path / "some.jsonl", alloys[:4], {"y": range(4)})
    model.save(tmp_path / "m.safetensors")
    one = np.int64(1)
    assert recryst.load(tmp_path / "m.safetensors", threads=one).threads == 1
    assert len(recryst.Dataset(tmp_path / "some.jsonl", threads=one)) == 4
    assert len(list(recryst.read(tmp_path / "some.jsonl", threads=one))) == 4
    assert model.state_dict(member=one).keys() == model.state_dict().keys()
    for wrong in (1.5, 2**32 + 1, -1):
        for use in (
            lambda: recryst.load(tmp_path / "m.safetensors", threads=wrong),
            lambda: recryst.Dataset(tmp_path / "some.jsonl", threads=wrong),
            lambda: recryst.read(tmp_path / "some.jsonl", threads=wrong),
            lambda: recryst.resume(tmp_path, threads=wrong),
            lambda: recryst.Regressor(threads=wrong).fit(alloys[:4], range(4)),
        ):
            with pytest.raises(recryst.ArgumentError, match="threads is"):
                use()
    for wrong in (12.7, 2**32 + 12):
        with pytest.raises(recryst.ArgumentError, match="max_neighbors is"):
            recryst.Graph(alloys[0], max_neighbors=wrong)
    with pytest.raises(recryst.ArgumentError, match="target is 0.9"):
        model.explain(alloys[0], target=0.9)


def value_of(name, value):
    return {f"{s}.{n}": v for s, n, v, _ in make_settings({name: value}).rows()}[name]


def test_settings_keep_their_value():
    for value in (Fraction(1, 100), Decimal("0.01"), np.float64(0.01), np.array(0.01), "0.01"):
        assert value_of("training.weight_decay", value) == "0.01"
    for value in (np.bool_(True), np.array(True), True, 1):
        assert value_of("run.strict", value) == value_of("run.strict", True)
    assert value_of("training.epochs", Decimal(7)) == value_of("training.epochs", np.uint16(7)) == "7"
    assert value_of("data.unit", np.array(["eV", "GPa"])) == "eV,GPa"
    for wrong in (Decimal("inf"), Decimal("nan"), 1j, np.zeros((2, 2))):
        with pytest.raises(recryst.ArgumentError, match="weight_decay"):
            value_of("training.weight_decay", wrong)


def test_what_is_missing_or_masked_is_nan():
    masked = np.ma.array([1, 7, 3], mask=[False, True, False])
    for given in (masked, [1, None, 3], np.array([1, None, 3], object), masked.astype(float)):
        assert np.array_equal(_arrays.numbers(given, "it"), [1, np.nan, 3], equal_nan=True)
    assert masked.data.tolist() == [1, 7, 3]
    for wrong in ([1 + 2j], np.array(["2020-01-01"], "M8[D]"), [object()], ["a"], [[1], [1, 2]]):
        with pytest.raises(recryst.ArgumentError, match="it can't be made an array of numbers"):
            _arrays.numbers(wrong, "it")
    with pytest.raises(recryst.DataError):
        recryst.Crystal(np.ma.array(np.eye(3), mask=np.eye(3)), ["Cu"], [[0, 0, 0]])


def test_what_pandas_calls_missing():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": pd.Series([1, None, 3], dtype="Int64"), "b": [1.5, 2.5, 3.5]})
    assert np.array_equal(_arrays.targets(frame), [[1, 1.5], [np.nan, 2.5], [3, 3.5]], equal_nan=True)
    for kind in ("string", object, "category"):
        found, gone = _arrays.labels(pd.Series(["x", None, "y"], dtype=kind))
        assert gone.tolist() == [False, True, False] and found[0] == "x"


def test_tables_are_no_lists_of_crystals(model, alloys, energies, tmp_path):
    pd = pytest.importorskip("pandas")
    some, y = alloys[:8], energies[:8]
    frame = pd.DataFrame({"c": some, "y": y})
    regressor = recryst.Regressor()
    for use in (
        lambda x: regressor.fit(x, y),
        lambda x: regressor.fit(some, y, X_val=x, y_val=y),
        lambda x: recryst.write(tmp_path / "x.jsonl", x),
    ):
        for wrong in (frame, dict(enumerate(some)), {"a.cif", "b.cif"}):
            with pytest.raises(TypeError, match="list of crystals"):
                use(wrong)
    with pytest.raises(TypeError, match="column"):
        model.predict(frame)
    assert np.array_equal(model.predict(frame["c"]), model.predict(some))
    recryst.write(tmp_path / "x.jsonl", frame["c"], frame[["y"]])
    assert recryst.Dataset(tmp_path / "x.jsonl").targets.tolist() == y.tolist()


def test_datasets_of_several_targets(alloys, energies, tmp_path):
    u, v = energies[:6], np.where(np.arange(6) == 2, np.nan, np.arange(6.0))
    recryst.write(tmp_path / "x.jsonl", alloys[:6], {"u": u, "v": v, "id_": v})
    both = recryst.Dataset(tmp_path / "x.jsonl", "v, u")
    assert both.target_names == ["v", "u"] and both.targets.shape == (6, 2)
    assert np.array_equal(both.targets, np.column_stack([v, u]), equal_nan=True)
    one = recryst.Dataset(tmp_path / "x.jsonl", "u")
    assert one.target_names == ["u"] and one.targets.shape == (6,)
    assert recryst.Dataset(tmp_path / "x.jsonl", need_target=False, target=None).target_names == [""]
    pytest.importorskip("pandas")
    frame = both.to_frame()
    assert list(frame.columns) == ["id", "row", "n_atoms", "v", "u"] and frame["u"].tolist() == u.tolist()
    recryst.write(tmp_path / "y.jsonl", alloys[:6], {"row": u, "target_1": v})
    frame = recryst.Dataset(tmp_path / "y.jsonl", "target_1,row").to_frame()
    assert list(frame.columns) == ["id", "row", "n_atoms", "target_1", "target_2"]
    assert frame["target_2"].tolist() == u.tolist() and frame["row"].tolist() == list(range(6))
