"""What derivatives of a Program are taken of: the sum of its outputs times their cotangents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polydl.program.types import Program
from polydl.reference.gradients import Array, DirectionalDerivative, Point, check_direction
from polydl.reference.interpreter import Held, Interpreter

WEIGHT, INPUT = "weight ", "input "


class WeightedSum:
    """sum(output * cotangent) on the oracle, as a function of parameters and floating inputs.

    point: where it is differentiated, by name: `weight ` and a path, `input ` and a number.
    cotangents: for each output in order, None for one that is left out. What stop_gradient gives at
    the point stays as it is nearby.
    """

    def __init__(
        self,
        program: Program,
        weights: Mapping[str, Array],
        inputs: Sequence[Array],
        cotangents: Sequence[Array | None],
        training: bool,
    ):
        self.interpreter, self.training = Interpreter(program), training
        self.weights, self.inputs, self.cotangents = weights, inputs, cotangents
        entries = program.entries
        self.point: dict[str, Array] = {
            WEIGHT + p: w for p, w in weights.items() if entries[p].role == "parameter"
        }
        self.point |= {f"{INPUT}{i}": x for i, x in enumerate(inputs) if x.dtype.kind == "f"}
        self.held = Held()
        self.value = self({})

    def __call__(self, moved: Point) -> float:
        """The sum with some of the arrays replaced."""
        weights = {p: moved.get(WEIGHT + p, w) for p, w in self.weights.items()}
        inputs = [moved.get(f"{INPUT}{i}", x) for i, x in enumerate(self.inputs)]
        outputs, _ = self.interpreter.run(weights, inputs, self.training, held=self.held)
        return float(
            sum((y * w).sum() for y, w in zip(outputs, self.cotangents, strict=True)
                if w is not None)
        )  # fmt: skip

    def part(self, by: str = "") -> dict[str, Array]:
        """One array of the point, or all."""
        return {by: self.point[by]} if by else self.point

    def derivative(self, by: str = "", seed: int = 0) -> DirectionalDerivative:
        """The five-point derivative along a random direction: of all arrays, or of one."""
        return check_direction(self, self.part(by), seed)


def gradients_by_name(
    by_path: Mapping[str, Array], by_input: Sequence[Array | None]
) -> dict[str, Array]:
    """What NativeModel.gradients gives, under the names of a WeightedSum's point."""
    found = {WEIGHT + path: slope for path, slope in by_path.items()}
    return found | {f"{INPUT}{i}": g for i, g in enumerate(by_input) if g is not None}
