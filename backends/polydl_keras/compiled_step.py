"""The emitted training step where another engine than TensorFlow is under Keras."""

from __future__ import annotations

from polydl.program.types import Program
from polydl.training.contributions import GATHER
from polydl.training.emission import TrainingParts
from polydl.training.snapshot_text import snapshot_lines
from polydl_keras.tensorflow_step import WEIGHTS, model_inputs


def compiled_step(parts: TrainingParts, program: Program, optimizer: str) -> list[str]:
    """class Trainer on train_on_batch: Keras knows how its engine differentiates.

    optimizer: the text that makes it.
    """
    arrays = ", ".join(parts.arrays)
    targets, weights = _grouped(parts)
    others = [_one(targets)] if targets else []
    others += [f"sample_weight={_one(weights)}"] if weights else []
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
        *(_scores(parts) if parts.metrics.plain else []),
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
        *snapshot_lines(parts, WEIGHTS, ("", [])),
        f"    def evaluate_step(self, {arrays}):",
        *zero,
        "        self.model.reset_metrics()",
        f"        return self.model.test_on_batch({given})",
        "",
        "    @staticmethod",
        *(_fetching_means() if parts.metrics.plain else _fetching(parts)),
    ]


def _fetching_means() -> list[str]:
    return [
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
        *_named(parts),
        *(f"        {line}" for line in _loss(parts)),
    ]
    if not parts.metrics.means and parts.metrics.plain:
        return lines
    return [
        *lines,
        "",
        "    def compute_metrics(self, x, y, y_pred, sample_weight=None):",
        *_named(parts, weighted=parts.outputs is not None),
        *(f"        {line}" for line in _several_losses(parts)),
        *(_means(parts) if parts.metrics.plain else _contributions(parts)),
    ]


def _means(parts: TrainingParts) -> list[str]:
    return [
        *(f"        self.scores[{i}].update_state({m})" for i, m in enumerate(parts.metrics.means)),
        "        return self.get_metrics_result()",
    ]


def _contributions(parts: TrainingParts) -> list[str]:
    """What a batch brings, which no keras.metrics.Metric keeps: the loop does."""
    scores = [*(f"ops.reshape({text}, (1,))" for text in parts.metrics.means), *parts.metrics.sums]
    results = {"scores": f"ops.concatenate([{', '.join(scores)}])"} if scores else {}
    results |= dict(zip(_gathered(parts), parts.metrics.gathered, strict=True))
    return [
        *(["        outputs = ops.stop_gradient(outputs)"] if parts.outputs is None else []),
        "        results = self.get_metrics_result()",
        *(f'        results["{name}"] = {text}' for name, text in results.items()),
        "        return results",
    ]


def _gathered(parts: TrainingParts) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a step brings besides scores."""
    metrics = parts.metrics
    return {name: (-1, *s) for name, s in zip(metrics.names, metrics.shapes, strict=True)}


def _fetching(parts: TrainingParts) -> list[str]:
    scores = (
        ', *np.ravel(ops.convert_to_numpy(result["scores"]))' if parts.metrics.width > 1 else ""
    )
    lines = [
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        f'        scores = [[result["loss"]{scores}] for result in results]',
        "        return np.array(scores, np.float64)",
    ]
    if not parts.metrics.gathered:
        return lines
    return [
        *lines,
        "",
        "    @staticmethod",
        "    def gather(results):",
        f'        """{GATHER}"""',
        f"        shapes = {_gathered(parts)}".replace("'", '"'),
        "        return [",
        "            np.concatenate([np.reshape(ops.convert_to_numpy(result[name]), shape) "
        "for result in results])",
        "            for name, shape in shapes.items()",
        "        ]",
    ]


def _loss(parts: TrainingParts) -> list[str]:
    """Statements that return the loss."""
    lines = parts.loss_lines()
    if parts.outputs is None:
        return [f"return {lines[0].removeprefix('loss = ')}"]
    return [*lines, "return loss"]


def _several_losses(parts: TrainingParts) -> list[str]:
    """Statements of the losses of several outputs, for the scores."""
    if parts.outputs is None:
        return []
    detached = "outputs = keras.tree.map_structure(ops.stop_gradient, outputs)"
    return [detached, *parts.loss_lines()[:-1]]


def _grouped(parts: TrainingParts) -> tuple[list[str], list[str]]:
    """Names of the targets, and of the weights."""
    heads = parts.training.heads
    of = [
        dict.fromkeys(head.given[what] for head in heads if what in head.given)
        for what in ("targets", "weights")
    ]
    return list(of[0]), list(of[1])


def _one(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _named(parts: TrainingParts, weighted: bool = True) -> list[str]:
    """Keras' arguments under the names that the texts of losses and metrics use."""
    targets, weights = _grouped(parts)
    lines = ["outputs = y_pred"]
    for names, given in ((targets, "y"), (weights if weighted else [], "sample_weight")):
        # on torch they come as NumPy's
        if len(names) == 1:
            lines.append(f"{names[0]} = ops.convert_to_tensor({given})")
        elif names:
            lines.append(f"{', '.join(names)} = map(ops.convert_to_tensor, {given})")
    return [f"        {line}" for line in lines]


def _scores(parts: TrainingParts) -> list[str]:
    if not parts.metrics.means:
        return []
    return ["        self.model.scores = [keras.metrics.Mean(name=name) for name in SCORES[1:]]"]
