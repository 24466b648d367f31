"""Published configurations have the published numbers of parameters."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl

TOKENS = dl.Input((None, 8), "int")
IMAGE = dl.Input((None, 224, 224, 3))
PUBLISHED = {
    "BERT": (dl.models.BERT, (TOKENS, TOKENS), 109_482_240),  # Hugging Face's bert-base-uncased
    "GPT2": (dl.models.GPT2, TOKENS, 124_439_808),  # Hugging Face's gpt2
    "Llama": (dl.models.Llama, TOKENS, 6_738_415_616),  # Llama 2 7B
    "MobileNetV2": (dl.models.MobileNetV2, IMAGE, 3_504_872),  # torchvision's documentation
    "ResNet18": (dl.models.ResNet18, IMAGE, 11_689_512),  # torchvision's documentation
    "ResNet50": (dl.models.ResNet50, IMAGE, 25_557_032),
    # the paper says 65 million, of a vocabulary of about 37,000
    "Transformer": (dl.models.Transformer, (TOKENS, TOKENS), 63_082_496),
    "UNet": (dl.models.UNet, dl.Input((None, 64, 64, 1)), 31_030_658),  # of the paper's layers
    "ViT": (dl.models.ViT, IMAGE, 86_567_656),  # torchvision's vit_b_16
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters(name: str) -> None:
    make, inputs, published = PUBLISHED[name]
    entries = dl.trace(make(), inputs).entries.values()
    count = sum(int(np.prod(e.shape)) for e in entries if e.role == "parameter")
    assert count == published
