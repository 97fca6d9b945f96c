import numpy as np
import pytest
from mesh_datasets.errors import InvalidShape

from tests.datasets.mesh_files.packages import group_object, mesh_object, model, package
from tests.datasets.mesh_files.solids import BOX, BOX_TRIANGLES, assert_box, assert_solid, written

ROOT = "3D/3dmodel.model"
BOX_OBJECT = mesh_object(1, BOX, BOX_TRIANGLES)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
    'Target="/3D/other.model" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def test_parts_of_equal_ids_in_different_files(tmp_path):
    wide = mesh_object(1, BOX * [2, 1, 1], BOX_TRIANGLES)
    parts = {
        ROOT: model(
            [
                group_object(2, ['p:path="/3D/a.model" objectid="1"']),
                group_object(4, ['p:path="/3D/B.model" objectid="1"']),
            ],
            ['objectid="2"', 'objectid="4" transform="1 0 0 0 1 0 0 0 1 10 0 0"'],
            'requiredextensions="p"',
        ),
        "3D/a.model": model([BOX_OBJECT]),
        "3D/b.model": model([wide, mesh_object(9, BOX, BOX_TRIANGLES)]),
    }
    assert_solid(written(tmp_path / "a.3mf", package(parts)), 52 + 80, 24 + 48, 24)


def test_items_in_other_parts_and_a_root_of_another_name(tmp_path):
    root = model([], ['objectid="1" p:path="/3D/a.model"'])
    parts = {"_rels/.rels": RELATIONS, "3D/other.model": root, "3D/a.model": model([BOX_OBJECT])}
    assert_box(written(tmp_path / "a.3mf", package(parts)))


@pytest.mark.parametrize("stored", ["3D/my parts/a b.model", "3D/my%20parts/a%20b.model"])
@pytest.mark.parametrize("named", ["/3D/my parts/a b.model", "/3D/my%20parts/a%20b.model"])
def test_blanks_in_the_names_of_parts(tmp_path, stored, named):
    root = model([group_object(2, [f'objectid="1" p:path="{named}"'])], ['objectid="2"'])
    assert_box(written(tmp_path / "a.3mf", package({ROOT: root, stored: model([BOX_OBJECT])})))


def test_groups_of_groups_and_transforms_in_their_order(tmp_path):
    turn, move = "0 1 0 -1 0 0 0 0 1 0 0 0", "1 0 0 0 1 0 0 0 1 10 0 0"
    objects = [
        BOX_OBJECT,
        group_object(2, ['objectid="1"', f'objectid="1" transform="{move}"']),
        group_object(3, [f'objectid="2" transform="{turn}"']),
    ]
    mesh = written(tmp_path / "a.3mf", package({ROOT: model(objects, [f'objectid="3" transform="{move}"'])}))
    assert_box(mesh, copies=2)
    np.testing.assert_array_equal(mesh.bounds, [[7, 0, 0], [10, 12, 4]])


def test_a_mirrored_item_keeps_its_outside(tmp_path):
    items = ['objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"']
    assert_box(written(tmp_path / "a.3mf", package({ROOT: model([BOX_OBJECT], items)})))


def test_objects_that_are_not_built_are_left_out(tmp_path):
    objects = [BOX_OBJECT, mesh_object(2, BOX * 2, BOX_TRIANGLES)]
    assert_box(written(tmp_path / "a.3mf", package({ROOT: model(objects, ['objectid="1"'])})))


TEN = [group_object(i + 2, [f'objectid="{i + 1}"'] * 10) for i in range(20)]
BLANK_VERTICES = (
    '<object id="1"><mesh><vertices>' + '<vertex x="0" y="0" z="0"/>' * 800_000 + "</vertices></mesh></object>"
)
REFUSED = {
    "nothing built": (model([BOX_OBJECT]), "builds nothing"),
    "no such object": (model([BOX_OBJECT], ['objectid="2"']), "object 2 of .* is not there"),
    "an empty object": (model(['<object id="1"/>'], ['objectid="1"']), "neither a mesh nor components"),
    "no such part": (model([], ['objectid="1" p:path="/3D/a.model"']), "no part /3D/a.model"),
    "an object in itself": (
        model([group_object(1, ['objectid="2"']), group_object(2, ['objectid="1"'])], ['objectid="1"']),
        "holds itself",
    ),
    "ten of ten of ten": (model([BOX_OBJECT, *TEN], ['objectid="21"']), "are repeated until they have"),
    "index": (model([mesh_object(1, BOX[:7], BOX_TRIANGLES)], ['objectid="1"']), "indices beyond its 7 vertices"),
    "transform": (model([BOX_OBJECT], ['objectid="1" transform="1 0 0"']), "3 numbers instead of 12"),
    "twice": (model([BOX_OBJECT, BOX_OBJECT], ['objectid="1"']), "object 1 is defined twice"),
    "extension": (
        model([BOX_OBJECT], ['objectid="1"'], 'requiredextensions="b" xmlns:b="http://example.org/beams"'),
        "http://example.org/beams is required and not read",
    ),
    "not XML": ("<model><", "XML is damaged"),
    "document type": ('<!DOCTYPE a [<!ENTITY b "c">]><model/>', "declares a document type"),
    "blanks": (model([" " * 20_000_000, BOX_OBJECT], ['objectid="1"']), "inflate to more than"),
    "vertices": (model([BLANK_VERTICES], ['objectid="1"']), "inflate to more than"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named(tmp_path, name):
    content, reason = REFUSED[name]
    with pytest.raises(InvalidShape, match=reason) as caught:
        written(tmp_path / "a.3mf", package({ROOT: content}))
    assert "a.3mf" in str(caught.value)


def test_parts_in_different_units_are_refused(tmp_path):
    parts = {
        ROOT: model([], ['objectid="1" p:path="/3D/a.model"']),
        "3D/a.model": model([BOX_OBJECT]).replace("millimeter", "inch"),
    }
    with pytest.raises(InvalidShape, match="millimeter and inch"):
        written(tmp_path / "a.3mf", package(parts))


def test_damaged_archives_are_refused_wherever_it_is(tmp_path):
    whole = package({ROOT: model([BOX_OBJECT], ['objectid="1"'])})
    for place in range(40, len(whole) // 2, 11):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        with pytest.raises(InvalidShape):
            written(tmp_path / "a.3mf", bytes(damaged))
