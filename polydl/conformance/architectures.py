"""Every architecture of polydl.models on the inputs it is shown with: its text is held and shown."""

from __future__ import annotations

from collections.abc import Callable

from polydl import models
from polydl.spec.input import Input
from polydl.spec.module import Module

IMAGES = Input((None, 224, 224, 3))
SMALL_IMAGES = Input((None, 32, 32, 3))
SEQUENCES = Input((None, 64, 28))
TOKENS = Input((None, "time"), dtype="int")

Architecture = tuple[Module, Input | tuple[Input, ...]]

ARCHITECTURES: dict[str, Callable[[], Architecture]] = {
    "mlp": lambda: (models.MLP((512, 256), 10), Input((None, 784))),
    "simple_cnn": lambda: (models.SimpleCNN(), SMALL_IMAGES),
    "resnet18": lambda: (models.ResNet18(), IMAGES),
    "resnet50": lambda: (models.ResNet50(), IMAGES),
    "mobilenet_v2": lambda: (models.MobileNetV2(), IMAGES),
    "unet": lambda: (models.UNet(), Input((None, 256, 256, 1))),
    "lstm_classifier": lambda: (models.LSTMClassifier(10), SEQUENCES),
    "gru_classifier": lambda: (models.GRUClassifier(10, layers=2), SEQUENCES),
    "transformer": lambda: (
        models.Transformer(),
        (TOKENS, Input((None, "target_time"), dtype="int")),
    ),
    "bert": lambda: (models.BERT(), (TOKENS, TOKENS)),
    "gpt2": lambda: (models.GPT2(), TOKENS),
    "llama": lambda: (models.Llama(), TOKENS),
    "vit": lambda: (models.ViT(), IMAGES),
}
