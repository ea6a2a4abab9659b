"""Trains, predicts and reads an archive with an installed wheel, where there is nothing but numpy."""

import pathlib
import sys
import tempfile

import recryst

demo = pathlib.Path(sys.argv[1])
if "site-packages" not in recryst.__file__:
    sys.exit(f"this is not an installed wheel: {recryst.__file__}")
with tempfile.TemporaryDirectory() as folder:
    run = recryst.train(
        demo / "alloys.tar.zst", folder + "/run", target="formation_energy", epochs=2, train_size=200, val_size=50, test_size=50
    )
    values = run.model().predict(demo / "examples")
    print(f"recryst {recryst.__version__}: trained {run.epochs_done} epochs, predicted {len(values)} files")
bulk = recryst.load("bulk-modulus")
values = bulk.predict(demo / "examples")
if not ((values > 50) & (values < 400)).all() or bulk.unit != "GPa":
    sys.exit(f"the shipped model says of alloys: {values} {bulk.unit}")
print(f"shipped models: {', '.join(recryst.models())}")
