"""The tutorials: their cells run, one after the other, as they stand, and print what is stored."""

import json
import os
import re

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
def test_a_tutorial_runs(source, monkeypatch, capsys, name, needs):
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

    def without_numbers(text):
        """Numbers are those of the machine that ran it, their last digits, times and widths too."""
        return re.sub(r"\s*[-+]?[0-9][-+0-9.e]*", "#", text)

    capsys.readouterr()
    for i, cell in enumerate(cells):
        stored = "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")
        exec(compile("".join(cell["source"]), f"{name}, cell {i + 1}", "exec"), names)  # noqa: S102
        assert without_numbers(capsys.readouterr().out) == without_numbers(stored), f"cell {i + 1} prints something else"
    assert os.listdir(folder) and sorted(p.suffix for p in folder.iterdir() if p.is_file()) == [".ipynb"] * 4
