import re

from reports.document.slug import slug


def test_a_slug_is_of_ascii_and_tells_names_apart():
    assert slug("folder:my meshes/x") == "folder-my-meshes-x"
    assert slug("::") == "data"
    others = {slug(name) for name in ("模型", "数据", "Größe", "Grässe")}
    assert len(others) == 4
    assert all(re.fullmatch("[A-Za-z0-9-]+", found) for found in others)
