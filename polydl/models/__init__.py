"""Architectures, small and readable, each a real configuration from its paper."""

from polydl.models.gpt2 import GPT2
from polydl.models.mlp import MLP
from polydl.models.resnet import ResNet, ResNet18, ResNet50
from polydl.models.simple_cnn import SimpleCNN

__all__ = ["GPT2", "MLP", "ResNet", "ResNet18", "ResNet50", "SimpleCNN"]
