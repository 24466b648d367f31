"""Other libraries' models, randomly initialised by those: with their weights ours give the same."""

from __future__ import annotations

import importlib
import importlib.util
import re

import numpy as np
import pytest

import polydl as dl
from polydl.errors import WeightsError
from polydl.models import torchvision as ours

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchvision_models():
    """Its models, also where its compiled operators are for another build of torch."""
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    while True:
        try:
            return importlib.import_module("torchvision").models
        except RuntimeError as error:  # operators of detection, which no model here uses
            missing = re.fullmatch(r"operator (torchvision::\w+) does not exist", str(error))
            if missing is None:
                raise
            torch.library.define(missing[1], "(Tensor x) -> Tensor")


def randomised(module):
    """In evaluation mode, with generic running statistics."""
    generator = torch.Generator().manual_seed(0)
    for name, value in module.state_dict().items():
        if "running" in name:
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return module.eval()


def assert_same(theirs, net, *inputs):
    with torch.no_grad():
        expected = theirs(*(torch.from_numpy(x) for x in inputs))
    expected = getattr(expected, "logits", expected)
    np.testing.assert_allclose(net(*inputs), expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnet_of_torchvision(name: str, backend: str, torchvision_models) -> None:
    theirs = randomised(getattr(torchvision_models, name)(num_classes=7))
    model = {"resnet18": dl.models.ResNet18, "resnet50": dl.models.ResNet50}[name](classes=7)
    net = dl.compile(model, dl.Input((None, 64, 64, 3)), backend=backend)
    net.load_weights(ours.resnet(theirs.state_dict()))
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_names_of_another_model_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"published as blocks\.0\.weight"):
        ours.resnet({"blocks.0.weight": np.zeros(3)})
