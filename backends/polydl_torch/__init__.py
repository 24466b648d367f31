"""The PyTorch backend: emits nn.Modules."""

from polydl_torch.backend import TorchBackend

__all__ = ["TorchBackend"]
