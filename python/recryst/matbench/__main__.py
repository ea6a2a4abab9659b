"""The command ``python -m recryst.matbench``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from .. import __version__
from ..errors import ArgumentError
from ..training import overlay
from .record import Benchmark
from .running import make_estimator, recipe, run
from .tasks import TASKS, Task

_EXAMPLES = """\
examples:
  python -m recryst.matbench phonons --data matbench_phonons.json.gz --out results.json.gz
  python -m recryst.matbench phonons jdft2d --data matbench/ --folder runs/matbench --set epochs=300 --set ensemble=5
  python -m recryst.matbench perovskites --data matbench/ --estimator mymodels:make
  python -m recryst.matbench --show results.json.gz
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recryst.matbench",
        description="Run Matbench v0.1 tasks with their official five folds and write the record for the leaderboard.",
        epilog=_EXAMPLES + f"\ntasks: {', '.join(name[len('matbench_') :] for name in TASKS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help="a task, or 'all' those of structures")
    add("--data", metavar="PATH", help="the task's file (matbench_phonons.json.gz), or a folder with the files")
    add("--out", metavar="FILE", help="the record: results.json.gz, as the leaderboard wants it")
    add("--folder", metavar="DIR", help="keep finished folds there; the same command goes on with the others")
    add("--folds", metavar="LIST", help="some of the folds 0 to 4, as 0,1 (the record needs all)")
    add(
        "--recipe",
        choices=("tuned", "reference"),
        default="tuned",
        help="settings to begin with: what suits the task (the default), or recryst's defaults",
    )
    add(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of recryst.train (recryst.settings() lists them); again for others",
    )
    add(
        "--estimator",
        metavar="MODULE:NAME",
        help="another estimator: an object, or a function of the task that makes one",
    )
    add("--key", metavar="TEXT", help="with --folder: tells an estimator without get_params from others of its class")
    add("--threads", type=int, default=0, metavar="N", help="0: all cores")
    add("--algorithm", default="", metavar="TEXT", help="name of the algorithm for the record")
    add("--show", metavar="FILE", help="print the scores of a record, and whether it is whole")
    return parser


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text, text)


def _chosen(arguments: argparse.Namespace) -> Any:
    """The estimator that the command line asks for."""
    if arguments.estimator:
        module, _, name = arguments.estimator.partition(":")
        if not name or arguments.set:
            raise ArgumentError("--estimator is MODULE:NAME, and settings are its own affair")
        sys.path.insert(0, os.getcwd())
        return getattr(importlib.import_module(module), name)
    changes: Dict[str, Any] = {"threads": arguments.threads}
    for word in arguments.set:
        name, equals, value = word.partition("=")
        if not equals:
            raise ArgumentError(f"--set {word}: it is NAME=VALUE")
        changes[name.replace("-", "_")] = _number(value)
    base: Callable[[Task], Dict[str, Any]] = recipe if arguments.recipe == "tuned" else lambda _: {}
    return lambda work: make_estimator(work, **overlay(base(work), changes))


def _print_scores(benchmark: Benchmark) -> None:
    for name, metrics in benchmark.scores().items():
        known = TASKS.get(name)
        unit = f" {known.unit}" if known and known.unit else ""
        for metric, s in metrics.items():
            of = unit if metric in ("mae", "rmse", "max_error") else ""
            print(f"{name} {metric} {s['mean']:.6g}{of} (min {s['min']:.6g}, max {s['max']:.6g}, sd {s['std']:.4g})")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command ``python -m recryst.matbench``.

    Returns
    -------
    int
        The exit code: 0, or 1 when something can't be done (the reason is on standard error); 2 of wrong usage.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.show:
            _print_scores(Benchmark.load(given.show))
            return 0
        if not given.tasks or not given.data:
            parser.error("name a task and --data")
        names: List[Union[str, Task]] = list(TASKS) if given.tasks == ["all"] else list(given.tasks)
        folds = None if given.folds is None else [int(k) for k in given.folds.split(",")]

        def tell(work: Task, fold: int, scores: Dict[str, float]) -> None:
            score = f"{work.main_metric} {scores[work.main_metric]:.6g} {work.unit}".rstrip()
            print(f"{work.name} fold {fold}: {score}", flush=True)

        made_by = {"algorithm": given.algorithm, "program": f"recryst {__version__}"}
        record = run(
            names,
            _chosen(given),
            data=given.data,
            folder=given.folder,
            key=given.key,
            folds=folds,
            metadata=made_by,
            on_fold=tell,
        )
        _print_scores(record)
        if given.out:
            record.save(given.out)
            print(f"{given.out} is written")
    except (OSError, ValueError, TypeError, ImportError, AttributeError, RuntimeError) as problem:
        print(f"recryst.matbench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("recryst.matbench: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
