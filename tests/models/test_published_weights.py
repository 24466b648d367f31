"""Other libraries' models, randomly initialised by those: with their weights ours give the same."""

from __future__ import annotations

import importlib
import importlib.util
import re

import numpy as np
import pytest

import polydl as dl
from polydl.errors import WeightsError
from polydl.models import hugging_face, torchvision

torch = pytest.importorskip("torch")


def import_torchvision():
    """It, also where its compiled operators are for another build of torch; None without it."""
    if importlib.util.find_spec("torchvision") is None:
        return None
    while True:
        try:
            return importlib.import_module("torchvision")
        except RuntimeError as error:  # operators of detection, which no model here uses
            missing = re.fullmatch(r"operator (torchvision::\w+) does not exist", str(error))
            if missing is None:
                raise
            torch.library.define(missing[1], "(Tensor x) -> Tensor")


@pytest.fixture(scope="module")
def torchvision_models():
    library = import_torchvision()
    return library.models if library else pytest.skip("torchvision is not installed")


@pytest.fixture(scope="module")
def transformers():
    """Its models import torchvision where that is installed."""
    import_torchvision()
    return pytest.importorskip("transformers")


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


def assert_same_image(theirs, net, size):
    x = np.random.default_rng(0).normal(size=(2, size, size, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(net(x), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnet_of_torchvision(name: str, backend: str, torchvision_models) -> None:
    theirs = randomised(getattr(torchvision_models, name)(num_classes=7))
    model = {"resnet18": dl.models.ResNet18, "resnet50": dl.models.ResNet50}[name](classes=7)
    net = dl.compile(model, dl.Input((None, 64, 64, 3)), backend=backend)
    net.load_weights(torchvision.resnet(theirs.state_dict()))
    assert_same_image(theirs, net, 64)


TOKENS = np.random.default_rng(1).integers(0, 90, (2, 12)).astype(np.int32)


def test_gpt2_of_hugging_face(backend: str, transformers) -> None:
    sizes = {"n_positions": 16, "n_embd": 32, "n_layer": 2, "n_head": 4}
    config = transformers.GPT2Config(
        vocab_size=90, bos_token_id=0, eos_token_id=0, initializer_range=0.2, **sizes
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    model = dl.models.GPT2(90, context=16, width=32, blocks=2, heads=4)
    net = dl.compile(model, dl.Input((None, "time"), "int"), backend=backend)
    net.load_weights(hugging_face.gpt2(theirs.state_dict()))
    assert_same(theirs, net, TOKENS)


def test_bert_of_hugging_face(backend: str, transformers) -> None:
    config = transformers.BertConfig(
        vocab_size=90,
        max_position_embeddings=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        initializer_range=0.2,
    )
    theirs = transformers.BertModel(config).eval()
    model = dl.models.BERT(90, context=16, width=32, blocks=2, heads=4)
    tokens, mask = dl.Input((None, "time"), "int"), dl.Input((None, "time"), "bool")
    net = dl.compile(model, (tokens, tokens, mask), backend=backend)
    net.load_weights(hugging_face.bert(theirs.state_dict()))
    segments = (np.arange(12) > 6)[None].repeat(2, 0).astype(np.int32)
    present = np.arange(12) < np.array([[12], [9]])
    with torch.no_grad():
        expected = theirs(
            torch.from_numpy(TOKENS).long(),
            attention_mask=torch.from_numpy(present),
            token_type_ids=torch.from_numpy(segments).long(),
        )
    features, summary = net((TOKENS, segments, present))
    np.testing.assert_allclose(features, expected.last_hidden_state, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(summary, expected.pooler_output, rtol=1e-5, atol=1e-5)


def test_llama_of_hugging_face(backend: str, transformers) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.LlamaConfig(
        vocab_size=90,
        bos_token_id=0,
        eos_token_id=0,
        num_key_value_heads=2,
        intermediate_size=48,
        initializer_range=0.2,
        rms_norm_eps=1e-5,
        **sizes,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    model = dl.models.Llama(90, 32, hidden_size=48, blocks=2, heads=4, key_value_heads=2)
    net = dl.compile(model, dl.Input((None, 12), "int"), backend=backend)
    net.load_weights(hugging_face.llama(theirs.state_dict()))
    assert_same(theirs, net, TOKENS)


def test_mobilenet_of_torchvision(backend: str, torchvision_models) -> None:
    theirs = randomised(torchvision_models.mobilenet_v2(num_classes=7))
    model = dl.models.MobileNetV2(classes=7)
    net = dl.compile(model, dl.Input((None, 64, 64, 3)), backend=backend)
    net.load_weights(torchvision.mobilenet_v2(theirs.state_dict()))
    assert_same_image(theirs, net, 64)


def test_vit_of_torchvision(backend: str, torchvision_models) -> None:
    sizes = {"num_layers": 2, "num_heads": 4, "hidden_dim": 32, "mlp_dim": 128}
    theirs = torchvision_models.VisionTransformer(32, 8, **sizes, num_classes=7)
    torch.nn.init.normal_(theirs.heads.head.weight)  # zeros by default
    model = dl.models.ViT(7, patch=8, width=32, blocks=2, heads=4)
    net = dl.compile(model, dl.Input((None, 32, 32, 3)), backend=backend)
    net.load_weights(torchvision.vit(theirs.eval().state_dict()))
    assert_same_image(theirs, net, 32)


def test_names_of_another_model_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"published as blocks\.0\.weight"):
        torchvision.resnet({"blocks.0.weight": np.zeros(3)})
