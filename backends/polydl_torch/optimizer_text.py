"""The text that makes a Trainer's optimizers."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.native_optimizer import NativeOptimizer
from polydl.training.rule_groups import RuleGroup, first_value
from polydl.training.selection import Selection, select


def optimizers_of(groups: Sequence[RuleGroup]) -> list[list[RuleGroup]]:
    """The optimizers: torch's of one class and kind take several groups, a definition takes one."""
    found: dict[object, list[RuleGroup]] = {}
    for number, group in enumerate(groups):
        key = _kind(group.native) if group.native else number
        found.setdefault(key, []).append(group)
    return list(found.values())


def _kind(native: NativeOptimizer) -> object:
    """Equal where groups may differ: all have the same settings, but for decay, and begin alike."""
    names = tuple(name for name in native.settings if name not in _OFF)
    return native.name, names, native.settings.get("initial_accumulator_value")


def construction(
    parts: TrainingParts, optimizers: Sequence[list[RuleGroup]], others: Sequence[str]
) -> list[str]:
    """Statements of Trainer.__init__, and others that come after them."""
    frozen = {parts.bindings[path].native for path in parts.frozen}
    texts = [_construct(parts, groups) for groups in optimizers]
    lines = [f"self.frozen = {chosen_text(parts, frozen)}"] if frozen else []
    if len(texts) == 1:
        lines.append(f"self.optimizer = {texts[0]}")
    else:
        lines += ["self.optimizers = [", *(f"{INDENT}{text}," for text in texts), "]"]
    lines += others
    if any("named[" in line for line in lines):
        lines.insert(0, "named = dict(model.named_parameters())")
    return lines


def each_optimizer(optimizers: Sequence[list[RuleGroup]], *lines: str) -> list[str]:
    """Lines about `optimizer`, for the one or for all."""
    if len(optimizers) == 1:
        return [line.replace("optimizer", "self.optimizer") for line in lines]
    return ["for optimizer in self.optimizers:", *(INDENT + line for line in lines)]


def _construct(parts: TrainingParts, groups: list[RuleGroup]) -> str:
    first = groups[0]
    rate = _base_rate(parts, groups)
    if first.native is None:
        return _from_definition(parts, first, rate)
    settings = "".join(f", {name}={text}" for name, text in first.native.settings.items())
    if len(groups) == 1:
        given = _group_text(parts, first, {})
        return f"{first.native.name}({given}, lr={rate}{settings})"
    differences = [_differences(parts, first, rate, group) for group in groups]
    texts = (_group_text(parts, g, own, True) for g, own in zip(groups, differences, strict=True))
    listed = ", ".join(texts)
    return f"{first.native.name}([{listed}], lr={rate}{settings})"


def _rate(parts: TrainingParts, group: RuleGroup) -> str:
    """The first learning rate; where it is scheduled, each step sets it."""
    if parts.takes_rate:
        return "0.0"
    return repr(group.constant_rate)


_OFF = {"weight_decay": "0.0"}  # of settings that are written where they are on


def _base_rate(parts: TrainingParts, groups: Sequence[RuleGroup]) -> str:
    """The optimizer's own rate, if one of the groups has it."""
    rates = [_rate(parts, group) for group in groups]
    plain = [rate for rate, group in zip(rates, groups, strict=True) if group.rate == 1.0]
    return (plain or rates)[0]


def _differences(
    parts: TrainingParts, first: RuleGroup, rate: str, group: RuleGroup
) -> dict[str, str]:
    """What a group has for itself."""
    assert first.native is not None
    assert group.native is not None
    names = dict.fromkeys([*group.native.settings, *first.native.settings])
    texts = {name: group.native.settings.get(name) or _OFF[name] for name in names}
    own = {name: text for name, text in texts.items() if first.native.settings.get(name) != text}
    if _rate(parts, group) != rate:
        own["lr"] = _rate(parts, group)
    return own


def has_rates(parts: TrainingParts) -> bool:
    """Whether groups differ in the factor of a scheduled learning rate."""
    return parts.takes_rate and any(made.rule.rate != 1.0 for made in parts.rules)


def _group_text(
    parts: TrainingParts, group: RuleGroup, own: dict[str, str], several: bool = False
) -> str:
    """What is given for parameters: themselves, or dicts with what differs."""
    chosen = _chosen(parts, group)
    items = [f'"{name}": {text}' for name, text in own.items()]
    if has_rates(parts):
        items.append(f'"rate": {group.rate!r}')
    if not items and not several:
        return chosen
    given = "{" + ", ".join([f'"params": {chosen}', *items]) + "}"
    return given if several else f"[{given}]"


def _chosen(parts: TrainingParts, group: RuleGroup) -> str:
    names = {parts.bindings[path].native for path in group.paths}
    return chosen_text(parts, names)


def selected(parts: TrainingParts, names: set[str]) -> Selection:
    """How a text says which parameters these native names are of."""
    ranks = {parts.bindings[path].native: rank for path, rank in parts.ranks.items()}
    return select(names, ranks)


def chosen_text(parts: TrainingParts, names: set[str]) -> str:
    """The text of an iterable of the parameters of these native names."""
    chosen = selected(parts, names)
    if chosen.is_all:
        return "model.parameters()"
    if not chosen.takes_name:
        return f"[p for p in model.parameters() if {chosen.condition('', 'p.ndim')}]"
    each, over = chosen.among("model.named_parameters()", "named")
    return f"[{each} {over}]"


def _from_definition(parts: TrainingParts, group: RuleGroup, rate: str) -> str:
    optimizer, update = group.optimizer, group.made.update
    if not optimizer.slots and any(m.optimizer.slots for m in parts.rules if m.update):
        call = update.partition(": ")[2] or f"{update}(*arguments)"
        update = f"lambda *arguments: ({call},)"  # a tuple, as the rules with slots give
    texts = [_group_text(parts, group, {}), update]
    if optimizer.slots:
        begins = ", ".join(f'"{slot}": {_begin(group, slot)}' for slot in optimizer.slots)
        texts.append(f"{{{begins}}}")
    if group.axes is not None:
        texts.append(f"axes={group.axes}")
    if not parts.takes_rate:
        return f"UpdateRule({', '.join(texts)})"
    return f"UpdateRule({', '.join(texts)}, lr={rate})"


def _begin(group: RuleGroup, slot: str) -> str:
    """A function of the parameter that gives a slot's first value."""
    shape, fill = first_value(group, slot)
    if shape is not None:
        return f"lambda value: value.new_full({shape}, {fill!r})"
    return f"lambda value: torch.full_like(value, {fill!r})" if fill else "torch.zeros_like"


def update_rule_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """class UpdateRule, where a rule has no native."""
    own = [group for group in groups if group.native is None]
    if not own:
        return []
    carries = any(group.optimizer.slots for group in own)
    turned = any(group.axes is not None for group in own)
    rate = parts.takes_rate
    signature = ["self", "parameters", "rule"]
    always = all(group.optimizer.slots for group in own)
    signature += (["slots"] if always else ["slots=()"]) if carries else []
    signature += ["axes=None"] * turned + ["lr=0.0"] * rate
    kept = ["rule", *(["slots"] if carries else []), *(["axes"] if turned else [])]
    arguments = ["value", "gradient" if turned else "value.grad", 'state["step"]']
    arguments += ["learning_rate"] if rate else []
    names = "parameter" if turned else "value"
    lines = [
        "class UpdateRule(torch.optim.Optimizer):",
        f'    """{_named(own)}, from its definition."""',
        "",
        f"    def __init__({', '.join(signature)}):",
        "        super().__init__(parameters, {})"
        if not rate
        else '        super().__init__(parameters, {"lr": lr})',
        f"        {', '.join(f'self.{k}' for k in kept)} = {', '.join(kept)}",
        "",
        "    @torch.no_grad()",
        "    def step(self):",
        "        for group in self.param_groups:",
        *(['            learning_rate = torch.tensor(group["lr"])'] if rate else []),
        f'            for {names} in group["params"]:',
        f"                if {names}.grad is None:",
        "                    continue",
        f"                state = self.state[{names}]",
    ]
    if turned:
        lines += [
            "                value, gradient = parameter, parameter.grad",
            "                if self.axes is not None:",
            "                    # views, in the layout that the rule is about",
            "                    value = value.permute(self.axes)",
            "                    gradient = gradient.permute(self.axes)",
        ]
    lines += [
        "                if not state:",
        '                    state["step"] = torch.zeros((), dtype=torch.int32)',
    ]
    if carries:
        lines += [
            "                    for name, begin in self.slots.items():",
            "                        state[name] = begin(value)",
        ]
    lines += ['                state["step"] += 1']
    if not carries:
        return [*lines, f"                value.copy_(self.rule({', '.join(arguments)}))"]
    return [
        *lines,
        "                carried = [state[name] for name in self.slots]",
        f"                new_value, *carried = self.rule({', '.join(arguments)}, *carried)",
        "                value.copy_(new_value)",
        "                state.update(zip(self.slots, carried))",
    ]


def _named(groups: Sequence[RuleGroup]) -> str:
    names = dict.fromkeys(type(group.optimizer).__name__ for group in groups)
    return " and ".join(names)
