"""What holds for every value, not for the few that an example has: of records, seeds, orders, loops and statistics."""

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from board.hostile import full_record, sign
from board.made_up import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.board.seed_statistics import estimate, paired_difference
from bench.cells.cell import Cell
from bench.cells.loops import LOOP_KINDS, Loop
from bench.cells.record import Record, read_record
from bench.data.read import read_images
from bench.errors import BadInput
from bench.files import atomic, limits
from bench.files.atomic import write_bytes
from bench.files.hashing import canonical_sha256
from bench.generators.training import EpochOrder
from bench.seeds import derive_seed

from .images import image
from .mutation import at, places

texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
shares = st.floats(0, 1)
plain_values = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | shares | texts
parameters = st.dictionaries(st.from_regex("[a-z_][a-z0-9_]{0,8}", fullmatch=True), plain_values, max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@st.composite
def loops(draw: st.DrawFn) -> Loop:
    kind = draw(st.sampled_from(LOOP_KINDS))
    return Loop(
        kind=kind,
        n_real=0 if kind == "fully_synthetic" else draw(st.integers(1, 2**53)),
        n_synthetic=draw(st.integers(1, 2**53)),
        n_initial=draw(st.integers(1, 2**53)),
        pool=draw(st.sampled_from(["previous", "accumulated"]) | st.integers(1, 10**9 - 1).map("last:{}".format)),
        sampling_bias=draw(st.floats(0, 1, exclude_min=True)),
        generations=draw(st.integers(1, limits.MOST_GENERATIONS)),
        protocol=draw(st.sampled_from(["scratch", "finetune"])),
    )


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record with any values that are allowed."""
    loop = draw(loops())
    record = make_record(fids=tuple(draw(st.lists(st.floats(0, 1e12), min_size=1, max_size=4))))
    loop = loop.model_copy(update={"generations": len(record.generations)})
    method = record.cell.method.model_copy(update={"params": draw(parameters)})
    cell = Cell.model_validate(
        record.cell.model_copy(
            update={"loop": loop, "method": method, "seed": draw(st.integers(0, 2**63 - 1))}
        ).model_dump()
    )
    environment = record.environment.model_copy(
        update={"device": draw(texts), "git_commit": draw(st.none() | texts), "threads": draw(st.integers(0, 2**53))}
    )
    changes = {"cell": cell, "cell_id": cell.id, "environment": environment}
    return Record.model_validate(record.model_copy(update=changes).model_dump())


@given(record=records())
def test_a_record_is_read_as_it_was_written(record: Record, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("record") / "x.json"
    path.write_text(record.to_json(), encoding="utf-8")
    assert read_record(path) == record
    assert read_record(path).to_json() == record.to_json()


@given(data=st.data())
def test_a_record_that_was_changed_anywhere_is_refused_or_is_signed_anew(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    content = sign(full_record())
    place = data.draw(st.sampled_from([each for each in places(content) if each != ("sha256",)]))
    *way, last = place
    before = at(content, place)
    at(content, tuple(way))[last] = data.draw(json_values.filter(lambda value: not same(value, before)))
    path = tmp_path_factory.mktemp("record") / "x.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadInput, match=r"sha256 does not fit|not JSON|not a valid record"):
        read_record(path)


def same(value: object, other: object) -> bool:
    return json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(value=json_values, random=st.randoms())
def test_a_canonical_hash_depends_on_what_is_said_and_not_on_the_order_of_keys(value: object, random: object):
    assert canonical_sha256(shuffled(value, random)) == canonical_sha256(value)
    assert canonical_sha256(json.loads(json.dumps(value))) == canonical_sha256(value)
    assert canonical_sha256([value]) != canonical_sha256(value)


def shuffled(value: object, random: object) -> object:
    if isinstance(value, dict):
        items = [(key, shuffled(part, random)) for key, part in value.items()]
        random.shuffle(items)
        return dict(items)
    return [shuffled(part, random) for part in value] if isinstance(value, list) else value


@given(n=st.integers(1, 60), size=st.integers(1, 40), seed=st.integers(0, 2**63 - 1), start=st.integers(0, 200))
def test_an_order_shows_every_image_once_an_epoch(n: int, size: int, seed: int, start: int):
    steps = math.ceil(3 * n / size)
    shown = torch.cat([EpochOrder(n, seed).batch(step, size) for step in range(steps)])
    for epoch in shown[: 3 * n].view(3, n):
        assert sorted(epoch.tolist()) == list(range(n))
    # Any step can be the first one, as after a kill.
    order = EpochOrder(n, seed)
    assert [len(order.batch(start + step, size)) for step in range(2)] == [size, size]
    assert torch.equal(order.batch(start, size), EpochOrder(n, seed).batch(start, size))


@given(loop=loops(), t=st.integers(1, limits.MOST_GENERATIONS))
def test_a_pool_keeps_generations_that_were_and_the_last_one_first(loop: Loop, t: int):
    kept = loop.kept_generations(t)
    assert set(kept) <= set(range(1, t))
    assert list(kept) == list(range(t - len(kept), t))
    if t > 1:
        assert t - 1 in kept
        wanted = {"previous": 1, "accumulated": t - 1}.get(loop.pool)
        assert len(kept) == (min(int(loop.pool[5:]), t - 1) if wanted is None else wanted)


@given(loop=loops())
def test_a_loop_is_read_as_it_was_written(loop: Loop):
    assert Loop.model_validate_json(loop.model_dump_json()) == loop


@given(number=st.floats() | st.integers())
def test_a_sampling_bias_is_a_number_above_0_and_up_to_1(number: float):
    values = make_record().cell.loop.model_dump() | {"sampling_bias": number}
    if 0 < number <= 1:
        assert Loop.model_validate(values).sampling_bias == number
    else:
        with pytest.raises(ValidationError):
            Loop.model_validate(values)


coordinates = st.lists(st.text(max_size=5) | st.integers(-9, 9) | st.floats(-1, 1), min_size=1, max_size=4).map(tuple)


@given(st.lists(coordinates, min_size=2, max_size=30, unique_by=repr))
def test_different_coordinates_have_different_seeds(several: list[tuple[str | int | float, ...]]):
    seeds = [derive_seed(*each) for each in several]
    assert len(set(seeds)) == len(several)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seeds == [derive_seed(*each) for each in several]


numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8).filter(lambda found: np.std(found) > 1e-3)


@given(values=numbers, shift=st.floats(-1e3, 1e3), random=st.randoms())
def test_an_estimate_moves_with_its_values_and_does_not_know_their_order(
    values: list[float], shift: float, random: object
):
    first = estimate(values)
    moved = estimate([value + shift for value in values])
    assert (moved.mean, moved.low, moved.high) == pytest.approx(
        (first.mean + shift, first.low + shift, first.high + shift), abs=1e-6
    )
    mirrored = estimate([-value for value in values])
    assert (mirrored.low, mirrored.high) == pytest.approx((-first.high, -first.low), abs=1e-9)
    assert mirrored.p == pytest.approx(first.p, abs=1e-9)
    random.shuffle(values)
    again = estimate(values)
    assert (again.mean, again.low, again.high, again.p) == pytest.approx(
        (first.mean, first.low, first.high, first.p), abs=1e-9
    )
    # Whether 0 is in the interval and whether p is below 5% is one question.
    if abs(first.p - 0.05) > 1e-6:
        assert (first.p < 0.05) == (not first.low <= 0 <= first.high)


@given(
    pairs=st.dictionaries(st.integers(0, 100), st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)), min_size=1, max_size=6)
)
@settings(max_examples=30)
def test_a_paired_difference_is_the_estimate_of_the_differences(pairs: dict[int, tuple[float, float]]):
    ours = {seed: make_record(seed=seed, fids=(a,)) for seed, (a, _) in pairs.items()}
    theirs = {seed: make_record(seed=seed, fids=(b,)) for seed, (_, b) in pairs.items()}
    alone = {1000: make_record(seed=1000, fids=(1e6,))}
    found = paired_difference(ours | alone, theirs, fid)
    assert found == estimate([a - b for _, (a, b) in sorted(pairs.items())])
    back = paired_difference(theirs, ours, fid)
    assert (back.mean, back.low, back.high) == pytest.approx((-found.mean, -found.high, -found.low))


def fid(record: Record) -> float:
    return record.generations[-1].scores.fid


@given(
    before=st.none() | st.binary(max_size=50),
    after=st.binary(max_size=50),
    step=st.sampled_from(["fsync", "replace", None]),
)
def test_a_file_has_its_old_content_or_its_new_one(
    before: bytes | None, after: bytes, step: str | None, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("atomic")
    path = folder / "file"
    if before is not None:
        path.write_bytes(before)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        if step == "fsync":
            patch.setattr(atomic.os, "fsync", stop)
        elif step == "replace":
            patch.setattr(Path, "replace", stop)
        try:
            write_bytes(path, after)
        except KeyboardInterrupt:
            assert step is not None
            assert (path.read_bytes() if path.exists() else None) == before
        else:
            assert step is None
            assert path.read_bytes() == after
    assert [each.name for each in folder.iterdir()] == ["file"] * path.exists()


inner_names = st.lists(
    st.from_regex(r"([a-z]{1,2}/){0,2}[a-zA-Z0-9é ]{1,4}", fullmatch=True), min_size=1, max_size=6,
    unique_by=lambda name: name.lower(),
)  # fmt: skip


@given(names=inner_names, method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@settings(max_examples=30)
def test_a_folder_and_an_archive_of_it_are_read_as_the_same(
    names: list[str], method: int, tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.mktemp("images")
    with zipfile.ZipFile(path / "images.zip", "w", method) as archive:
        for i, name in enumerate(names):
            file = path / "folder" / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(image(seed=i))
            archive.write(file, f"{name}.png")
    assert torch.equal(read_images(path / "folder").images, read_images(path / "images.zip").images)
    assert len(read_images(path / "folder")) == len(names)
