"""Hand-written programs, one file a framework: what an expert would write, without polydl.

`torch_models`, `keras_models` and `flax_models` hold the models; `torch_expert` and so on run them.
Each of those has two functions that give, for a model's name, a table from the name of a way of doing
it to what makes it:

    training   makes a step: `step(x, y)` runs one training step on a numpy batch, `step.wait()`
               returns when it is done; or a `Fit`, whose `seconds_per_step(x, y, clock)` times itself
    recipe     the same with AdamW, whose decay is for matrices only, a warm-up and half a cosine, and
               clipping by the global norm
    forward    makes `forward(x)`: inference, numpy in and numpy out

Where a table has several rows, the fastest is the expert. Sizes are in `benchmarks/sizes.py`; the loss
is cross entropy on logits, the optimizer Adam(1e-3).
"""
