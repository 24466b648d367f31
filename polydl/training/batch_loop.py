"""The variant of the emitted loop that takes batches as they come: of an iterable, or augmented."""

from __future__ import annotations

from polydl.training.settings import Training

EVALUATE = '''
def evaluate(trainer, batches):
    """{names}."""
    results, sizes = [], []
    for arrays in batches:
        results.append(trainer.evaluate_step(*arrays))
        sizes.append(len(arrays[0]))
    return average(trainer.fetch(results), sizes{gathered})


'''

ONE_STEP = """\
        for arrays in prefetch({batches}):
            stopped = before_step is not None and before_step(step, results, sizes)
            if stopped:
                break
            results.append(trainer.train_step(*arrays, step{rate}))
            sizes.append(len(arrays[0]))
            step += 1"""

SEVERAL_STEPS = """\
        stacks = executions({batches}, trainer.steps_per_execution)
        for arrays in prefetch(stacks):
            stopped = before_step is not None and before_step(step, results, sizes)
            if stopped:
                break
            count, size = arrays[0].shape[:2]
{rates}            results.append(trainer.train_steps(*arrays, step{rate}))
            sizes.extend([size] * count)
            step += count"""

EXECUTIONS = '''

def executions(batches, steps):
    """Stacks (steps, batch size, ...) of batches of the same shapes, for each execution."""
    stack = []
    for arrays in batches:
        alike = stack and [x.shape for x in arrays] == [x.shape for x in stack[0]]
        if stack and (not alike or len(stack) == steps):
            yield tuple(map(np.stack, zip(*stack)))
            stack = []
        stack.append(arrays)
    if stack:
        yield tuple(map(np.stack, zip(*stack)))
'''

_AUGMENTED_ARRAYS = '''\
def batches(epoch, inputs,{given} batch_size):
    """The batches of an epoch, changed at random."""
{order}
    for number, start in enumerate(range(0, len(order), batch_size)):
        batch = order[start : start + batch_size]
        arrays = (x[batch] for x in inputs)
        yield augment(epoch, number, *arrays,{batch})
'''

_AUGMENTED = '''\
def augmented(epoch, batches):
    """The batches of an epoch, changed at random."""
    for number, arrays in enumerate(batches):
        yield augment(epoch, number, *arrays)
'''


def takes_batches(training: Training) -> bool:
    """Whether the loop takes its batches as they come, and `fit` has an argument prefetch."""
    return training.data == "batches" or bool(training.augment)


def batches_text(training: Training) -> str:
    """The batches of `epoch` in the loop, without those that were made before."""
    whole = _batches_text(training)
    return f"itertools.islice({whole}, made, None)" if training.resumable else whole


def _batches_text(training: Training) -> str:
    if training.data == "batches":
        return "augmented(epoch, batches(epoch))" if training.augment else "batches(epoch)"
    return f"batches(epoch, {', '.join(['inputs', *training.given])}, batch_size)"


def augmented_text(training: Training, order: str) -> str:
    """The function that makes those batches, where they are augmented; order: its lines."""
    if training.data == "batches":
        return _AUGMENTED
    return _AUGMENTED_ARRAYS.format(
        given="".join(f" {name}," for name in training.given),
        order=order,
        batch="".join(f" {name}[batch]," for name in training.given),
    ).replace(",)\n", ")\n")
