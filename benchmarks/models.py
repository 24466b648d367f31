"""The benchmarked models as polydl definitions. Their experts are in `experts/`."""

from __future__ import annotations

import polydl as dl
from benchmarks import sizes


def define(model_name: str) -> tuple[dl.Module, dl.Input]:
    dtype = "int" if model_name in sizes.TOKEN_MODELS else "float"
    return DEFINE[model_name](), dl.Input((None, *sizes.SHAPES[model_name]), dtype)


def digits_cnn() -> dl.Module:
    layers = []
    for filters in (32, 64):
        layers += [dl.Conv2D(filters, 3, padding="same"), dl.BatchNorm(), dl.relu]
    layers += [dl.MaxPool2D(2), dl.Dropout(0.25), dl.Flatten(), dl.Dense(10)]
    return dl.Sequential(*layers)


class EncoderClassifier(dl.Module):
    """An encoder of pre-norm blocks that classifies by its mean."""

    def __init__(self) -> None:
        width = sizes.ENCODER_WIDTH
        self.embed = dl.Embedding(sizes.VOCABULARY, width)
        self.positions = dl.LearnedPositionalEncoding(sizes.TOKENS)
        self.blocks = [
            dl.TransformerBlock(
                width, sizes.ENCODER_HEADS, dropout=sizes.ENCODER_DROPOUT, fused=True
            )
            for _ in range(sizes.ENCODER_BLOCKS)
        ]
        self.norm = dl.LayerNorm()
        self.output = dl.Dense(sizes.CLASSES)

    def __call__(self, tokens):
        x = self.positions(self.embed(tokens))
        for block in self.blocks:
            x = block(x)
        return self.output(dl.ops.mean(self.norm(x), 1))


DEFINE = {
    "mlp": lambda: dl.models.MLP((512, 256), 10),
    "cnn": digits_cnn,
    "simple_cnn": lambda: dl.models.SimpleCNN(sizes.CLASSES),
    "resnet18": lambda: dl.models.ResNet18(sizes.CLASSES),
    "lstm": lambda: dl.models.LSTMClassifier(sizes.CLASSES, sizes.LSTM_UNITS),
    "transformer": lambda: EncoderClassifier(),
    "gpt2": lambda: dl.models.GPT2(
        sizes.VOCABULARY,
        sizes.TOKENS,
        sizes.GPT_WIDTH,
        sizes.GPT_BLOCKS,
        sizes.GPT_HEADS,
        dropout=0.0,
    ),
}


def training(model_name: str) -> dl.Training:
    return dl.Training(
        loss=dl.CrossEntropy(), optimizer=dl.Adam(1e-3, epsilon=1e-8),
        batch_size=sizes.BATCHES[model_name],
    )  # fmt: skip


def recipe(model_name: str) -> dl.Training:
    """As a transformer is trained: AdamW, its decay for matrices only, a schedule, clipping."""
    rate = dl.Warmup(dl.CosineDecay(sizes.PEAK_RATE, sizes.DECAY_STEPS), sizes.WARMUP_STEPS)
    return dl.Training(
        loss=dl.CrossEntropy(), optimizer=dl.AdamW(rate, weight_decay=sizes.WEIGHT_DECAY),
        batch_size=sizes.BATCHES[model_name], clip_norm=sizes.CLIP_NORM,
    )  # fmt: skip


class ResidualBlock(dl.Module):
    def __init__(self, width: int, hidden: int):
        self.norm = dl.LayerNorm()
        self.expand = dl.Dense(hidden)
        self.project = dl.Dense(width)

    def __call__(self, x):
        return x + self.project(dl.gelu(self.expand(self.norm(x))))


class Deep(dl.Module):
    """Many blocks: what tracing and emitting cost. Sizes vary, so that no two calls are alike."""

    def __init__(self, blocks: int, width: int = 64):
        self.blocks = [ResidualBlock(width, 64 + 8 * (i % 4)) for i in range(blocks)]
        self.head = dl.Dense(10)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def deep(blocks: int) -> tuple[dl.Module, dl.Input]:
    return Deep(blocks), dl.Input((None, 64))
