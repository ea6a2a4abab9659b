"""Commands that write, and what their files must be (torture.py disturbs them)."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess

RECRYST = os.environ["RECRYST"]
SOURCE = os.environ["RECRYST_SOURCE"]
DEMO = os.path.join(SOURCE, "data", "demo")
PATIENCE = 900  # seconds for anything that ends by itself: other work may stop this machine for a while
TEMPORARY = re.compile(r"(^|/)\.[^/]*\.tmp-\d+-\d+$|\.part$")
OLD = b"what was here before\n"


class Broken(Exception):
    """A promise that was not kept."""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def files_below(folder):
    """Relative paths of all files."""
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(base, name), folder) for name in names]
    return sorted(found)


def call(argv, stdin=None, stdout=None, env=None, timeout=PATIENCE):
    """(exit code, standard output or None, standard error)"""
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(open(stdin, "rb")) if stdin else subprocess.DEVNULL
        sink = stack.enter_context(open(stdout, "wb")) if stdout else subprocess.PIPE
        done = subprocess.run(argv, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=env, timeout=timeout)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def must(argv, **more):
    code, out, err = call(argv, **more)
    if code != 0:
        raise Broken("%s ended with %d: %s" % (" ".join(argv), code, err.strip()[-500:]))
    return out


def write_database(path, n_rows=50):
    """An ASE database of cubic cells of iron, with a table of a property; each has more pages than SQLite keeps, so that they
    are read again."""
    filler = "x" * 40000  # longer than any property that is read; a page holds one such row
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA page_size = 65536")
        db.execute("CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB, positions BLOB, cell BLOB, "
                   "pbc INTEGER, data BLOB)")  # fmt: skip
        db.execute("CREATE TABLE information (name TEXT, value TEXT)")
        db.execute("CREATE TABLE gaps (key TEXT, value REAL, id INTEGER)")
        db.execute("INSERT INTO information VALUES ('external_table_name', 'gaps')")
        for i in range(1, n_rows + 1):
            a = 2.5 + 0.01 * i
            arrays = struct.pack("<i", 26), struct.pack("<3d", 0, 0, 0), struct.pack("<9d", a, 0, 0, 0, a, 0, 0, 0, a)
            db.execute("INSERT INTO systems VALUES (?, ?, ?, ?, ?, 7, ?)", (i, "fe-%d" % i, *arrays, filler.encode()))
            db.execute("INSERT INTO gaps VALUES ('gap', ?, ?), ('note', ?, ?)", (0.25 * i, i, filler, i))
        db.commit()


# ---- what is disturbed


class Job:
    """A command that writes into a folder of its own.  `old`: files that are there before; `grows`: names of files that
    get their rows one by one, all others appear whole."""

    stdin = None
    stdout = None  # name of a file in the folder
    old = ()
    grows = ()
    moments = False  # whether it takes long enough to be killed at random moments
    seeds = 4  # of what a power cut takes, in the long form

    def __init__(self, lab):
        self.lab = lab

    def prepare(self, folder):
        os.makedirs(folder)
        for name in self.old:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            write(os.path.join(folder, name), OLD)

    def argv(self, folder):
        raise NotImplementedError

    def go_on(self, folder):
        """The command that takes up what was stopped: the same unless something else is said."""
        return self.argv(folder)

    def results(self, folder):
        """What must be equal in the end: name -> bytes."""
        return {name: read(os.path.join(folder, name)) for name in files_below(folder)}

    def check_file(self, folder, name, data, want):
        """A file that is neither the old one nor, byte for byte, the one that an undisturbed run leaves."""
        if name in self.grows and want is not None and want.startswith(data):
            return
        raise Broken("%s is neither the old nor the new one (%d bytes)" % (name, len(data)))

    def look(self, folder, wanted):
        """The state between: every file is whole, and those that were there are, old or new."""
        found = files_below(folder)
        for name in self.old:
            if name not in found and name in wanted:
                raise Broken("%s is gone" % name)
        for name in found:
            if TEMPORARY.search(name):
                continue
            data = read(os.path.join(folder, name))
            if (name in self.old and data == OLD) or data == wanted.get(name):
                continue
            self.check_file(folder, name, data, wanted.get(name))


def without_seconds(metrics):
    return b"\n".join(line.rsplit(b",", 1)[0] for line in metrics.split(b"\n"))


class Train(Job):
    moments = True
    options = ["--epochs", "40", "--batch-size", "16", "--atom-features", "16", "--hidden", "16", "--lr-milestones", "2"]
    short = ["--epochs", "3"]
    keeps_seconds = ("metrics.csv", "run_summary.json", "report.html", "last.ckpt")

    def argv(self, folder):
        few = self.short if self.lab.counting else []
        return [RECRYST, "train", self.lab.path("small.extxyz"), "--target", "formation_energy", *self.options, *few,
                "--threads", "2", "--quiet", "--out", os.path.join(folder, "run")]

    def go_on(self, folder):
        run = os.path.join(folder, "run")
        if os.path.exists(os.path.join(run, "last.ckpt")):
            return [RECRYST, "train", "--resume", run, "--quiet"]
        return self.argv(folder)

    def results(self, folder):
        found = super().results(folder)
        run = {name: data for name, data in found.items() if not TEMPORARY.search(name) and not name.endswith(".lock")}
        for name in list(run):
            if name.endswith("metrics.csv"):
                run[name] = without_seconds(run[name])
            elif os.path.basename(name) in self.keeps_seconds:
                run[name] = b""  # it is there
        return run

    def check_file(self, folder, name, data, want):
        path, base = os.path.join(folder, name), os.path.basename(name)
        if base == "metrics.csv" and data.endswith(b"\n") and want is not None:
            if want.startswith(without_seconds(data).rstrip(b"\n")):
                return
        elif base == "model.safetensors":
            must([RECRYST, "info", path])
            return
        elif base == "last.ckpt":
            size, = (int.from_bytes(data[:8], "little"),)
            ends = [tensor["data_offsets"][1] for key, tensor in json.loads(data[8:8 + size]).items() if key != "__metadata__"]
            if len(data) == 8 + size + max(ends):
                return
        elif base == "run_summary.json":
            json.loads(data)
            return
        elif base == "report.html" and data.rstrip().endswith(b"</html>"):
            return
        elif base == "config.toml" and data.endswith(b"\n"):
            return
        elif base == ".lock" and data == b"":
            return
        raise Broken("%s is torn or another one (%d bytes)" % (name, len(data)))


class TrainEnsemble(Train):
    """Networks one after the other, then one model file of them all."""

    seeds = 2
    options = [*Train.options, "--ensemble", "3"]
    short = ["--epochs", "2"]

    def go_on(self, folder):
        run = os.path.join(folder, "run")
        begun = [os.path.exists(os.path.join(run, name)) for name in ("last.ckpt", "member-1/last.ckpt")]
        return [RECRYST, "train", "--resume", run, "--quiet"] if any(begun) else self.argv(folder)


class Study(Train):
    """Several runs beside each other; the same command goes on."""

    seeds = 2
    tables = ("study.csv", "summary.csv", "differences.csv")
    keeps_seconds = Train.keeps_seconds + ("study.csv", "summary.json", "summary.txt", "summary.csv")

    def argv(self, folder):
        return [RECRYST, "study", self.lab.path("short.toml" if self.lab.counting else "study.toml"), "--out",
                os.path.join(folder, "study"), "--jobs", "2", "--threads", "1", "--quiet"]

    def go_on(self, folder):
        return self.argv(folder)

    def check_file(self, folder, name, data, want):
        base = os.path.basename(name)
        if base in self.tables and data.count(b"\n") and data.endswith(b"\n"):
            width = data.split(b"\n", 1)[0].count(b",")
            if all(row.count(b",") == width for row in data.rstrip().split(b"\n") if b'"' not in row):
                return
        elif base == "summary.json":
            json.loads(data)
            return
        elif base in ("summary.txt", "study.toml") and data.endswith(b"\n"):
            return
        super().check_file(folder, name, data, want)


class Prepare(Job):
    moments = True

    def argv(self, folder):
        return [RECRYST, "prepare", self.lab.path("alloys.extxyz"), "--out", os.path.join(folder, "store"), "--threads", "2",
                "--quiet"]

    def store(self, path):
        return must([RECRYST, "info", path]).replace(path.encode(), b"STORE")

    def results(self, folder):
        """The file's pages may lie in another order; what it says and what is predicted from it may not differ."""
        path = os.path.join(folder, "store")
        says = re.sub(rb"(?m)^.*(bytes|[KM]B|file ).*$", b"", self.store(path))
        rows = must([RECRYST, "predict", self.lab.path("base/model.safetensors"), path, "--quiet"])
        return {"says": says, "rows": rows}

    def look(self, folder, wanted):
        for name in files_below(folder):
            if not TEMPORARY.search(name):
                self.store(os.path.join(folder, name))


class Append(Prepare):
    moments = False

    def prepare(self, folder):
        os.makedirs(folder)
        shutil.copy(self.lab.path("half.store"), os.path.join(folder, "store"))

    def argv(self, folder):
        return super().argv(folder) + ["--append"]

    def look(self, folder, wanted):
        """Until it has grown it is what it was."""
        rows = must([RECRYST, "predict", self.lab.path("base/model.safetensors"), os.path.join(folder, "store"), "--quiet"])
        if rows != wanted["rows"] and rows != self.lab.half_rows:
            raise Broken("a store that grows is neither what it was nor what it becomes (%d bytes of rows)" % len(rows))


class PrepareDatabase(Prepare):
    """Of an ASE database, which has a table of properties beside that of its structures."""

    moments = False

    def argv(self, folder):
        return [RECRYST, "prepare", self.lab.path("table.db"), "--out", os.path.join(folder, "store"), "--quiet"]


class Predict(Job):
    old = ("rows.csv",)

    def argv(self, folder):
        return [RECRYST, "predict", self.lab.path("base"), self.lab.path("small.extxyz"), "--quiet", "--threads", "2", "--out",
                os.path.join(folder, "rows.csv")]


class PredictLines(Predict):
    old = ("rows.jsonl",)

    def argv(self, folder):
        return [RECRYST, "predict", self.lab.path("base"), self.lab.path("small.extxyz"), "--quiet", "--format", "jsonl", "--out",
                os.path.join(folder, "rows.jsonl")]


class PredictPrint(Predict):
    """To standard output, which is a file."""

    old = ()
    stdout = "out"
    grows = ("out",)

    def argv(self, folder):
        return [RECRYST, "predict", self.lab.path("base"), self.lab.path("small.extxyz"), "--quiet"]


class Stream(Job):
    moments = True
    grows = ("rows.csv",)

    @property
    def stdin(self):
        return self.lab.path("small.extxyz" if self.lab.counting else "many.extxyz")

    def argv(self, folder):
        return [RECRYST, "predict", self.lab.path("base"), "-", "--quiet", "--threads", "2", "--resume", "--out",
                os.path.join(folder, "rows.csv")]


class Evaluate(Job):
    old = ("scored.csv",)

    def argv(self, folder):
        return [RECRYST, "evaluate", self.lab.path("base"), self.lab.path("small.extxyz"), "--quiet", "--out",
                os.path.join(folder, "scored.csv")]


class ConvertFile(Job):
    old = ("all.extxyz", "bad.csv")

    def argv(self, folder):
        return [RECRYST, "convert", self.lab.path("mixed"), os.path.join(folder, "all.extxyz"), "--quiet", "--errors",
                os.path.join(folder, "bad.csv")]


class ConvertFolder(Job):
    old = ("cifs/Pt4-dhcp.cif", "cifs/mine.txt")

    def argv(self, folder):
        return [RECRYST, "convert", self.lab.path("mixed"), os.path.join(folder, "cifs") + "/", "--to", "cif", "--quiet",
                "--overwrite"]


class Embed(Job):
    old = ("v.csv", "bad.csv")
    what, name = "crystal", "v.csv"

    def argv(self, folder):
        return [RECRYST, "embed", self.lab.path("base"), self.lab.path("mixed"), "--what", self.what, "--quiet", "--out",
                os.path.join(folder, self.name), "--errors", os.path.join(folder, "bad.csv")]


class EmbedNpy(Embed):
    old = ("v.npy", "v.ids.csv", "bad.csv")
    what, name = "atoms", "v.npy"


class EmbedSafetensors(Embed):
    old = ("v.safetensors", "bad.csv")
    what, name = "steps", "v.safetensors"


class Ensemble(Job):
    old = ("m.safetensors",)

    def argv(self, folder):
        return [RECRYST, "ensemble", self.lab.path("base"), self.lab.path("other"), os.path.join(folder, "m.safetensors")]


class Explain(Job):
    old = ("explained.json",)

    def argv(self, folder):
        return [RECRYST, "explain", self.lab.path("base"), self.lab.path("mixed"), "--quiet", "--out",
                os.path.join(folder, "explained.json")]


class Report(Job):
    """The page, of a run that has its tables; a figure where the command was built without the page (no Node.js)."""

    old = ("page.html",)

    def argv(self, folder):
        page = os.path.join(os.environ.get("RECRYST_BUILD", ""), "report-page.html")
        built = os.path.exists(page) and os.path.getsize(page) > 0
        return [RECRYST, "report", self.lab.path("base"), "--no-data", "--quiet", "--out", os.path.join(folder, "page.html"),
                *([] if built else ["--format", "svg", "--figure", "parity"])]


class Export(Job):
    old = ("m.pth.tar", "atom_init.json")

    def argv(self, folder):
        return [RECRYST, "export", self.lab.path("base"), os.path.join(folder, "m.pth.tar"), "--atom-init",
                os.path.join(folder, "atom_init.json"), "--quiet"]


class ExportOnnx(Job):
    old = ("m.onnx",)

    def argv(self, folder):
        return [RECRYST, "export", self.lab.path("base"), os.path.join(folder, "m.onnx"), "--format", "onnx", "--quiet"]


class Import(Job):
    old = ("m.safetensors",)

    def argv(self, folder):
        return [RECRYST, "import", self.lab.path("m.pth.tar"), os.path.join(folder, "m.safetensors"), "--quiet"]


class Show(Job):
    """Tables on standard output."""

    stdout = "out"
    grows = ("out",)

    def argv(self, folder):
        return [RECRYST, "info", self.lab.path("base")]


class ShowGraph(Show):
    def argv(self, folder):
        return [RECRYST, "graph", self.lab.path("mixed/Pt4-dhcp.cif"), "--format", "json"]


class Fetch(Job):
    moments = True
    seeds = 2  # the server's answers take their time

    def argv(self, folder):
        return [RECRYST, "fetch", "mp", "--endpoint", "http://127.0.0.1:%s/slow:0.01+%d" % (self.lab.port, id(self) % 9973),
                "--property", "formation_energy_per_atom", "--page-size", "20" if self.lab.counting else "5", "--out",
                os.path.join(folder, "set"), "--retry-wait", "0.01", "--timeout", "%d" % PATIENCE, "--quiet"]

    def results(self, folder):
        found = super().results(folder)
        name = "set/provenance.json"
        found[name] = re.sub(rb'(?m)^.*"(started|finished)":.*$', b"", found[name])
        return found

    def look(self, folder, wanted):
        for name in files_below(folder):
            if TEMPORARY.search(name) or "/.fetch/" in name:
                continue
            data = read(os.path.join(folder, name))
            if name.endswith("provenance.json"):
                json.loads(data)
            elif data != wanted.get(name) and not (self.lab.lossy and name.endswith(".cif")):
                # After a power cut a crystal may be torn, as long as there is no id_prop.csv that names it.
                raise Broken("%s is not the one of a whole download (%d bytes)" % (name, len(data)))
            elif data != wanted.get(name) and os.path.exists(os.path.join(folder, "set", "id_prop.csv")):
                raise Broken("%s is torn in a dataset that is said to be whole" % name)


class FetchAnew(Fetch):
    """Over a dataset of another request; what is there in between is the old one, nothing, or a part of the new one."""

    moments = False

    def prepare(self, folder):
        super().prepare(folder)
        if self.old_files is None:
            argv = self.argv(folder)
            argv[argv.index("formation_energy_per_atom")] = "band_gap"
            must([*argv, "--limit", "9"])
            self.old_files = {name: read(os.path.join(folder, name)) for name in files_below(folder)}
        os.makedirs(os.path.join(folder, "set"), exist_ok=True)
        for name, data in self.old_files.items():
            write(os.path.join(folder, name), data)

    old_files = None

    def argv(self, folder):
        return [*super().argv(folder), "--overwrite"]

    def look(self, folder, wanted):
        found = {name: read(os.path.join(folder, name)) for name in files_below(folder) if "/.fetch/" not in name}
        if "set/id_prop.csv" not in found:
            return
        for whole in (self.old_files, wanted):
            if found["set/id_prop.csv"] == whole["set/id_prop.csv"]:
                lost = [name for name in whole if name.endswith(".cif") and found.get(name) != whole[name]]
                if lost:
                    raise Broken("%s is not that of a dataset that is said to be whole" % lost[0])
                return
        raise Broken("id_prop.csv is neither the old nor the new one")


JOBS = {
    "train": Train, "train --ensemble": TrainEnsemble, "study": Study, "prepare": Prepare, "prepare --append": Append,
    "prepare database": PrepareDatabase, "predict": Predict, "predict jsonl": PredictLines, "predict to stdout": PredictPrint, "predict --resume": Stream, "evaluate": Evaluate, "convert": ConvertFile,
    "convert to folder": ConvertFolder, "embed csv": Embed, "embed npy": EmbedNpy, "embed safetensors": EmbedSafetensors,
    "ensemble": Ensemble, "explain": Explain, "report": Report, "export": Export, "export onnx": ExportOnnx, "import": Import, "info": Show, "graph": ShowGraph, "fetch": Fetch,
    "fetch --overwrite": FetchAnew,
}  # fmt: skip
