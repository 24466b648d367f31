"""Why the loss of some batch is not finite in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from polydl.diagnostics.divergence import Clock, channels_last
from polydl.diagnostics.non_finite import NonFinite, first_non_finite
from polydl.diagnostics.objective import Array, objective
from polydl.training.preparation import Prepared

if TYPE_CHECKING:
    from polydl.training.fit import Fitting

SECONDS = 10.0  # that the oracle may take


def cause_of_loss(
    fitting: Fitting, prepared: Prepared, batches: Iterable[Sequence[Array]]
) -> list[str]:
    """What to say of the first batch whose loss is not finite; nothing where all are."""
    trainer = prepared.trainer
    for number, batch in enumerate(batches):
        loss = trainer.fetch([trainer.evaluate_step(*batch)])[0, 0]
        if not np.isfinite(loss):
            found = _on_the_oracle(fitting, prepared, batch)
            place = f"The loss of batch {number + 1} (counted from 1) is {loss}"
            return [place, *([str(found)] if found else [])]
    return []


def _on_the_oracle(
    fitting: Fitting, prepared: Prepared, batch: Sequence[Array]
) -> NonFinite | None:
    """Where it arises; None where that is not found, or takes longer than SECONDS."""
    training, dtype = prepared.emitted.parts.training, fitting.options.dtype
    whole, clock = objective(fitting.program, training), Clock(SECONDS)
    arrays = whole.arrays(channels_last(fitting, batch), [], 0)
    weights = {**prepared.model.get_weights(), **prepared.state.averages()}
    try:
        for low in dict.fromkeys((None, training.precision)):
            found = first_non_finite(whole, weights, arrays, dtype, False, clock, precision=low)
            if found is not None:
                return found
    except TimeoutError:
        pass
    return None
