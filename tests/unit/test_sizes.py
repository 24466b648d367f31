"""Symbolic sizes: arithmetic agrees with integers, equal sizes have one form, branching raises."""

from __future__ import annotations

import math
import operator
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polydl.errors import DefinitionError, ProgramError, ShapeError
from polydl.program.sizes import (
    MAX_TERMS,
    Size,
    evaluate,
    floor_divide,
    is_symbolic,
    parse_size,
    product,
    same,
    same_shape,
    symbols,
)

A, B, T = (Size.symbol(name) for name in ("a", "b", "t"))
VALUES = st.fixed_dictionaries({name: st.integers(1, 50) for name in "abt"})
QUICK = settings(max_examples=150, deadline=None)


def sizes(depth: int = 3):
    """Sizes with the function of the symbols' values that they must equal."""
    leaf = st.one_of(
        st.sampled_from([(A, lambda v: v["a"]), (B, lambda v: v["b"]), (T, lambda v: v["t"])]),
        st.integers(-4, 9).map(lambda n: (n, lambda v, n=n: n)),
    )

    def combine(children):
        def build(op, left, right):
            (x, f), (y, g) = left, right
            return op(x, y), lambda v: op(f(v), g(v))

        arithmetic = st.sampled_from([operator.add, operator.sub, operator.mul])
        divided = st.tuples(children, st.integers(1, 6)).map(
            lambda pair: (pair[0][0] // pair[1], lambda v: pair[0][1](v) // pair[1])
        )
        return st.one_of(st.builds(build, arithmetic, children, children), divided)

    return st.recursive(leaf, combine, max_leaves=6)


@QUICK
@given(sizes(), VALUES)
def test_a_size_is_the_integer_that_its_expression_gives(size, values):
    built, expected = size
    assert evaluate(built, values) == expected(values)


@QUICK
@given(sizes())
def test_text_round_trips(size):
    built, _ = size
    again = parse_size(str(built))
    assert same(again, built)
    assert type(again) is type(built)
    assert symbols([again]) == symbols([built])


@QUICK
@given(sizes(), sizes(), sizes())
def test_one_form_for_equal_sizes(x, y, z):
    x, y, z = x[0], y[0], z[0]
    assert same(x + y, y + x)
    assert same(x * y, y * x)
    assert same((x + y) + z, x + (y + z))
    assert same((x * y) * z, x * (y * z))
    assert same(x * (y + z), x * y + x * z)
    assert same(x - x, 0)
    assert same(x - y + y, x)
    assert same(-1 * (-1 * x), x)
    if is_symbolic(x):
        assert hash(x) == hash((x + y) - y)


@QUICK
@given(sizes(), st.integers(1, 12), st.sampled_from([A, B, A * B, 3 * T, T * T]), VALUES)
def test_division_that_is_exact_undoes_the_product(size, factor, monomial, values):
    built, _ = size
    assert same(floor_divide(built * factor, factor), built)
    assert same(floor_divide(built * monomial, monomial), built)
    assert evaluate(floor_divide(built * monomial, monomial * factor), values) == (
        evaluate(built, values) // factor
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (A + 0, "a"),
        (A - A + 7, "7"),
        (3 * A - 2 * A, "a"),
        (2 + A * 3, "a*3 + 2"),
        (-A, "-a"),
        (5 - A, "-a + 5"),
        ((A + 1) * (A - 1), "a*a - 1"),
        (A * 64 // 16, "a*4"),
        ((A * B * 6) // (B * 3), "a*2"),
        ((A + 1) // 2, "(a + 1)//2"),
        ((A + 1) // 2 * 2, "((a + 1)//2)*2"),
        ((A // 2) // 2, "(a//2)//2"),
        (A % 4, "a - (a//4)*4"),
        (7 % A, "-(7//a)*a + 7"),
        (100 // A, "100//a"),
        ((A + 1) // (A + 1), "1"),
        ((A * B + B) // (A + 1), "b"),
        ((A * A - 1) // (A + 1), "a - 1"),
        (0 // (A + 1), "0"),
    ],
)
def test_canonical_text(size, text):
    assert str(size) == text
    assert same(parse_size(text), size)


def test_an_inexact_quotient_is_an_atom():
    half = (A + 1) // 2
    assert not same(half * 2, A + 1)
    assert same(half + half, 2 * half)
    assert [evaluate(half, {"a": n}) for n in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert symbols([half * B]) == {"a", "b"}
    assert half.evaluate({"a": 6}) == 3


def test_equality_is_known_or_raises():
    assert Size.symbol("a") == A
    assert A + B == B + A
    assert (A == A + 1) is False
    assert (A != A + 1) is True
    assert (A == "a") is False  # another type altogether
    with pytest.raises(DefinitionError, match="known only when the model runs"):
        _ = A == 3
    with pytest.raises(DefinitionError, match="known only when the model runs"):
        _ = A == B
    assert not same(A, B)
    assert same_shape((A, 3), (Size.symbol("a"), 3))
    assert not same_shape((A, 3), (A,))


@pytest.mark.parametrize(
    "branch",
    [
        lambda: bool(A),
        lambda: int(A),
        lambda: range(A),
        lambda: A < 3,
        lambda: A <= 3,
        lambda: A > 3,
        lambda: A >= B,
        lambda: min(A, 3),
        lambda: 3 in (A, B),
    ],
)
def test_branching_raises_and_says_what_to_write(branch):
    with pytest.raises(DefinitionError, match=r"`.*a.*` cannot be decided.*dl\.Input a fixed size"):
        branch()


def test_products_of_shapes():
    assert product([]) == 1
    assert same(product((A, 4, B, 2)), A * B * 8)
    assert product((2, 3, 4)) == math.prod((2, 3, 4))
    assert same(product((A, 0)), 0)
    with pytest.raises(ZeroDivisionError):
        floor_divide(A, 0)


def test_sizes_of_too_many_terms_are_refused():
    factors = [Size.symbol(f"x{i}") + 1 for i in range(MAX_TERMS)]
    with pytest.raises(DefinitionError, match="too long"):
        product(factors)


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a()", "a[0]", "1.5", "True", "'a'", "a**2", "a/2", "a if b else 2", "lambda: 1",
     "__import__('os')", "a//0", "(" * 300 + "a" + ")" * 300, "a+" * 300 + "a", "a;b", "a, b",
     "a := 3", "a < b", "not a"],
)  # fmt: skip
def test_only_sizes_are_read(text):
    with pytest.raises(ProgramError):
        parse_size(text)


def test_reshape_divides_by_what_is_known():
    import polydl as dl

    def reshaped(input_shape, *shape):
        class Reshape(dl.Module):
            def __call__(self, x):
                sizes = [s(x) if callable(s) else s for s in shape]
                return dl.ops.reshape(x, sizes)

        return dl.trace(Reshape(), dl.Input(input_shape)).root.outputs[0].shape

    batch, time = Size.symbol("batch"), Size.symbol("x_size1")
    assert same_shape(reshaped((None, 8), -1), (batch * 8,))
    assert same_shape(reshaped((None, None, 8), lambda x: x.shape[0], -1), (batch, time * 8))
    longer = (lambda x: x.shape[1] - 2, -1)
    grown = reshaped((None, None, 8), lambda x: x.shape[0], -1, 4)
    assert same_shape(grown, (batch, time * 2, 4))
    with pytest.raises(ShapeError, match="number of elements"):
        reshaped((None, 8), -1, 3)
    with pytest.raises(ShapeError, match="only one size may be -1"):
        reshaped((None, 8), -1, -1)
    with pytest.raises(ShapeError):
        reshaped((None, None, 8), *longer)


def test_a_size_is_plain_data():
    assert same(pickle.loads(pickle.dumps(A * 3 + 1)), A * 3 + 1)
    assert len({A, Size.symbol("a"), A + 1}) == 2
