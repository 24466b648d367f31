"""What a backend's package gives the suite beyond its Backend: a module `conformance` with a KIT."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from polydl.conformance.nets import backend
from polydl.net import Net

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Transform:
    """Something that a framework does with a native object. run(net, inputs) gives its outputs.

    needs: a program that must be found on the PATH. slow: tried on one small model only.
    """

    run: Callable[[Net, list[Array]], list[Array]]
    needs: str = ""
    slow: bool = False

    @property
    def missing(self) -> str:
        """Why it cannot run here, or nothing."""
        return "" if not self.needs or shutil.which(self.needs) else f"{self.needs} is not here"


@dataclass(frozen=True)
class Kit:
    """A backend's part of the round trips.

    save(native, folder): writes weights there in the framework's own way, and returns what
    `Net.import_native` takes. parameters(native): how many trained numbers there are, shared ones
    counted once. transforms: by name. alone: the text of a module for a process without polydl:

        restore(module, entry, folder)   the model of an executed emitted module, with saved weights
        call(model, arrays, nested)      its outputs, in evaluation mode, as the program nests them
        others(source, entry, folder)    more ways to such a model: an iterator of (name, model)

    There, executed(source, name) runs emitted source as a module.
    """

    save: Callable[[Any, Path], Any]
    parameters: Callable[[Any], int]
    alone: str
    transforms: Mapping[str, Transform] = field(default_factory=dict)


@cache
def kit(name: str) -> Kit | None:
    """The kit of a backend; None where its package has none."""
    package = type(backend(name)).__module__.partition(".")[0]
    if importlib.util.find_spec(f"{package}.conformance") is None:
        return None
    return importlib.import_module(f"{package}.conformance").KIT
