"""A functional keras.Model, and NumPy in and out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from polydl.backend import NativeModel
from polydl.emission.emitted import Emitted
from polydl.emission.naming import unique
from polydl.errors import BackendError, WeightsError
from polydl.precision import carrier, is_low
from polydl.program.sizes import Size
from polydl.program.structure import flatten_as, unflatten
from polydl.program.types import Program, inference_writes
from polydl_keras.engine import ENGINE, keras, on_tensorflow
from polydl_keras.natives.recurrent import reordered
from polydl_keras.script import reseed
from polydl_keras.weights import same_layers, to_canonical, to_native, variables


class KerasModel(NativeModel):
    """The model that the emitted function makes."""

    def __init__(
        self,
        program: Program,
        emitted: Emitted,
        make: Callable[[], Any],
        dtype: str,
        xla: bool = False,
    ):
        self.program, self.emitted, self.make = program, emitted, make
        self.dtype, self.xla = dtype, xla
        self.native = make()
        self.variables = variables(self.native, emitted.bindings)
        self.restored = inference_writes(program)
        self._infer: Callable[..., Any] | None = None

    # calls

    def call(
        self, inputs: list[np.ndarray], training: bool, keep_state: bool = False
    ) -> list[np.ndarray]:
        restored = () if training or keep_state else self.restored
        if training or restored or not on_tensorflow():
            with self._kept(restored), _without_gradients():
                outputs = self.native(self._nested(inputs), training=training)
                return [_numpy(y) for y in self._leaves(outputs)]
        if self._infer is None:
            self._infer = self._compiled()
        return [_numpy(y) for y in self._leaves(self._infer(*inputs))]

    def _nested(self, inputs: Sequence[Any]) -> Any:
        """Inputs as the model takes them."""
        tensors = [keras.ops.convert_to_tensor(x) for x in inputs]
        if is_low(self.dtype):
            pairs = zip(self.program.root.inputs, tensors, strict=True)
            tensors = [keras.ops.cast(x, self.dtype) if v.dtype == "float" else x for v, x in pairs]
        return unflatten(self.program.inputs, tensors)

    def _leaves(self, outputs: Any) -> list[Any]:
        """Outputs in order. Keras sorts the keys of dicts."""
        return flatten_as(self.program.outputs, outputs, "outputs")

    def _compiled(self) -> Callable[..., Any]:
        """Inference as one graph for all sizes that the program leaves open."""
        import tensorflow as tf

        def infer(*inputs: Any) -> Any:
            return self.native(self._nested(inputs), training=False)

        dtypes = {"float": carrier(self.dtype), "int": "int32", "bool": "bool"}
        specs = [
            tf.TensorSpec([None if isinstance(n, Size) else n for n in x.shape], dtypes[x.dtype])
            for x in self.program.root.inputs
        ]
        compiled = tf.function(infer, autograph=False, jit_compile=self.xla)
        return compiled.get_concrete_function(*specs)

    @contextmanager
    def _kept(self, paths: Any) -> Any:
        """Put back some state in the end."""
        before = {path: np.array(self.variables[path]) for path in paths}
        try:
            yield
        finally:
            for path, value in before.items():
                self.variables[path].assign(value)

    # weights

    def get_weights(self) -> dict[str, np.ndarray]:
        return self._canonical({p: _numpy(v) for p, v in self.variables.items()})

    def _canonical(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """By path, of the arrays of variables."""
        return {p: to_canonical(a, self.emitted.bindings[p]) for p, a in arrays.items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        for path, value in weights.items():
            variable = self.variables[path]
            variable.assign(to_native(value, self.emitted.bindings[path], variable))

    def native_weights(self) -> dict[str, np.ndarray]:
        """In the order of `model.weights`."""
        found: dict[str, np.ndarray] = {}
        for variable in self.native.weights:
            found[unique(variable.path, found)] = _numpy(variable)
        return found

    def import_native(self, saved: Any) -> dict[str, np.ndarray]:
        """From a model, its get_weights(), arrays by variable path, a .weights.h5 or .keras file."""
        whole = isinstance(saved, keras.Model)
        if whole:
            same_layers(self.native, saved)
            saved = saved.get_weights()
        if isinstance(saved, Mapping):
            paths = {p: v.path for p, v in self.variables.items()}
            missing = sorted(set(paths.values()) - set(saved))
            if missing:
                raise WeightsError(f"the arrays lack {missing}, paths of this model's variables")
            return self._canonical({p: np.array(saved[native]) for p, native in paths.items()})
        if isinstance(saved, (str, Path)):
            return self._from_file(Path(saved))
        if not isinstance(saved, Sequence):
            raise WeightsError(
                "expected a keras.Model, what its get_weights() gives, arrays by variable path, or a "
                f"path, got {type(saved).__name__}"
            )
        own = self.native.weights
        if len(saved) != len(own):
            raise WeightsError(f"this model has {len(own)} weights, got {len(saved)}")
        unclear = reordered(self.program, self.emitted.bindings)
        if unclear and not whole:
            raise WeightsError(
                f"{unclear} is written out in this model's source, with its gates in another order "
                "than Keras' own layer has; a list of arrays does not tell which it is. Give the "
                "keras.Model itself, its arrays by variable path, or a file"
            )
        given = {id(v): np.array(array) for v, array in zip(own, saved, strict=True)}
        return self._canonical({p: given[id(v)] for p, v in self.variables.items()})

    def _from_file(self, path: Path) -> dict[str, np.ndarray]:
        """Weights are read into a fresh model; nothing else of the file is used."""
        if not path.name.endswith((".weights.h5", ".keras")):
            raise WeightsError(f"{path}: expected a file .weights.h5 or .keras")
        fresh = KerasModel(self.program, self.emitted, self.make, self.dtype, self.xla)
        try:
            fresh.native.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"{path} does not hold this model's weights: {error}") from error
        return fresh.get_weights()

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        reseed(self.native, seed)
        yield

    def _generators(self) -> list[Any]:
        """The states of Keras' generators, in the order of the layers."""
        return [v for v in self.native.variables if v.path.endswith("/seed_generator_state")]

    def random_state(self) -> dict[str, np.ndarray]:
        return {str(number): np.array(v) for number, v in enumerate(self._generators())}

    def set_random_state(self, state: Mapping[str, np.ndarray]) -> None:
        for number, variable in enumerate(self._generators()):
            variable.assign(state[str(number)])

    # gradients

    def gradients(
        self, inputs: list[np.ndarray], cotangents: list[np.ndarray | None], training: bool
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        return self._gradients(inputs, cotangents, training, lambda compute: compute)

    def training_gradients(
        self, inputs: list[np.ndarray], cotangents: list[np.ndarray | None], training: bool
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        """TensorFlow's own derivative of ReLU multiplies by 0 what XLA leaves out: an infinity too."""

        def compiled(compute: Callable[..., Any]) -> Callable[..., Any]:
            import tensorflow as tf

            return tf.function(compute, autograph=False, jit_compile=self.xla)

        return self._gradients(inputs, cotangents, training, compiled)

    def _gradients(
        self,
        inputs: list[np.ndarray],
        cotangents: list[np.ndarray | None],
        training: bool,
        prepared: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        """prepared: makes of a function of tensors the one that is called."""
        if not on_tensorflow():
            raise BackendError(f"no gradients with Keras on {ENGINE}")
        import tensorflow as tf

        entries = self.program.entries
        trained = [path for path in self.variables if entries[path].role == "parameter"]
        state = set(self.variables) - set(trained)

        def compute(tensors: list[Any], factors: list[Any]) -> list[Any]:
            with tf.GradientTape() as tape:
                tape.watch([x for x in tensors if x.dtype.is_floating])
                outputs = self._leaves(self.native(self._nested(tensors), training=training))
                pairs = zip(outputs, factors, strict=True)
                total = tf.add_n([tf.reduce_sum(y * weight) for y, weight in pairs
                                  if weight is not None])  # fmt: skip
            sources = [*(self.variables[path].value for path in trained), *tensors]
            found = tape.gradient(total, sources, unconnected_gradients="zero")
            return [tf.convert_to_tensor(g) for g in found]

        tensors = [tf.convert_to_tensor(x) for x in inputs]
        factors = [None if x is None else tf.convert_to_tensor(x) for x in cotangents]
        with self._kept(state):
            found = prepared(compute)(tensors, factors)
        arrays = [g.numpy() for g in found]
        by_input = [
            array if x.dtype.is_floating else None
            for x, array in zip(tensors, arrays[len(trained) :], strict=True)
        ]
        return self._canonical(dict(zip(trained, arrays, strict=False))), by_input


def _numpy(tensor: Any) -> np.ndarray:
    """A copy as an array; of one of the half-size types, which NumPy lacks or keeps apart, float32."""
    if is_low(keras.backend.standardize_dtype(tensor.dtype)):
        tensor = keras.ops.cast(tensor, "float32")
    return np.array(keras.ops.convert_to_numpy(tensor))


def _without_gradients() -> Any:
    if ENGINE != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()
