"""What runs of EarlyStopping and ReduceLROnPlateau: plain Python whose text training programs hold.

Everything here stands alone, and knows nothing of polydl: see program.py.
"""

# mypy: ignore-errors


def improves(score, best, mode, min_delta):
    """Whether a score is better than the best so far by more than min_delta; NaN never is."""
    if best is None:
        return score == score
    return score < best - min_delta if mode == "min" else score > best + min_delta


class EarlyStopping:
    """Says when a score has not improved for `patience` epochs in a row."""

    def __init__(self, monitor, mode, patience, min_delta):
        self.monitor, self.mode = monitor, mode
        self.patience, self.min_delta = patience, min_delta
        self.best, self.best_epoch, self.waited = None, None, 0
        self.weights = None  # those of the best epoch

    def improved(self, epoch, scores):
        """Look at the scores of an epoch."""
        score = scores[self.monitor]
        better = improves(score, self.best, self.mode, self.min_delta)
        if better:
            self.best, self.best_epoch, self.waited = score, epoch, 0
        else:
            self.waited += 1
        return better

    def stops(self):
        """Whether the run ends here."""
        return self.waited >= self.patience


class ReduceLROnPlateau:
    """Multiplies the learning rate by `factor` when a score has not improved for some epochs.

    It acts after `patience` epochs in a row without improvement. The `cooldown` epochs
    after it has acted do not count.
    """

    def __init__(self, monitor, mode, factor, patience, min_delta, cooldown, lowest):
        self.monitor, self.mode, self.factor = monitor, mode, factor
        self.patience, self.min_delta = patience, min_delta
        self.cooldown, self.lowest = cooldown, lowest
        self.best, self.waited, self.cooling, self.scale = None, 0, 0, 1.0

    def after_epoch(self, scores):
        """Look at the scores of an epoch."""
        score = scores[self.monitor]
        better = improves(score, self.best, self.mode, self.min_delta)
        if better:
            self.best = score
        if better or self.cooling > 0:
            self.waited = 0
        else:
            self.waited += 1
        self.cooling = max(self.cooling - 1, 0)
        if self.waited >= self.patience:
            self.scale *= self.factor
            self.waited, self.cooling = 0, self.cooldown

    def rate(self, learning_rate):
        """A learning rate as it is by now, not below `lowest` unless it was from the start."""
        return max(learning_rate * self.scale, min(learning_rate, self.lowest))
