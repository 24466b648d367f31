from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.checks import require_positive, require_within
from polydl.program.sizes import product
from polydl.program.types import Initializer
from polydl.spec.host import Host
from polydl.spec.initializers import resolve
from polydl.spec.modes import when_training
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class _Reparametrized(Host):
    """A layer whose kernel is computed from another array of its shape."""

    def check(self, inner: Module, name: str | tuple[str, ...]) -> None:
        own = type(self).__name__
        if isinstance(inner, Host):
            raise DefinitionError(
                f"{own} takes a layer such as dl.Dense(8), and {type(inner).__name__} is none. For "
                f'several parameters: dl.{own}(dl.LSTM(8), name=("kernel", "recurrent_kernel"))'
            )
        if not isinstance(inner, Module):
            raise DefinitionError(f"{own} takes a layer such as dl.Dense(8), got {inner!r}")
        names = name if isinstance(name, tuple) else (name,)
        if not names or not all(isinstance(n, str) for n in names) or len({*names}) < len(names):
            raise DefinitionError(
                f"{own}: name is a parameter's, or a tuple of different ones, got {name!r}"
            )
        self.inner, self.name = inner, name

    def axes(self, name: str, array: Tensor) -> tuple[list[int], list[int]]:
        """Those of what goes into an output, and those that number the outputs."""
        outputs = getattr(type(self.inner), "output_axes", (-1,))
        if array.ndim <= len(outputs):
            raise ShapeError(
                f"{type(self).__name__}: {name} of {type(self.inner).__name__} has the shape "
                f"{array.shape}, with no axes but the outputs'. Name a kernel"
            )
        ends = sorted(axis % array.ndim for axis in outputs)
        return [axis for axis in range(array.ndim) if axis not in ends], ends


class WeightNorm(_Reparametrized):
    """A layer with kernel = scale v / |v|, the length of each output's weights apart from v.

    Salimans & Kingma 2016. |v| is over all axes of the kernel but the outputs' (the last; of a
    transposed convolution the one before, of a depthwise one the last two). v stands under the
    parameter's own name, scale beside it, with the kernel's rank and ones for the axes of |v|.
    name: of the parameter, "recurrent_kernel" of an LSTM for one, or names of several as a tuple, whose
    scales are then called kernel_scale and so on.

    scale starts from 1; torch starts it from |v|, so that the layer begins as it was drawn. Flax adds
    1e-12 within the root, writes the kernel in the place of v, and does not train its scale.
    """

    def __init__(
        self,
        inner: Module,
        name: str | tuple[str, ...] = "kernel",
        scale_initializer: str | float | Initializer = "ones",
    ):
        self.check(inner, name)
        self.scale_initializer = resolve(scale_initializer)

    def compute(self, name: str, v: Tensor) -> Tensor:
        inputs, _ = self.axes(name, v)
        sizes = tuple(1 if i in inputs else size for i, size in enumerate(v.shape))
        scale = self.parameter(self.own_name("scale", name), sizes, self.scale_initializer)
        length = ops.sqrt(ops.sum(v * v, tuple(inputs), keepdims=True))
        kernel = v * (scale / length)
        return kernel


class SpectralNorm(_Reparametrized):
    """A layer with kernel = w / sigma, where sigma estimates the largest singular value of w.

    Miyato et al. 2018, algorithm 1. w is a matrix (inputs, outputs), a window's places being inputs.
    From u, a state (1, outputs): v = u w' / |u w'|, u = v w / |v w|, `power_iterations` times, then
    sigma = v w u'. u and v count as constants in the derivative. In training u is kept for
    the next call; else a call begins from the u that training left. name: as of WeightNorm, of several
    with states kernel_u and so on. Lengths have epsilon added, as in
    the authors' program.

    Flax does the same, and torch in training; in inference torch takes u and v as they were left,
    without a step for the w of now. Keras and Flax write the divided kernel in the place of w, so
    that an optimizer updates that.
    """

    def __init__(
        self,
        inner: Module,
        power_iterations: int = 1,
        name: str | tuple[str, ...] = "kernel",
        epsilon: float = 1e-12,
    ):
        self.check(inner, name)
        require_positive("SpectralNorm", power_iterations=power_iterations)
        require_within("SpectralNorm", 0.0, 1.0, epsilon=epsilon)
        self.power_iterations, self.epsilon = power_iterations, epsilon

    def compute(self, name: str, w: Tensor) -> Tensor:
        inputs, outputs = self.axes(name, w)
        matrix = w
        if [*inputs, *outputs] != list(range(w.ndim)):
            matrix = ops.transpose(w, (*inputs, *outputs))
        if len(inputs) != 1 or len(outputs) != 1:
            sizes = (product(w.shape[i] for i in axes) for axes in (inputs, outputs))
            matrix = ops.reshape(matrix, tuple(sizes))
        state = self.own_name("u", name)
        start = self.state(state, (1, matrix.shape[1]), Initializer("normal", {"stddev": 1.0}))
        fixed = ops.stop_gradient(matrix)
        u, v = self._iterate(fixed, start)

        def kept() -> Tensor:
            self.update(state, u)
            return u

        u = when_training(kept, lambda: u)
        sigma = ops.sum(v @ matrix * u)
        kernel = w / sigma
        return kernel

    def _iterate(self, matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        back = ops.transpose(matrix, (1, 0))
        for _ in range(self.power_iterations):
            v = self._unit(u @ back)
            u = self._unit(v @ matrix)
        return u, v

    def _unit(self, x: Tensor) -> Tensor:
        length = ops.sqrt(ops.sum(x * x))
        return x / (length + self.epsilon)
