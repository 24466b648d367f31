"""The loop around a training step: plain Python that knows no framework, emitted for all of them."""

from __future__ import annotations

from polydl.emission.wrap import wrap
from polydl.schedules.schedule import Schedule
from polydl.training.rates import schedule_lines
from polydl.training.settings import Training

_EVALUATE = '''
def evaluate(trainer, inputs,{given} batch_size={batch_size}):
    """Averages over all samples, in evaluation mode: {names}."""
    results, sizes = [], []
    for start in range(0, len({first}), batch_size):
        batch = slice(start, start + batch_size)
        arrays = (x[batch] for x in inputs)
        results.append(trainer.evaluate_step(*arrays{scored}))
        sizes.append(len({first}[batch]))
    return average(trainer.fetch(results), sizes)


def average(results, sizes):
    """Scores by name, weighted by the sizes of the batches."""
    values = np.average(results, axis=0, weights=sizes)
    return dict(zip(SCORES, values.tolist()))
'''

_FIT = '''
def fit(
    trainer,
    inputs,
{lines}    validation=None,
    epochs={epochs},
    batch_size={batch_size},
    first_epoch=0,
    step=0,
    before_step=None,
    after_epoch=None,
):
    """Train for some epochs. Returns the loss of every step, and scores by epoch.

    before_step(step, results) may return True to stop; results are those of the epoch so far.
    after_epoch(losses, scores) sees each epoch.
    """
    steps, history = [], []
    stopped = False
    for epoch in range(first_epoch, first_epoch + epochs):
{order}
        trainer.start()
        results, sizes = [], []
{steps}
        trainer.finish()
        if not results:
            break
        values = trainer.fetch(results)
        scores = average(values, sizes)
        if validation is not None and not stopped:
            validated = evaluate(trainer, *validation, batch_size)
            scores.update({{f"val_{{name}}": value for name, value in validated.items()}})
        steps.append(values[:, 0])
        history.append(scores)
        if after_epoch is not None:
            after_epoch(values[:, 0], scores)
        if stopped:
            break
    return np.concatenate(steps) if steps else np.zeros(0), history
'''

_ONE_STEP = """\
        for start in range(0, len(order), batch_size):
            stopped = before_step is not None and before_step(step, results)
            if stopped:
                break
            batch = order[start : start + batch_size]
            arrays = (x[batch] for x in inputs)
            results.append(trainer.train_step(*arrays,{batch} step{rate}))
            sizes.append(len(batch))
            step += 1"""

_SEVERAL_STEPS = """\
        for batches in executions(order, batch_size, trainer.steps_per_execution):
            stopped = before_step is not None and before_step(step, results)
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

_RATES = """\
            rates = [learning_rate(step + i) for i in range(len(batches))]
"""

_SHUFFLED = """        rng = np.random.Generator(np.random.Philox(key=[{seed}, epoch]))
        order = rng.permutation(len({first}))"""
_IN_ORDER = "        order = np.arange(len({first}))"


def loop_text(training: Training, several_steps: bool) -> str:
    """The emitted `evaluate` and `fit`, with only what this Training asks for.

    several_steps: the Trainer has train_steps, which takes `steps_per_execution` batches at a time.
    """
    names = ["loss", *(metric.name for metric in training.metrics)]
    first = (*training.given, "inputs[0]")[0]
    scores = f"SCORES = [{', '.join(repr(n).replace(chr(39), chr(34)) for n in names)}]"
    order = _SHUFFLED if training.shuffle else _IN_ORDER
    evaluate = _EVALUATE.format(
        batch_size=training.batch_size,
        names=", ".join(names),
        first=first,
        given=_each(training, " {},"),
        scored=_each(training, ", {}[batch]"),
    )
    scheduled = training.takes_rate
    steps = (_SEVERAL_STEPS if several_steps else _ONE_STEP).format(
        batch=_each(training, " {}[batch],"),
        batches=_each(training, " {}[batches],"),
        rates=_RATES if scheduled and several_steps else "",
        rate="" if not scheduled else ", rates" if several_steps else ", learning_rate(step)",
    )
    fit = _FIT.format(
        epochs=training.epochs,
        batch_size=training.batch_size,
        order=order.format(seed=training.seed, first=first),
        steps="\n".join(part for line in steps.split("\n") for part in wrap(line)),
        lines=_each(training, "    {},\n"),
    )
    grouping = _EXECUTIONS if several_steps else ""
    rate = (
        "\n".join([*schedule_lines(training.optimizer.learning_rate), "", "", ""])
        if isinstance(training.optimizer.learning_rate, Schedule)
        else ""
    )
    return f"{rate}{scores}\n\n{evaluate}{grouping}\n{fit}".rstrip("\n")


def _each(training: Training, template: str) -> str:
    """The text for each array that samples bring besides inputs."""
    return "".join(template.format(name) for name in training.given)
