"""A character GPT on the standard library's own source: it learns to write something like Python.

    python examples/char_gpt.py --backend torch

The perplexity is how many characters the model is, on average, undecided between; it begins at the size
of the alphabet, 96, and comes down to about 5 in three minutes of one core. In the end, a sample: plain
Python that asks the net for the next character.
"""

import argparse
import ast
import os
from pathlib import Path

import numpy as np

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))
CONTEXT, WIDTH, BLOCKS = (32, 32, 1) if QUICK else (64, 96, 3)
EPOCHS, BATCH = (3, 32) if QUICK else (8, 32)
MODULES = "argparse ast dataclasses inspect textwrap typing"

folder = Path(ast.__file__).parent
names = MODULES.split()[-2:-1] if QUICK else MODULES.split()
text = "".join((folder / f"{name}.py").read_text(encoding="utf-8") for name in names)
alphabet = sorted(set(text))
tokens = np.array([alphabet.index(character) for character in text], np.int32)


def windows(part):
    """Pieces (count, CONTEXT), and the same pieces one character on."""
    count = (len(part) - 1) // CONTEXT
    ends = (part[:-1][: count * CONTEXT], part[1:][: count * CONTEXT])
    return tuple(x.reshape(count, CONTEXT) for x in ends)


cut = len(tokens) * 9 // 10
data, validation = windows(tokens[:cut]), windows(tokens[cut:])
updates = EPOCHS * -(-len(data[0]) // BATCH)

experiment = dl.Experiment(
    model=dl.models.GPT2(len(alphabet), CONTEXT, WIDTH, BLOCKS, heads=4, dropout=0.1),
    inputs=dl.Input((None, CONTEXT), dtype="int"),
    training=dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.AdamW(
            dl.Warmup(dl.CosineDecay(3e-3, updates - updates // 10), updates // 10),
            weight_decay=0.1,
        ),
        batch_size=BATCH,
        epochs=EPOCHS,
        metrics=[dl.Perplexity()],
        clip_norm=1.0,
    ),
    data=data,
    validation=validation,
    name="Character GPT",
)


def sample(net, begin, length, temperature=0.8, seed=0):
    """`begin` and what the net writes after it, a character at a time."""
    rng = np.random.default_rng(seed)
    written = [alphabet.index(character) for character in begin]
    for _ in range(length):
        seen = written[-CONTEXT:]
        padded = np.zeros((1, CONTEXT), np.int32)  # of one size, so that nothing is compiled anew
        padded[0, : len(seen)] = seen
        logits = net(padded)[0, len(seen) - 1] / temperature
        chances = np.exp(logits - logits.max(), dtype=np.float64)
        written.append(int(rng.choice(len(alphabet), p=chances / chances.sum())))
    return "".join(alphabet[token] for token in written)


def main(backend="torch"):
    net = dl.compile(experiment.program, backend=backend)
    history = net.fit(experiment.training, experiment.data, experiment.validation)
    print(f"perplexity {history['val_perplexity'][-1]:.2f} of {len(alphabet)} characters\n")
    print(sample(net, "def ", 20 if QUICK else 400))
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
