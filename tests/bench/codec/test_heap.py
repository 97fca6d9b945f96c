"""The variable that a worker's heap is set up with."""

import pytest

from bench.codec.heap import TUNABLES, whole_heap
from bench.execution import supervisor


@pytest.mark.parametrize(
    ("set_already", "expected"),
    [
        ({}, "glibc.malloc.tcache_count=0"),
        ({TUNABLES: ""}, "glibc.malloc.tcache_count=0"),
        ({TUNABLES: "glibc.malloc.hugetlb=1"}, "glibc.malloc.hugetlb=1:glibc.malloc.tcache_count=0"),
        ({TUNABLES: "glibc.malloc.tcache_count=3"}, "glibc.malloc.tcache_count=3"),
    ],
)
def test_workers_have_it_and_what_the_user_has_set_stays(
    set_already: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TUNABLES, raising=False)
    for name, value in set_already.items():
        monkeypatch.setenv(name, value)
    assert {**set_already, **whole_heap(set_already)}[TUNABLES] == expected
    assert supervisor._environment(1)[TUNABLES] == expected
