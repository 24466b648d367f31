"""The conformance suite: proof that a backend computes what the definitions mean.

Rows (`polydl.conformance.rows`) say what there is; checks hold a backend against the float64 oracle;
mutants show that the checks can fail. `polydl conformance` prints the table; a third party runs the
same on a backend of its own.
"""

from __future__ import annotations


def run(backends: list[str] | None = None, device: str = "cpu", dtype: str | None = None) -> int:
    """Run the suite and print the support and error table; 1 if anything fails, else 0.

    backends: names; all that are installed by default. dtype: "float64" or "float32" alone.
    """
    from polydl.conformance import cli

    return cli.run(backends, device, dtype)


__all__ = ["run"]
