"""PyTorch's own lines of a script that trains."""

from __future__ import annotations

from polydl.training.script import NativeLines


def script_lines(stem: str, seed: int | None, device: str) -> NativeLines:
    """Weights by state_dict names, in and out."""
    save = 'torch.save(model.state_dict(), folder / "{}.pt")'
    moved = [] if device == "cpu" else [f'model.to("{device}")']
    return NativeLines(
        load=[
            "weights = {name: torch.from_numpy(array) for name, array in initial.items()}",
            "model.load_state_dict(weights)",
            *moved,
        ],
        seed=[] if seed is None else [f"torch.manual_seed({seed})"],
        save=[save.format(f"{stem}_trained")],
        averaged=[
            "model.load_state_dict(trainer.averages, strict=False)",
            save.format(f"{stem}_averaged"),
        ],
    )
