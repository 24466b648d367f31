"""The text that makes a Trainer's optimizer: optax's, or the definition in optax's form."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts
from polydl.training.rule_groups import RuleGroup, first_value
from polydl.training.selection import Selection, select


def optimizer_text(parts: TrainingParts, groups: Sequence[RuleGroup]) -> str:
    """The whole transformation, from gradients to updates."""
    training = parts.training
    chain = []
    if training.clip_value is not None:
        chain.append(f"optax.clip({training.clip_value!r})")
    if training.clip_norm is not None:
        chain.append(f"optax.clip_by_global_norm({training.clip_norm!r})")
    if len(groups) == 1:
        chain.append(_construct(parts, groups[0]))
    else:
        named = zip(labels(parts, groups), groups, strict=True)
        inner = ", ".join(f'"{label}": {_construct(parts, group)}' for label, group in named)
        chain.append(
            f"optax.partition({{{inner}}}, lambda params: jax.tree.map_with_path(group, params))"
        )
    return chain[0] if len(chain) == 1 else f"optax.chain({', '.join(chain)})"


def grouping(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """A function that says in which group a parameter is, where there are several."""
    if len(groups) == 1:
        return []
    chosen = [_selection(parts, group.paths, False) for group in groups]
    names = labels(parts, groups)
    lines = ["def group(path, value):"]
    if any(selection.takes_name for selection in chosen[:-1]):
        lines.append(f'{INDENT}name = jax.tree_util.keystr(path, simple=True, separator=".")')
    for label, selection in zip(names[:-1], chosen, strict=False):
        lines += [
            f"{INDENT}if {selection.condition('name', 'value.ndim')}:",
            f'{INDENT * 2}return "{label}"',
        ]
    return [*lines, f'{INDENT}return "{names[-1]}"', ""]


def labels(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """A name for each group: what its parameters have in common, where that is short."""
    found: list[str] = []
    for number, group in enumerate(groups):
        selection = _selection(parts, group.paths, False)
        kind = {">": "matrices", "<": "others", "": ""}[selection.ranks]
        place = selection.prefixes[0].rstrip(".") if selection.prefixes else ""
        if len(selection.prefixes) > 1 or selection.without or selection.names:
            place = ""
        label = f"{place} {kind}".strip()
        found.append(label if label and label not in found else f"group {number}")
    return found


def frozen_text(parts: TrainingParts) -> list[str]:
    """Which Variables are trained, where some parameters are not."""
    if not parts.frozen:
        return []
    selection = _selection(parts, parts.frozen, True)
    lines = ["def frozen(path, value):"]
    if selection.takes_name:
        lines.append(f'{INDENT}name = ".".join(map(str, path))')
    return [
        *lines,
        f"{INDENT}return {selection.condition('name', 'value.ndim')}",
        "",
        "trainable = nnx.All(nnx.Param, nnx.Not(frozen))",
    ]


def _selection(parts: TrainingParts, paths: Sequence[str], frozen: bool) -> Selection:
    """frozen: of all parameters, and not only of those that are trained."""
    ranks = {
        parts.bindings[path].native: rank
        for path, rank in parts.ranks.items()
        if frozen or path not in parts.frozen
    }
    return select({parts.bindings[path].native for path in paths}, ranks)


def _construct(parts: TrainingParts, group: RuleGroup) -> str:
    text = repr(group.constant_rate) if not parts.takes_rate else "learning_rate"
    if parts.takes_rate and group.rate != 1.0:
        text = f"{group.rate!r} * learning_rate"
    if group.native is not None:
        settings = "".join(f", {name}={value}" for name, value in group.native.settings.items())
        chain = [*group.native.before, f"{group.native.name}({text}{settings})"]
        return chain[0] if len(chain) == 1 else f"optax.chain({', '.join(chain)})"
    begins = ", ".join(f'"{slot}": {_begin(group, slot)}' for slot in group.optimizer.slots)
    update = group.made.update
    if group.axes is not None:
        update = f"turned({update}, {group.axes})"
    given = [update, f"{{{begins}}}", *([text] if parts.takes_rate else [])]
    return f"update_rule({', '.join(given)})"


def _begin(group: RuleGroup, slot: str) -> str:
    """A function of the parameter that gives a slot's first value."""
    shape, fill = first_value(group, slot)
    if shape is not None:
        return f"lambda value: jnp.full({shape}, {fill!r}, value.dtype)"
    if group.axes is not None:
        return f"lambda value: jnp.full_like(value.transpose({group.axes}), {fill!r})"
    return f"lambda value: jnp.full_like(value, {fill!r})" if fill else "jnp.zeros_like"


def update_rule_lines(parts: TrainingParts, groups: Sequence[RuleGroup]) -> list[str]:
    """An optax transformation around emitted update rules, where some have no native."""
    own = [group for group in groups if group.native is None]
    if not own:
        return []
    rate = ", learning_rate" if parts.takes_rate else ""
    names = dict.fromkeys(type(group.optimizer).__name__ for group in own)
    lines = [
        f"def update_rule(rule, slots{rate}):",
        f'    """{" and ".join(names)}, from the definition, as optax has it."""',
        "",
        "    def init(params):",
        "        carried = {name: jax.tree.map(begin, params) for name, begin in slots.items()}",
        '        return {"step": jnp.zeros((), jnp.int32), **carried}',
        "",
        "    def update(grads, state, params):",
        '        step = state["step"] + 1',
        "        carried = [state[name] for name in slots]",
        "",
        "        def move(value, grad, *own):",
        f"            return rule(value, grad, step{rate}, *own)",
        "",
        "        values = jax.tree.map(move, params, grads, *carried)",
        "        if slots:",
        "            outer, inner = jax.tree.structure(params), (0, *slots)",
        "            values, *carried = jax.tree.transpose(",
        "                outer, jax.tree.structure(inner), values",
        "            )",
        "        updates = jax.tree.map(jnp.subtract, values, params)",
        '        return updates, {"step": step, **dict(zip(slots, carried))}',
        "",
        "    return optax.GradientTransformation(init, update)",
    ]
    if any(group.axes is not None for group in own):
        lines += ["", "", *_TURNED.split("\n")]
    return lines


_TURNED = '''def turned(rule, axes):
    """A rule that sees parameters in the layout that it is about."""
    back = np.argsort(axes)

    def move(value, grad, *others):
        moved, *slots = rule(value.transpose(axes), grad.transpose(axes), *others)
        return moved.transpose(back), *slots

    return move'''
