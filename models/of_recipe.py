#!/usr/bin/env python3
"""Whether a run was trained from a recipe as it stands now: each of its settings is in the run's config.toml.

usage: models/of_recipe.py RECIPE RUN      ends with 1 and a message where one is not"""

import os
import sys
import tomllib


def settings(path):
    """All settings of a file by name, whatever their section."""
    with open(path, "rb") as f:
        whole = tomllib.load(f)
    found = {}
    for key, value in whole.items():
        if key != "facts":
            found.update(value if isinstance(value, dict) else {key: value})
    return {key.replace("-", "_"): value for key, value in found.items()}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    recipe, run = sys.argv[1:]
    have = settings(os.path.join(run, "config.toml"))
    have.setdefault("split_seed", have.get("seed"))  # it is written where it is another one
    for key, value in settings(recipe).items():
        if have.get(key) != value:
            sys.exit(f"{run} was trained with {key} = {have.get(key)!r}, and {recipe} says {value!r}: remove it, or set RUNS to another folder")


if __name__ == "__main__":
    main()
