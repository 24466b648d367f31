"""Where the batches of a training run come from, other than arrays.

`source_of` makes a Source of what a user gives to `fit`; a Feed checks its batches and hands them to
the emitted loop; `prefetched` makes the next ones while a step runs.
"""
