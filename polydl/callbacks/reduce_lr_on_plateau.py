from __future__ import annotations

from polydl.callbacks import emitted
from polydl.callbacks.watching import Watching
from polydl.spec.registry import builtin


@builtin()
class ReduceLROnPlateau(Watching):
    """Multiplies the learning rate by `factor` after `patience` epochs in a row without improvement.

    The score improves where it is better than the best so far by more than min_delta (an absolute
    difference, as in Keras; torch's is relative by default): with patience 3 and the best score in
    epoch 5, the rate of epoch 9 is the first that is reduced, unless one of 6, 7, 8 improves. Keras and
    optax count like this; torch acts one epoch later. NaN never improves. After a reduction, `cooldown`
    epochs do not count (as in torch; Keras counts the last of them).

    The rate is max(factor^n r, min(r, lowest)) after n reductions, where r is the optimizer's rate, a
    number or a schedule's: a schedule goes on below what the reductions leave of it. monitor, mode: as
    in EarlyStopping.
    """

    runs, variable = emitted.ReduceLROnPlateau, "plateau"
    needs, kept = (emitted.improves,), ("best", "waited", "cooling", "scale")
    changes_rate = True

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 0.0
    cooldown: int = 0
    lowest: float = 0.0
    mode: str | None = None

    def __post_init__(self) -> None:
        self.check_settings()
        self.require(0 < self.factor < 1, "factor must be between 0 and 1", self.factor)
        self.require(self.cooldown >= 0, "cooldown must be 0 or more", self.cooldown)
        self.require(self.lowest >= 0, "lowest must be 0 or more", self.lowest)
