"""The emitted training step where another engine than TensorFlow is under Keras."""

from __future__ import annotations

from polydl.program.types import Program
from polydl.training.emission import TrainingParts
from polydl_keras.tensorflow_step import model_inputs


def compiled_step(parts: TrainingParts, program: Program, optimizer: str) -> list[str]:
    """class Trainer on train_on_batch: Keras knows how its engine differentiates.

    optimizer: the text that makes it.
    """
    arrays = ", ".join(parts.arrays)
    known = {"targets": "targets", "weights": "sample_weight=weights"}
    others = [known[name] for name in parts.given]
    given = ", ".join([model_inputs(parts, program), *others, "return_dict=True"])
    zero = ["        step = np.int32(0)"] if parts.takes_step else []
    cast = ["        step = np.int32(step)"] if parts.takes_step else []
    rate = ", learning_rate" if parts.takes_rate else ""
    if rate:
        cast.append("        self.model.optimizer.learning_rate.assign(learning_rate)")
    return [
        *_trained(parts),
        "",
        "",
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        "    def __init__(self, model):",
        "        self.model = Trained(model.input, model.output)",
        *_scores(parts),
        f"        self.model.compile(optimizer={optimizer})",
        "",
        "    def start(self):",
        '        """Nothing to prepare: the step works on the model\'s own variables."""',
        "",
        "    def finish(self):",
        '        """Nothing to hand back."""',
        "",
        f"    def train_step(self, {arrays}, step{rate}):",
        *cast,
        "        self.model.reset_metrics()",
        f"        return self.model.train_on_batch({given})",
        "",
        f"    def evaluate_step(self, {arrays}):",
        *zero,
        "        self.model.reset_metrics()",
        f"        return self.model.test_on_batch({given})",
        "",
        "    @staticmethod",
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        "        scores = [[float(result[name]) for name in SCORES] for result in results]",
        "        return np.array(scores)",
    ]


def _trained(parts: TrainingParts) -> list[str]:
    lines = [
        "class Trained(keras.Model):",
        '    """The model with its loss and scores, over the same layers."""',
        "",
        "    def compute_loss(",
        "        self, x=None, y=None, y_pred=None, sample_weight=None, training=True",
        "    ):",
        *_named(parts.given),
        f"        return {parts.loss}",
    ]
    if not parts.metrics:
        return lines
    return [
        *lines,
        "",
        "    def compute_metrics(self, x, y, y_pred, sample_weight=None):",
        *_named(("targets",)),
        *(f"        self.scores[{i}].update_state({m})" for i, m in enumerate(parts.metrics)),
        "        return self.get_metrics_result()",
    ]


def _named(given: tuple[str, ...]) -> list[str]:
    """Keras' arguments under the names that the texts of losses and metrics use."""
    keras = {"outputs": "y_pred", "targets": "y", "weights": "sample_weight"}
    names = ("outputs", *given)
    return [f"        {', '.join(names)} = {', '.join(keras[name] for name in names)}"]


def _scores(parts: TrainingParts) -> list[str]:
    if not parts.metrics:
        return []
    return ["        self.model.scores = [keras.metrics.Mean(name=name) for name in SCORES[1:]]"]
