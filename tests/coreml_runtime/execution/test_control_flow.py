"""Tests branches, loops, lists and states, in programs that coremltools builds."""

from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types

import coreml_runtime
from coreml_runtime.errors import ExecutionError, InputError

INT = types.int32


@pytest.fixture(scope="module")
def branching(convert) -> Path:
    """Return a program that branches on x > 0, with another branch inside."""

    @mb.program(
        input_specs=[mb.TensorSpec(shape=(1,)), mb.TensorSpec(shape=(3,))],
        opset_version=ct.target.iOS16,
    )
    def program(x, y):
        def positive():
            large = mb.greater(x=mb.squeeze(x=x), y=10.0)
            inner = mb.cond(
                pred=large,
                _true_fn=lambda: mb.mul(x=y, y=100.0),
                _false_fn=lambda: mb.add(x=y, y=1.0),
            )
            return mb.mul(x=inner, y=2.0), mb.identity(x=y)

        def negative():
            return mb.mul(x=y, y=-1.0), mb.add(x=y, y=y)

        positive_x = mb.greater(x=mb.squeeze(x=x), y=0.0)
        return mb.cond(pred=positive_x, _true_fn=positive, _false_fn=negative)

    return convert(program, target="iOS16")


@pytest.mark.parametrize(
    ("x", "factor", "shift", "second"), [(1, 2, 2, 1), (11, 200, 0, 1), (-1, -1, 0, 2)]
)
def test_branches(branching: Path, x, factor, shift, second) -> None:
    model = coreml_runtime.load(branching)
    y = np.array([1, 2, 3], np.float32)
    first, other = model.predict({"x": np.array([x], np.float32), "y": y}).values()
    assert np.allclose(first, factor * y + shift) and np.allclose(other, second * y)


@pytest.fixture(scope="module")
def loop(convert) -> Path:
    """Return a program that doubles x until it passes 100, and lists every value."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(1,))], opset_version=ct.target.iOS16)
    def program(x):
        kept = mb.make_list(init_length=1, elem_shape=(1,), dynamic_length=True)

        def again(value, count, _):
            return mb.less(x=mb.squeeze(x=value), y=100.0)

        def body(value, count, kept):
            kept = mb.list_write(ls=kept, index=count, value=value)
            return mb.mul(x=value, y=2.0), mb.add(x=count, y=np.int32(1)), kept

        value, count, kept = mb.while_loop(_cond=again, _body=body, loop_vars=(x, 0, kept))
        length = mb.list_length(ls=kept)
        places = mb.range_1d(start=0, end=length, step=1)
        return value, count, mb.list_gather(ls=kept, indices=places)

    return convert(program, target="iOS16")


def test_a_loop_with_a_list(loop: Path) -> None:
    model = coreml_runtime.load(loop)
    value, count, kept = model.predict({"x": np.array([3], np.float32)}).values()
    assert value.tolist() == [192] and int(count.item()) == 6
    assert kept.reshape(-1).tolist() == [3, 6, 12, 24, 48, 96]
    value, count, *_ = (x.tolist() for x in model.predict({"x": np.array([99.0])}).values())
    assert value == [198]


def test_the_trace_of_a_loop_has_every_iteration(loop: Path) -> None:
    names = [name for name, _ in coreml_runtime.load(loop).trace({"x": np.array([3.0])})]
    most = max(set(names), key=names.count)
    assert names.count(most) >= 6


def test_a_loop_without_end_is_stopped(convert, monkeypatch: pytest.MonkeyPatch) -> None:
    @mb.program(input_specs=[mb.TensorSpec(shape=(1,))], opset_version=ct.target.iOS16)
    def program(x):
        return mb.while_loop(
            _cond=lambda v: mb.less(x=mb.squeeze(x=v), y=1.0),
            _body=lambda v: mb.mul(x=v, y=0.5),
            loop_vars=(x,),
        )

    monkeypatch.setattr("coreml_runtime.execution.executor.MAX_ITERATIONS", 50)
    model = coreml_runtime.load(convert(program, target="iOS16"))
    with pytest.raises(ExecutionError, match="more than 50 iterations"):
        model.predict({"x": np.zeros(1, np.float32)})


@pytest.fixture(scope="module")
def counter(convert) -> Path:
    """Return a program that adds x to its state and returns twice the new state."""

    @mb.program(
        input_specs=[
            mb.TensorSpec(shape=(2, 3), dtype=types.fp16),
            mb.StateTensorSpec(shape=(2, 3), dtype=types.fp16),
        ],
        opset_version=ct.target.iOS18,
    )
    def program(x, total):
        new = mb.add(x=mb.read_state(input=total), y=x)
        return mb.mul(x=mb.coreml_update_state(state=total, value=new), y=np.float16(2))

    return convert(program, target="iOS18", precision="fp16")


def test_state_is_kept_read_and_written(counter: Path) -> None:
    model = coreml_runtime.load(counter)
    (name,) = (feature.name for feature in model.states)
    state, other = model.make_state(), model.make_state()
    x = np.arange(6).reshape(2, 3)
    for turn in (1, 2, 3):
        (value,) = model.predict({"x": x}, state=state).values()
        assert np.array_equal(value, 2 * turn * x)
    assert state[name].dtype == np.float16 and np.array_equal(state[name], 3 * x)
    assert not other[name].any() and list(state) == [name]
    state[name] = np.full((2, 3), 10)
    (value,) = model.predict({"x": x}, state=state).values()
    assert np.array_equal(value, 2 * (10 + x))


def test_results_do_not_share_memory_with_the_state(counter: Path) -> None:
    model = coreml_runtime.load(counter)
    state = model.make_state()
    (value,) = model.predict({"x": np.ones((2, 3))}, state=state).values()
    value[:] = 77
    assert state[next(iter(state))].tolist() == [[1] * 3] * 2


def test_wrong_states_say_what_was_expected(counter: Path, branching: Path) -> None:
    model = coreml_runtime.load(counter)
    x = {"x": np.ones((2, 3))}
    with pytest.raises(InputError, match=r"has states \(total\)"):
        model.predict(x)
    with pytest.raises(InputError, match=r"has states \(total\)"):
        model.predict(x, state=coreml_runtime.load(branching).make_state())
    state = model.make_state()
    with pytest.raises(InputError, match=r"float16 of shape \(2, 3\), got \(3, 2\)"):
        state["total"] = np.zeros((3, 2))
    with pytest.raises(InputError, match="no state 'sum'; it has: total"):
        state["sum"]
