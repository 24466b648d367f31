"""Products with a parameter: of more axes than two, they are products of a matrix all the same.

See decision 0028: XLA is slow at the gradient of a kernel over several axes.
"""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import MULTIPLY, Code, binary
from polydl.emission.operators import Writer
from polydl.program.types import Node, Operand, Value


def _matmul(body: Body, node: Node, args: list[Code]) -> Code:
    x, kernel = node.operands
    rank = len(x.shape) if isinstance(x, Value) else 0
    if rank < 3 or not body.emitter.use_natives or not _is_parameter(body, kernel):
        return binary(args[0], "@", args[1], MULTIPLY)
    body.emitter.use_support("matmul")
    return Code(f"matmul({args[0].text}, {args[1].text})")


def _is_parameter(body: Body, kernel: Operand) -> bool:
    """Whether an operand is an entry of two axes, as it lies or transposed."""
    if not isinstance(kernel, Value) or len(kernel.shape) != 2:
        return False
    node = body.producers.get(kernel.id)
    if node is not None and node.op == "transpose":
        (source,) = node.operands
        node = body.producers.get(source.id) if isinstance(source, Value) else None
    return node is not None and node.op == "read"


MATMUL = '''def matmul(x, kernel):
    """x @ kernel, of x as a matrix: on a CPU, the kernel's gradient takes half the time."""
    y = x.reshape(-1, x.shape[-1]) @ kernel
    return y.reshape(*x.shape[:-1], kernel.shape[-1])'''

SUPPORT = {"matmul": MATMUL}

PRIMITIVES: dict[str, Writer] = {"matmul": _matmul}
