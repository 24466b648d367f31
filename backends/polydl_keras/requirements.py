"""What this backend needs; imports no framework."""

REQUIRES = ("keras", "tensorflow")
EXTRA = "keras"


def thread_environment(threads: int) -> dict[str, str]:
    """TensorFlow reads its threads when it starts."""
    return dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads))
