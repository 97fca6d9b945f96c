"""JSON from elsewhere: what Python reads from it can be written again."""

import pytest

from bench.results.json_text import parse


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '["\\uDFFFx"]', '{"\\udc00": 1}', "{"])
def test_half_a_surrogate_pair_is_no_text(text):
    with pytest.raises(ValueError):  # noqa: PT011
        parse(text)


def test_whole_pairs_and_plain_text_are_read():
    assert parse('["\\ud83d\\ude00", "é", "\\\\ud800"]') == ["\U0001f600", "é", "\\ud800"]
