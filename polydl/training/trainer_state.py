"""What a Trainer carries from step to step besides its model's weights, in canonical layouts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from polydl.backend import NativeModel
    from polydl.training.emission import EmittedTraining, TrainingParts

Arrays = dict[str, np.ndarray]
OptimizerState = dict[str, Arrays]  # by canonical path and slot


class TrainerState(ABC):
    """It of one Trainer, between two steps: taken out, and put in from any backend's."""

    def __init__(self, emitted: EmittedTraining, model: NativeModel, trainer: Any):
        self.emitted, self.model, self.trainer = emitted, model, trainer

    @property
    def parts(self) -> TrainingParts:
        return self.emitted.parts

    @abstractmethod
    def optimizer(self) -> OptimizerState:
        """What the optimizer carries. What has not moved yet has its first values."""

    @abstractmethod
    def set_optimizer(self, state: OptimizerState, updates: int) -> None:
        """Give the optimizer what another carried after so many updates."""

    @abstractmethod
    def updates(self) -> int:
        """How many updates the optimizer has counted; 0 where it does not count."""

    def averages(self) -> Arrays:
        """The averages of weights by canonical path, of all parameters that are trained, if any."""
        return {} if self.parts.training.average is None else self._averages()

    @abstractmethod
    def set_averages(self, values: Mapping[str, np.ndarray]) -> None:
        """Give it the averages of another. values may hold more."""

    @abstractmethod
    def _averages(self) -> Arrays: ...

    def loss_scale(self) -> dict[str, float]:
        """Of a loss in float16; {} where the loss is not scaled.

        scale: the factor. good_steps: updates since it changed, none of them skipped. updates: those
        that the optimizer has counted, which are all steps but the skipped ones.
        """
        if self.parts.scaling is None:
            return {}
        return {**self._loss_scale(), "updates": self.updates()}

    def set_loss_scale(self, state: Mapping[str, float]) -> None:
        """Give it the scale of another. Its `updates` are what `set_optimizer` takes."""
        if self.parts.scaling is not None and state:
            self._set_loss_scale(state)

    @abstractmethod
    def _loss_scale(self) -> dict[str, float]: ...

    @abstractmethod
    def _set_loss_scale(self, state: Mapping[str, float]) -> None: ...
