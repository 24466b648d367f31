from __future__ import annotations

from polydl import ops
from polydl.functions.activations import sigmoid, tanh
from polydl.layers.recurrent import Recurrent
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class GRU(Recurrent):
    """r, z = σ(x W + h U + b), n = tanh(x W + r (h U + d)), h = (1 - z) n + z h. Cho et al. 2014.

    reset_after: the reset gate acts on h U + d, as above and in torch, cuDNN and Keras by default;
    recurrent_bias d (3 units) is then added to all three. Without it, it acts on h itself, as in the
    paper: n = tanh(x W + (r h) U + b). textbook: h = (1 - z) h + z n, so that z lets the new in;
    torch, Keras and Flax have it the other way round. Gates stand in the order r, z, n as in torch and
    Flax; Keras has z, r, n.
    """

    gates = 3

    reset_after: bool = True
    textbook: bool = False

    def declare(self) -> None:
        super().declare()
        if self.reset_after and self.use_bias:
            shape = (3 * self.units,)
            self.second_bias = self.parameter("recurrent_bias", shape, self.bias_initializer)

    def step(self, h: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        gates = 2 * self.units
        x_r, x_z, x_n = ops.split(inputs, 3, -1)
        if self.reset_after:
            h_r, h_z, h_n = ops.split(self._recurrent(h), 3, -1)
        else:
            h_r, h_z = ops.split(h @ self.recurrent_weight[:, :gates], 2, -1)
        r = sigmoid(x_r + h_r)
        z = sigmoid(x_z + h_z)
        h_n = r * h_n if self.reset_after else (r * h) @ self.recurrent_weight[:, gates:]
        n = tanh(x_n + h_n)
        h = (1.0 - z) * h + z * n if self.textbook else (1.0 - z) * n + z * h
        return h, h

    def _recurrent(self, h: Tensor) -> Tensor:
        product = h @ self.recurrent_weight
        return product + self.second_bias if self.use_bias else product
