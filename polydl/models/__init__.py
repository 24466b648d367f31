"""Architectures, small and readable, each a real configuration from its paper."""

from polydl.models.bert import BERT
from polydl.models.gpt2 import GPT2
from polydl.models.llama import Llama
from polydl.models.mlp import MLP
from polydl.models.mobilenet_v2 import MobileNetV2
from polydl.models.recurrent import GRUClassifier, LSTMClassifier
from polydl.models.resnet import ResNet, ResNet18, ResNet50
from polydl.models.simple_cnn import SimpleCNN
from polydl.models.transformer import Transformer
from polydl.models.unet import UNet
from polydl.models.vit import ViT

__all__ = [
    "BERT",
    "GPT2",
    "MLP",
    "GRUClassifier",
    "LSTMClassifier",
    "Llama",
    "MobileNetV2",
    "ResNet",
    "ResNet18",
    "ResNet50",
    "SimpleCNN",
    "Transformer",
    "UNet",
    "ViT",
]
