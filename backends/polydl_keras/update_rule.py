"""An emitted keras.optimizers.Optimizer around the definition of an update rule."""

from __future__ import annotations

from polydl.training.emission import TrainingParts


def update_rule(parts: TrainingParts) -> list[str]:
    """class UpdateRule: any rule, with keras.ops only, on any engine."""
    slots = parts.optimizer.slots
    rate = parts.optimizer.learning_rate
    own = [f"self.{slot}_slots[index]" for slot in slots]
    name = type(parts.optimizer).__name__
    lines = [
        "class UpdateRule(keras.optimizers.Optimizer):",
        f'    """{name}, from its definition."""',
        "",
        "    def __init__(self):",
        f"        super().__init__(learning_rate={rate!r})",
        "",
    ]
    if slots:
        lines += [
            "    def build(self, variables):",
            "        if self.built:",
            "            return",
            "        super().build(variables)",
            *(
                f'        self.{slot}_slots = self.add_optimizer_variables(variables, "{slot}")'
                for slot in slots
            ),
            "",
        ]
    arguments = ", ".join(["variable", "gradient", "self.iterations + 1", *own])
    results = ", ".join(["value", *slots])
    return [
        *lines,
        "    def update_step(self, gradient, variable, learning_rate):",
        *(["        index = self._get_variable_index(variable)"] if slots else []),
        f"        {results} = {parts.update}({arguments})",
        *(f"        {place}.assign({slot})" for place, slot in zip(own, slots, strict=True)),
        "        variable.assign(value)",
    ]
