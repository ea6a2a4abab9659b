"""The pages of the interface: they build without a warning, and leave out nothing that the package exports."""

import inspect
import subprocess
import sys

import pytest

import recryst
from recryst import matbench


def public():
    """Every public object by its full name: functions, classes, and the classes' own and inherited members."""
    for module in (recryst, matbench):
        for name in module.__all__:
            thing = getattr(module, name)
            full = f"{module.__name__}.{name}"
            if name.startswith("__"):
                continue
            yield full, thing
            if inspect.isclass(thing) and not issubclass(thing, (Exception, tuple)):
                for member, value in inspect.getmembers(thing):
                    if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                        yield f"{full}.{member}", value


def test_everything_has_a_docstring():
    missing = [name for name, thing in public() if not isinstance(thing, dict) and not inspect.getdoc(thing)]
    assert not missing


def test_the_pages_build(source, tmp_path):
    for module in ("sphinx", "numpydoc", "pydata_sphinx_theme"):
        pytest.importorskip(module)
    from sphinx.util.inventory import InventoryFile

    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E", "-d", tmp_path / "cache"]
        + [source / "docs" / "api", tmp_path / "site"],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    with open(tmp_path / "site" / "objects.inv", "rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: path)
    told = {name for kind in inventory if kind.startswith("py:") for name in inventory[kind]}
    fields = {f"recryst.{k.__name__}.{f}" for k in (recryst.Regressor, recryst.Classifier) for f in k().get_params()}
    missing = sorted(name for name, _ in public() if name not in told and name not in fields)
    assert not missing
