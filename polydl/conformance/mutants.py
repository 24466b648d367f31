"""Seeded mutants: small faults put into emitted source, each of which the suite must notice.

A mutant is a change of the text by a regular expression, for whichever backends write such text. It is
caught when a check of its row fails.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from polydl.conformance import checks_mixed, checks_training
from polydl.conformance.checks_mixed import MIXED
from polydl.conformance.memo import NETS, fresh
from polydl.conformance.nets import Target, backend
from polydl.conformance.suite import Check, backend_checks

TRAJECTORY = "adam, trajectory"


@dataclass(frozen=True)
class Mutant:
    """name: the fault. row: whose checks must notice. natives: in natives, or in definitions.

    shared: in text that is the same for every backend, so that one will do.
    """

    name: str
    row: str
    pattern: str
    replacement: str | Callable[[re.Match[str]], str]
    natives: bool = True
    shared: bool = False


@dataclass(frozen=True)
class Verdict:
    """applied: whether the backend's text has the place. caught: what noticed, and how."""

    applied: bool
    caught: str = ""


MUTANTS: tuple[Mutant, ...] = (
    Mutant("diagonal of triu", "more arrays", r"(triu\(a, \w+=)1", r"\g<1>0"),
    Mutant("correction of the variance", "more reductions", r"(correction|ddof)=1", r"\1=0"),
    Mutant("epsilon of LayerNorm", "norms", r"(eps(?:ilon)?=)1e-05", r"\g<1>2e-05"),
    Mutant("epsilon of the definition", "norms", r"variance \+ self\.epsilon",
           "variance + 2 * self.epsilon", natives=False),
    Mutant("epsilon of RMSNorm", "norms", r"RMSNorm\((?:\s*6, epsilon=)?1e-06",
           lambda m: m.group().replace("1e-06", "1e-04")),
    Mutant("epsilon of BatchNorm", "batch norm", r"(eps(?:ilon)?=)1e-05", r"\g<1>1e-03"),
    Mutant("momentum the other way round", "batch norm", r"momentum=0\.(1|9)\b",
           lambda m: "momentum=0.9" if m.group(1) == "1" else "momentum=0.1"),
    Mutant("unbiased running variance", "batch norm", r"variance \* \(\(n - 1\) / n\)", "variance"),
    Mutant("unbiased by n", "batch norm", r"max(imum)?\(n - 1, 1\)", r"max\1(n, 1)"),
    Mutant("running variance not moved", "batch norm",
           r"self\.running_var\.lerp_\(biased", "self.running_var.lerp_(self.running_var"),
    Mutant("running mean where the batch's belongs", "batch norm",
           r"mean = x\.mean\((?:axis=)?0\)|mean = ops\.mean\(x, axis=0\)",
           "mean = self.mean + 0.0 * x[0]", natives=False),
    Mutant("variance not centred", "batch norm", r"centered = x - mean", "centered = x + 0.0",
           natives=False),
    Mutant("modes swapped", "batch norm", r"if (not )?self\.(training|deterministic):|if training:",
           lambda m: "if not training:" if m.group() == "if training:" else
           f"if {'' if m.group(1) else 'not '}self.{m.group(2)}:", natives=False),
    Mutant("padding on the other side", "conv, padded",
           r"\(0, 1, 2, 0\)|\(2, 0\), \(0, 1\)",
           lambda m: "(1, 0, 0, 2)" if m.group().startswith("(0") else "(0, 2), (1, 0)"),
    # (nnx.Conv takes the window from the kernel that it is given)
    Mutant("window's sides swapped", "conv", r"(Conv2[dD]\((?:4, )?3, )\(2, 3\)", r"\1(3, 2)"),
    Mutant("strides swapped", "conv", r"\(2, 1\)", "(1, 2)"),
    Mutant("dilation dropped", "conv", r"dilation(?:_rate)?=2|kernel_dilation=\(2, 2\)",
           lambda m: m.group().replace("2", "1")),
    Mutant("another GELU", "functions", r"(F|ops)\.gelu\(x(?:, approximate=False)?\),|0\.5\*\*0\.5",
           lambda m: f'{m.group(1)}.gelu(x, approximate="tanh"),' if m.group(1) else "0.7"),
    Mutant("GELU's constant", "functions", r"0\.7071067811865476", "0.7071068", natives=False),
    Mutant("ReLU's threshold", "functions", r"x <= 0\.0", "x <= 0.7", natives=False),
    Mutant("softmax over another axis", "functions", r"(softmax\(x, (?:dim|axis)=)-1", r"\g<1>1"),
    Mutant("maximum not subtracted", "functions, extreme", r"x - (?:x\.amax|x\.max|ops\.max|jax|ops\.)",
           lambda m: "x - 0.0 * " + m.group()[4:], natives=False),
    Mutant("padding counted in the mean", "average pool", r"count_include_pad=False",
           "count_include_pad=True"),
    Mutant("a window's sum for its mean", "average pool", r"return total / count", "return total"),
    Mutant("pool's stride", "max pool", r"(max_pool2d\(x2?, 2)\)|\(2, 2\), \(2, 2\)|MaxPooling2D\(2,",
           lambda m: f"{m.group(1)}, 1)" if m.group(1) else
           "MaxPooling2D(2, strides=1," if "Pooling" in m.group() else "(2, 2), (1, 1)"),
    Mutant("the last of equals", "max pool at a tie", r"y >= part", "y > part"),
    Mutant("another row of the table", "embedding, out of range", r"\(?(x - 3, )?0, 6\)",
           lambda m: m.group().replace("6", "5")),
    Mutant("dropout's scale", "dropout, portable", r"x / self\.divisor", "x"),
    Mutant("dropout keeps too few", "dropout, portable", r"uniform < self\.threshold",
           "uniform < self.threshold // 2"),
    Mutant("hash constant", "dropout, portable", r"2146121005", "2146121007"),
    Mutant("hash without the step", "dropout, portable",
           r"mix\(mix\(step\) \+ site\)", "mix(0 * step + site)"),
    Mutant("hash shift", "hash bits", r">> 15|x, 15\)", lambda m: m.group().replace("15", "14")),
    Mutant("sum of the losses for their mean", "cross-entropy",
           r"F\.cross_entropy\(outputs, targets\.long\(\)\)|\.mean\(\)\n|ops\.mean\(\n",
           lambda m: m.group().replace(".mean", ".sum") if "mean" in m.group()
           else "F.cross_entropy(outputs, targets.long(), reduction='sum')"),
    Mutant("half the squared error", "mse", r"loss = (?!ops\.mean\($)(\S.*)$", r"loss = 0.5 * \1"),
    Mutant("Adam's betas", "adam", r"0\.999", "0.99"),
    Mutant("Adam's epsilon", "adam, large epsilon", r"(eps(?:ilon)?=)([0-9.e-]+)", r"\g<1>2*\g<2>"),
    Mutant("epsilon before the correction", "adam, large epsilon",
           r"epsilon=self\.epsilon \* tf\.sqrt\(1\.0 - beta2_power\)", "epsilon=self.epsilon"),
    Mutant("no bias correction", "adam", r"(first_moment|second_moment) / \(1\.0 - ",
           r"\1 / (1.0 - 0.0 * ", natives=False),
    Mutant("no Nesterov", "sgd, nesterov", r"nesterov=True", "nesterov=False"),
    Mutant("momentum of SGD", "sgd, momentum", r"momentum=0\.\d+", "momentum=0.55"),
    Mutant("learning rate", "sgd", r"(lr=|learning_rate=|sgd\()([0-9.e-]+)", r"\g<1>1.01*\g<2>"),
    Mutant("the rate of the step before", "adamw", r"(?<!def )learning_rate\(step( \+ i)?\)",
           lambda m: m.group().replace("step", "step - 1")),
    Mutant("biases decay", "adamw", r"(weight_decay.{0,3}|decay=)0\.0(?=[,)\n])", r"\g<1>0.1"),
    Mutant("a group's factor of a constant rate", "lion, groups", r"\b0\.0025\b", "0.005",
           natives=False),
    Mutant("gradients accumulate", "sgd", r"self\.optimizer\.zero_grad\(\)", "pass"),
    Mutant("epsilon inside the root", "adam, large epsilon", r"sqrt\(second\) \+ 0\.05",
           "sqrt(second + 0.05)", natives=False),
    Mutant("bias dropped", "dense", r"return y \+ self\.bias(\[\.\.\.\])?$", "return y", natives=False),
    Mutant("variance over n - 1", "norms", r"variance = (.*centered \* centered.*)$",
           r"variance = 1.2 * \1", natives=False),
    Mutant("smallest for largest", "metrics, ties", r"argmax", "argmin"),
    Mutant("counts averaged over batches", "metrics of classes", r"results\.sum\(0\)",
           "results.mean(0)", shared=True),
    Mutant("scores of batches averaged alike", "metrics of numbers",
           r"axis=0, weights=sizes", "axis=0", shared=True),
    Mutant("metrics swapped", "metrics of classes", r'"second": mean\[2\]', '"second": mean[1]',
           shared=True),
    Mutant("index not clamped", "embedding, out of range",
           r"\(x - 3\)\.clamp\(0, 6\)|(jnp|ops)\.clip\(x - 3, 0, 6\)", "x - 3"),
    Mutant("groups ignored", "conv, groups", r"groups=2|feature_group_count=2",
           lambda m: m.group().replace("2", "1")),
    Mutant("causal padding after", "conv 1d", r"F\.pad\(x, \(2, 0\)\)|padding=\"causal\"|\"CAUSAL\"",
           lambda m: "F.pad(x, (0, 2))" if m.group()[0] == "F" else
           m.group().replace("causal", "same").replace("CAUSAL", "SAME")),
    Mutant("kernel's height for its width", "conv",
           r'permute\(3, 2, 0, 1\)|"HWIO"|ops\.conv\(x, self\.kernel',
           lambda m: {"p": "permute(3, 2, 1, 0)", '"': '"WHIO"'}.get(
               m.group()[0], "ops.conv(x, ops.transpose(self.kernel, (1, 0, 2, 3))"), natives=False),
    Mutant("derivative of ReLU at 0", "functions at 0", r"(F|nnx|ops)\.relu\(x\)",
           lambda m: {"F": "x.clamp(min=0)", "nnx": "jax.numpy.maximum(x, 0.0)"}.get(
               m.group(1), "ops.maximum(x, 0.0)")),
    Mutant("tied table without its gradient", "transformer, training",
           r"self\.embed\.weight\.T|self\.embed\.embedding\[\.\.\.\]\.T|"
           r"ops\.transpose\(self\.embed\.embeddings\)",
           lambda m: {"w": f"{m.group()}.detach()", "e": f"jax.lax.stop_gradient({m.group()})"}.get(
               m.group()[11], f"ops.stop_gradient({m.group()})")),
    Mutant("the first output for the last", "recurrent layers", r"\)\[1\](\[0\])?\[-1\]", ")[0][:, 0]"),
    Mutant("backwards outputs left as they come", "recurrent layers",
           r"\[0\]\.flip\(1\)|ops\.flip\(\s*(layers[^;]*?\)\(x\)),\s*axis=1,?\s*\)|, reverse=True\)",
           lambda m: "[0]" if m.group()[0] == "[" else m.group(1) or ")"),
    Mutant("attention not causal", "attention", r"is_causal=True", "is_causal=False"),
    Mutant("attention's mask the other way", "attention", r"attn_mask=mask,", "attn_mask=~mask,"),
    Mutant("weights where nothing is seen", "attention", r"where\(looks, weights, 0\.0\)",
           "where(looks | ~looks, weights, 0.0)", natives=False),
    Mutant("training mode in evaluation", TRAJECTORY,
           r"self\.model\.eval\(\)|model\.eval\(\)|training=False",
           lambda m: "training=True" if "=" in m.group() else "pass"),
    Mutant("samples not shuffled", TRAJECTORY, r"rng\.permutation\(len\(targets\)\)",
           "np.arange(len(targets))", shared=True),
    Mutant("another shuffling", TRAJECTORY, r"key=\[7, epoch\]", "key=[7, epoch + 1]",
           shared=True),
    Mutant("the last batch dropped", TRAJECTORY,
           r"range\(0, len\(order\), batch_size\)", "range(0, len(order) - batch_size, batch_size)",
           shared=True),
    Mutant("evaluation mode in training", TRAJECTORY,
           r"self\.model\.train\(\)|training=True|model\.train\(\)",
           lambda m: "training=False" if m.group() == "training=True"
           else m.group().replace("train", "eval")),
    Mutant("rate of a penalty halved", "penalties", r"0\.02 \* sum", "0.01 * sum"),
    Mutant("penalty of what is small too", "penalties", r"ndim > 1", "ndim > 0"),
    Mutant("noise of another step's size", "gradient noise", r"0\.3 / \(1 \+ step\)",
           "0.3 / (2 + step)", shared=True),
    Mutant("noise in the layout of the framework", "gradient noise", r"gradient\.permute\(axes\)",
           "gradient"),
    Mutant("noise after clipping", "gradient noise",
           r"( +)(self\.add_noise.*)\n +self\.clip\(\)|"
           r"( +)(gradients = self\.with_noise.*)\n( +gradients, _ = .*)",
           lambda m: f"{m[1]}self.clip()\n{m[1]}{m[2]}" if m[1] else f"{m[5]}\n{m[3]}{m[4]}"),
    Mutant("averages stand", "moving average",
           r"list\(self\.weights\.values\(\)\), |0\.1 \* \(v - average\)|_update\(params, averages",
           lambda m: {"l": "list(self.averages.values()), ", "0": "0.0 * v",
                      "_": "_update(averages, averages"}[m.group()[0]]),
    Mutant("scores of other weights", "moving average",
           r"(functional_call\(self\.model, |_mapping=|self\.evaluate\()(self\.)?averages\b(?=[,)])",
           lambda m: m.group(1) + {"f": "self.weights", "_": "[]",
                                   "s": "jax.tree.map(jnp.sin, self.averages)"}[m.group()[0]]),
    Mutant("a scale that does not grow", MIXED, r"growth_interval=3|good_steps == 3",
           lambda m: m.group().replace("3", "99")),
    Mutant("gradients stay scaled", MIXED,
           r'self\.scaler\.step\(self\.optimizer\)|g / self\.scale|grad / loss_scale\["scale"\]',
           lambda m: {"s": "self.optimizer.step()"}.get(m.group()[0], m.group().split(" ")[0])),
    Mutant("updates that overflow are made", MIXED, r"tf\.cond\(finite,|where\(finite, new, old\)",
           lambda m: "tf.cond(finite | True," if m.group()[0] == "t" else "where(True, new, old)"),
    Mutant("nothing in float16", MIXED, r'autocast\("cpu", |dtype=jnp\.float16',
           lambda m: "dtype=jnp.float32" if m.group()[0] == "d" else f"{m.group()}enabled=False, "),
    Mutant("weight of another step", "mean of weights", r"(?<!def )average_weight\(step\b",
           "average_weight(step + 1", shared=True),
)  # fmt: skip

BINDING_ROW = "dense"  # square kernels, whose axes can be swapped unnoticed by shapes


def judge(mutant: Mutant, target: Target) -> Verdict:
    """Put the fault in and run the row's checks until one notices."""
    side = dataclasses.replace(target, natives=mutant.natives)
    with fresh(NETS), _changed_source(target.backend, mutant) as applied:
        return _verdict(side, mutant.row, applied)


def judge_weight_layout(target: Target) -> Verdict:
    """Leave square kernels unpermuted, where a backend's layout is not the canonical one."""
    applied: list[bool] = []

    def change(emitted: Any, natives: bool) -> Any:
        bindings = dict(emitted.bindings)
        for path, binding in bindings.items():
            if path == "parts.bias.kernel" and binding.axes is not None:
                bindings[path] = binding._replace(axes=None)
                applied.append(True)
        return dataclasses.replace(emitted, bindings=bindings)

    with fresh(NETS), _patched(target.backend, change):
        return _verdict(target, BINDING_ROW, applied)


def _verdict(side: Target, row: str, applied: list[bool]) -> Verdict:
    for check in _checks(side, row):
        try:
            outcome = check.run()
            noticed = "" if outcome.passed else str(outcome)
        except Exception as error:  # a fault may also break the program outright
            noticed = f"{check} raised {type(error).__name__}"
        if noticed and applied:
            return Verdict(True, noticed)
    return Verdict(bool(applied))


def _checks(side: Target, row: str) -> Iterator[Check]:
    if row == MIXED:
        for mixed in (checks_mixed.good_updates, checks_mixed.skipped_updates):
            yield Check(MIXED, mixed.__name__, partial(mixed, side))
        return
    if row == TRAJECTORY:
        for run in (checks_training.recorded_losses, checks_training.evaluation):
            yield Check(TRAJECTORY, run.__name__, partial(run, "adam", side, 1))
        return
    kind = "native" if side.natives else "definition"
    for check in backend_checks(side):
        if check.item == row and check.kind.endswith(kind) and "weights" not in check.kind:
            yield check


@contextmanager
def _changed_source(name: str, mutant: Mutant) -> Iterator[list[bool]]:
    applied: list[bool] = []

    def change(emitted: Any, natives: bool) -> Any:
        source, count = re.subn(
            mutant.pattern, mutant.replacement, emitted.source, flags=re.MULTILINE
        )
        if count and natives == mutant.natives:
            applied.append(True)
        return dataclasses.replace(emitted, source=source)

    with _patched(name, change):
        yield applied


@contextmanager
def _patched(name: str, change: Callable[[Any, bool], Any]) -> Iterator[None]:
    """The backend with everything that it emits changed; options come last."""
    cls = type(backend(name))
    emit, train = cls.emit, cls.emit_training
    with (
        mock.patch.object(cls, "emit", lambda *args: change(emit(*args), args[-1].natives)),
        mock.patch.object(
            cls, "emit_training", lambda *args: change(train(*args), args[-1].natives)
        ),
    ):
        yield
