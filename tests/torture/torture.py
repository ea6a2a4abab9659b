#!/usr/bin/env python3
"""Commands that write, disturbed: calls that fail, kill -9 and power cuts at a call or at a random moment.

usage: torture.py [--jobs NAME,...] [--parts fail,memory,calls,power,moments] [--long] [--kills N] [--seed S] [--state FILE]
                  [--at-once N]

RECRYST is the command, RECRYST_SOURCE the sources, RECRYST_SHIM_LIBRARY what shim.c was made into, with what memory.c was
made into beside it.  Parts:

fail     each call that writes (open, write, fsync, rename, close, mmap, ...) fails in turn, once with EIO and from then on
         with ENOSPC; each call that reads fails once: an error with a reason and exit code 1, what was there before is
         untouched, nothing is left lying about, and the same command without the fault gives what it always gives; where a
         read fails, an output may also name the reason in place of what is missing, and hold all else
memory   each allocation of the command's own code fails in turn, once and from then on: the same, with "out of memory"
calls    SIGKILL in place of each call in turn, in the middle of it where it writes
power    the same, and everything that was not synced is lost, or a seeded part of it; also right after the end
moments  SIGKILL at random moments, --kills of them; a run that goes on is killed again

After each, what is on disk is looked at: every file is a whole earlier or later one, a file that grows has a part of the
rows that it will have; then the run goes on, and its results are those of a run that nothing disturbed, byte for byte.
Without --long, a few of each.  With --state what has been done is remembered, and the same command goes on from there.  With
--at-once that many commands are disturbed beside each other, each by a process and in a folder of its own.
"""

import argparse
import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from jobs import DEMO, JOBS, OLD, PATIENCE, RECRYST, SOURCE, TEMPORARY, Broken, Fetch, call, files_below, must, read, write, write_database

SHIM = os.environ.get("RECRYST_SHIM_LIBRARY", "")
MEMORY = os.path.join(os.path.dirname(SHIM), "torture_memory.so")
EIO, ENOSPC = 5, 28
REASON = re.compile("no space left|device reports|Input/output|system error", re.I)
# Calls that may fail without a word: another one does the same, or what they close is on the disk, or gone, already.
HARMLESS = re.compile(r"fired \d+ ((link|syncfs|mkdir) .*|close .*(\.lock|/store|\.part)( \(deleted\))?)$")
SHORT_OF_MEMORY = re.compile("out of memory", re.I)
SLOW = ["study", "train --ensemble", "train", "fetch", "prepare"]


# ---- how it is disturbed


class Lab:
    def __init__(self, folder, seed, long):
        self.folder, self.seed, self.long = folder, seed, long
        self.counting = True  # short runs, where every call is gone through
        self.lossy = False
        self.server = None
        self.port = None
        frames = read(os.path.join(DEMO, "alloys.extxyz"))
        lines, at, ends = frames.split(b"\n"), 0, []
        while at < len(lines) and lines[at].strip():
            at += int(lines[at]) + 2
            ends.append(at)
        write(self.path("alloys.extxyz"), frames)
        write(self.path("half.extxyz"), b"\n".join(lines[:ends[749]]) + b"\n")
        write(self.path("small.extxyz"), b"\n".join(lines[:ends[79]]) + b"\n")
        write(self.path("many.extxyz"), frames * (8 if long else 2))
        shutil.copytree(os.path.join(DEMO, "examples"), self.path("mixed"))
        write(self.path("mixed/broken.cif"), b"data_x\n_cell_length_a 3\n")
        for name, seed in (("base", "1"), ("other", "2")):
            must([RECRYST, "train", self.path("small.extxyz"), "--target", "formation_energy", "--epochs", "2", "--batch-size",
                  "16", "--atom-features", "16", "--hidden", "16", "--seed", seed, "--split-seed", "1", "--quiet", "--out",
                  self.path(name)])  # fmt: skip
        for name, epochs in (("short", 2), ("study", 25)):
            text = """seeds = [1, 2]
[base]
data = "small.extxyz"
target = "formation_energy"
epochs = %d
batch-size = 16
atom-features = 16
hidden = 16
[grid]
gate = [false, true]
"""
            write(self.path(name + ".toml"), (text % epochs).encode())
        must([RECRYST, "prepare", self.path("half.extxyz"), "--out", self.path("half.store"), "--quiet"])
        write_database(self.path("table.db"))
        self.half_rows = must([RECRYST, "predict", self.path("base"), self.path("half.store"), "--quiet"])
        must([RECRYST, "export", self.path("base"), self.path("m.pth.tar"), "--quiet"])

    def path(self, name):
        return os.path.join(self.folder, name)

    def serve(self):
        """The server of tests/fetch; asks for its key."""
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "MP_API_ENDPOINT"):
            os.environ.pop(name, None)
        os.environ["no_proxy"] = "*"
        os.environ["MP_API_KEY"] = "0123456789abcdefSECRETsecret4567"
        self.server = subprocess.Popen([sys.executable, "-B", os.path.join(SOURCE, "tests/fetch/server.py"), self.path("port"),
                                        self.path("log")])  # fmt: skip
        for _ in range(PATIENCE * 20):
            if os.path.exists(self.path("port")) and os.path.getsize(self.path("port")) > 0:
                break
            time.sleep(0.05)
        self.port = read(self.path("port")).decode().strip()

    def close(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait()

    # one run

    def begin(self, job, name):
        folder = self.path("work/%s" % name)
        shutil.rmtree(self.path("work"), ignore_errors=True)
        os.makedirs(self.path("work"))
        job.prepare(folder)
        return folder

    def run(self, job, argv, folder, **more):
        return call(argv, stdin=job.stdin, stdout=os.path.join(folder, job.stdout) if job.stdout else None, **more)

    def shimmed(self, job, folder, order, argv=None):
        """A run with the shim; (exit code, standard error, what the shim says)"""
        log = self.path("shim.log")
        for path in (log, self.path("scratch")):
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        os.makedirs(self.path("scratch"))
        env = dict(os.environ, RECRYST_SHIM=order, RECRYST_SHIM_UNDER=folder + "/", RECRYST_SHIM_LOG=log, LD_PRELOAD=SHIM,
                   RECRYST_SHIM_SCRATCH=self.path("scratch"))  # fmt: skip
        if order.startswith("read"):
            env["RECRYST_SHIM_UNDER"] = self.folder + "/"
        code, out, err = self.run(job, argv or job.argv(folder), folder, env=env)
        if out:  # where a study tells of runs that failed
            err += out.decode("utf-8", "replace")
        return code, err, read(log).decode() if os.path.exists(log) else ""

    def whole(self, job):
        """What an undisturbed run leaves."""
        folder = self.begin(job, "it")
        code, _, err = self.run(job, job.argv(folder), folder)
        if code != 0:
            raise Broken("undisturbed, it ended with %d: %s" % (code, err.strip()))
        return job.results(folder)

    def count(self, job, mode="count"):
        folder = self.begin(job, "it")
        code, err, log = self.shimmed(job, folder, "%s 0 0 0 0" % mode)
        if code != 0 or not log.startswith("calls "):
            raise Broken("with the shim, but without a fault, it ended with %d: %s%s" % (code, log, err))
        if log.split()[1] == "0":
            raise Broken("the shim sees no call at all")
        return int(log.split()[1])

    def finish(self, job, folder, wanted):
        """Go on until the end; the results are those of an undisturbed run."""
        code, _, err = self.run(job, job.go_on(folder), folder)
        if code != 0:
            raise Broken("gone on with, it ended with %d: %s" % (code, err.strip()[-400:]))
        self.compare(job, folder, wanted)

    @staticmethod
    def compare(job, folder, wanted):
        found = job.results(folder)
        found = {name: data for name, data in found.items() if not TEMPORARY.search(name)}
        for name in sorted(set(found) | set(wanted)):
            if found.get(name) != wanted.get(name):
                raise Broken("in the end %s differs from that of an undisturbed run" % name)

    def starved(self, job, folder, nth, times):
        """A run in which allocations fail; (exit code, standard error, what memory.c says)"""
        log = self.path("memory.log")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        env = dict(os.environ, RECRYST_MEMORY="%d %d" % (nth, times), RECRYST_MEMORY_LOG=log, LD_PRELOAD=MEMORY)
        try:
            code, out, err = self.run(job, job.argv(folder), folder, env=env, timeout=120)
        except subprocess.TimeoutExpired:
            raise Broken("it does not end") from None
        if out:
            err += out.decode("utf-8", "replace")
        return code, err, read(log).decode().strip() if os.path.exists(log) else ""

    # the parts

    def pick(self, n):
        """All of 1 to n, or the first few and some of the rest."""
        if self.long or n <= 5:
            return list(range(1, n + 1))
        return sorted({1, n} | set(random.sample(range(2, n), min(4, n - 2))))

    def fail(self, job):
        wanted = self.whole(job)
        n, n_read = self.count(job), self.count(job, "read")
        done = 0
        orders = [("fail", k, 1, EIO) for k in self.pick(n)] + [("fail", k, 10**6, ENOSPC) for k in self.pick(n)]
        for mode, k, times, code in orders + [("read", k, 1, EIO) for k in self.pick(n_read)]:
            yield "%s of call %d with errno %d" % (mode, k, code)
            folder = self.begin(job, "it")
            got, err, log = self.shimmed(job, folder, "%s %d %d %d 0" % (mode, k, times, code))
            where = "%s; it ended with %d: %s" % (log.strip(), got, err.strip()[-400:])
            if got not in (0, 1):
                raise Broken("no exit code for a fault: " + where)
            if not log.startswith("fired"):
                continue
            done += 1
            if mode == "fail" and got == 0 and not HARMLESS.match(log.strip()):
                raise Broken("nobody is told of a call that failed: " + where)
            if got == 1 and not re.search("recryst: error: |\nfailed:", err):
                raise Broken("no message: " + where)
            if got == 1 and not REASON.search(err) and not (mode == "read" and self.tells(folder, err, got)):
                raise Broken("no reason: " + where)
            self.afterwards(job, folder, wanted, got, err, where, REASON if mode == "read" else None)
        self.done = done

    def afterwards(self, job, folder, wanted, got, err, where, reason):
        """What a run left in which something failed: nothing lies about, all is whole, and it can be gone on with.  With a
        reason, an output may say that in place of what is missing."""
        left = [name for name in files_below(folder) if TEMPORARY.search(name) and not name.endswith(".part")]
        if left:
            raise Broken("%s is left behind: %s" % (left[0], where))
        try:
            try:
                job.look(folder, wanted)
                if got == 0:
                    self.compare(job, folder, wanted)
            except Broken:
                if reason is None or not self.tells(folder, err, got, reason):
                    raise
                self.check_rows(job, folder, wanted, reason)
            if got != 0:
                self.finish(job, folder, wanted)
        except Broken as problem:
            raise Broken("%s; %s" % (problem, where)) from None

    def memory(self, job):
        wanted = self.whole(job)
        code, err, log = self.starved(job, self.begin(job, "it"), 0, 0)
        if code != 0 or not log.startswith("calls "):
            raise Broken("with the shim, but without a fault, it ended with %d: %s%s" % (code, log, err))
        n, k, chosen = int(log.split()[1]), 1, []
        while k <= n:  # ever fewer of the later ones, which are in loops
            chosen.append(k)
            k += 1 + k // 100
        done = 0
        for k in chosen if self.long else random.sample(chosen, min(4, len(chosen))):
            for times in (1, 10**9):
                yield "allocation %d fails, %d of them" % (k, times)
                folder = self.begin(job, "it")
                got, err, log = self.starved(job, folder, k, times)
                if not log.startswith("fired"):
                    continue
                done += 1
                where = "it ended with %d: %s" % (got, err.strip()[-400:])
                if got not in (0, 1):
                    raise Broken("no exit code for a lack of memory: " + where)
                if got == 1 and not SHORT_OF_MEMORY.search(err) and not self.tells(folder, err, got, SHORT_OF_MEMORY):
                    raise Broken("no reason: " + where)
                self.afterwards(job, folder, wanted, got, err, where, SHORT_OF_MEMORY)
        self.done = done

    @staticmethod
    def tells(folder, err, got, reason=REASON):
        """Whether an output says what could not be read: a file, or notes of a command that went on."""
        files = [read(os.path.join(folder, name)).decode("utf-8", "replace") for name in files_below(folder)]
        return any(reason.search(text) for text in files) or (got == 0 and reason.search(err) is not None)

    @staticmethod
    def check_rows(job, folder, wanted, reason=REASON):
        """Tables that lack what could not be read have nothing else that is not the undisturbed run's."""
        found = job.results(folder)
        for name in sorted(found):
            if not name.endswith((".csv", ".jsonl", "out", "rows")) or found[name] == OLD:
                continue
            known = set(wanted.get(name, b"").split(b"\n"))
            for line in found[name].split(b"\n"):
                if line not in known and not reason.search(line.decode("utf-8", "replace")):
                    raise Broken("%s has a line of its own: %r" % (name, line[:200]))

    def ended(self, job, mode):
        wanted = self.whole(job)
        n = self.count(job)
        done = 0
        self.lossy = mode == "power"
        # Beyond the last call: a cut after the end, when all that was written to files is to stay.
        after = [n + 1] if self.lossy and job.stdout is None else []
        seeds = range((job.seeds if self.long else 2) if self.lossy else 1)
        for k, seed in [(k, seed) for k in self.pick(n) + after for seed in seeds]:
            order = "%s %d 1 0 %d" % (mode, k, 0 if seed == 0 else random.getrandbits(40) * 4 + seed)
            yield order
            folder = self.begin(job, "it")
            got, err, log = self.shimmed(job, folder, order)
            where = "%s; it ended with %d: %s" % (log.strip(), got, err.strip()[-400:])
            if got not in (0, -signal.SIGKILL) or (got == 0 and log.startswith("fired")):
                raise Broken("another end: " + where)
            done += got != 0 or k > n
            try:
                job.look(folder, wanted)
                if got != 0:
                    self.finish(job, folder, wanted)
                else:
                    self.compare(job, folder, wanted)
            except Broken as problem:
                raise Broken("%s; %s" % (problem, where)) from None
        self.lossy = False
        self.done = done

    def moments(self, job, kills, seconds=None):
        self.counting = False
        since = time.monotonic()
        wanted = self.whole(job)
        takes = time.monotonic() - since
        done = finished = 0
        while done < kills:
            folder, chain = self.begin(job, "it"), 0
            while done < kills and chain < 20:
                argv = job.argv(folder) if chain == 0 else job.go_on(folder)
                moment = random.random() * takes * 1.1
                yield "kill %d after %.4f s, the %dth of this run" % (done + 1, moment, chain + 1)
                source = open(job.stdin, "rb") if job.stdin else None
                child = subprocess.Popen(argv, stdin=source or subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE)  # fmt: skip
                if source:
                    source.close()
                try:
                    _, err = child.communicate(timeout=moment)
                except subprocess.TimeoutExpired:
                    child.kill()
                    _, err = child.communicate()
                if child.returncode == 0:
                    break
                if child.returncode != -signal.SIGKILL:
                    raise Broken("it ended with %d: %s" % (child.returncode, err.decode("utf-8", "replace").strip()[-400:]))
                done += 1
                chain += 1
                job.look(folder, wanted)
            finished += 1
            self.finish(job, folder, wanted)
        self.counting = True
        self.done = done
        self.finished = finished


PARTS = {
    "fail": ("each call fails", lambda lab, job, kills: lab.fail(job)),
    "memory": ("each allocation fails", lambda lab, job, kills: lab.memory(job)),
    "calls": ("kill -9 at each call", lambda lab, job, kills: lab.ended(job, "kill")),
    "power": ("power cut at each call", lambda lab, job, kills: lab.ended(job, "power")),
    "moments": ("kill -9 at random moments", lambda lab, job, kills: lab.moments(job, kills)),
}


def recall(state):
    return json.loads(read(state)) if state and os.path.exists(state) else {}


def remember(state, key, done):
    """Several processes write it."""
    with open(state + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write(state + ".new", json.dumps({**recall(state), key: done}).encode())
        os.replace(state + ".new", state)


def beside_each_other(options):
    """A process for each command, those that take longest first; how many of them found something."""
    done = recall(options.state)
    names = [name for name in options.jobs.split(",")
             if any("%s|%s" % (name, part) not in done for part in options.parts.split(","))]  # fmt: skip
    names.sort(key=lambda name: (name not in SLOW, SLOW.index(name) if name in SLOW else 0))
    more = ["--parts", options.parts, *(["--long"] if options.long else [])]
    for name, value in (("--kills", options.kills), ("--seed", options.seed), ("--state", options.state)):
        more += [name, str(value)] if value is not None else []
    broken, running = 0, []
    try:
        while names or running:
            while names and len(running) < options.at_once:
                running.append(subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), "--jobs", names.pop(0), *more]))
            time.sleep(0.2)
            broken += sum(child.poll() not in (None, 0) for child in running)
            running = [child for child in running if child.poll() is None]
    finally:
        for child in running:
            child.terminate()
            child.wait()
    return broken


def main():
    # A process that is ended clears away its folder and what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--state")
    parser.add_argument("--table")
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    broken = beside_each_other(options) if options.at_once > 1 else one_by_one(options)
    if options.table:
        write(options.table, table(recall(options.state)).encode())
    return 1 if broken else 0


def in_memory():
    """Where syncing costs nothing, if there is such a place: what a power cut takes is taken by the shim, not by the disk."""
    with contextlib.suppress(OSError):
        free = os.statvfs("/dev/shm")
        if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK) and free.f_bavail * free.f_frsize > 1 << 30:
            return "/dev/shm"
    return None


def one_by_one(options):
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    kills = options.kills or (200 if options.long else 5)
    remembered = recall(options.state)
    broken = 0
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        lab = Lab(os.path.realpath(folder), seed, options.long)
        try:
            for name in options.jobs.split(","):
                for part in options.parts.split(","):
                    key, job = "%s|%s" % (name, part), JOBS[name](lab)
                    if key in remembered or (part == "moments" and not job.moments):
                        continue
                    if isinstance(job, Fetch) and lab.server is None:
                        lab.serve()
                    random.seed("%d|%s" % (seed, key))
                    lab.done, step, since = 0, "", time.monotonic()
                    lab.counting, lab.lossy = True, False
                    try:
                        for step in PARTS[part][1](lab, job, kills):
                            pass
                    except Broken as problem:
                        broken += 1
                        again = "--jobs '%s' --parts %s --seed %d%s" % (name, part, seed, " --long" * options.long)
                        print("BROKEN: %s, %s, %s: %s\n    again: torture.py %s --kills %d" %
                              (name, PARTS[part][0], step, problem, again, kills), flush=True)  # fmt: skip
                        continue
                    print("%-20s %-28s %5d  %6.1f s" % (name, PARTS[part][0], lab.done, time.monotonic() - since), flush=True)
                    if options.state:
                        remember(options.state, key, lab.done)
        finally:
            lab.close()
    return broken


def table(remembered):
    """Markdown: a row for each command, a column for each part."""
    lines = ["| command | " + " | ".join(PARTS[part][0] for part in PARTS) + " |", "|---|" + "---:|" * len(PARTS)]
    for name in JOBS:
        row = [remembered.get("%s|%s" % (name, part)) for part in PARTS]
        if any(cell is not None for cell in row):
            lines.append("| `%s` | " % name + " | ".join("" if cell is None else "{:,}".format(cell) for cell in row) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
