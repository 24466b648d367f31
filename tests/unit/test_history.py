"""What a run leaves behind, as a user reads it."""

from __future__ import annotations

import numpy as np
import pytest

from polydl.errors import DefinitionError
from polydl.training.history import History


def history() -> History:
    found = History()
    found.add(np.array([0.9, 0.7]), {"loss": 0.8, "f1": [0.1, 0.2]})
    found.add(np.array([0.5, 0.3]), {"loss": 0.4, "f1": [0.3, 0.4], "val_accuracy": 0.75})
    return found


def test_a_score_by_epoch():
    found = history()
    assert found.keys() == list(found) == ["loss", "f1", "val_accuracy"]
    assert found["loss"] == [0.8, 0.4]
    assert found["f1"] == [[0.1, 0.2], [0.3, 0.4]]
    assert found["val_accuracy"] == [None, 0.75]
    assert "loss" in found
    assert "val_loss" not in found
    assert dict(found) == {name: found[name] for name in found.keys()}  # noqa: SIM118


def test_a_score_that_there_is_not():
    with pytest.raises(DefinitionError, match=r"no such score. Did you mean 'val_accuracy'"):
        history()["val_acuracy"]
    with pytest.raises(DefinitionError, match="No epoch came to its end"):
        History()["loss"]


def test_it_prints_in_a_line():
    found = history()
    assert repr(found) == "History(2 epochs, 4 steps; loss 0.8 to 0.4, val_accuracy 0.75)"
    found.stopped = "enough"
    assert repr(found).endswith("; stopped: enough)")
    assert repr(History()) == "History(0 epochs, 0 steps)"
