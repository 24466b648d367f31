"""Passes: what each gives verifies, means the same, and does what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from emission_helpers import module, same, sample

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError
from polydl.program.passes import pools_first, portable_randomness, remove_dead_code
from polydl.program.passes.randomness import takes_step
from polydl.program.types import Program, walk
from polydl.program.verify import verify
from polydl.reference import Interpreter
from polydl.spec.initializers import initial_weights

X = dl.Input((None, 4))


def run(program: Program, *arrays, training=False):
    weights = initial_weights(program, 0)
    return Interpreter(program).run(weights, list(arrays), training, np.random.default_rng(0))


def test_dead_code_goes_and_effects_stay():
    def body(self, x):
        dl.relu(ops.exp(x * 3.0) + 1.0)
        self.norm(x)  # moves state
        self.update("n", self.state("n", (), dtype="int") + 1)

        def train():
            ops.log(x)
            return x * 2.0

        return dl.when_training(train, x)

    program = dl.trace(module(body, norm=dl.BatchNorm()), X)
    clean = remove_dead_code(program)
    verify(clean)
    left = [node.op for node in walk(clean.root.nodes)]
    assert sorted(left) == ["add", "call", "multiply", "read", "when_training", "write"]
    assert list(clean.blocks) == ["", "norm"]
    assert clean.entries.keys() == program.entries.keys()
    for training in (False, True):
        same(run(clean, sample(3, 4), training=training),
             run(program, sample(3, 4), training=training))  # fmt: skip
    assert remove_dead_code(clean) == clean


def test_pools_come_before_the_rectifiers_that_only_they_use():
    pool = dl.MaxPool2D(3, 2, padding=1)

    def body(self, x):
        both = dl.relu(x)
        return self.pool(dl.relu(x - 0.5)), self.pool(both), both

    program = dl.trace(module(body, pool=pool), dl.Input((None, 5, 6, 2)))
    swapped = pools_first(program, lambda block: True)
    verify(swapped)
    calls = [n.attributes["block"].partition("#")[0] for n in swapped.root.nodes if n.op == "call"]
    assert calls == ["relu()", "pool", "relu()", "pool"]
    given = sample(2, 5, 6, 2)
    same(run(swapped, given), run(program, given))
    assert pools_first(program, lambda block: block.is_module) == program


class Drops(dl.Module):
    def __init__(self):
        self.first, self.second = dl.Dropout(0.5), dl.Dropout(0.5)

    def __call__(self, x):
        return self.first(x), self.second(x), self.first(x), self.first(x) * 2.0


ONES = np.ones((40, 25))
STEPS = dl.Input((None, 25))


def masks(step, seed=0, model=None):
    program = portable_randomness(dl.trace(model or Drops(), STEPS), seed)
    verify(program)
    outputs, _ = run(program, ONES, np.int32(step), training=True)
    return [output > 0 for output in outputs]


def test_masks_differ_by_layer_call_step_and_seed_only():
    at_zero = masks(0)
    for a, b in zip(at_zero, masks(0), strict=True):
        assert np.array_equal(a, b)
    different = [*at_zero, *masks(1), *masks(0, seed=1), *masks(2**31 - 1)]
    for i, a in enumerate(different):
        assert 0.4 < a.mean() < 0.6
        for b in different[:i]:
            assert 0.4 < (a == b).mean() < 0.6  # independent


def test_one_dropout_reached_by_several_ways_draws_anew_each_time():
    class Through(dl.Module):
        def __init__(self, drop):
            self.drop = drop

        def __call__(self, x):
            return self.drop(x)

    class Ways(dl.Module):
        def __init__(self):
            drop = dl.Dropout(0.5)
            self.a, self.b, self.drop = Through(drop), Through(drop), drop
            self.c = Through(Through(drop))

        def __call__(self, x):
            ways = (self.a, self.b, self.drop, self.c)
            return tuple(way(x) for way in ways + ways)

    found = masks(3, model=Ways())
    for i, a in enumerate(found):
        for b in found[:i]:
            assert 0.4 < (a == b).mean() < 0.6


def test_the_step_is_the_last_input():
    program = dl.trace(Drops(), STEPS)
    portable = portable_randomness(program, 0)
    assert not takes_step(program)
    assert takes_step(portable)
    assert not any(n.op == "random_bits" for b in portable.blocks.values() for n in walk(b.nodes))
    plain = dl.trace(dl.Sequential(dl.Dense(3)), X)
    assert portable_randomness(plain, 0) is plain
    named = dl.Input((None, 25), name="step")
    with pytest.raises(DefinitionError, match="Give the input another name"):
        portable_randomness(dl.trace(Drops(), named), 0)
    user = dl.trace(dl.Sequential(dl.Dense(3)), dl.Input((None, 4), name="step"))
    assert not takes_step(user)
    pair = dl.trace(module(lambda s, x, y: s.drop(x) + y, drop=dl.Dropout()), (X, X))
    assert portable_randomness(pair, 0).inputs == ("tuple", (None, None, None))


def test_torch_drops_what_the_reference_drops():
    torch = pytest.importorskip("torch")
    from polydl.backend import Options, get_backend

    program = portable_randomness(dl.trace(Drops(), STEPS), 7)
    backend = get_backend("torch")
    for natives in (True, False):
        emitted = backend.emit(program, Options(natives=natives))
        native = getattr(backend.execute(emitted), emitted.entry)().train()
        for step in (0, 1, 12345, 2**31 - 1):
            ours = native(torch.from_numpy(ONES), torch.tensor(step, dtype=torch.int32))
            expected, _ = run(program, ONES, np.int32(step), training=True)
            same(tuple(x.numpy() for x in ours), tuple(expected))
