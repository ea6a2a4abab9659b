"""Crystals from arrays, files and other packages; what is wrong is told."""

import copy
import pickle
import shutil

import numpy as np
import pytest

import recryst

CUBE = np.eye(3) * 4.0


def test_arrays_are_taken_and_shown_without_copies(salt):
    assert len(salt) == 2 and salt.formula == "NaCl" and salt.id == "salt" and salt.is_ordered
    assert salt.atomic_numbers.tolist() == [11, 17] and salt.symbols == ["Na", "Cl"]
    assert np.allclose(salt.cartesian[1], [2.82, 2.82, 2.82])
    assert salt.volume == pytest.approx(2 * 2.82**3)
    for array in (salt.lattice, salt.fractional, salt.atomic_numbers):
        with pytest.raises(ValueError):
            array[0] = 1
    positions = salt.fractional
    assert positions.__array_interface__["data"][0] == salt.fractional.__array_interface__["data"][0]
    del salt
    assert positions.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]  # the array keeps the crystal


def test_arrays_of_other_types_and_strides_are_taken():
    lattice = np.asfortranarray(np.arange(9, dtype=np.float32).reshape(3, 3) + 5 * np.eye(3, dtype=np.float32))
    positions = np.zeros((6, 3))[::3] + [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]
    a = recryst.Crystal(lattice, [26, "O"], positions)
    assert np.array_equal(a.lattice, lattice) and np.array_equal(a.fractional, positions)
    b = recryst.Crystal(lattice.tolist(), np.array([26, 8]), positions @ lattice, cartesian=True)
    assert np.allclose(a.fractional, b.fractional, atol=1e-6)


def test_disordered_sites():
    c = recryst.Crystal(CUBE, [{"Fe": 0.5, "Co": 0.25}, "O", {8: 1.0}], [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]])
    assert not c.is_ordered
    assert c.species == [{"Fe": 0.5, "Co": 0.25}, {"O": 1.0}, {"O": 1.0}]
    assert c.formula == "Co0.25Fe0.5O2" or c.formula == "Fe0.5Co0.25O2"
    assert pickle.loads(pickle.dumps(c)) == c
    with pytest.raises(recryst.DataError, match="site 1"):
        recryst.Crystal(CUBE, [{"Fe": 0.9, "Co": 0.9}], [[0, 0, 0]])


@pytest.mark.parametrize(
    "lattice, species, positions, error, words",
    [
        (np.eye(2), ["Na"], [[0, 0, 0]], recryst.ArgumentError, "shape"),
        (CUBE, ["Na"], [[0, 0]], recryst.ArgumentError, "shape"),
        (CUBE, ["Na", "Cl"], [[0, 0, 0]], recryst.ArgumentError, "2 sites"),
        (CUBE, ["Xx"], [[0, 0, 0]], recryst.ArgumentError, "Xx"),
        (CUBE, [0], [[0, 0, 0]], recryst.ArgumentError, "1 to 118"),
        (CUBE, [119], [[0, 0, 0]], recryst.ArgumentError, "119"),
        (CUBE, [1.5], [[0, 0, 0]], recryst.ArgumentError, "1.5"),
        (CUBE, [None], [[0, 0, 0]], recryst.ArgumentError, "None"),
        (CUBE, [np.inf], [[0, 0, 0]], recryst.ArgumentError, "inf is not an element"),
        (CUBE, ["Na", {"Fe": None}], np.eye(3)[:2], recryst.ArgumentError, "occupancy of Fe on site 1 is None"),
        (CUBE, [{"Fe": "half"}], [[0, 0, 0]], recryst.ArgumentError, "occupancy of Fe on site 0 is 'half'"),
        (CUBE, "Na", [[0, 0, 0]], recryst.ArgumentError, "list"),
        (CUBE, [], np.zeros((0, 3)), recryst.ArgumentError, "site"),
        ("cube", ["Na"], [[0, 0, 0]], recryst.ArgumentError, "lattice"),
        (CUBE, ["Na"], [[0, 0, "x"]], recryst.ArgumentError, "positions"),
        (CUBE * np.nan, ["Na"], [[0, 0, 0]], recryst.DataError, "finite"),
        (CUBE * 0, ["Na"], [[0, 0, 0]], recryst.DataError, "volume"),
        (CUBE, ["Na"], [[0, 0, np.inf]], recryst.DataError, "finite"),
    ],
)
def test_bad_arrays_are_refused(lattice, species, positions, error, words):
    with pytest.raises(error, match=words) as caught:
        recryst.Crystal(lattice, species, positions)
    assert isinstance(caught.value, (recryst.RecrystError, ValueError))


def test_names_and_nulls():
    assert recryst.Crystal(CUBE, ["Na"], [[0, 0, 0]], id="Küche").id == "Küche"
    with pytest.raises(recryst.ArgumentError, match="NUL"):
        recryst.Crystal(CUBE, ["Na"], [[0, 0, 0]], id="a\0b")
    with pytest.raises(TypeError):
        recryst.Crystal(CUBE, ["Na"], [[0, 0, 0]], id=3)


def test_copies_and_comparison(salt):
    assert copy.deepcopy(salt) == salt == pickle.loads(pickle.dumps(salt))
    other = recryst.Crystal(salt.lattice, ["Na", "Br"], salt.fractional)
    assert salt != other and salt != 3
    with pytest.raises(TypeError):
        hash(salt)


def test_files_are_read_with_their_properties(demo):
    every = list(recryst.read(demo / "alloys.extxyz"))
    assert len(every) == 1500
    assert every[3].properties["formation_energy"] == float(every[3].properties["formation_energy"])
    assert every[3].file.endswith("alloys.extxyz") and every[3].line > every[2].line > 0
    one = recryst.Crystal.read(demo / "examples" / "Pt4-dhcp.cif")
    assert one.symbols == ["Pt"] * 4
    first = recryst.Crystal.read(demo / "alloys.extxyz")
    assert first == every[0] and first.id == every[0].id and first.properties == every[0].properties != {}
    assert first.line == every[0].line == 1 and first.file == every[0].file
    for path, words in ((demo, "it is a folder"), (demo / "none.cif", "can't open")):
        with pytest.raises(recryst.FileError, match=words) as caught:
            recryst.Crystal.read(path)
        assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("-12", -12),
        ("+007", 7),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("1E-3", 1e-3),
        ("1.5D+02", 150.0),
        ("9" * 5000, np.inf),
        ("true", True),
        ("12_3", "12_3"),
        ("1_0.5", "1_0.5"),
        (" 12", " 12"),
        ("\u0661\u0662", "\u0661\u0662"),
        ("nan", "nan"),
        ("Infinity", "Infinity"),
        ("-inf", "-inf"),
        ("0x10", "0x10"),
        ("1e", "1e"),
        ("mp-12", "mp-12"),
    ],
)
def test_properties_are_numbers_in_decimal_or_text(tmp_path, word, value):
    path = tmp_path / "one.extxyz"
    lead = 'Lattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3'
    path.write_text(f'1\n{lead} tag="{word}"\nCs 0 0 0\n', encoding="utf-8")
    (crystal,) = recryst.read(path)
    found = crystal.properties["tag"]
    assert found == value and type(found) is type(value)


def test_what_can_not_be_read_is_told(tmp_path, salt):
    with pytest.raises(recryst.FileError) as caught:
        recryst.read(tmp_path / "none.cif")
    assert caught.value.file.endswith("none.cif") and isinstance(caught.value, OSError)
    bad = tmp_path / "bad.extxyz"
    recryst.write(bad, [salt, salt])
    text = bad.read_text().replace("Cl", "Qq", 1)
    bad.write_text(text)
    with pytest.raises(recryst.RecrystError) as caught:
        list(recryst.read(bad))
    assert caught.value.file == str(bad) and caught.value.line == 4 and "Qq" in str(caught.value)
    with pytest.warns(UserWarning, match="bad.extxyz:4"):
        assert len(list(recryst.read(bad, errors="warn"))) == 1
    assert len(list(recryst.read(bad, errors="ignore"))) == 1
    with pytest.raises(recryst.ArgumentError):
        recryst.read(bad, errors="no")
    with pytest.raises(recryst.ArgumentError, match="NUL"):
        recryst.read("a\0b")
    with pytest.raises(TypeError):
        recryst.read(3)


def test_a_folder_of_foreign_files_is_told(model, salt, tmp_path):
    folder = tmp_path / "jd"
    folder.mkdir()
    (folder / "settings.json").write_text('{"a": 1}')
    packed = shutil.make_archive(str(tmp_path / "packed"), "tar", tmp_path, "jd")
    for path in (folder, packed):
        for use in (recryst.read, model.predict):
            with pytest.raises(recryst.DataError, match="holds no structures") as caught:
                list(use(path))
            assert caught.value.file == str(path)
        assert list(recryst.read(path, errors="ignore")) == []
        with pytest.warns(UserWarning):
            assert np.isnan(model.predict([path, salt], errors="record")).tolist() == [True, False]


def test_an_abandoned_reader_does_no_harm(demo):
    for _ in range(20):
        reader = recryst.read(demo / "alloys.extxyz")
        next(reader)
        del reader


@pytest.mark.parametrize("ending", ["cif", "extxyz", "json", "jsonl"])
def test_writing_and_reading_back(tmp_path, alloys, energies, ending):
    path = tmp_path / f"out.{ending}"
    values = energies[:20].copy()
    values[3] = np.nan
    properties = {"e": values} if ending != "cif" else None
    recryst.write(path, alloys[:20], properties, ids=[f"x{i}" for i in range(20)])
    again = list(recryst.read(path))
    # The name of a CIF's block is not taken for an id.
    assert [a.id for a in again] == [f"x{i}" if ending != "cif" else f"out-{i + 1}" for i in range(20)]
    for i, (a, b) in enumerate(zip(again, alloys)):
        assert a.symbols == b.symbols
        assert a.volume == pytest.approx(b.volume, rel=1e-9)
        if properties:
            assert a.properties.get("e", "none") == (values[i] if i != 3 else "none")
        if ending.startswith("json"):
            assert a == b


def test_blocks_of_a_cif_have_names_of_their_own(tmp_path, salt):
    path = tmp_path / "many.cif"
    long = "x" * 80
    ids = ["", "mp/1", "mp_1", "", "MP 1", "crystal-2", "", long, long + "y", "x" * 68 + "-2", long]
    recryst.write(path, [salt] * len(ids), ids=ids)
    names = [line[5:] for line in path.read_text().splitlines() if line.startswith("data_")]
    assert names == [
        *("crystal", "mp_1", "mp_1-2", "crystal-2", "MP_1-3", "crystal-2-2", "crystal-3"),
        *("x" * 70, "x" * 68 + "-2", "x" * 68 + "-3", "x" * 68 + "-4"),
    ]
    assert len({name.lower() for name in names}) == len(ids) and len(list(recryst.read(path))) == len(ids)
    gemmi = pytest.importorskip("gemmi")
    assert len(gemmi.cif.read(str(path))) == len(ids)


def test_a_cif_of_one_structure_has_its_plain_name(tmp_path, salt):
    for name, block in (("mp/1", "mp_1"), ("", "crystal"), ("x" * 80, "x" * 70)):
        recryst.write(tmp_path / "one.cif", salt, ids=[name])
        assert (tmp_path / "one.cif").read_text().startswith(f"data_{block}\n")


def test_all_structures_of_a_path_are_written(tmp_path, alloys, salt):
    recryst.write(tmp_path / "a.jsonl", alloys[:3])
    recryst.write(tmp_path / "b.jsonl", tmp_path / "a.jsonl")
    assert list(recryst.read(tmp_path / "b.jsonl")) == alloys[:3]
    recryst.write(tmp_path / "c.jsonl", [salt, str(tmp_path / "b.jsonl"), salt], {"e": range(5)})
    again = list(recryst.read(tmp_path / "c.jsonl"))
    assert again == [salt, *alloys[:3], salt] and [c.properties["e"] for c in again] == list(range(5))


def test_writing_refuses(tmp_path, salt):
    with pytest.raises(recryst.ArgumentError, match="ends? in"):
        recryst.write(tmp_path / "x.pdb", salt)
    with pytest.raises(recryst.ArgumentError, match="one structure"):
        recryst.write(tmp_path / "x.vasp", [salt, salt])
    with pytest.raises(recryst.ArgumentError, match="shape"):
        recryst.write(tmp_path / "x.json", salt, {"e": [1, 2]})
    with pytest.raises(recryst.ArgumentError, match="ids"):
        recryst.write(tmp_path / "x.json", salt, ids=[])
    with pytest.raises(TypeError):
        recryst.write(tmp_path / "x.json", [3])
    assert not list(tmp_path.iterdir())


def test_ase(salt):
    ase = pytest.importorskip("ase")
    atoms = salt.to_ase()
    back = recryst.Crystal.from_ase(atoms)
    assert np.allclose(back.fractional, salt.fractional, atol=1e-15) and back.symbols == salt.symbols
    assert back.id == "salt"
    atoms.pbc = (True, True, False)
    with pytest.raises(recryst.DataError, match="periodic"):
        recryst.Crystal.from_ase(atoms)
    with pytest.raises(recryst.DataError, match="volume"):
        recryst.Crystal.from_ase(ase.Atoms("H2", pbc=True))
    with pytest.raises(recryst.ArgumentError, match="not the atomic number"):
        recryst.Crystal.from_ase(ase.Atoms("X", cell=CUBE, pbc=True))
    with pytest.raises(recryst.ArgumentError, match="300"):
        strange = ase.Atoms("H", cell=CUBE, pbc=True)
        strange.numbers[0] = 300
        recryst.Crystal.from_ase(strange)
    with pytest.raises(recryst.RecrystError):
        recryst.Crystal.from_ase(ase.Atoms(cell=CUBE, pbc=True))


def test_ase_occupancies():
    ase = pytest.importorskip("ase")
    atoms = ase.Atoms("FeO", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=CUBE, pbc=True)
    atoms.info["occupancy"] = {"0": {"Fe": 0.5, "Co": 0.5}, "1": {"O": 1.0}}
    atoms.set_array("spacegroup_kinds", np.array([0, 1]))
    assert recryst.Crystal.from_ase(atoms).species == [{"Co": 0.5, "Fe": 0.5}, {"O": 1.0}]
    with pytest.raises(recryst.UnsupportedError):
        recryst.Crystal.from_ase(atoms).to_ase()
    # An atom that came later stands for itself; ASE gives it the kind 0.
    atoms.append("Pt")
    atoms.positions[2] = [1, 1, 1]
    assert atoms.arrays["spacegroup_kinds"].tolist() == [0, 1, 0]
    assert recryst.Crystal.from_ase(atoms).species == [{"Co": 0.5, "Fe": 0.5}, {"O": 1.0}, {"Pt": 1.0}]
    atoms.info["occupancy"]["0"]["Co"] = None
    with pytest.raises(recryst.ArgumentError, match="occupancy of Co on site 0 is None"):
        recryst.Crystal.from_ase(atoms)
    atoms[0].symbol = "Ni"
    assert recryst.Crystal.from_ase(atoms).symbols == ["Ni", "O", "Pt"]
    assert recryst.Crystal.from_ase(atoms).is_ordered


def test_pymatgen(salt):
    core = pytest.importorskip("pymatgen.core")
    back = recryst.Crystal.from_pymatgen(salt.to_pymatgen())
    assert back == salt
    mixed = core.Structure(CUBE, [{"Fe3+": 0.5, "Co": 0.25}, "O2-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert recryst.Crystal.from_pymatgen(mixed).species == [{"Fe": 0.5, "Co": 0.25}, {"O": 1.0}]
    slab = core.Structure(core.Lattice(CUBE, pbc=(True, True, False)), ["O"], [[0, 0, 0]])
    with pytest.raises(recryst.DataError, match="periodic"):
        recryst.Crystal.from_pymatgen(slab)


def test_graphs(salt):
    graph = recryst.Graph(salt, max_neighbors=6)
    assert graph.n_atoms == 2 and graph.n_edges == 12 and graph.options.n_gaussians == 41
    assert np.allclose(graph.distances, 2.82)
    assert (graph.atomic_numbers[graph.edge_index[0]] != graph.atomic_numbers[graph.edge_index[1]]).all()
    expanded = graph.gaussians()
    assert expanded.shape == (12, 41)
    assert expanded[0, 14] == pytest.approx(np.exp(-((2.82 - 2.8) ** 2) / 0.04), rel=1e-5)
    with pytest.raises(TypeError, match="radios"):
        recryst.Graph(salt, radios=5)
    with pytest.raises(recryst.ArgumentError, match="radius"):
        recryst.Graph(salt, radius=-1)
    with pytest.raises(recryst.ArgumentError, match="ties"):
        recryst.Graph(salt, ties="sometimes")
    with pytest.raises(recryst.ArgumentError):
        recryst.Graph(salt, max_neighbors="many")
    with pytest.raises(recryst.UnsupportedError):
        recryst.Graph(recryst.Crystal(CUBE, [{"Fe": 0.5}], [[0, 0, 0]]))
    with pytest.raises(TypeError):
        pickle.dumps(graph)


def test_torch_geometric(salt):
    pytest.importorskip("torch_geometric")
    data = recryst.to_torch_geometric(recryst.Graph(salt), y=1.5)
    assert data.num_nodes == 2 and data.edge_index.shape == (2, 24) and data.edge_attr.shape == (24, 41)
    assert float(data.y) == 1.5
    data.validate()


def test_datasets(demo):
    data = recryst.Dataset(demo / "alloys.extxyz", "formation_energy")
    assert len(data) == data.n_rows == 1500 and data.target == "formation_energy" and not data.errors
    assert data.targets.shape == (1500,) and len(set(data.ids)) == 1500 and len(data.sha256) == 64
    graph = data[5]
    assert graph.n_atoms == data.n_atoms[5]
    del data
    assert graph.distances.min() > 1
    with pytest.raises(recryst.ArgumentError, match="formation_energy"):
        recryst.Dataset(demo / "alloys.extxyz", "nothing")
    with pytest.raises(recryst.FileError):
        recryst.Dataset(demo / "nothing.tar")


def test_unusable_rows_of_a_dataset(tmp_path, alloys, energies):
    values = energies[:5].copy()
    values[2] = np.nan
    recryst.write(tmp_path / "d.jsonl", alloys[:5], {"e": values}, ids=list("abcde"))
    data = recryst.Dataset(tmp_path / "d.jsonl", "e")
    assert data.ids == ["a", "b", "d", "e"] and data.rows.tolist() == [0, 1, 3, 4]
    (error,) = data.errors
    assert error.index == 2 and "no value" in str(error) and isinstance(error, recryst.DataError)
    with pytest.raises(IndexError):
        data[4]
    assert len(recryst.Dataset(tmp_path / "d.jsonl", "e", need_target=False)) == 5


def test_a_graph_for_torch_geometric(salt):
    pytest.importorskip("torch_geometric")
    import torch
    from torch_geometric.data import Batch
    from torch_geometric.nn import CGConv

    graph = recryst.Graph(salt)
    data = recryst.to_torch_geometric(graph, y=1.5)
    assert data.validate() and data.num_nodes == 2 and data.num_edges == 24 and data.z.tolist() == [11, 17]
    assert data.y.tolist() == [1.5] and data.edge_attr.shape == (24, 41) and data.distance.dtype == torch.float32
    # CGConv adds, at every atom, what comes from its neighbours: with the gate at 1/2 and softplus(0), log(2) / 2 of each.
    conv = CGConv(1, dim=41)
    for parameter in conv.parameters():
        torch.nn.init.zeros_(parameter)
    out = conv(data.z[:, None].float(), data.edge_index, data.edge_attr)
    assert torch.allclose(out[:, 0], data.z + 12 * np.log(2) / 2)
    # An edge goes from the neighbour to the atom: the value of the source arrives.
    with torch.no_grad():
        conv.lin_s.weight[0, 1] = 1.0
    out = conv(data.z[:, None].float(), data.edge_index, data.edge_attr)
    sources = data.z[torch.from_numpy(np.array(graph.neighbors[:12], np.int64))]
    expected = 11 + 0.5 * torch.nn.functional.softplus(sources.float()).sum()
    assert torch.allclose(out[0, 0], expected)
    several = [
        recryst.to_torch_geometric(salt, y=[1.0, np.nan, 3.0]),
        recryst.to_torch_geometric(salt, y=[4.0, 5.0, 6.0]),
    ]
    batch = Batch.from_data_list(several)
    assert batch.y.shape == (2, 3) and batch.edge_index.max() == 3 and batch.num_graphs == 2
    with pytest.raises(recryst.ArgumentError, match="shape"):
        recryst.to_torch_geometric(graph, y=[[1.0]])
