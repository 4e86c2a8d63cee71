"""The identity of a cell."""

from typing import Any

import pytest
from builders import make_cell, make_loop
from pydantic import ValidationError

from bench.cells.cell import Cell
from bench.files.hashing import canonical_sha256

METHOD = {"name": "none", "params": {}, "sha256": "a" * 64}


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "mnist"},
        {"task_version": 2},
        {"generator": "gaussian"},
        {"generator": {"name": "ddpm", "sha256": "a" * 64}},
        {"tier": "paper"},
        {"seed": 1},
        {"method": METHOD | {"name": "other"}},
        {"method": METHOD | {"params": {"strength": 1}}},
        {"method": METHOD | {"sha256": "b" * 64}},
        {"loop": make_loop("fresh_data")},
        {"loop": make_loop(n_synthetic=31)},
        {"loop": make_loop(n_initial=41)},
        {"loop": make_loop(pool="last:2")},
        {"loop": make_loop(sampling_bias=0.5)},
        {"loop": make_loop(generations=6)},
        {"loop": make_loop(protocol="finetune")},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_id_changes_with_every_field(changes: dict[str, Any]):
    assert make_cell(**changes).id != make_cell().id


def test_id_changes_with_n_real():
    assert make_cell(loop=make_loop("fresh_data", n_real=3)).id != make_cell(loop=make_loop("fresh_data", n_real=4)).id


def test_id_survives_json():
    cell = make_cell(loop=make_loop(sampling_bias=0.1))
    assert Cell.model_validate_json(cell.model_dump_json()).id == cell.id


def test_id_is_the_hash_of_what_a_result_file_says_of_the_cell():
    assert make_cell(seed=3).id == canonical_sha256(
        {
            "task": "digits",
            "task_version": 1,
            "generator": "ddpm",
            "loop": {
                "kind": "fully_synthetic",
                "n_real": 0,
                "n_synthetic": 30,
                "n_initial": 40,
                "pool": "previous",
                "sampling_bias": 1.0,
                "generations": 5,
                "protocol": "scratch",
                "contamination": None,
            },
            "method": METHOD | {"control": False},
            "tier": "smoke",
            "seed": 3,
        }
    )


def test_slug_is_readable_and_ends_in_the_start_of_the_id():
    cell = make_cell(seed=7)
    assert cell.slug == f"digits-ddpm-fully_synthetic-none-smoke-seed7-{cell.id[:8]}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pool": "last:3"}, "last3"),
        ({"pool": "accumulated"}, "accumulated"),
        ({"sampling_bias": 0.25}, "bias0.25"),
        ({"protocol": "finetune"}, "finetune"),
    ],
)
def test_slug_names_the_loop_parameters_that_are_not_the_plain_loops(changes: dict[str, Any], words: str):
    cell = make_cell(loop=make_loop(**changes))
    assert cell.slug == f"digits-ddpm-fully_synthetic-{words}-none-smoke-seed0-{cell.id[:8]}"


def test_cells_that_differ_only_in_a_size_have_different_slugs():
    assert make_cell(loop=make_loop(n_synthetic=31)).slug != make_cell().slug


@pytest.mark.parametrize(
    ("key", "value"), [("seed", -1), ("task_version", 0), ("tier", "huge"), ("method", {"name": "a", "sha256": "x"})]
)
def test_a_field_that_is_not_allowed_is_refused(key: str, value: object):
    with pytest.raises(ValidationError, match=key):
        make_cell(**{key: value})


def test_generators_from_files_are_told_by_name_parameters_and_hash():
    flow = {"name": "flow", "params": {"width": 8}, "sha256": "a" * 64}
    others = [flow | {"params": {"width": 9}}, flow | {"sha256": "b" * 64}, flow | {"name": "edm"}]
    assert len({make_cell(generator=each).id for each in [flow, *others]}) == 4


def test_the_slug_has_the_name_of_the_generators_file():
    cell = make_cell(generator={"name": "flow", "params": {"width": 8}, "sha256": "a" * 64})
    assert cell.slug == f"digits-flow-fully_synthetic-none-smoke-seed0-{cell.id[:8]}"


def test_seeds_come_from_the_name_of_the_generator_alone():
    cells = [make_cell(generator={"name": "flow", "params": {"width": w}, "sha256": "a" * 64}) for w in (8, 9)]
    assert cells[0].coordinates(1, "fit") == cells[1].coordinates(1, "fit") == ("digits", "flow", 0, 1, "fit")
    assert make_cell().coordinates("strip") == ("digits", "ddpm", 0, "strip")


@pytest.mark.parametrize("generator", [{"name": "ddpm", "params": {"width": 8}}, {"params": {}}, 3, "A b", None])
def test_a_generator_that_is_none_is_refused(generator: Any):
    with pytest.raises(ValidationError):
        make_cell(generator=generator)
