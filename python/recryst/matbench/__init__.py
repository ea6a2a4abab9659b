"""Matbench v0.1: its tasks with their official folds, run with an estimator, and the record that its leaderboard takes.

>>> from recryst import matbench
>>> record = matbench.run("matbench_phonons", data="matbench_phonons.json.gz", folder="runs/phonons")
>>> record.scores()["matbench_phonons"]["mae"]["mean"]
>>> record.save("results.json.gz")

``python -m recryst.matbench --help`` tells the same for a shell.  Nothing is fetched from anywhere, and neither the
package matbench nor scikit-learn is needed: the folds are drawn here as Matbench drew them (Dunn et al., npj Computational
Materials 6, 138, 2020), and the file that :meth:`Benchmark.save` writes is read by ``MatbenchBenchmark.from_file``.
"""

from .record import Benchmark
from .running import make_estimator, recipe, run
from .tasks import TASKS, Task, task

__all__ = ["TASKS", "Benchmark", "Task", "make_estimator", "recipe", "run", "task"]
