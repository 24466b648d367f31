"""Keras' own lines of a script that trains."""

from __future__ import annotations

from polydl.execute import execute
from polydl.training.script import NativeLines
from polydl_keras.engine import ENGINE

RESEED = '''
def reseed(model, seed):
    """Begin the random numbers of the model's layers anew."""
    states = [v for v in model.variables if v.path.endswith("/seed_generator_state")]
    for number, state in enumerate(states):
        state.assign(np.random.SeedSequence([seed, number]).generate_state(2))
'''


def reseed(model: object, seed: int) -> None:
    """That text, executed."""
    execute(f"import numpy as np\n\n{RESEED}", "reseed").reseed(model, seed)


def script_lines(stem: str, seed: int | None) -> NativeLines:
    """Weights in the order of `model.weights`: paths of layers within layers count up in a process."""
    save = 'model.save_weights(folder / "{}.weights.h5")'
    return NativeLines(
        load=["model.set_weights(list(initial.values()))"],
        seed=[] if seed is None else [f"reseed(model, {seed})"],
        save=[save.format(f"{stem}_trained")],
        averaged=[
            "for v, average in zip(trainer.averaged, trainer.averages):",
            "    v.assign(average)",
            save.format(f"{stem}_averaged"),
        ],
        support=RESEED,
        first=["import os", "", f'os.environ["KERAS_BACKEND"] = "{ENGINE}"'],
    )
