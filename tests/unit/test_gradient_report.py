"""dl.check_gradients: norms against NumPy, and that each fault is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.diagnostics.non_finite import first_non_finite
from polydl.diagnostics.objective import objective

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
x = RNG.normal(size=(64, 4))
y = (x[:, 0] > 0).astype(np.int32)
X = dl.Input((None, 4))


class Log(dl.Module):
    def __call__(self, x):
        h = ops.log(x)
        return h * 2.0


class Apply(dl.Module):
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


def report(*layers, data=(x, y), dtype="float32", backend="torch", change=None, **options):
    net = dl.compile(dl.Sequential(*layers), X, backend=backend, dtype=dtype)
    if change:
        net.load_weights({**net.weights, **change})
    settings = {"loss": dl.CrossEntropy(), "optimizer": dl.SGD(0.1)}
    before = net.weights
    found = dl.check_gradients(net, dl.Training(**settings, **options), data)
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, before[path])
    return found


def test_norms_ratios_and_updates_are_those_of_the_formula():
    targets = RNG.normal(size=(64, 3))
    net = dl.compile(dl.Dense(3), X, backend="torch", dtype="float64")
    training = dl.Training(dl.MSE(), dl.SGD(0.1), batch_size=64, shuffle=False)
    found = dl.check_gradients(net, training, (x, targets))
    kernel = net.weights["kernel"]
    slope = 2 * (x @ kernel - targets) / targets.size
    gradient = np.linalg.norm(x.T @ slope)
    row = found.parameters[0]
    assert row.path == "kernel"
    assert found.loss == pytest.approx(np.mean((x @ kernel - targets) ** 2), rel=1e-12)
    assert row.gradient == pytest.approx(gradient, rel=1e-12)
    assert row.ratio == pytest.approx(gradient / np.linalg.norm(kernel), rel=1e-12)
    assert row.update == pytest.approx(0.1 * row.ratio, rel=1e-9)
    assert found.parameters[1].ratio is None  # a bias of 0
    assert found.ok
    assert "nothing remarkable" in str(found)
    assert f"{row.gradient:.3g}" in str(found)


def test_the_batch_is_that_of_a_fits_first_step():
    net = dl.compile(dl.Dense(2), X, backend="torch", dtype="float64")
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.0), batch_size=16, seed=4)
    assert dl.check_gradients(net, training, (x, y)).loss == pytest.approx(
        net.fit(training, (x, y)).steps[0], rel=1e-12
    )


def test_penalties_are_part_of_the_loss_and_its_gradients(backend):
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend=backend, dtype="float64")
    penalties = [dl.L2(0.1), dl.L1(0.2, "*.bias")]
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.0), batch_size=16, penalties=penalties)
    free = dl.Training(dl.CrossEntropy(), dl.SGD(0.0), batch_size=16)
    net.load_weights({**net.weights, "0.bias": np.array([0.5, -2.0])})
    found, other = (dl.check_gradients(net, t, (x, y), update=False) for t in (training, free))
    kernel = net.weights["0.kernel"]
    assert found.loss - other.loss == pytest.approx(0.1 * np.sum(kernel**2) + 0.2 * 2.5, rel=1e-9)
    assert found.loss == pytest.approx(net.fit(training, (x, y)).steps[0], rel=1e-12)


def test_a_penalty_that_overflows_is_named():
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend="torch")
    net.load_weights({"0.kernel": np.full((4, 2), 1e20), "0.bias": np.zeros(2)})
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), penalties=[dl.L2(0.1)])
    bad = dl.check_gradients(net, training, (x, y)).cause.first_bad
    assert (bad.path, bad.place.part, bad.value) == ("0.kernel", "L2", "inf")


def test_batches_of_an_iterable():
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend="torch", dtype="float64")
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1), batch_size=10, shuffle=False)
    batches = [(x[:10], y[:10]), (x[10:13], y[10:13])]
    assert dl.check_gradients(net, training, batches) == dl.check_gradients(
        net, training, (x[:13], y[:13])
    )


def test_vanishing():
    deep = [layer for _ in range(12) for layer in (dl.Dense(8), dl.sigmoid)]
    found = report(*deep, dl.Dense(2))
    assert "0.kernel" in found.flags["vanishing"]
    assert "24.kernel" not in found.flags["vanishing"]
    assert "saturating" in str(found)


def test_exploding():
    deep = [dl.Dense(8, kernel_initializer=dl.initializer("normal", stddev=4.0)) for _ in range(6)]
    found = report(*deep, dl.Dense(2))
    assert "0.kernel" in found.flags["exploding"]
    assert "large update" in found.flags


def test_parameters_that_do_not_act():
    found = report(dl.Dense(4), dl.BatchNorm(), Apply(lambda h: h * 0.0), dl.Dense(2))
    assert found.flags["no gradient"][:2] == ["0.kernel", "0.bias"]


def test_dead_units_of_relus_of_all_kinds():
    bias = np.zeros(8)
    bias[[2, 5]] = -100
    found = report(dl.Dense(8), dl.relu, dl.Dense(8), Apply(lambda h: ops.maximum(h, 0.0)),
                   dl.Dense(8), Apply(lambda h: ops.where(h > 0, h, 0.0)), dl.Dense(2),
                   change={"0.bias": bias, "4.bias": bias})  # fmt: skip
    first, second = found.dead_units
    assert (first.place.operation, first.after, first.units) == ("relu", "0", (2, 5))
    assert (second.place.operation, second.place.path) == ("where", "5")
    assert set(second.units) >= {2, 5}
    assert "relu in the model (Sequential) after 0: 2 of 8 units are zero" in str(found)


def test_the_log_of_zero_is_found_in_the_users_layer(backend):
    found = report(dl.Dense(8), dl.relu, Log(), dl.Dropout(0.5), dl.Dense(2), backend=backend)
    assert not found.ok
    bad = found.cause.first_bad
    assert (bad.path, bad.operation, bad.value, bad.place.name) == ("2", "log", "-inf", "h")
    assert bad.operands[0].low == 0.0
    assert "0.kernel" in found.flags["not finite"]
    assert "-inf first arises at log in 2 (Log)" in str(found)


def test_an_overflow_of_float32_alone_is_found_in_float32():
    layers = dl.Dense(8), Apply(lambda h: ops.exp(60.0 * h)), dl.Dense(2)
    bad = report(*layers).cause.first_bad
    assert (bad.path, bad.operation, bad.value) == ("1", "exp", "inf")
    assert report(*layers, dtype="float64").cause is None


def test_an_underflow_of_float32_alone_is_found_in_float32():
    layers = dl.Dense(8), Apply(lambda h: ops.log(ops.exp(-abs(h) * 200.0))), dl.Dense(2)
    bad = report(*layers).cause.first_bad
    assert (bad.path, bad.operation, bad.value) == ("1", "log", "-inf")
    assert report(*layers, dtype="float64").cause is None


def test_infinities_that_do_no_harm_are_not_blamed():
    mask = np.where(np.arange(8) < 4, 0.0, 1.0).tolist()
    masked = Apply(lambda h: dl.softmax(ops.where(ops.constant(mask) > 0, h, float("-inf"))))
    found = report(dl.Dense(8), masked, Log(), dl.Dense(2))
    assert (found.cause.first_bad.path, found.cause.first_bad.operation) == ("2", "log")


def test_of_two_that_meet_the_first_is_named():
    both = Apply(lambda h: ops.log(dl.relu(h)) + ops.exp(1000.0 * dl.relu(h)))
    found = report(dl.Dense(8), both, dl.Dense(2))
    assert (found.cause.first_bad.operation, found.cause.first_bad.value) == ("log", "-inf")


def test_a_row_that_is_masked_whole_is_nan_where_it_becomes_nan():
    masked = Apply(lambda h: ops.where(h > 1e9, h, float("-inf")))
    found = report(dl.Dense(8), masked, dl.softmax, dl.Dense(2))
    assert (found.cause.first_bad.value, found.cause.first_bad.operation) == ("nan", "subtract")
    assert found.cause.first_bad.place.function == "softmax"


def test_what_goes_wrong_in_a_scan_is_found():
    class Loop(dl.Module):
        def __call__(self, x):
            def step(carry, h):
                total = carry + ops.sqrt(h)
                return total, total

            return dl.scan(step, x[:, 0], x, axis=1)[1]

    found = report(dl.Dense(8), Loop(), dl.Dense(2))
    assert (found.cause.first_bad.path, found.cause.first_bad.operation) == ("1", "sqrt")


def test_a_derivative_that_is_infinite_is_suspected():
    root = Apply(lambda h: ops.sqrt(ops.sum(h * h * 0.0, -1, keepdims=True)))
    found = report(dl.Dense(8), root, dl.Dense(2))
    assert found.cause.first_bad is None
    assert found.cause.backward == "0.bias"  # nearer to the loss than 0.kernel
    assert (found.cause.suspects[0].place.path, found.cause.suspects[0].place.operation) == (
        "1",
        "sqrt",
    )
    assert "on the way back" in str(found)
    assert not found.ok


def test_gradients_are_those_that_the_training_program_computes(backend):
    """Of a root at 0 behind a ReLU, where TensorFlow's are NaN unless it compiles with XLA."""
    layers = dl.Dense(8), dl.relu, Apply(ops.sqrt), dl.Dense(2)
    net = dl.compile(dl.Sequential(*layers), X, backend=backend, dtype="float64")
    training = dl.Training(dl.CrossEntropy(), dl.SGD(1.0), batch_size=64, shuffle=False)
    found = dl.check_gradients(net, training, (x, y))
    before = net.weights
    net.fit(training, (x, y), progress=False)
    for parameter in found.parameters:
        moved = np.linalg.norm(net.weights[parameter.path] - before[parameter.path])
        assert parameter.gradient == pytest.approx(moved, rel=1e-9)


def test_a_weight_that_is_not_finite_is_named():
    kernel = np.ones((4, 2))
    kernel[1, 1] = np.nan
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend="torch")
    net._model.set_weights({"0.kernel": kernel})  # load_weights would refuse
    found = dl.check_gradients(net, dl.Training(dl.CrossEntropy(), dl.SGD(0.1)), (x, y))
    assert str(found.cause.first_bad) == "the weight '0.kernel' holds nan at [1, 1]"


def test_an_input_that_is_not_finite_is_named():
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend="torch")
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1))
    whole = objective(net.program, training)
    broken = x.copy()
    broken[3, 0] = np.inf
    bad = first_non_finite(whole, net.weights, whole.arrays([broken], [y], 0), "float32")
    assert str(bad) == "the input 'x' holds inf at [3, 0]"


def test_a_loss_that_breaks_says_so():
    class Ratio(dl.losses.Loss):
        def __call__(self, outputs, targets):
            return ops.mean(outputs / targets)

    net = dl.compile(dl.Sequential(dl.Dense(1)), X, backend="torch")
    training = dl.Training(Ratio(), dl.SGD(0.1), batch_size=64)
    found = dl.check_gradients(net, training, (x, np.zeros((64, 1))))
    assert (found.cause.first_bad.path, found.cause.first_bad.operation) == ("loss", "divide")
    assert found.cause.first_bad.place.part == "Ratio"


def test_several_inputs_weights_and_masks():
    class Two(dl.Module):
        def __init__(self):
            self.dense = dl.Dense(2)
            self.dropout = dl.Dropout(0.5)

        def __call__(self, a, b):
            return self.dropout(self.dense(a) + b)

    net = dl.compile(Two(), {"a": X, "b": dl.Input((None, 2))}, backend="torch")
    training = dl.Training(dl.CrossEntropy(), dl.SGD(0.1))
    data = ({"a": x, "b": x[:, :2]}, y, np.ones(64))
    first, second = (dl.check_gradients(net, training, data) for _ in range(2))
    assert first == second
    assert first.ok


@pytest.mark.parametrize(
    ("make", "data", "error", "text"),
    [
        (lambda: dl.Dense(2), (x, y), dl.errors.DefinitionError, "expected a net that dl.compile"),
        (lambda: dl.compile(dl.Dense(2), X, backend="reference"), (x, y),
         dl.errors.BackendError, "compile for another one"),
        (lambda: dl.compile(dl.Dense(2), X, backend="torch"), (x, y[:3]),
         dl.errors.DataError, "differ in their number of samples"),
        (lambda: dl.compile(dl.Dense(2), X, backend="torch"), (x * np.nan, y),
         dl.errors.DataError, r"data: input 'x' holds nan at \(0, 0\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked(make, data, error, text):
    with pytest.raises(error, match=text):
        dl.check_gradients(make(), dl.Training(dl.CrossEntropy(), dl.SGD(0.1)), data)


def test_a_training_is_wanted():
    with pytest.raises(dl.errors.DefinitionError, match=r"expected a dl\.Training"):
        dl.check_gradients(dl.compile(dl.Dense(2), X, backend="torch"), dl.MSE(), (x, y))
