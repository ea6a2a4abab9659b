"""Save the networks of the reference data as torch.save does, in both of its formats: FOLDER/NAME.{zip,legacy}.pth.tar.

usage: make_checkpoints.py STEP_FOLDER FOLDER      (needs torch and safetensors)
"""
import argparse
import collections
import json
import os
import sys

import numpy as np
import torch
from safetensors import safe_open


def checkpoint(path, number):
    source = safe_open(path, "pt")
    meta = source.metadata()
    config, normalizer = json.loads(meta["config"]), json.loads(meta["normalizer"])
    is_class = config.get("classification", False)
    state = collections.OrderedDict()
    for key in source.keys():
        if key.startswith("param/"):
            value = source.get_tensor(key)
            state[key[6:]] = value.float() if value.is_floating_point() and number % 2 else value
    state._metadata = collections.OrderedDict(version=1)
    if number % 5 == 3:  # torch.nn.DataParallel
        state = collections.OrderedDict(("module." + k, v) for k, v in state.items())
    if number % 5 == 4:  # not contiguous, and a part of a larger storage
        state = collections.OrderedDict((k, v.t().contiguous().t() if v.dim() == 2 else torch.stack([v, v])[1])
                                        for k, v in state.items())
    args = dict(config, task="classification" if is_class else "regression", data_options=["data"],
                device=torch.device("cuda", 0), best=np.float64(0.25), n=np.int64(3), lr_milestones=[100])
    if number % 3 == 1:
        args = argparse.Namespace(**args)
    mean, std = torch.tensor(normalizer["mean"]), torch.tensor(normalizer["std"])
    return {"epoch": 7, "state_dict": state, "best_mae_error": np.float64(0.5) if number % 2 else torch.tensor(0.5),
            "optimizer": torch.optim.Adam([torch.nn.Parameter(torch.zeros(3))]).state_dict(),
            "normalizer": {"mean": 0.0, "std": 1.0} if is_class else {"mean": mean, "std": std}, "args": args}


def main():
    source, target = sys.argv[1:]
    for number, name in enumerate(sorted(os.listdir(source))):
        value = checkpoint(os.path.join(source, name), number)
        stem = os.path.join(target, name.replace(".safetensors", ""))
        torch.save(value, stem + ".zip.pth.tar", pickle_protocol=2 + number % 4)
        torch.save(value, stem + ".legacy.pth.tar", pickle_protocol=2 + number // 4 % 4, _use_new_zipfile_serialization=False)


main()
