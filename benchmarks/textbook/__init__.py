"""Training loops as tutorials write them and people copy them, one file a framework.

Each has a table WAYS from the name of a way of bringing batches to a function of (model's name, x, y),
arrays of an epoch's samples, that gives what runs one epoch. Models, loss, Adam(1e-3), batch sizes and
dtype are those of the other side; where a tutorial's layer would add dropout that the model has not, it
is turned off.
"""
