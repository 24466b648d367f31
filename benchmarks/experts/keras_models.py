"""The benchmarked models as Keras experts write them; keras.ops only, so any engine runs them."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers, ops

from benchmarks import sizes


def norm() -> keras.Layer:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def mlp() -> keras.Model:
    inputs = keras.Input((784,))
    x = layers.Dense(512, activation="relu")(inputs)
    x = layers.Dense(256, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def digits_cnn() -> keras.Model:
    x = inputs = keras.Input((8, 8, 1))
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.ReLU()(norm()(x))
    x = layers.Dropout(0.25)(layers.MaxPooling2D(2)(x))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


def simple_cnn() -> keras.Model:
    x = inputs = keras.Input(sizes.IMAGE)
    for filters in (64, 128):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(norm()(x)))
    return keras.Model(inputs, layers.Dense(sizes.CLASSES)(layers.Flatten()(x)))


def basic_block(x, channels: int, stride: int):
    shortcut = x
    padded = x if stride == 1 else layers.ZeroPadding2D(1)(x)
    padding = "same" if stride == 1 else "valid"
    h = layers.Conv2D(channels, 3, stride, padding=padding, use_bias=False)(padded)
    h = layers.ReLU()(norm()(h))
    h = norm()(layers.Conv2D(channels, 3, padding="same", use_bias=False)(h))
    if x.shape[-1] != channels:
        shortcut = norm()(layers.Conv2D(channels, 1, stride, use_bias=False)(x))
    return layers.ReLU()(h + shortcut)


def resnet18() -> keras.Model:
    inputs = keras.Input(sizes.IMAGE)
    x = layers.Conv2D(64, 7, 2, use_bias=False)(layers.ZeroPadding2D(3)(inputs))
    x = layers.ReLU()(norm()(x))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # zeros never win after a ReLU
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = basic_block(basic_block(x, channels, stride), channels, 1)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(sizes.CLASSES)(x))


def lstm() -> keras.Model:
    inputs = keras.Input((sizes.LSTM_STEPS, sizes.LSTM_FEATURES))
    x = layers.LSTM(sizes.LSTM_UNITS)(inputs)
    return keras.Model(inputs, layers.Dense(sizes.CLASSES)(x))


def attention(x, heads: int, causal: bool):
    """One product for queries, keys and values."""
    time, width = x.shape[1:]
    qkv = layers.Reshape((time, 3, heads, width // heads))(layers.Dense(3 * width)(x))
    q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
    mixed = ops.dot_product_attention(q, k, v, is_causal=causal)
    return layers.Dense(width)(layers.Reshape((time, width))(mixed))


def stock_attention(x, heads: int, causal: bool):
    width = x.shape[-1]
    return layers.MultiHeadAttention(heads, width // heads)(x, x, use_causal_mask=causal)


def block(x, heads: int, causal: bool, rate: float, tanh: bool, attend: Callable = attention):
    """Pre-norm, with GELU."""
    width = x.shape[-1]
    h = attend(layers.LayerNormalization(epsilon=1e-5)(x), heads, causal)
    x = x + (layers.Dropout(rate)(h) if rate else h)
    h = layers.Dense(4 * width)(layers.LayerNormalization(epsilon=1e-5)(x))
    h = layers.Dense(width)(ops.gelu(h, approximate=tanh))
    return x + (layers.Dropout(rate)(h) if rate else h)


class Positions(layers.Layer):
    """Learned positions."""

    def build(self, input_shape) -> None:
        shape = input_shape[1:]
        self.table = self.add_weight(shape=shape, initializer="random_normal", name="table")

    def call(self, x):
        return x + self.table


def transformer(attend: Callable = attention) -> keras.Model:
    """An encoder of two blocks that classifies by its mean."""
    inputs = keras.Input((sizes.TOKENS,), dtype="int32")
    x = Positions()(layers.Embedding(sizes.VOCABULARY, sizes.ENCODER_WIDTH)(inputs))
    for _ in range(sizes.ENCODER_BLOCKS):
        x = block(x, sizes.ENCODER_HEADS, False, sizes.ENCODER_DROPOUT, False, attend)
    x = ops.mean(layers.LayerNormalization(epsilon=1e-5)(x), axis=1)
    return keras.Model(inputs, layers.Dense(sizes.CLASSES)(x))


class Logits(layers.Layer):
    """The embedding's table gives the logits too."""

    def __init__(self, embed: layers.Embedding) -> None:
        super().__init__()
        self.embed = embed

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.embed.embeddings))


def gpt2(attend: Callable = attention) -> keras.Model:
    """GPT-2's decoder: learned positions, and the embedding's table for the logits."""
    inputs = keras.Input((sizes.TOKENS,), dtype="int32")
    embed = layers.Embedding(sizes.VOCABULARY, sizes.GPT_WIDTH)
    x = Positions()(embed(inputs))
    for _ in range(sizes.GPT_BLOCKS):
        x = block(x, sizes.GPT_HEADS, True, 0.0, True, attend)
    x = layers.LayerNormalization(epsilon=1e-5)(x)
    return keras.Model(inputs, Logits(embed)(x))


BUILD: dict[str, Callable[[], keras.Model]] = {
    "mlp": mlp,
    "cnn": digits_cnn,
    "simple_cnn": simple_cnn,
    "resnet18": resnet18,
    "lstm": lstm,
    "transformer": transformer,
    "gpt2": gpt2,
}


def build(model_name: str) -> keras.Model:
    return BUILD[model_name]()
