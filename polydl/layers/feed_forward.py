from __future__ import annotations

from polydl.functions.named import named
from polydl.layers.checks import require_positive, require_within
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class FeedForward(Module):
    """down(activation(up(x))), at each position alone. Vaswani et al. 2017, equation 2.

    width: size of the output. hidden_size: in between, 4 * width by default. activation: by name, as
    "relu", "gelu", "gelu_tanh", "silu". gated: down(activation(gate(x)) * up(x)), GLU's form (Shazeer
    2020), with "silu" SwiGLU as in Llama. dropout: of what `down` gets.

    up, down and gate are Dense layers; torch calls the first two linear1 and linear2.
    """

    width: int
    hidden_size: int | None = None
    activation: str = "relu"
    gated: bool = False
    dropout: float = 0.0
    use_bias: bool = True
    kernel_initializer: str | Initializer = "glorot_uniform"

    def __post_init__(self) -> None:
        hidden = 4 * self.width if self.hidden_size is None else self.hidden_size
        require_positive("FeedForward", width=self.width, hidden_size=hidden)
        require_within("FeedForward", 0.0, 1.0, dropout=self.dropout)
        named(self.activation, "FeedForward")
        self.up = Dense(hidden, self.use_bias, self.kernel_initializer)
        if self.gated:
            self.gate = Dense(hidden, self.use_bias, self.kernel_initializer)
        self.down = Dense(self.width, self.use_bias, self.kernel_initializer)
        if self.dropout:
            self.drop = Dropout(self.dropout)

    def __call__(self, x: Tensor) -> Tensor:
        activation = named(self.activation, "FeedForward")
        h = activation(self.gate(x)) * self.up(x) if self.gated else activation(self.up(x))
        return self.down(self.drop(h) if self.dropout else h)
