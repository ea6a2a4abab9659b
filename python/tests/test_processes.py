"""Threads, forks, and interrupts."""

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import recryst
from recryst import _lib


def test_several_threads_share_a_model(model, alloys):
    expected = model.predict(alloys)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        whole = list(pool.map(lambda _: model.predict(alloys), range(16)))
        single = list(pool.map(model.predict_one, alloys))
        vectors = list(pool.map(lambda _: model.embed(alloys[:50]), range(8)))
    assert all(np.array_equal(w, expected) for w in whole)
    assert single == expected.tolist()
    assert all(np.array_equal(v, vectors[0]) for v in vectors)


def test_several_threads_read_streams_of_one_model(model, demo):
    expected = model.predict(demo / "alloys.extxyz")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for values in pool.map(lambda _: model.predict(demo / "alloys.extxyz"), range(8)):
            assert np.array_equal(values, expected)


def test_closing_while_others_predict(model, alloys):
    own = pickle.loads(pickle.dumps(model))
    outcomes = []

    def work():
        try:
            for _ in range(1000):
                own.predict(alloys)
        except ValueError as problem:
            outcomes.append(str(problem))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    own.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert outcomes == ["the model is closed"] * 4


def test_a_model_that_changes_ends_what_it_was_reading(model, demo, monkeypatch):
    closed = []
    close = _lib.lib.rcr_stream_close
    monkeypatch.setattr(_lib.lib, "rcr_stream_close", lambda stream: (closed.append(stream), close(stream)))
    own = pickle.loads(pickle.dumps(model))
    rows = own.predict_iter([demo / "alloys.extxyz"])  # more than are read at a time
    next(rows)
    before = own._session
    for _ in range(200):  # until the new session stands where the old one did
        own.set_disorder("average")
        assert own.threads > 0
        if own._session == before:
            break
    with pytest.raises(RuntimeError, match="changed"):
        list(rows)
    assert len(closed) == 1
    rows = own.predict_iter([demo / "alloys.extxyz"])
    next(rows)
    own.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(rows)
    assert len(closed) == 2


def test_the_interpreter_lock_is_let_go(model, alloys):
    own = pickle.loads(pickle.dumps(model))
    many = alloys * 25
    own.predict(alloys)
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    own.predict(many)
    end = time.perf_counter()
    stop.set()
    thread.join()
    # Were it held, there would be one tick for each of the ten calls at most.
    assert sum(begin < t < end for t in ticks) > 12 or end - begin < 0.05


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_predicts(model, alloys):
    expected = model.predict(alloys)
    held = model.predict_iter(iter(alloys * 10))
    next(held)
    reader_end, writer_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader_end)
            signal.alarm(60)
            values = model.predict(alloys)
            other = recryst.Model.from_bytes(model.to_bytes(), threads=3)
            same = np.array_equal(values, expected) and np.array_equal(other.predict(alloys), expected)
            os.write(writer_end, b"same" if same else b"other")
            status = 0
        finally:
            os._exit(status)
    os.close(writer_end)
    told = os.read(reader_end, 10)
    os.close(reader_end)
    assert os.waitpid(child, 0)[1] == 0
    assert told == b"same"
    assert np.array_equal(model.predict(alloys), expected)
    held.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_reader_in_a_forked_process_is_refused(demo):
    reader = recryst.read(demo / "alloys.extxyz")
    next(reader)
    child = os.fork()
    if child == 0:
        try:
            for _ in reader:
                pass
        except RuntimeError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(list(reader)) == 1499


def _predict(job):
    model, crystals = job
    return model.predict(crystals)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_pools_of_processes(model, alloys, method):
    expected = model.predict(alloys[:60])
    with multiprocessing.get_context(method).Pool(2) as pool:
        parts = pool.map(_predict, [(model, alloys[i : i + 20]) for i in (0, 20, 40)])
    assert np.array_equal(np.concatenate(parts), expected)


# A shell that runs the tests in the background has its children ignore interrupts.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

INTERRUPTED = f"""{HEED}
import sys, warnings, recryst
warnings.simplefilter("always")
crystals = list(recryst.read(sys.argv[1]))[:200]
y = [c.properties["formation_energy"] for c in crystals]
def tell(epoch):
    print("epoch", epoch.epoch, flush=True)
r = recryst.Regressor(epochs=100000, batch_size=32, callbacks=tell, on_interrupt=sys.argv[2])
try:
    r.fit(crystals, y)
    print("kept", r.interrupted_, r.n_iter_ >= 3, len(r.predict(crystals)), flush=True)
except KeyboardInterrupt:
    print("raised", flush=True)
"""


def _rest(process):
    """What it still prints; it does not outlive the test."""
    try:
        return process.communicate(timeout=60)
    finally:
        process.kill()


@pytest.mark.parametrize("choice, told", [("keep", "kept True True 200"), ("raise", "raised")])
def test_an_interrupt_from_the_keyboard_keeps_the_best_model(demo, choice, told):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, demo / "alloys.extxyz", choice],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch 3"):
            break
    process.send_signal(signal.SIGINT)
    out, err = _rest(process)
    assert out.splitlines()[-1] == told, err
    assert process.returncode == 0
    assert ("the best model so far is kept" in err) == (choice == "keep")


def test_an_endless_prediction_can_be_interrupted(run):
    code = (
        HEED + "import recryst, sys\n"
        "m = recryst.load(sys.argv[1])\n"
        "c = recryst.Crystal([[4,0,0],[0,4,0],[0,0,4]], ['Cu'], [[0,0,0]])\n"
        "def endless():\n"
        "    print('going', flush=True)\n"
        "    while True: yield c\n"
        "try: m.predict(endless())\n"
        "except KeyboardInterrupt: print('stopped', m.predict_one(c) == m.predict_one(c), flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, run.directory], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "going\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = _rest(process)
    assert out == "stopped True\n" and process.returncode == 0
