import pytest
from mesh_datasets import InvalidSplit, ama, dt4d, thingi10k
from mesh_datasets.split_file import parsed, read_split


def test_skips_comments_blank_lines_bom_and_crlf(tmp_path):
    path = tmp_path / "split.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n# note\r\n  two  \r\n")
    assert [(line.number, line.text) for line in read_split(path)] == [(1, "one"), (4, "two")]


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff\xfe\x00"])
def test_useless_files_are_named(tmp_path, data):
    path = tmp_path / "split.txt"
    path.write_bytes(data)
    with pytest.raises(InvalidSplit, match=r"split\.txt"):
        read_split(path)
    with pytest.raises(InvalidSplit, match=r"none\.txt"):
        read_split(tmp_path / "none.txt")


def test_a_line_twice_is_named_with_both_numbers(tmp_path):
    path = tmp_path / "split.txt"
    path.write_text("a\nb\na\n")
    with pytest.raises(InvalidSplit, match="line 3: 'a' stands on line 1"):
        read_split(path)


def test_a_shape_twice_in_two_spellings_is_named(tmp_path):
    path = tmp_path / "split.txt"
    path.write_text("crane,mesh_0001.obj\nI_crane, mesh_0001.obj\n")
    with pytest.raises(InvalidSplit, match=r"line 2: .* same shape as line 1"):
        parsed(read_split(path), ama.split_key, ama.SPLIT_FORM)


def test_a_line_of_another_form_is_named(tmp_path):
    path = tmp_path / "split.txt"
    path.write_text("crane,mesh_0001.obj\nnonsense\n")
    with pytest.raises(InvalidSplit, match=r"line 2: 'nonsense' is not of the form 'crane,mesh_0002.obj'"):
        parsed(read_split(path), ama.split_key, ama.SPLIT_FORM)


@pytest.mark.parametrize(
    ("module", "text", "key"),
    [
        (ama, "march2,mesh_0123.obj", ("march2", 123)),
        (ama, "T_samba , mesh_0005.obj", ("samba", 5)),
        (ama, "march2 0123.obj", None),
        (dt4d, "bear3EP_Agression 0049.obj", ("bear3EP_Agression", 49)),
        (dt4d, "bear3EP_Agression 0049", ("bear3EP_Agression", 49)),
        (dt4d, "bear3EP_Agression", None),
        (thingi10k, "100032.obj", 100032),
        (thingi10k, "100032", 100032),
        (thingi10k, "hundred.obj", None),
    ],
)
def test_list_formats(module, text, key):
    assert module.split_key(text) == key
