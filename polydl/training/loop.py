"""The loop around a training step: plain Python that knows no framework, emitted for all of them."""

from __future__ import annotations

from collections.abc import Collection
from textwrap import indent

from polydl.emission.code import INDENT
from polydl.emission.wrap import LINE_LENGTH, wrap
from polydl.training import batch_loop, callback_text
from polydl.training.scores import Summary
from polydl.training.settings import Training
from polydl.training.step_numbers import step_numbers

_EVALUATE = '''
def evaluate(trainer, inputs,{given} batch_size={batch_size}):
    """{names}."""
    results, sizes = [], []
    for start in range(0, len({first}), batch_size):
        batch = slice(start, start + batch_size)
        arrays = (x[batch] for x in inputs)
        results.append(trainer.evaluate_step(*arrays{scored}))
        sizes.append(len({first}[batch]))
    return average(trainer.fetch(results), sizes{gathered})


'''

_FIT = '''
def fit(
    trainer,
{lines}    validation=None,
    epochs={epochs},
{size}    first_epoch=0,
    step=0,
    before_step=None,
    after_epoch=None,
{prefetch}{done}{watching}):
    """Train for some epochs. Returns the loss of every step, and scores by epoch.

    before_step(step, results, sizes) sees what the epoch's batches gave so far, and their sizes;
    after_epoch(losses, scores) sees each epoch. Both may return True to stop.{about}
    """
{begin}    steps, history = [], []
    stopped = False
    for epoch in range(first_epoch, first_epoch + epochs):
{made}{order}        trainer.start()
        results, sizes = [], []
{steps}
        trainer.finish()
        if not results:
            break
{scored}
        if validation is not None and not stopped:
            validated = evaluate(trainer, {validation})
            scores.update({{f"val_{{name}}": value for name, value in validated.items()}})
        steps.append(values[:, 0])
        history.append(scores)
{watched}        if after_epoch is not None:
            stopped = after_epoch(values[:, 0], scores) or stopped
        if stopped:
            break
{end}    return np.concatenate(steps) if steps else np.zeros(0), history
'''

_ONE_STEP = """\
        for start in range({first}, len(order), batch_size):
            stopped = before_step is not None and before_step(step, results, sizes)
            if stopped:
                break
            batch = order[start : start + batch_size]
            arrays = (x[batch] for x in inputs)
            results.append(trainer.train_step(*arrays,{batch} step{rate}))
            sizes.append(len(batch))
            step += 1"""

_SEVERAL_STEPS = """\
        for batches in executions({rest}, batch_size, trainer.steps_per_execution):
            stopped = before_step is not None and before_step(step, results, sizes)
            if stopped:
                break
            arrays = (x[batches] for x in inputs)
{rates}            results.append(trainer.train_steps(*arrays,{batches} step{rate}))
            sizes.extend([batches.shape[1]] * len(batches))
            step += len(batches)"""

_EXECUTIONS = '''

def executions(order, batch_size, steps):
    """Samples' indices (steps, batch size) for each execution; the partial batch comes alone."""
    full = len(order) // batch_size
    batches = order[: full * batch_size].reshape(full, batch_size)
    for first in range(0, full, steps):
        yield batches[first : first + steps]
    if full * batch_size < len(order):
        yield order[None, full * batch_size :]
'''

_SCORED = """\
        values = trainer.fetch(results)
        scores = average(values, sizes{gathered})"""

_SCORED_WITH_DONE = """\
        seen = [trainer.fetch(results), sizes{gathered}]
        if done:
            seen = [np.concatenate(pair) for pair in zip(done, seen)]
            done = ()
        values, *others = seen
        scores = average(values, *others)"""

_DONE = "\n    done: what the first batches of the first epoch gave, which are not run again."
_MADE = "        made = len(done[1]) if done else 0\n"

_SHUFFLED = """\
rng = np.random.Generator(np.random.Philox(key=[{seed}, epoch]))
order = rng.permutation(len({first}))
"""
_IN_ORDER = "order = np.arange(len({first}))\n"
_PREFETCH = "\n    prefetch(batches) may make them ahead, in a thread."
_SOURCE = "\n    batches(epoch) gives an epoch's, each a tuple of arrays."


def loop_text(
    training: Training, several_steps: bool, summary: Summary, taken: Collection[str] = ()
) -> str:
    """The emitted `evaluate` and `fit`, with only what this Training asks for.

    several_steps: the Trainer has train_steps, which takes `steps_per_execution` batches at a time.
    summary: how scores are made of what its steps return. taken: names of the module around it.
    """
    names = training.score_names
    scores = f"SCORES = [{', '.join(repr(n).replace(chr(39), chr(34)) for n in names)}]"
    texts = [n.lines(taken) for n in step_numbers(training)]
    numbers = [line for text in texts if text for line in [*text, "", ""]]
    functions = "".join(f"{line}\n" for line in numbers)
    scores = f"{scores}\n\n" if summary.plain else ""
    evaluate = _evaluate(training, _described(names, summary), summary.gathered)
    fit = _fit(training, several_steps, summary.gathered)
    grouping = _grouping(training, several_steps)
    augmented = _augmented(training)
    watched = callback_text.class_text(training)
    made = f"{functions}{watched}{scores}{evaluate}{summary.text}\n{grouping}{augmented}\n{fit}"
    return made.strip("\n")


def _described(names: list[str], summary: Summary) -> str:
    whole = f"{'Averages over' if summary.plain else 'Scores of'} all samples, in evaluation mode"
    listed = f"{whole}: {', '.join(names)}"
    return listed if len(listed) <= LINE_LENGTH - 11 else whole


def _evaluate(training: Training, names: str, gathered: str) -> str:
    if training.data == "batches":
        return batch_loop.EVALUATE.format(names=names, gathered=gathered)
    return _EVALUATE.format(
        batch_size=training.batch_size,
        names=names,
        first=_first(training),
        given=_each(training, " {},"),
        scored=_each(training, ", {}[batch]"),
        gathered=gathered,
    )


def _fit(training: Training, several_steps: bool, gathered: str) -> str:
    arrays, streamed = training.data == "arrays", batch_loop.takes_batches(training)
    return _FIT.format(
        lines=_each(training, "    {},\n", "    inputs,\n") if arrays else "    batches,\n",
        epochs=training.epochs,
        size=f"    batch_size={training.batch_size},\n" if arrays else "",
        prefetch="    prefetch=iter,\n" if streamed else "",
        done="    done=(),\n" if training.resumable else "",
        made=_MADE if training.resumable else "",
        scored=(_SCORED_WITH_DONE if training.resumable else _SCORED).format(gathered=gathered),
        watching=callback_text.parameter_lines(training),
        begin=_wrapped(callback_text.begin_lines(training)),
        watched=callback_text.epoch_lines(training),
        end=callback_text.end_lines(training),
        about=("" if arrays else _SOURCE)
        + (_PREFETCH if streamed else "")
        + (_DONE if training.resumable else "")
        + callback_text.about_lines(training),
        order="" if streamed else indent(_order(training), INDENT * 2),
        validation="*validation, batch_size" if arrays else "prefetch(validation(epoch))",
        steps=_wrapped(_steps(training, several_steps, streamed)),
        gathered=gathered,
    )


def _steps(training: Training, several_steps: bool, streamed: bool) -> str:
    numbers = step_numbers(training)
    rate = "".join(f", {n.several if several_steps else n.text('step')}" for n in numbers)
    count = "count" if streamed else "len(batches)"
    rates = "".join(f"{INDENT * 3}{n.several} = {n.list_text(count)}\n" for n in numbers)
    if streamed:
        steps = batch_loop.SEVERAL_STEPS if several_steps else batch_loop.ONE_STEP
        return steps.format(batches=batch_loop.batches_text(training), rates=rates, rate=rate)
    return (_SEVERAL_STEPS if several_steps else _ONE_STEP).format(
        batch=_each(training, " {}[batch],"),
        batches=_each(training, " {}[batches],"),
        first="made * batch_size" if training.resumable else "0",
        rest="order[made * batch_size :]" if training.resumable else "order",
        rates=rates,
        rate=rate,
    )


def _grouping(training: Training, several_steps: bool) -> str:
    if not several_steps:
        return ""
    return batch_loop.EXECUTIONS if batch_loop.takes_batches(training) else _EXECUTIONS


def _augmented(training: Training) -> str:
    if not training.augment:
        return ""
    order = indent(_order(training), INDENT).rstrip("\n")
    return f"\n\n{_wrapped(batch_loop.augmented_text(training, order))}"


def _order(training: Training) -> str:
    order = _SHUFFLED if training.shuffle else _IN_ORDER
    return order.format(seed=training.seed, first=_first(training))


def _first(training: Training) -> str:
    return (*training.given, "inputs[0]")[0]


def _wrapped(text: str) -> str:
    return "\n".join(part for line in text.split("\n") for part in wrap(line))


def _each(training: Training, template: str, before: str = "") -> str:
    """The text for each array that samples bring besides inputs."""
    return before + "".join(template.format(name) for name in training.given)
