from __future__ import annotations

from polydl.callbacks import emitted
from polydl.callbacks.watching import Watching
from polydl.spec.registry import builtin


@builtin()
class EarlyStopping(Watching):
    """Ends a run when a score has not improved for `patience` epochs in a row.

    The score improves where it is better than the best so far by more than min_delta: with patience 3
    and the best score in epoch 5, the run ends after epoch 8 unless one of 6, 7, 8 improves. NaN never
    improves. Keras' counts like this; flax's ends one epoch later.

    monitor: a key of the history. mode: whether "min" or "max" is better; None asks the score: losses
    are better smaller, a metric says it by its `better`. restore_best: at the run's end, however it
    ends but by an error, the net gets the weights and state back that it had after the best epoch,
    for which a copy of them is kept; the optimizer's state stays that of the last.
    """

    runs, variable = emitted.EarlyStopping, "early_stopping"
    needs, kept = (emitted.improves,), ("best", "best_epoch", "waited")

    monitor: str = "val_loss"
    patience: int = 5
    min_delta: float = 0.0
    mode: str | None = None
    restore_best: bool = True

    def __post_init__(self) -> None:
        self.check_settings()
