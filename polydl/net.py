"""Net: a compiled model. What dl.compile and dl.load return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from polydl import weights as weights_files
from polydl.backend import Backend, NativeModel, Options
from polydl.data import check_batch_sizes, in_layout, input_arrays
from polydl.errors import BackendError, DefinitionError, PolydlError
from polydl.precision import check_dtype, floats_rounded, is_low
from polydl.program.structure import unflatten
from polydl.program.types import Program, inference_writes
from polydl.spec.initializers import initial_weights
from polydl.training.callbacks import all_callbacks
from polydl.training.history import History
from polydl.training.script import check_stem
from polydl.training.settings import Training


class Net:
    """A model on one backend: the framework's own object, its source, and numpy around it.

    native: a torch.nn.Module, a functional keras.Model or a flax.nnx.Module. source: the text that
    made it. program: what it was emitted from.
    """

    def __init__(
        self, program: Program, backend: Backend, options: Options, model: NativeModel
    ) -> None:
        from polydl.training.fit import Fitting

        self.program, self.options = program, options
        self._backend, self._model = backend, model
        self._fitting = Fitting(program, backend, options, model)

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._backend.name

    @property
    def native(self) -> Any:
        """The framework's own object."""
        return self._model.native

    @property
    def source(self) -> str:
        """The emitted text of the model."""
        return self._model.emitted.source

    @property
    def training_source(self) -> str:
        """The emitted training program of the last `fit` or `evaluate`."""
        return self._fitting.source

    def __call__(self, inputs: Any, *, training: bool = False, keep_state: bool = False) -> Any:
        """Outputs as numpy arrays. training=True uses training mode and updates state.

        inputs: as dl.Input was given to `compile`: an array, or several as a tuple or dict.
        keep_state: carry state that the model updates in use, such as a key/value cache, on to the
        next call; otherwise each call begins from the same. `reset_state` sets it back.
        """
        for name, value in (("training", training), ("keep_state", keep_state)):
            if not isinstance(value, bool):
                raise DefinitionError(f"{name} must be True or False, got {value!r}")
        arrays = input_arrays(self.program, inputs, self.options.carrier)
        if training:
            check_batch_sizes(self.program, arrays, {len(arrays[0])})
        arrays = in_layout(arrays, self._model.emitted.channels_first)
        with self._backend.precision(self.options):
            outputs = self._model.call(arrays, training, keep_state)
        return unflatten(self.program.outputs, outputs)

    def reset_state(self) -> None:
        """Set state that the model updates in use back to its initial values."""
        initial = initial_weights(self.program, 0)
        used = {path: initial[path] for path in inference_writes(self.program)}
        with self._backend.precision(self.options):
            self._model.set_weights(used)

    def predict(self, inputs: Any, batch_size: int = 256) -> Any:
        """Outputs for any number of samples, computed batch by batch."""
        return self._fitting.predict(inputs, batch_size)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """All parameters and state by canonical path, in canonical layouts. Copies.

        Those of a model in bfloat16 or float16 are float32 arrays of the same numbers.
        """
        return self._model.get_weights()

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """What is trained."""
        return self._of_role("parameter")

    @property
    def averaged_weights(self) -> dict[str, np.ndarray]:
        """`weights` with the averages that the last `fit` kept, as Training(average=...) says."""
        return self._fitting.averaged_weights()

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What is carried along, such as running statistics."""
        return self._of_role("state")

    def _of_role(self, role: str) -> dict[str, np.ndarray]:
        entries = self.program.entries
        return {path: v for path, v in self.weights.items() if entries[path].role == role}

    def load_weights(self, weights: Mapping[str, Any] | str | Path) -> None:
        """Set all weights, from a dict by path or a safetensors file.

        Raises WeightsError that names everything missing, extra or misshapen; nothing is changed.
        The optimizer's state stays, and the next `fit` continues with it; compile anew for a fresh
        start. Averages of weights (`Training.average`) begin with the new ones.
        """
        if isinstance(weights, (str, Path)):
            given: Mapping[str, Any] = weights_files.read_weights(weights)
            where = str(weights)
        else:
            given, where = weights, "the given weights"
        checked = weights_files.check_weights(self.program, given, where)
        with self._backend.precision(self.options):
            if is_low(self.options.dtype):
                checked = floats_rounded(checked, self.options.dtype)
            self._model.set_weights(checked)
            self._fitting.weights_given(checked)

    def import_native(self, saved: Any) -> None:
        """Load weights that this program's native object saved in its framework's own way.

        torch: the module, a state_dict or a file of one. Keras: the model, its `get_weights()`,
        arrays by variable path, or a file. Flax: the module: an nnx.State or its pure dict.
        """
        with self._backend.precision(self.options):
            self.load_weights(self._model.import_native(saved))

    def save(self, path: str | Path) -> None:
        """Write Program and weights into one safetensors file, for any backend."""
        weights_files.save(path, self.program, self.weights)

    def save_source(self, path: str | Path) -> None:
        """Write the emitted text of the model. Raises PolydlError where that fails.

        DefinitionError for a file that would hide a module it imports, such as torch.py.
        """
        check_stem(Path(path).stem, self.source)
        try:
            Path(path).write_text(self.source, encoding="utf-8")
        except OSError as error:
            raise PolydlError(f"{path}: the source cannot be written: {error.strerror}") from error

    def summary(self) -> str:
        """Paths, shapes and counts of all parameters and state."""
        from polydl.summary import summary

        return summary(self.program)

    def fit(
        self,
        training: Training,
        data: Any,
        validation: Any = None,
        progress: bool | None = None,
        after_epoch: Callable[[int, dict[str, float]], None] | None = None,
        prefetch: int = 2,
        check_finite: bool = True,
        resume: bool | str | Path = False,
    ) -> History:
        """Run the emitted training program on (inputs, targets), or (inputs, targets, weights).

        Or on batches of these: any iterable that begins anew for each epoch (a list, a
        torch.utils.data.DataLoader, a tf.data.Dataset, a Grain dataset; a generator does for one
        epoch), a function that gives one for the epoch, counted from 0 (hooks, logs and errors count
        from 1), named columns (dl.Columns), or a dl.Source of one's own. They keep their sizes and
        order. An epoch is what the iterable gives until it ends; of one without an end,
        `lambda epoch: itertools.islice(stream, 500)` makes epochs of 500 batches. prefetch: how many
        are made ahead, and augmented, in a thread, while a step runs; 0 is no thread, for data that
        draws from a framework's own generator on the way.

        weights: of samples (batch,), or of each value of the loss; validation may lack them.
        targets are None for a loss that takes none, and a dict or a tuple, as the model's outputs are,
        where there is a loss for each of several; so may weights be, or else they count for all.
        An interrupt (Ctrl-C) ends the run after the current step; what was learnt is kept, and the
        history says so. A second fit with the same optimizer continues with its state.
        progress: show a bar; by default, where standard error is a terminal.
        after_epoch(epoch, scores) is called when weights are in place.
        check_finite: stop where a loss, a weight or state is not finite: DivergenceError says at which
        step and where the first bad value arises, and the net keeps the weights of before that step.
        Losses are looked at every hundred steps and, with the weights, at each epoch's end.
        resume: go on with the run of a checkpoint, up to training.epochs in all: True for the newest in
        the folder of training.checkpoint, or from the beginning where there is none; or a folder, or a
        file, of a run on any backend. The end is the one that the run would have had: bit for bit on
        the same backend and machine; on another, to rounding, which randomness="portable" is needed
        for where the model draws random numbers. Raises CheckpointError for a run of something else.
        """
        self._needs_training()
        callbacks = all_callbacks(training, progress, after_epoch)
        return self._fitting.fit(
            self, training, data, validation, callbacks, prefetch, check_finite, resume
        )

    def evaluate(self, training: Training, data: Any) -> dict[str, float]:
        """Loss and metrics of data as `fit` takes them, in evaluation mode. Weights are of losses.

        A score that is not finite is given as it is, and a dl.errors.NotFiniteWarning says which, in
        which batch, and where in the model the loss ceases to be finite. `fit` warns so, once, of
        scores that it does not train on.
        """
        self._needs_training()
        return self._fitting.evaluate(training, data)

    def trainer(self, training: Training) -> Any:
        """The emitted Trainer on this net's weights: train_step(*inputs, targets, step) and so on."""
        self._needs_training()
        return self._fitting.prepare(training).trainer

    def emit_training(self, training: Training) -> str:
        """The training program that `fit` would run, as text."""
        self._needs_training()
        return self._fitting.emit(training).source

    def save_training(
        self, path: str | Path, training: Training, data: Any, validation: Any = None
    ) -> list[Path]:
        """Write the training program as a script that runs alone, and the files that it loads.

        data and validation: as `fit` takes them. `python run.py` trains from this net's weights of
        now and gets the losses of a fresh net's `fit` (the same versions, device and threads); it
        needs the framework and NumPy. Beside `run.py` come run_weights.npz, the weights by native
        name, and run_data.npz (and run_validation.npz), the arrays. Batches from an iterable are not
        written: the script has a function to fill in. Callbacks that change the run are part of it;
        those that only look on (logs, checkpoints, a bar) are not; one of your own that sets the rate
        is refused, and others of your own are named in the script. Returns the paths. Raises
        PolydlError where they cannot be written.
        """
        self._needs_training()
        path = Path(path)
        if path.suffix != ".py":
            raise DefinitionError(
                f"save_training writes Python: give a path that ends in .py, got {path}"
            )
        return self._fitting.script(training, data, validation, path.stem).write(path.parent)

    def emit_script(self, training: Training, data: Any, validation: Any = None) -> str:
        """The text that `save_training` would write to training.py."""
        self._needs_training()
        return self._fitting.script(training, data, validation, "training").source

    def _needs_training(self) -> None:
        if not self._backend.trains:
            raise BackendError(
                f"the {self.backend} backend only calls models; compile for another one to train"
            )
        check_dtype(self.options.dtype, training=True)

    def __repr__(self) -> str:
        count = sum(int(np.prod(e.shape)) for e in self.program.entries.values())
        return f"Net({self.program.root.class_name}, backend={self.backend!r}, {count:,} numbers)"
