"""Messages between a worker and its codec process."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.worker.codec_process.messages import (
    MAX_FRAME_BYTES,
    CancelTask,
    Finished,
    FromCodec,
    OutFile,
    Reader,
    RunTask,
    ToCodec,
    encode,
)

messages = st.lists(
    st.one_of(
        st.builds(CancelTask, id=st.integers(0, 1 << 40)),
        st.builds(
            RunTask,
            threads=st.integers(1, 64),
            id=st.integers(0, 1 << 40),
            operation=st.text(max_size=20),
            params=st.dictionaries(
                st.text(max_size=5), st.integers() | st.text(), max_size=3
            ).filter(
                lambda params: all(
                    not isinstance(value, int) or -(1 << 63) <= value < 1 << 64
                    for value in params.values()
                )
            ),
            inputs=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3),
            out_dir=st.text(max_size=20),
            cpu_s=st.floats(0, 1e9),
        ),
    ),
    max_size=8,
)


@given(messages, st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_messages_survive_any_cutting_of_the_stream(sent: list[ToCodec], cuts: list[int]) -> None:
    stream = b"".join(encode(message) for message in sent)
    reader: Reader[ToCodec] = Reader(ToCodec)
    got: list[ToCodec] = []
    at = turn = 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        got += reader.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert got == sent


def test_results_may_hold_numpy_values_fractions_and_paths() -> None:
    facts = {"fps": Fraction(30000, 1001), "levels": np.arange(3), "peak": np.float32(0.5)}
    message = Finished(1, [OutFile("a", "data", facts, "")], {"path": Path("/x")})
    (got,) = Reader[FromCodec](FromCodec).feed(encode(message))
    assert isinstance(got, Finished)
    assert got.files[0].facts == {
        "fps": pytest.approx(29.97, abs=0.01),
        "levels": [0, 1, 2],
        "peak": 0.5,
    }
    assert got.data == {"path": "/x"}


def test_a_result_that_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        encode(Finished(1, [], {"thing": object()}))


def test_an_absurd_length_is_refused_before_anything_is_stored() -> None:
    with pytest.raises(ValueError, match="bytes"):
        Reader[FromCodec](FromCodec).feed((MAX_FRAME_BYTES + 1).to_bytes(4))


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  msgspec's errors are of many kinds
        Reader[FromCodec](FromCodec).feed(b"\x00\x00\x00\x02\xc1\xc1")
