"""The emitted training step of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polydl.emission.code import INDENT
from polydl.training.contributions import fetching, total
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup, rule_groups
from polydl.training.snapshot_text import snapshot_lines
from polydl_torch import mixed
from polydl_torch.averaging import average_lines, moving_lines
from polydl_torch.noise_text import noise_method, noise_table
from polydl_torch.optimizer_text import (
    construction,
    each_optimizer,
    has_rates,
    optimizers_of,
    update_rule_lines,
)
from polydl_torch.optimizers import native_optimizer
from polydl_torch.penalty_text import loss_lines, penalized_lines, penalty_method

_TO_NUMPY = ".cpu().numpy().astype(np.float64)"


_WEIGHTS = (
    "{name: value.clone() for name, value in self.model.state_dict().items()}",
    "self.model.load_state_dict(weights)",
)
_AVERAGES = (
    "{name: value.clone() for name, value in self.averages.items()}",
    ["self.averages = averages"],
)


def trainer_lines(parts: TrainingParts, device: str) -> list[str]:
    """class Trainer, and the optimizer's class where torch has none."""
    groups = rule_groups(parts, native_optimizer)
    optimizers = optimizers_of(groups)
    before = update_rule_lines(parts, groups)
    arrays = parts.arrays
    taken = "from_numpy({0})" if device == "cpu" else f'as_tensor({{0}}, device="{device}")'
    to_torch = [f"{a} = torch.{taken.format(a)}" for a in arrays]
    step = _in_parts(parts, device) if parts.micro_batch else _whole(parts, device)
    zero = each_optimizer(optimizers, "optimizer.zero_grad()")
    kept = [*average_lines(parts), *penalized_lines(parts), *noise_table(parts)]
    inputs = ", ".join(parts.inputs)
    called = f"self.model({inputs})"
    if parts.average_weight is not None:
        of = f"({inputs}{',' * (len(parts.inputs) == 1)})"
        called = f"torch.func.functional_call(self.model, self.averages, {of})"
    lines = [
        *([*before, "", ""] if before else []),
        *mixed.support_lines(parts, len(optimizers)),
        "class Trainer:",
        '    """Training and evaluation of one batch, with the optimizer\'s state."""',
        "",
        "    def __init__(self, model):",
        "        self.model = model",
        *(INDENT * 2 + line for line in construction(parts, optimizers, kept)),
        *(INDENT * 2 + line for line in mixed.construction(parts, len(optimizers), device)),
        "",
        "    def start(self):",
        "        self.model.train()",
        *_freezing(parts, False),
        "",
        "    def finish(self):",
        "        self.model.eval()",
        *_freezing(parts, True),
        "",
        f"    def train_step(self, {', '.join([*arrays, 'step', *parts.numbers])}):",
        *(INDENT * 2 + line for line in to_torch),
        *(INDENT * 2 + line for line in step(zero)),
        *(INDENT * 2 + line for line in mixed.unscaling(parts)),
        *(["        self.add_noise(step, noise_deviation)"] if parts.noise else []),
        *(["        self.clip()"] if parts.clips else []),
        *(INDENT * 2 + line for line in _update(parts, optimizers)),
        *(INDENT * 2 + line for line in moving_lines(parts)),
        *_results(parts),
        "",
        *penalty_method(parts),
        *noise_method(parts, _on(device)),
        *_clip(parts),
        *snapshot_lines(parts, _WEIGHTS, _AVERAGES),
        f"    def evaluate_step(self, {', '.join(arrays)}):",
        "        with torch.inference_mode():",
        *(INDENT * 3 + line for line in to_torch),
        *(INDENT * 3 + line for line in mixed.outputs_lines(parts, called, device)),
        *(INDENT * 3 + line for line in _evaluated(parts)),
        "",
        *fetching(parts.metrics, [f"torch.stack({{}}){_TO_NUMPY}"], f"torch.cat({{}}){_TO_NUMPY}"),
    ]
    return lines


def _whole(parts: TrainingParts, device: str) -> Callable[[list[str]], list[str]]:
    """Gradients of a batch."""

    def lines(zero: list[str]) -> list[str]:
        return [
            *_step_tensor(parts, device, "step"),
            *_forward(parts, device),
            *zero,
            mixed.backward(parts, "loss"),
        ]

    return lines


def _in_parts(parts: TrainingParts, device: str) -> Callable[[list[str]], list[str]]:
    """Gradients of a batch, part by part; the backward pass adds them up."""
    size, arrays = parts.micro_batch, parts.arrays
    names = ", ".join(arrays) if len(arrays) > 1 else f"({arrays[0]},)"
    split = ", ".join(f"{name}.split({size})" for name in arrays)
    counted = parts.takes_step
    turns = f"part, ({', '.join(arrays)}{',' * (len(arrays) == 1)})" if counted else names
    over = "enumerate(parts)" if counted else "parts"
    number = f"{parts.training.accumulate} * step + part"
    share = f"share = len({arrays[-1]}) / count"
    inner = [
        *_step_tensor(parts, device, number, "number"),
        *([share] if parts.uneven else []),
        *_forward(parts, device, "number", in_part=True),
        *([] if parts.uneven else [share]),
        mixed.backward(parts, "loss" if parts.uneven else "share * loss"),
        *_score_lines(parts, "results.append({})", *parts.part_scores),
    ]

    def lines(zero: list[str]) -> list[str]:
        return [
            f"count, results = len({arrays[-1]}), []",
            *(f"{name} = {text}" for name, text in parts.divisors.items()),
            *zero,
            f"parts = zip({split})",
            f"for {turns} in {over}:",
            *(INDENT + line for line in inner),
        ]

    return lines


def _forward(
    parts: TrainingParts, device: str, step: str = "step", in_part: bool = False
) -> list[str]:
    call = ", ".join([*parts.inputs, *([step] if parts.takes_step else [])])
    outputs = mixed.outputs_lines(parts, f"self.model({call})", device)
    return [*outputs, *loss_lines(parts, in_part=in_part)]


def _step_tensor(parts: TrainingParts, device: str, number: str, name: str = "step") -> list[str]:
    if not parts.takes_step:
        return []
    return [f"{name} = torch.tensor({number}, dtype=torch.int32{_on(device)})"]


def _on(device: str) -> str:
    return "" if device == "cpu" else f', device="{device}"'


def _freezing(parts: TrainingParts, trained: bool) -> list[str]:
    if not parts.frozen:
        return []
    return [
        "        for parameter in self.frozen:",
        f"            parameter.requires_grad_({trained})",
    ]


def _update(parts: TrainingParts, optimizers: Sequence[list[RuleGroup]]) -> list[str]:
    rate = 'learning_rate * group["rate"]' if has_rates(parts) else "learning_rate"
    lines = ["for group in optimizer.param_groups:", f'    group["lr"] = {rate}']
    if not parts.takes_rate:
        lines = []
    if parts.scaling:
        return [*(line.replace("optimizer", "self.optimizer") for line in lines),
                *mixed.stepping(parts)]  # fmt: skip
    return each_optimizer(optimizers, *lines, "optimizer.step()")


def _clip(parts: TrainingParts) -> list[str]:
    """A method; torch's clip_grad_norm_ adds 1e-6 to the norm."""
    value, norm = parts.training.clip_value, parts.training.clip_norm
    if not parts.clips:
        return []
    lines = [
        "    def clip(self):",
        "        parameters = [p for p in self.model.parameters() if p.grad is not None]",
    ]
    if value is not None:
        lines.append(f"        torch.nn.utils.clip_grad_value_(parameters, {value!r})")
    if norm is not None:
        lines += [
            "        gradients = [p.grad for p in parameters]",
            "        norm = torch.nn.utils.get_total_norm(gradients)",
            f"        torch._foreach_mul_(gradients, {norm!r} / norm.clamp(min={norm!r}))",
        ]
    return [*lines, ""]


def _results(parts: TrainingParts) -> list[str]:
    if parts.micro_batch:
        return [
            INDENT * 2 + line
            for line in total(parts.metrics, "torch.stack({}).sum(0)", "torch.cat({})")
        ]
    return [f"        {line}" for line in _score_lines(parts, "return {}")]


def _score_lines(
    parts: TrainingParts, statement: str, means: Sequence[str] = (), share: str = ""
) -> list[str]:
    """A statement of what a batch brings, which is not differentiated. means, share: as `_scores`."""
    metrics = parts.metrics
    if metrics.plain and not metrics.means:
        return [statement.format(f"{share}loss.detach().reshape(1)")]
    means = means or ["loss", *metrics.means]
    return [
        "with torch.no_grad():",
        *(INDENT + x for x in _scores(parts, means, statement, share)),
    ]


def _evaluated(parts: TrainingParts) -> list[str]:
    lines, loss = loss_lines(parts, "averages"), "loss"
    if parts.outputs is None:
        loss, lines = lines[0].removeprefix("loss = "), []
    return [*lines, *_scores(parts, [loss, *parts.metrics.means], "return {}")]


def _scores(
    parts: TrainingParts, means: Sequence[str], statement: str, share: str = ""
) -> list[str]:
    """A statement of what a batch brings. means: over samples; share: a factor of all of them."""
    metrics = parts.metrics
    scores = f"{share}torch.stack([{', '.join(means)}])"
    if metrics.sums and not share:
        scores = f"torch.hstack([{', '.join([*means, *metrics.sums])}])"
    elif metrics.sums:
        scores = f"torch.cat([{', '.join([scores, *metrics.sums])}])"
    if not metrics.gathered:
        return [statement.format(scores)]
    both = ", ".join(["scores", *metrics.gathered])
    return [f"scores = {scores}", statement.format(both if "return" in statement else f"({both})")]
