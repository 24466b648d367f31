"""Hand-written programs, one file a framework: what an expert would write, without polydl.

Each module has two tables, from the name of a way of doing it to a function of the model's name:

    TRAINING   gives a step: `step(x, y)` runs one training step on a numpy batch, `step.wait()`
               returns when it is done; or a `Fit`, whose `seconds_per_step(x, y, clock)` times itself
    FORWARD    gives `forward(x)`: inference, numpy in and numpy out

Where a table has several rows, the fastest is the expert. The models are "cnn" (digits, 8x8x1: two
convolutions with batch norm, pool, dropout, dense) and "mlp" (784-512-256-10); the loss is cross
entropy on logits, the optimizer Adam(1e-3).
"""
