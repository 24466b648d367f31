"""Operations of dl.ops that are defined on others."""

from __future__ import annotations

from itertools import pairwise

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import Row, called, not_low, transforms
from polydl.program.types import Block
from polydl_torch.natives.common import Literal
from polydl_torch.primitives.common import pad_text


def padded(mode: str) -> Row:
    """F.pad knows a mode along the last axes only, with one or two axes before them."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        widths, dtype = block.config["widths"], block.inputs[0].dtype
        first = next((i for i, pair in enumerate(widths) if any(pair)), 0)
        if dtype != "float" or first not in (1, 2) or len(widths) - first > 3:
            return None
        return function_native(pad_text("{0}", widths, mode=mode))

    return row


def parts(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Equal parts, or parts of some sizes."""
    indices, axis = block.config["indices"], block.config["axis"]
    size = block.inputs[0].shape[axis]
    if not isinstance(size, int):
        return function_native(f"torch.tensor_split({{0}}, {indices}, dim={axis})")
    bounds = (0, *(min(i, size) for i in indices), size)
    sizes = [stop - start for start, stop in pairwise(bounds)]
    if len(set(sizes)) == 1 and size:
        return function_native(f"{{0!a}}.chunk({len(sizes)}, dim={axis})")
    return function_native(f"{{0!a}}.split({sizes}, dim={axis})")


DIM = {"dim": ("axis", None)}
KEPT = {"keepdim": ("keepdims", False)}

NATIVES: dict[str, Row] = {
    "polydl:logaddexp@1": called("torch.logaddexp", "{*}"),
    "polydl:nan_to_num@1": called("torch.nan_to_num", nan="nan", posinf="posinf", neginf="neginf"),
    "polydl:var@1": called("torch.var", **DIM, correction="ddof", **KEPT),
    "polydl:logsumexp@1": called("torch.logsumexp", dim="axis", **KEPT),
    "polydl:norm@1": called("torch.linalg.vector_norm", **DIM, **KEPT),
    "polydl:stack@1": called("torch.stack", "[{*}]", dim=("axis", 0)),
    "polydl:split@1": parts,
    "polydl:unstack@1": called("torch.unbind", dim=("axis", 0)),
    "polydl:tile@1": called("torch.tile", "{0}, {reps}"),
    "polydl:repeat@1": called("torch.repeat_interleave", "{0}, {repeats}", dim="axis"),
    "polydl:edge_pad@1": padded("replicate"),
    "polydl:reflect_pad@1": padded("reflect"),
    "polydl:tril@1": called("torch.tril", diagonal=("k", 0)),
    "polydl:triu@1": called("torch.triu", diagonal=("k", 0)),
    "polydl:diagonal@1": called("torch.diagonal", "{0}, {offset}, -2, -1"),
    "polydl:diag@1": called("torch.diag", diagonal=("k", 0)),
    "polydl:fft@1": not_low(called("fft", "{*}", ("fft",))),
    "polydl:ifft@1": not_low(called("ifft", "{*}", ("ifft",))),
    "polydl:rfft@1": not_low(called("rfft", "{0}", ("rfft",))),
    "polydl:irfft@1": not_low(called("torch.fft.irfft", "torch.complex({*}), {n}")),
}

SUPPORT = transforms("torch.fft", "torch.complex")

_LAST = "F.pad has this mode for floats, along the last one to three axes after one or two others"
REASONS: dict[str, str] = {
    "polydl:top_k@1": "of equals torch.topk takes any, not the first",
    "polydl:std@1": "the derivative of torch.std where all are equal is 0, not NaN",
    "polydl:one_hot@1": "F.one_hot raises for an index out of range",
    "polydl:edge_pad@1": _LAST,
    "polydl:reflect_pad@1": _LAST,
}
