"""The two sides of the comparison as processes that take turns, and the search for the fastest PyTorch."""
import concurrent.futures
import hashlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch_models

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARCHITECTURES = {"sr": "SR-CGCNN T=3", "cgcnn": "CGCNN L=3"}
CRYSTALS, BATCH = 2000, 256
# Largest difference allowed between the sides, relative, in the Euclidean norm of a whole tensor. Rounding to float32 (6e-8)
# grows to 1e-6 through three convolutions; gradients of norms are sums of 80,000 terms that nearly cancel, which leaves 1e-4.
# A term that is wrong or left out shows at 1e-2 and above.
AGREEMENT = {"output": 2e-5, "loss": 2e-5, "prediction": 2e-5, "gradient": 5e-4}

# Environments for PyTorch. Its allocator returns large tensors to the system after every use; huge pages and a malloc that
# keeps memory save it the page faults. The last two change how long OpenMP's threads wait actively.
KEEP = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_TOP_PAD_": "67108864"}
HUGE = {"THP_MEM_ALLOC_ENABLE": "1"}
ENVIRONMENTS = {
    "as it comes": {},
    "huge pages": HUGE,
    "memory kept": KEEP,
    "huge pages, memory kept": HUGE | KEEP,
    "huge pages, passive waiting": HUGE | {"OMP_WAIT_POLICY": "passive"},
    "huge pages, long active waiting": HUGE | {"GOMP_SPINCOUNT": "3000000"},
}

START = time.time()


def say(text):
    print(f"[{time.time() - START:4.0f} s] {text}", file=sys.stderr, flush=True)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = re.findall(r"model name\s*: (.*)", file.read())
    return models[0] if models else platform.machine()


class Side:
    """A process that answers a line of numbers to a line of command."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | (environment or {})
        )
        self.greeting = self.line()

    def line(self):
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"bench: {' '.join(self.process.args)} ended early")
        return answer.strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.line()

    def times(self, command):
        answer = [float(word) for word in self.ask(command).split()]
        time.sleep(0.05)  # let threads that wait actively go to sleep before the other side's turn
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    """Our side with its data, and PyTorch's in as many environments as are asked for."""

    def __init__(self, options):
        self.options, self.threads = options, options.threads
        self.folder = tempfile.mkdtemp(prefix="recryst-bench-")
        self.ours = Side([self.program("bench_step"), options.data, self.folder, str(CRYSTALS), str(BATCH)])
        self.data = json.loads(self.ours.greeting)
        self.peers = {}
        self.kernels = self.ours.ask(f"use {self.threads} best")

    def program(self, name):
        return os.path.join(self.options.build, name)

    def start_peer(self, settings):
        # What torch.compile made is kept; the code depends on the number of threads.
        cache = os.path.join(self.options.work, f"compiled-{self.threads}")
        settings = {"OMP_NUM_THREADS": str(self.threads), "TORCHINDUCTOR_CACHE_DIR": cache} | settings
        script = os.path.join(ROOT, "bench", "torch_peer.py")
        return Side([sys.executable, script, self.folder, str(self.threads)], settings)

    def peer(self, environment):
        if environment not in self.peers:
            self.peers[environment] = self.start_peer(ENVIRONMENTS[environment])
        return self.peers[environment]

    def quiet(self, *environments):
        """End all peers but these, so that only the sides being compared hold memory and threads."""
        for name in [name for name in self.peers if name not in environments]:
            self.peers.pop(name).close()

    def close(self):
        self.quiet()
        self.ours.close()
        shutil.rmtree(self.folder)

    # ---- the same numbers

    def check(self, forms):
        """Differences between the sides, the largest over forms and architectures."""
        largest = {}
        for arch in ARCHITECTURES:
            self.ours.ask(f"check {arch}")
            for form in forms:
                found = json.loads(self.peer("huge pages").ask(f"check {form} {arch}"))
                say(f"same numbers: {form} {arch}: " + ", ".join(f"{k} {found[k]:.1e}" for k in AGREEMENT))
                for what, bound in AGREEMENT.items():
                    if not found[what] <= bound:
                        sys.exit(f"bench: {form} {arch}: {what} differs from recryst's by {found[what]:.1e} ({found})")
                    largest[what] = max(largest.get(what, 0), found[what])
        return largest

    def turns(self, sides, rounds):
        """sides: name -> (Side, command with {} for steps, steps). Seconds of a step, each round's median, by name."""
        for side, command, steps in sides.values():
            side.times(command.format(max(2, steps)))
        result = {name: [] for name in sides}
        for _ in range(rounds):
            for name, (side, command, steps) in sides.items():
                result[name].append(statistics.median(side.times(command.format(steps))))
        return result

    # ---- the fastest PyTorch

    def forms(self, what):
        forms = torch_models.Best.FORMS + [form.replace("best", "eager") for form in torch_models.Best.FORMS[::4]]
        if what == "predict":  # the gather's gradient plays no part
            forms = [form for form in forms if ":bag:" not in form]
        if self.options.quick:
            forms = forms[: 1 + (what == "train")]
        return forms

    def compile_all(self, jobs):
        """Fill the cache of compiled code, a process each: compiling is nearly all that a search takes. jobs: (what, form, arch)."""

        def compile_one(job):
            what, form, arch = job
            side = self.start_peer(HUGE | {"OMP_WAIT_POLICY": "passive", "TORCHINDUCTOR_COMPILE_THREADS": "1"})
            side.ask(f"{what} {form} {arch} 1")
            side.close()
            say(f"compiled: {what} {form} {arch}")

        jobs = [job for job in jobs if job[1].startswith("best")]
        with concurrent.futures.ThreadPoolExecutor(max(1, min(self.threads, os.cpu_count()))) as pool:
            list(pool.map(compile_one, jobs))

    def screen(self, what):
        """The fastest form, then the fastest environment for it, and what each took (ms)."""
        taken = {}

        def measure(form, environment, steps):
            times = self.peer(environment).times(f"{what} {form} sr {steps}")
            return 1e3 * statistics.median(times[2:])

        for form in self.forms(what):
            taken[form] = measure(form, "huge pages", 5)
            say(f"first look: {what} {form}: {taken[form]:.1f} ms")
        near = [form for form in taken if taken[form] < 1.25 * min(taken.values())]
        for form in near if len(near) > 1 else []:
            taken[form] = measure(form, "huge pages", 14)
            say(f"second look: {what} {form}: {taken[form]:.1f} ms")
        form = min(near, key=taken.get)
        places = {"huge pages": taken[form]}
        for environment in [] if self.options.quick else ENVIRONMENTS:
            self.quiet(environment)
            places[environment] = measure(form, environment, 14)
            say(f"{what} {form}, {environment}: {places[environment]:.1f} ms")
        self.quiet()
        return {"form": form, "place": min(places, key=places.get), "forms": taken, "places": places}

    def fastest(self):
        """What screen() finds for training and for inference; kept in the work folder for as long as machine, threads, PyTorch,
        data and the forms themselves stay the same."""
        import torch

        with open(torch_models.__file__, "rb") as file:
            source = hashlib.sha256(file.read()).hexdigest()
        key = [processor(), self.threads, torch.__version__, self.data, source, self.options.quick]
        key[3] = {name: value for name, value in self.data.items() if name not in ("read_seconds", "batch_kinds", "batch_kind_edges")}
        path = os.path.join(self.options.work, "fastest-quick.json" if self.options.quick else "fastest.json")
        if os.path.exists(path) and not self.options.search:
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            if kept["key"] == json.loads(json.dumps(key)):
                say("the fastest PyTorch: as found before (--search looks again)")
                return kept["found"]
        say("the fastest PyTorch: compiling every form")
        self.compile_all([(what, form, "sr") for what in ("train", "predict") for form in self.forms(what)])
        found = {what: self.screen(what) for what in ("train", "predict")}
        self.compile_all([(what, found[what]["form"], "cgcnn") for what in found])
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"key": key, "found": found}, file, indent=1)
        os.replace(path + ".new", path)
        return found
