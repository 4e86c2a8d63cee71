"""What the loggers have written, read without them."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

BLOCK = 32768
WHOLE, LAST = 1, 4  # types of the parts of a record


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the curves that TensorBoard shows of a folder, (step, value) by their names."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        name: [(event.step, event.value) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def images(folder: Path) -> dict[int, tuple[int, int]]:
    """Return width and height of the strips that TensorBoard shows of a folder, by their steps."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {event.step: (event.width, event.height) for event in accumulator.Images("strip")}


def text(folder: Path) -> str:
    """Return the settings that TensorBoard shows of a folder."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    [event] = accumulator.Tensors("settings/text_summary")
    return event.tensor_proto.string_val[0].decode()


def wandb_records(file: Path) -> list[Any]:
    """Return the records of the .wandb file of a run that has ended; W&B's own process may still be writing them."""
    deadline = time.monotonic() + 60
    while True:
        records = list(_written_so_far(file))
        if any(record.HasField("exit") for record in records):
            return records
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _written_so_far(file: Path) -> Iterator[Any]:
    """Yield the records that are in a .wandb file: a log in LevelDB's format, after a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content = file.read_bytes()
    position, part = 7, b""
    while position + 7 <= len(content):
        if BLOCK - position % BLOCK < 7:  # the rest of a block is too short for another header
            position += BLOCK - position % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", content[position : position + 7])
        part += content[position + 7 : position + 7 + size]
        position += 7 + size
        if position > len(content):
            return
        if kind in (WHOLE, LAST):
            record = Record()
            record.ParseFromString(part)
            yield record
            part = b""


def wandb_history(file: Path) -> list[dict[str, Any]]:
    """Return the rows of the history in a .wandb file."""
    rows = []
    for record in wandb_records(file):
        if record.HasField("history"):
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            rows.append(row)
    return rows


def wandb_summary(file: Path) -> dict[str, Any]:
    """Return what was set in the summary of a .wandb file."""
    items = [item for record in wandb_records(file) if record.HasField("summary") for item in record.summary.update]
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def wandb_config(file: Path) -> dict[str, Any]:
    """Return the configuration in a .wandb file."""
    [run] = [record.run for record in wandb_records(file) if record.HasField("run")]
    return {item.key: json.loads(item.value_json) for item in run.config.update}
