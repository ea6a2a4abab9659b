"""The tutorials: their cells run, one after the other, as they stand."""

import json
import os

import pytest


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name, needs",
    [
        ("predict-your-crystals", ["matplotlib", "pandas", "ase", "sklearn"]),
        ("train-on-your-own-data", ["matplotlib", "sklearn"]),
        ("how-sure-is-it", ["matplotlib", "pandas", "ase", "sklearn"]),
        ("beside-pytorch-geometric", ["matplotlib", "torch", "torch_geometric"]),
    ],
)
def test_a_tutorial_runs(source, monkeypatch, name, needs):
    for module in needs:
        pytest.importorskip(module)
    import matplotlib

    matplotlib.use("Agg")
    folder = source / "docs" / "notebooks"
    monkeypatch.chdir(folder)
    book = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert cells and all(cell["execution_count"] for cell in cells)
    names = {"__name__": "__main__"}
    for i, cell in enumerate(cells):
        exec(compile("".join(cell["source"]), f"{name}, cell {i + 1}", "exec"), names)  # noqa: S102
    assert os.listdir(folder) and sorted(p.suffix for p in folder.iterdir() if p.is_file()) == [".ipynb"] * 4
