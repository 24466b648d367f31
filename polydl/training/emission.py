"""A Training as a program: the model, its loss and metrics, the update rule, the steps, the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from polydl.emission.code import MULTIPLY, UNARY, Code
from polydl.emission.emitted import Binding
from polydl.emission.emitter import Emitter
from polydl.emission.naming import unique
from polydl.emission.wrap import wrap
from polydl.losses.loss import Loss
from polydl.optimizers.optimizer import Optimizer
from polydl.program.passes.randomness import free_key, joined, takes_step
from polydl.program.sizes import Shape
from polydl.program.types import Block, DType, Program
from polydl.training.augment_text import augment_lines, augment_names
from polydl.training.contributions import Contributions, contributions, metric_blocks
from polydl.training.heads import Head, bound_heads
from polydl.training.loop import loop_text
from polydl.training.loss_blocks import divisor_blocks, given_types, head_types, loss_blocks
from polydl.training.loss_scale import LossScale
from polydl.training.monitored import check_monitored
from polydl.training.noise import EmittedNoise, emitted_noise
from polydl.training.penalized import EmittedPenalty, emitted_penalties, penalized
from polydl.training.rules import Rule, frozen, parameter_shapes, rules
from polydl.training.scores import summary
from polydl.training.script import SCRIPT_NAMES, Script
from polydl.training.settings import Training
from polydl.training.step_numbers import step_numbers

# names that a training program has itself
PROGRAM_NAMES = frozenset(
    """EarlyStopping ReduceLROnPlateau SCORES Trainer UpdateRule average average_weight evaluate
    executions fit improves inputs learning_rate loss model optimizer optimizers outputs rate_factor
    results step targets update_rule weights""".split()
)
# names that backends' training steps have besides
LOCAL_NAMES = frozenset(
    """arrays average_weights averages axes batch batches count eval_graphdef finite forward gathered
    good gradient gradients grads graphdef group key keys learning_rates loss_scale more moved
    named noise_deviation noise_deviations noisy number opt_state p parameter params part parts
    penalty position rest rest_after results samples samples2 samples3 scaled scores self shape
    shapes share start state steps tape total trainable trained training turned update updated
    updates v value values variables with_noise""".split()
)


@dataclass(frozen=True)
class EmittedTraining:
    """The source of a training program. It defines the model, Trainer, evaluate and fit.

    entry and bindings are those of the model in this text. trainer says all that the Trainer does: its
    text and the functions that this calls. parts: what it was written from. computes: the type in
    which the text of the model computes, where that is not the net's; such a model is one of its own.
    """

    source: str
    entry: str
    bindings: Mapping[str, Binding]
    trainer: str
    parts: TrainingParts
    computes: str


@dataclass(frozen=True)
class EmittedRule:
    """A rule, and the text of the emitted function that it is; "" where the framework has a native."""

    rule: Rule
    update: str = ""

    @property
    def optimizer(self) -> Optimizer:
        return self.rule.optimizer


@dataclass(frozen=True)
class EmittedLoss:
    """The text of a loss of one output. factor: what is before it in the sum.

    share: what is before it in a part of a batch, "share * " where parts count by their samples.
    divisor: the name and the text of what its mean divides by, where they count by that.
    """

    name: str
    code: Code
    factor: str = ""
    share: str = "share * "
    divisor: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        return self.code.text

    @property
    def in_part(self) -> str:
        """Its text in a part of a batch that does not count by its samples."""
        return f"{self.share}{self.code.within(UNARY)}" if self.share else self.text


@dataclass(frozen=True)
class TrainingParts:
    """What a backend writes its Trainer from."""

    inputs: tuple[str, ...]  # names of the model's arrays, without the step
    input_types: tuple[DType, ...]
    given: tuple[str, ...]  # names of the arrays besides them: targets, weights
    given_types: tuple[tuple[Shape, DType], ...]
    takes_step: bool
    losses: tuple[EmittedLoss, ...]  # of `outputs` and what is given
    outputs: str | None  # whether several outputs come in a "dict" or a "tuple"
    metrics: Contributions  # the texts of what the step returns besides
    rules: tuple[EmittedRule, ...]
    penalties: tuple[EmittedPenalty, ...]
    noise: EmittedNoise | None
    bindings: Mapping[str, Binding]  # where each entry lives in the native object
    ranks: Mapping[str, int]  # numbers of axes of all parameters, by canonical path
    frozen: tuple[str, ...]  # canonical paths
    training: Training

    def loss_lines(self, penalty: str = "", in_part: bool = False) -> list[str]:
        """Statements of the loss. penalty: the text of what comes to it, if there is some.

        in_part: of a part of a batch; where `uneven`, it is that part's share then.
        """
        uneven = in_part and self.uneven
        more = f" + {'share * ' if uneven else ''}{penalty}" if penalty else ""
        texts = {loss.name: loss.in_part if uneven else loss.text for loss in self.losses}
        if self.outputs is None:
            return [f"{name} = {text}{more}" for name, text in texts.items()]
        whole = " + ".join(f"{loss.factor}{loss.name}" for loss in self.losses)
        return [*(f"{name} = {text}" for name, text in texts.items()), f"loss = {whole}{more}"]

    @property
    def uneven(self) -> bool:
        """Whether some loss's share in a part of a batch is not that of the samples."""
        return any(loss.share != "share * " for loss in self.losses)

    @property
    def divisors(self) -> dict[str, str]:
        """Texts of what means of a batch divide by, where parts of it count by that, by name."""
        return dict(loss.divisor for loss in self.losses if loss.divisor is not None)

    @property
    def part_scores(self) -> tuple[list[str], str]:
        """Means of a part of a batch with their shares in them, and a factor of all of them."""
        means = ["loss", *self.metrics.means]
        if not self.uneven:
            return means, "share * "
        own = 1 + len(self.training.loss_names)
        return [*means[:own], *(f"share * {mean}" for mean in means[own:])], ""

    @property
    def takes_rate(self) -> bool:
        """Whether the step takes the learning rate."""
        return self.training.takes_rate

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers that a step takes after its own, such as the learning rate."""
        return tuple(number.name for number in step_numbers(self.training))

    @property
    def average_weight(self) -> str | None:
        """The text of how far averages move, where there are some."""
        average = self.training.average
        if average is None:
            return None
        return "average_weight" if average.constant is None else repr(average.constant)

    @property
    def micro_batch(self) -> int | None:
        """Samples in a part of a batch, where batches are taken in parts."""
        return self.training.micro_batch

    @property
    def clips(self) -> bool:
        return (self.training.clip_norm or self.training.clip_value) is not None

    @property
    def precision(self) -> str | None:
        """The type in which the model computes, in mixed precision."""
        return self.training.precision

    @property
    def scaling(self) -> LossScale | None:
        """How the loss is scaled, where it is."""
        return self.training.scaling

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of all arrays of a batch."""
        return (*self.inputs, *self.given)


TrainerWriter = Callable[[TrainingParts], Sequence[str]]


def emit_training(
    program: Program,
    training: Training,
    make_emitter: Callable[[Program, tuple[str, ...]], Emitter],
    write_trainer: TrainerWriter,
    has_native_optimizer: Callable[[Optimizer], bool],
    several_steps: bool = False,
    channels_first: Callable[[Emitter], Sequence[bool]] = lambda emitter: (),
    script: Script | None = None,
) -> EmittedTraining:
    """Assemble a training program.

    make_emitter gives an emitter for a Program and the keys of functions to emit besides the model.
    several_steps: the Trainer that is written takes several batches at a time. channels_first: which
    inputs the model takes so. script: what makes a script of it.
    """
    functions: dict[str, Block] = {}
    heads = bound_heads(program, training)
    taken = dict(program.blocks)

    def add(key: str, traced: dict[str, Block]) -> str:
        functions.update(joined(traced, key, {**taken, **functions}))
        return key

    types = given_types(heads)
    loss_keys, divisor_keys = [], []
    scored = {}
    for bound in heads:
        key = free_key(f"{bound.head.prefix}loss()", {**taken, **functions})
        loss_keys.append(add(key, loss_blocks(key, bound)))
        key = free_key(f"{bound.head.prefix}divisor()", {**taken, **functions})
        divided = divisor_blocks(key, bound) if training.accumulate > 1 else None
        divisor_keys.append("" if divided is None else add(key, divided))
    for bound in heads:
        for name, metric in bound.head.scores.items():
            key = free_key(f"{name}()", {**taken, **functions})
            of = head_types(bound)["targets"]
            traced, scored[key] = metric_blocks(key, name, metric, bound, of)
            add(key, traced)
    check_monitored(training, scored.values())
    found = rules(program, training)
    rule_keys: dict[Rule, str] = {}
    for rule in found:
        if not has_native_optimizer(rule.optimizer):
            key = free_key("optimizer()", {**taken, **functions})
            rule_keys[rule] = add(key, rule.trace(key, training.takes_rate))
    stays, shapes = frozen(program, training), parameter_shapes(program)
    penalties: dict[str, tuple[str, ...]] = {}
    for penalty in training.penalties:
        key = free_key("penalty()", {**taken, **functions})
        penalties[add(key, penalty.trace(key))] = penalized(penalty, shapes, stays)
    noise = training.gradient_noise
    noise_key = free_key("noise()", {**taken, **functions}) if noise else ""
    if noise:
        add(noise_key, noise.trace(noise_key))
    whole = replace(program, blocks={**program.blocks, **functions})
    roots = (*loss_keys, *filter(None, divisor_keys), *scored, *rule_keys.values(), *penalties)
    roots += (noise_key,) if noise_key else ()
    emitter = make_emitter(whole, roots)
    step = takes_step(program)
    arrays = program.root.inputs[: -1 if step else None]
    own = {
        name
        for head in training.heads
        for name in (f"{head.prefix}loss", f"{head.prefix}divisor", *head.given.values())
    }
    program_names = PROGRAM_NAMES | LOCAL_NAMES | augment_names(training) | own
    emitter.taken |= program_names | (SCRIPT_NAMES if script else frozenset())
    trainer_lines: list[str] = []
    written: list[TrainingParts] = []

    def trainer() -> list[str]:
        taken = program_names | emitter.reserved_names | emitter.defined_names
        parts = TrainingParts(
            inputs=tuple(unique(value.name, taken) for value in arrays),
            input_types=tuple(value.dtype for value in arrays),
            given=training.given,
            given_types=tuple(types.values()),
            takes_step=step,
            losses=tuple(
                emitted_loss(emitter, *keyed)
                for keyed in zip(training.heads, loss_keys, divisor_keys, strict=True)
            ),
            outputs=None if program.outputs is None else program.outputs[0],
            metrics=contributions(emitter, scored, training.loss_names),
            rules=tuple(
                EmittedRule(
                    rule, update_text(emitter, rule_keys[rule]) if rule in rule_keys else ""
                )
                for rule in found
            ),
            noise=emitted_noise(
                emitter, noise_key, training.seed, [p for p in shapes if p not in stays]
            ),
            penalties=emitted_penalties(training.penalties, penalties, emitter),
            bindings=emitter.bindings(),
            ranks={path: len(shape) for path, shape in shapes.items()},
            frozen=stays,
            training=training,
        )
        written.append(parts)
        trainer_lines.extend(write_trainer(parts))
        wrapped = [part for line in trainer_lines for part in wrap(line)]
        names = [value.name for value in arrays]
        given = [(n, kind) for n, (_, kind) in zip(parts.given, parts.given_types, strict=True)]
        kinds = [*zip(parts.inputs, parts.input_types, strict=True), *given]
        floats = [name for name, kind in kinds if kind == "float"]
        flags = channels_first(emitter)
        changed = augment_lines(training, names, parts.inputs, flags, floats, emitter.dtype)
        wrapped += ["", "", *changed] if changed else []
        scores = summary(tuple(scored.values()), taken, training.loss_names)
        wrapped += ["", "", *loop_text(training, several_steps, scores, taken).split("\n")]
        return [*wrapped, "", "", *script.lines(parts, emitter)] if script else wrapped

    emitted = emitter.emit(trainer)
    step_text = "\n".join([*trainer_lines, repr(functions)])
    source = script.whole(emitted.source, training) if script else emitted.source
    return EmittedTraining(
        source, emitted.entry, emitted.bindings, step_text, written[0], emitter.computes
    )


def emitted_loss(emitter: Emitter, head: Head, key: str, divisor_key: str) -> EmittedLoss:
    """A call of the loss of an output."""
    code = emitter.function_code(key, [head.outputs, *head.given.values()])
    factor = "" if head.weight == 1.0 else f"{head.weight!r} * "
    name = f"{head.prefix}loss"
    if divisor_key:
        names = [value.name for value in emitter.program.blocks[divisor_key].inputs]
        given = [head.given[name] for name in names]
        text = emitter.function_code(divisor_key, given).within(MULTIPLY)
        divisor = f"{head.prefix}divisor"
        return EmittedLoss(name, code, factor, f"{text} / {divisor} * ", (divisor, text))
    own = type(head.loss).definition is not Loss.definition
    return EmittedLoss(
        name, code, factor, "share * " if own or head.loss.reduction != "sum" else ""
    )


def update_text(emitter: Emitter, key: str) -> str:
    """A function of (parameter, gradient, step, *others), its open numbers filled in."""
    name = emitter.function_name(key)
    call = emitter.function_text(key, ["*arguments"])
    return name if call == f"{name}(*arguments)" else f"lambda *arguments: {call}"
