"""The emitted training step of PyTorch."""

from __future__ import annotations

from polydl.emission.code import INDENT
from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD
from polydl.training.emission import TrainingParts


def native_optimizer(optimizer: Optimizer) -> str | None:
    """torch.optim's constructor for an update rule, or None where it has none that is equal."""
    if type(optimizer) is SGD:
        text = f"torch.optim.SGD(model.parameters(), lr={optimizer.learning_rate!r}"
        if optimizer.momentum:
            text += f", momentum={optimizer.momentum!r}"
        if optimizer.nesterov:
            text += ", nesterov=True"
        return f"{text}, fused=True)"
    if type(optimizer) is Adam:
        betas = f"({optimizer.beta1!r}, {optimizer.beta2!r})"
        return (
            f"torch.optim.Adam(model.parameters(), lr={optimizer.learning_rate!r}, betas={betas}, "
            f"eps={optimizer.epsilon!r}, fused=True)"
        )
    return None


def trainer_lines(parts: TrainingParts, device: str, natives: bool) -> list[str]:
    """class Trainer, and the optimizer's class where torch has none."""
    native = native_optimizer(parts.optimizer) if natives else None
    lines = [] if native else [*_optimizer_class(parts), "", ""]
    construct = native or "UpdateRule(model.parameters())"
    moved = "" if device == "cpu" else f'.to("{device}")'
    arrays = parts.arrays
    signature = ", ".join([*arrays, "step"])
    to_torch = [f"{a} = torch.from_numpy({a}){moved}" for a in arrays]
    call = ", ".join([*parts.inputs, *(["step"] if parts.takes_step else [])])
    step_tensor = f"step = torch.tensor(step, dtype=torch.int32{_on(device)})"
    lines += [
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        "    def __init__(self, model):",
        "        self.model = model",
        f"        self.optimizer = {construct}",
        "",
        "    def start(self):",
        "        self.model.train()",
        "",
        "    def finish(self):",
        "        self.model.eval()",
        "",
        f"    def train_step(self, {signature}):",
        *(INDENT * 2 + line for line in to_torch),
        *([INDENT * 2 + step_tensor] if parts.takes_step else []),
        f"        outputs = self.model({call})",
        f"        loss = {parts.loss}",
        "        self.optimizer.zero_grad()",
        "        loss.backward()",
        "        self.optimizer.step()",
        *_results(parts, detached=True),
        "",
        f"    def evaluate_step(self, {', '.join(arrays)}):",
        "        with torch.inference_mode():",
        *(INDENT * 3 + line for line in to_torch),
        f"            outputs = self.model({', '.join(parts.inputs)})",
        *(INDENT + line for line in _scores(parts, parts.loss)),
        "",
        "    @staticmethod",
        "    def fetch(results):",
        '        """Scores of steps as one array (steps, scores)."""',
        "        return torch.stack(results).cpu().numpy().astype(np.float64)",
    ]
    return lines


def _on(device: str) -> str:
    return "" if device == "cpu" else f', device="{device}"'


def _results(parts: TrainingParts, detached: bool) -> list[str]:
    if not parts.metrics:
        return ["        return loss.detach().reshape(1)"]
    return ["        with torch.no_grad():", *(INDENT + x for x in _scores(parts, "loss"))]


def _scores(parts: TrainingParts, loss: str) -> list[str]:
    return [f"        return torch.stack([{', '.join([loss, *parts.metrics])}])"]


def _optimizer_class(parts: TrainingParts) -> list[str]:
    """A torch.optim.Optimizer around the emitted update rule."""
    slots = parts.optimizer.slots
    state = "".join(f', state["{slot}"]' for slot in slots)
    targets = ", ".join(["new_value", *(f'state["{slot}"]' for slot in slots)])
    fresh = [f'                    state["{slot}"] = torch.zeros_like(value)' for slot in slots]
    return [
        "class UpdateRule(torch.optim.Optimizer):",
        f'    """{type(parts.optimizer).__name__}, from its definition."""',
        "",
        "    def __init__(self, parameters):",
        "        super().__init__(parameters, {})",
        "",
        "    @torch.no_grad()",
        "    def step(self):",
        "        for group in self.param_groups:",
        '            for value in group["params"]:',
        "                if value.grad is None:",
        "                    continue",
        "                state = self.state[value]",
        "                if not state:",
        '                    state["step"] = torch.zeros((), dtype=torch.int32)',
        *fresh,
        '                state["step"] += 1',
        f'                {targets} = {parts.update}(value, value.grad, state["step"]{state})',
        "                value.copy_(new_value)",
    ]
