"""A Program as text for people."""

from __future__ import annotations

import program_samples as samples

import polydl as dl
from polydl.program.text import to_text

DENSE = """\
Classifier(image: float[batch, 4, 4, 1]) -> {'logits': float[batch, 2]}

parameters: 2 arrays, 34 numbers
  head.kernel  float[16, 2]  normal(stddev=0.02)
  head.bias    float[2]      zeros

block of the model: Classifier (classes=2)
  inputs %0 image: float[batch, 4, 4, 1]
  %1: float[batch, 16] = call flatten (%0 image)
  %2 logits: float[batch, 2] = call head (%1)
  return %2 logits

block flatten: polydl:Flatten@1
  inputs %0 x: float[batch, 4, 4, 1]
  %1: float[batch, 16] = reshape(%0 x) shape=(batch, 16)
  return %1

block head: polydl:Dense@1 (units=2, use_bias=True, kernel_initializer=('initializer', 'normal', \
'stddev', 0.02), bias_initializer='zeros')
  inputs %0 x: float[batch, 16]
  %1 kernel: float[16, 2] = read head.kernel
  %2 y: float[batch, 2] = matmul(%0 x, %1 kernel)
  %3 bias: float[2] = read head.bias
  %4 y: float[batch, 2] = add(%2 y, %3 bias)
  return %4 y
"""


def test_a_small_model():
    class Classifier(dl.Module):
        def __init__(self, classes):
            self.flatten = dl.Flatten()
            self.head = dl.Dense(classes, kernel_initializer=dl.initializer("normal", stddev=0.02))

        def __call__(self, image):
            logits = self.head(self.flatten(image))
            return {"logits": logits}

    program = dl.trace(Classifier(2), dl.Input((None, 4, 4, 1)))
    assert to_text(program) == DENSE
    assert str(program) == DENSE


def test_state_modes_and_aliases_are_shown():
    text = str(samples.tied())
    for line in (
        "state: 4 arrays, 32 numbers",
        "  blocks.0.norm.mean      float[8]  zeros  also shared.norm.mean",
        "  shared is blocks.0",
        "block blocks.0#2: Residual (width=8, rate=0.1) at blocks.0",
        "    training:",
        "    inference:",
        "      give %1 running_mean, %2 running_variance",
        "{'logits': float[batch, tokens_size1, 11], 'last': (float[batch, 8], float[batch, 8])}",
    ):
        assert line in text
    assert "      write blocks.0.norm.mean (%" in text


def test_attributes_that_are_the_default_are_left_out():
    text = str(samples.image())
    conv = next(line for line in text.splitlines() if " = conv(" in line)
    assert "strides=(1, 1)" in conv
    assert "groups" not in conv
    odd = str(samples.odd())
    assert "pad(%2 masked) widths=((0, 0), (1, 2)) value=inf" in odd
    assert "[:, 1:-1]" in odd
    assert "where(%1 mask, %0 x, -inf)" in odd
