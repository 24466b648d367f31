"""What this backend needs; imports no framework."""

REQUIRES = ("jax", "flax", "optax")
EXTRA = "flax"


def thread_environment(threads: int) -> dict[str, str]:
    """XLA reads its threads when it starts, and from nowhere else. It leaves a GPU to others too."""
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    return {"NPROC": str(threads), "XLA_FLAGS": flags, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
