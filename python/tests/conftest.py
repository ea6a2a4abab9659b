"""What the tests share: the demo data, and small models trained on them once."""

import os
import pathlib

import numpy as np
import pytest

import recryst

SOURCE = pathlib.Path(os.environ.get("RECRYST_SOURCE", pathlib.Path(__file__).resolve().parents[2]))


@pytest.fixture(scope="session")
def source():
    """The root of the sources."""
    if not (SOURCE / "include" / "recryst.h").is_file():
        pytest.skip("the sources are not here (RECRYST_SOURCE)")
    return SOURCE


@pytest.fixture(scope="session")
def demo(source):
    return source / "data" / "demo"


@pytest.fixture(scope="session")
def alloys(demo):
    return list(recryst.read(demo / "alloys.extxyz"))[:400]


@pytest.fixture(scope="session")
def energies(alloys):
    return np.array([a.properties["formation_energy"] for a in alloys])


@pytest.fixture(scope="session")
def run(demo, tmp_path_factory):
    small = dict(train_size=200, val_size=40, test_size=40, epochs=2, batch_size=64, atom_features=16, hidden=16)
    directory = tmp_path_factory.mktemp("runs") / "small"
    return recryst.train(
        demo / "alloys.extxyz", directory, target="formation_energy", unit="eV/atom", threads=2, **small
    )


@pytest.fixture(scope="session")
def model(run):
    return run.model()


@pytest.fixture(scope="session")
def command():
    path = os.environ.get("RECRYST")
    if not path or not os.path.exists(path):
        pytest.skip("the command is not built (RECRYST)")
    return path


@pytest.fixture
def salt():
    return recryst.Crystal(
        [[0, 2.82, 2.82], [2.82, 0, 2.82], [2.82, 2.82, 0]], ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]], id="salt"
    )


SMALL = dict(epochs=2, batch_size=64, atom_features=8, hidden=8, steps=1)
