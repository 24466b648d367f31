"""Mixed precision in PyTorch's text: torch.autocast around the model, and torch.amp.GradScaler.

autocast computes products, convolutions and recurrent layers in the lower type and keeps softmax,
norms and sums of float32 in float32 (its own lists, which differ between CPU and CUDA).
"""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.emission.emitter import Emitter
from polydl.errors import BackendError
from polydl.training.emission import TrainingParts
from polydl.training.settings import Training

TOGETHER = '''class Together:
    """Several optimizers as one, so that the scaler updates by all of them or by none."""

    def __init__(self, optimizers):
        self.optimizers = optimizers

    @property
    def param_groups(self):
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()'''


# statements that make several outputs float32
_FLOATS: dict[str | None, tuple[str]] = {
    "dict": ("outputs = {name: outputs[name].float() for name in outputs}",),
    "tuple": ("outputs = [output.float() for output in outputs]",),
}


def outputs_lines(parts: TrainingParts, call: str, device: str) -> list[str]:
    """The statement of the model's outputs."""
    if parts.precision is None:
        return [f"outputs = {call}"]
    kind = device.partition(":")[0]
    return [
        f'with torch.autocast("{kind}", dtype=torch.{parts.precision}):',
        f"{INDENT}outputs = {call}{'.float()' if parts.outputs is None else ''}",
        *_FLOATS.get(parts.outputs, ()),
    ]


def support_lines(parts: TrainingParts, optimizers: int) -> list[str]:
    return ["", "", *TOGETHER.split("\n")] if parts.scaling and optimizers > 1 else []


def construction(parts: TrainingParts, optimizers: int, device: str) -> list[str]:
    """Statements of Trainer.__init__, after those of optimizers."""
    scale = parts.scaling
    if scale is None:
        return []
    kind = device.partition(":")[0]
    settings = (
        f"init_scale={scale.initial!r}, growth_factor={scale.growth!r}, "
        f"backoff_factor={scale.backoff!r}, growth_interval={scale.growth_every}"
    )
    together = ["self.optimizer = Together(self.optimizers)"] if optimizers > 1 else []
    return [*together, f'self.scaler = torch.amp.GradScaler("{kind}", {settings})']


def backward(parts: TrainingParts, loss: str) -> str:
    if parts.scaling:
        return f"self.scaler.scale({loss}).backward()"
    return f"{loss if loss.isidentifier() else f'({loss})'}.backward()"


def unscaling(parts: TrainingParts) -> list[str]:
    """Before anything else looks at gradients."""
    looks = parts.clips or parts.noise is not None
    return ["self.scaler.unscale_(self.optimizer)"] if parts.scaling and looks else []


def stepping(parts: TrainingParts) -> list[str]:
    """The update, in place of optimizers' own `step`."""
    return ["self.scaler.step(self.optimizer)", "self.scaler.update()"] if parts.scaling else []


def check_lstm(emitter: Emitter, training: Training, device: str) -> None:
    """Raise BackendError for nn.LSTM in float16 on a CPU, for which torch has no kernel."""
    if training.precision != "float16" or not device.startswith("cpu"):
        return
    for block in emitter.program.blocks.values():
        if block.kind == "polydl:LSTM@1" and emitter.native(block) is not None:
            raise BackendError(
                f"torch has no nn.LSTM in float16 on a CPU ({block.path}). Train in bfloat16, or "
                "on a GPU, or compile with natives=False"
            )
