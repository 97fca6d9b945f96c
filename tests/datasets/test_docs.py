"""The examples of docs/datasets.md run as they stand."""

import re
from pathlib import Path

from mesh_datasets import Request

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_first_example_prints_a_shape(capsys):
    exec(compile(EXAMPLES[0], str(PAGE), "exec"), {})
    name, category, size, faces = capsys.readouterr().out.split()
    assert (name.split("_")[0], category) == ("human", "human")
    assert int(size) > 13 * int(faces) > 0


def test_example_of_a_new_data_set():
    scope = {"__name__": "spheres"}
    exec(compile(EXAMPLES[1], str(PAGE), "exec"), scope)
    shapes = scope["load_spheres"](Request("spheres"))
    assert [len(shape.load().faces) for shape in shapes] == [80, 320, 1280]
