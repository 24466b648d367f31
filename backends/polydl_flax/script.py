"""Flax's own lines of a script that trains."""

from __future__ import annotations

from polydl.training.script import NativeLines


def script_lines(stem: str, seed: int | None, place: str) -> NativeLines:
    """Weights by path in, and out as Orbax keeps them. place: the text of a device that is not JAX's
    own choice."""
    array = 'initial[".".join(map(str, path))]'
    return NativeLines(
        load=[
            "for path, variable in nnx.to_flat_state(nnx.state(model, nnx.Not(nnx.RngState))):",
            f"    variable[...] = {f'jax.device_put({array}, {place})' if place else array}",
        ],
        seed=[] if seed is None else [f"nnx.reseed(model, default={seed})"],
        save=_saving(f"{stem}_trained"),
        averaged=["nnx.update(model, trainer.averages)", *_saving(f"{stem}_averaged")],
    )


def _saving(name: str) -> list[str]:
    return [
        "weights = nnx.to_pure_dict(nnx.state(model, nnx.Not(nnx.RngState)))",
        "with ocp.StandardCheckpointer() as checkpointer:",
        f'    checkpointer.save(folder / "{name}", weights, force=True)',
    ]
