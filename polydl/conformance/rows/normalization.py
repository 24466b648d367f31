"""Rows of normalisation."""

from __future__ import annotations

from polydl import layers
from polydl.conformance import expectations_normalization as n
from polydl.conformance.row import COMPOSITE, Part, several
from polydl.conformance.samplers import normal
from polydl.layers.reparametrized import SpectralNorm, WeightNorm
from polydl.spec.input import Input

GROUP_NORM, INSTANCE_NORM, LAYER_NORM = (
    f"polydl:{name}@1" for name in ("GroupNorm", "InstanceNorm", "LayerNorm")
)


def _group_norms() -> dict[str, Part]:
    return {
        "two": Part(lambda: layers.GroupNorm(2), n.group_norm(2, 1e-5)),
        "one": Part(lambda: layers.GroupNorm(1, epsilon=0.1), n.group_norm(1, 0.1)),
        "three": Part(lambda: layers.GroupNorm(3, epsilon=1e-3), n.group_norm(3, 1e-3)),
    }


def _instance_norms(channels: int) -> dict[str, Part]:
    return {
        "instance": Part(layers.InstanceNorm, n.group_norm(channels, 1e-5)),
        "groups": Part(lambda: layers.GroupNorm(channels), n.group_norm(channels, 1e-5)),
        "epsilon": Part(lambda: layers.InstanceNorm(0.1), n.group_norm(channels, 0.1)),
    }


def _along(axes: int | tuple[int, ...], epsilon: float = 1e-5) -> Part:
    return Part(lambda: layers.LayerNorm(epsilon, axes), n.layer_norm(axes, epsilon))


BOTH = (GROUP_NORM, INSTANCE_NORM)
ROWS = (
    several(
        "group norm", (GROUP_NORM,), Input((None, 6)), normal(3, 6, mean=0.5), **_group_norms()
    ),
    several(
        "group norm, images", (GROUP_NORM,), Input((None, 3, 2, 6)),
        normal(2, 3, 2, 6, mean=0.5), **_group_norms(),
    ),
    several(
        "group norm, sequences", BOTH, Input((None, None, 6)), normal(2, 4, 6, mean=0.5),
        resized=normal(3, 5, 6), **_group_norms(), **_instance_norms(6),
    ),
    several(
        "instance norm, images", BOTH, Input((None, 3, 2, 4)), normal(2, 3, 2, 4),
        **_instance_norms(4),
    ),
    several(
        "group norm, volumes", BOTH, Input((None, 2, 1, 3, 6)), normal(2, 2, 1, 3, 6),
        **_group_norms(), **_instance_norms(6),
    ),
    several(
        "layer norm over axes", (LAYER_NORM,), Input((None, 4, 5, 3)), normal(2, 4, 5, 3, mean=0.5),
        all=_along((1, 2, 3)), last=_along((-1, -2), 0.1), apart=_along((3, 1)), first=_along(1),
        mixed=_along((-1, 2), 1e-3), middle=_along((-2,)), one=_along((3,)),
    ),
    several(
        "weight and spectral norm", (COMPOSITE,), Input((None, 5, 4)), normal(2, 5, 4),
        modes=(False, True),
        weight_dense=Part(lambda: WeightNorm(layers.Dense(3)), n.weight_normed(n.affine)),
        weight_conv=Part(lambda: WeightNorm(layers.Conv1D(3, 2)), n.weight_normed(n.conv)),
        weight_transposed=Part(
            lambda: WeightNorm(layers.ConvTranspose1D(3, 2, 2)),
            n.weight_normed(n.conv_transpose, (-2,)),
        ),
        spectral_dense=Part(lambda: SpectralNorm(layers.Dense(3)), n.spectral_normed(n.affine)),
        spectral_conv=Part(
            lambda: SpectralNorm(layers.Conv1D(3, 2), 3, epsilon=0.0),
            n.spectral_normed(n.conv, 3, epsilon=0.0),
        ),
        spectral_transposed=Part(
            lambda: SpectralNorm(layers.ConvTranspose1D(3, 2, 2), epsilon=0.1),
            n.spectral_normed(n.conv_transpose, outputs=(-2,), epsilon=0.1),
        ),
    ),
)  # fmt: skip
