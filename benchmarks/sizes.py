"""The sizes of the benchmarked models and batches, for both sides."""

from __future__ import annotations

CLASSES = 10
IMAGE = (32, 32, 3)
LSTM_STEPS, LSTM_FEATURES, LSTM_UNITS = 64, 64, 128
TOKENS, VOCABULARY = 64, 1000
ENCODER_BLOCKS, ENCODER_WIDTH, ENCODER_HEADS, ENCODER_DROPOUT = 2, 128, 4, 0.1
GPT_BLOCKS, GPT_WIDTH, GPT_HEADS = 4, 256, 4

MODELS = ("mlp", "cnn", "simple_cnn", "resnet18", "lstm", "transformer", "gpt2")
RECIPE_MODELS = ("mlp", "transformer")  # those also trained by the recipe
TEXTBOOK_MODELS = ("mlp", "simple_cnn", "lstm", "transformer")  # those of loops that people copy
KERAS_ON_TORCH = ("cnn", "simple_cnn", "lstm", "transformer")  # those also timed in that way

# the recipe: AdamW that decays matrices only, a warm-up, then half a cosine, clipping by the norm
PEAK_RATE, WARMUP_STEPS, DECAY_STEPS = 1e-3, 100, 10_000
WEIGHT_DECAY, CLIP_NORM = 0.01, 1.0

# the shape of one sample
SHAPES: dict[str, tuple[int, ...]] = {
    "mlp": (784,),
    "cnn": (8, 8, 1),
    "simple_cnn": IMAGE,
    "resnet18": IMAGE,
    "lstm": (LSTM_STEPS, LSTM_FEATURES),
    "transformer": (TOKENS,),
    "gpt2": (TOKENS,),
}
TOKEN_MODELS = ("transformer", "gpt2")  # these take indices
BATCHES = {
    "mlp": 128, "cnn": 128, "simple_cnn": 32, "resnet18": 32, "lstm": 16, "transformer": 16, "gpt2": 8,
}  # fmt: skip
