"""Operations on tensors, with NumPy's names: what definitions are written in.

Their defaults are NumPy's, axes included. The dtypes are "float" (which float is chosen when a model
is compiled), "int" (int32) and "bool". The operands of an operation share one, but for Python ints
among floats: ints, bools and floats do not combine, and `.astype` converts. Conversions are made where
NumPy makes them and nothing else could be meant:

- sums, products and orders count bools as 0 and 1, so that `ops.sum(mask)` is how many hold;
- `mean`, `var`, `std`, `norm`, `median`, `logsumexp` and `/` give floats, of ints and bools too;
- `any`, `all` and `count_nonzero` take numbers, which hold where they are not 0.

Whatever else has a float as its result (`exp`, `sqrt`, `power`, `matmul`, ...) takes floats. `&`, `|`,
`^` and `~` are logical on bools and bitwise on ints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polydl.ops.elementwise import (  # noqa: F401
    absolute,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    astype,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    clip,
    cos,
    cosh,
    divide,
    equal,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    left_shift,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mod,
    multiply,
    nan_to_num,
    negative,
    not_equal,
    power,
    reciprocal,
    remainder,
    right_shift,
    round,
    rsqrt,
    shift_right_logical,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tan,
    tanh,
    trunc,
    where,
)
from polydl.ops.elementwise import absolute as abs  # noqa: F401
from polydl.ops.fourier import (  # noqa: F401
    fft,
    ifft,
    irfft,
    rfft,
)
from polydl.ops.making import (  # noqa: F401
    arange,
    constant,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from polydl.ops.picking import (  # noqa: F401
    argsort,
    median,
    one_hot,
    scatter_add,
    segment_mean,
    segment_sum,
    sort,
    take,
    take_along_axis,
    top_k,
    update_slice,
)
from polydl.ops.products import (  # noqa: F401
    dot,
    einsum,
    matmul,
    outer,
    tensordot,
)
from polydl.ops.random import (  # noqa: F401
    bernoulli,
    random_bits,
    random_normal,
    random_permutation,
    random_uniform,
)
from polydl.ops.reductions import (  # noqa: F401
    all,
    any,
    argmax,
    argmin,
    count_nonzero,
    cumprod,
    cumsum,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    std,
    sum,
    var,
)
from polydl.ops.shapes import (  # noqa: F401
    broadcast_to,
    concatenate,
    diag,
    diagonal,
    expand_dims,
    flip,
    meshgrid,
    moveaxis,
    pad,
    ravel,
    repeat,
    reshape,
    roll,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    trace,
    transpose,
    tril,
    triu,
    unstack,
)
from polydl.ops.windows import (  # noqa: F401
    conv,
    conv_transpose,
    window_max,
    window_sum,
)

if not TYPE_CHECKING:  # mypy would take any name for one that is here

    def __getattr__(name: str) -> Any:
        from polydl.errors import nearest

        raise AttributeError(f"dl.ops has no {name!r}. {nearest(name, __dir__())}")


def __dir__() -> list[str]:
    return sorted(
        n for n, part in globals().items() if callable(part) and n[0] != "_" and n != "Any"
    )
