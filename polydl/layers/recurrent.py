from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from polydl import ops
from polydl.errors import ShapeError
from polydl.functions.activations import sigmoid, tanh
from polydl.layers.checks import require_positive
from polydl.program.sizes import same_shape
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.regions import scan
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@dataclass(eq=False)
class Recurrent(Module):
    """What recurrent layers share: parameters, the loop over time, lengths and state.

    x (batch, time > 0, features) to (batch, time, units), or to the last step's (batch, units) without
    return_sequences. state: what it starts from, (batch, units) each, zeros by default. lengths
    (batch,): of each sequence; steps from there on give zeros and leave the state as it is. reverse:
    from the last step to the first; outputs stand where their inputs do. return_state: gives
    (outputs, state after the last step). Several layers: dl.Sequential([dl.LSTM(64), dl.LSTM(64)]).

    kernel (features, gates * units), recurrent_kernel (units, gates * units), bias (gates * units).
    torch holds the transposes and two biases that are added; Flax its own order of gates.
    """

    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1

    units: int
    return_sequences: bool = True
    return_state: bool = False
    reverse: bool = False
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"
    recurrent_initializer: str | Initializer = "orthogonal"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        require_positive(type(self).__name__, units=self.units)

    def step(self, state: Any, inputs: Tensor) -> tuple[Any, Tensor]:
        """The next state and output, from x kernel + bias of this step."""
        raise NotImplementedError

    def padded_step(self, state: Any, inputs: tuple[Tensor, Tensor]) -> tuple[Any, Tensor]:
        """The same, where a sequence may have ended."""
        now, present = inputs
        new, output = self.step(state, now)
        present = present[:, None]
        if self.states > 1:
            kept = tuple(ops.where(present, a, b) for a, b in zip(new, state, strict=True))
            return kept, ops.where(present, output, 0.0)
        return ops.where(present, new, state), ops.where(present, output, 0.0)

    def __call__(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> Any:
        first = self._first(x, state)
        inputs = self._affine(x)
        self.declare()
        if lengths is None:
            last, outputs = scan(self.step, first, inputs, axis=1, reverse=self.reverse)
        else:
            self._check_lengths(x, lengths)
            present = ops.arange(x.shape[1]) < lengths[:, None]
            steps = (inputs, present)
            last, outputs = scan(self.padded_step, first, steps, axis=1, reverse=self.reverse)
        if not self.return_sequences:
            outputs = last[0] if self.states > 1 else last
        return (outputs, last) if self.return_state else outputs

    def _affine(self, x: Tensor) -> Tensor:
        kernel = self.parameter("kernel", (x.shape[-1], self._wide), self.kernel_initializer)
        if not self.use_bias:
            return x @ kernel
        return x @ kernel + self.parameter("bias", (self._wide,), self.bias_initializer)

    @property
    def _wide(self) -> int:
        return self.gates * self.units

    def declare(self) -> None:
        """The parameters of the recurrent part."""
        shape = (self.units, self._wide)
        self.recurrent_weight = self.parameter(
            "recurrent_kernel", shape, self.recurrent_initializer
        )

    def _first(self, x: Tensor, state: Any) -> Any:
        name = type(self).__name__
        if x.ndim != 3:
            raise ShapeError(f"{name} takes (batch, time, features), got {x!r}")
        if same_shape(x.shape[1:2], (0,)):
            raise ShapeError(f"{name} takes at least one step, got {x!r}")
        shape = (x.shape[0], self.units)
        if state is None:
            zeros = tuple(ops.full(shape, 0.0) for _ in range(self.states))
            return zeros if self.states > 1 else zeros[0]
        given = tuple(state) if isinstance(state, (tuple, list)) else (state,)
        if len(given) != self.states or not all(
            isinstance(s, Tensor) and same_shape(s.shape, shape) for s in given
        ):
            raise ShapeError(
                f"{name}: a state is {self.states} of ({shape[0]}, {shape[1]}), got {given!r}"
            )
        return given if self.states > 1 else given[0]

    def _check_lengths(self, x: Tensor, lengths: Tensor) -> None:
        if lengths.dtype != "int" or not same_shape(lengths.shape, (x.shape[0],)):
            raise ShapeError(
                f"{type(self).__name__}: lengths must be int[{x.shape[0]}], got {lengths!r}"
            )


@builtin()
class SimpleRNN(Recurrent):
    """h = tanh(x W + h U + b). Elman 1990. torch: nn.RNN."""

    def step(self, h: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        h = tanh(inputs + h @ self.recurrent_weight)
        return h, h


@builtin()
class LSTM(Recurrent):
    """i, f, o = σ(x W + h U + b), g = tanh(x W + h U + b), c = f c + i g, h = o tanh(c).

    Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The state is (h, c). Gates
    stand in the order i, f, g, o, as in torch, Keras and Flax. Keras starts the forget gate's bias
    from 1, we from 0 as torch and Flax nearly do.
    """

    gates = 4
    states = 2

    def step(
        self, state: tuple[Tensor, Tensor], inputs: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        h, c = state
        i, f, g, o = ops.split(inputs + h @ self.recurrent_weight, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        return (h, c), h
