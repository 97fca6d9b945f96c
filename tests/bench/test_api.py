import bench


def test_a_call_returns_the_points_that_it_names_and_not_those_of_earlier_ones(tmp_path, meshes_dir, tiny_profile):
    codec, data = "tests.bench.doubles:Rounding", f"folder:{meshes_dir}"
    places = {"profile": str(tiny_profile), "out": tmp_path / "run", "cache": tmp_path / "cache", "device": "cpu"}
    both = bench.run([codec], data, **places)
    assert sorted(both["rate"]) == ["g16", "g256"]
    one = bench.run([f"{codec}@g256"], data, **places)
    assert one.equals(both[both["rate"] == "g256"].reset_index(drop=True))
