"""The emitted augmentations: the text of their functions as it stands, and one that calls them."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Sequence
from typing import Any

from polydl.augment.augmentation import Augmentation
from polydl.emission.wrap import wrap
from polydl.errors import DefinitionError, nearest
from polydl.training.settings import Training


def augment_lines(
    training: Training,
    inputs: Sequence[str],
    names: Sequence[str],
    channels_first: Sequence[bool],
    floats: Sequence[str],
    dtype: str,
) -> list[str]:
    """def augment(epoch, number, *arrays), of a batch of the emitted loop, and what it calls.

    inputs: of the model; names: what they are called here. channels_first: which have channels on
    axis 1. floats: names of the arrays of floats, which one of the user's own may give in another
    precision than dtype.
    """
    if not training.augment:
        return []
    functions = {f.__name__: f for one in training.augment for f in one.functions}
    lines = []
    for function in functions.values():
        lines += [*textwrap.dedent(inspect.getsource(function)).rstrip().split("\n"), "", ""]
    arrays = ", ".join([*names, *training.given])
    calls: list[str] = []
    moved: set[str] = set()
    own: set[str] = set()
    for one in training.augment:
        position = input_position(one, inputs)
        name = names[position]
        if any(channels_first[position : position + 1]):
            moved.add(name)
        calls.append(_call(one, name, training))
        own |= {name, "targets"} if is_own(one) else set()
    to_last = [f"{name} = np.moveaxis({name}, 1, -1)" for name in names if name in moved]
    to_first = [
        f"{name} = np.ascontiguousarray(np.moveaxis({name}, -1, 1))"
        for name in names
        if name in moved
    ]
    body = [
        f"bits = np.random.Philox(counter=[0, 0, number, 1], key=[{training.seed}, epoch])",
        "rng = np.random.Generator(bits)",
        *to_last,
        *calls,
        *(f"{x} = {x}.astype(np.{dtype}, copy=False)" for x in floats if x in own),
        *to_first,
        f"return {arrays}" if "," in arrays else f"return ({arrays},)",
    ]
    return [
        *lines,
        f"def augment(epoch, number, {arrays}):",
        '    """The batch of this number, changed at random: drawn from (seed, epoch, number)."""',
        *(part for line in body for part in wrap(f"    {line}")),
    ]


def is_own(augmentation: Augmentation) -> bool:
    """Whether it is a user's."""
    return not augmentation.kind.startswith("polydl:")


def input_position(augmentation: Augmentation, inputs: Sequence[str]) -> int:
    """Which of the model's inputs is changed. Raises DefinitionError for one that is not there."""
    if augmentation.input is None:
        return 0
    if augmentation.input not in inputs:
        name = type(augmentation).__name__
        raise DefinitionError(
            f"{name}: the model has no input {augmentation.input!r}. "
            f"{nearest(augmentation.input, list(inputs))}"
        )
    return list(inputs).index(augmentation.input)


def _call(augmentation: Augmentation, name: str, training: Training) -> str:
    function = augmentation.functions[-1].__name__
    settings = "".join(
        f", {key}={_written(value)}" for key, value in augmentation.settings().items()
    )
    if "targets" in training.given:
        return f"{name}, targets = {function}(rng, {name}, targets{settings})"
    return f"{name}, _ = {function}(rng, {name}, None{settings})"


def _written(value: Any) -> str:
    """A setting as Python, text in the quotes that a formatter leaves alone."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def augment_names(training: Training) -> set[str]:
    """Names that these functions take in the training program."""
    if not training.augment:
        return set()
    names = {function.__name__ for one in training.augment for function in one.functions}
    return {"augment", "augmented", "bits", "number", "rng", *names}
