"""`autophagy submit`: put finished cells, their methods and generators into the leaderboard, all of them or none."""

import datetime
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cells.submitted import Submitted, check_submitter, read_submitters
from bench.errors import BadInput
from bench.files.atomic import make_folder, write_bytes
from bench.submission.cells import SubmittedCell, find_cells, read_cell
from bench.submission.existing import difference, what_is_left_out
from bench.submission.folder import LeaderboardFolder
from bench.submission.groups import data_notes, groups_of, plain_loop_notes, seed_notes
from bench.submission.methods import find_generator_files, find_method_files
from bench.submission.tasks import find_task_files


@dataclass(frozen=True)
class Submission:
    """What is to be written, all checks passed.

    Attributes:
        folder: the leaderboard folder.
        files: the content of each new file. A record comes after what belongs to it, so that what an interrupted
            command leaves behind is completed by the next one.
        kept: files that are there already.
        notes: what the submitter should know.
        anonymous: whether nobody is named for results that are new.
    """

    folder: Path
    files: dict[Path, bytes]
    kept: list[Path]
    notes: list[str]
    anonymous: bool

    def write(self) -> None:
        """Write the files.

        Raises:
            BadInput: the folder cannot be written. Files that were written before stay.
        """
        for path, content in self.files.items():
            make_folder(path.parent)
            write_bytes(path, content)

    def next_steps(self) -> list[str]:
        """Return the commands that come next."""
        parent = self.folder.parent
        git = ["git"] if parent == Path() else ["git", "-C", str(parent)]
        commands = [
            ["autophagy", "board", "--results", str(self.folder / "results"), "--out", "site"],
            [*git, "add", self.folder.name],
            [*git, "commit"],
        ]
        return [shlex.join(command) for command in commands]

    def to_text(self) -> str:
        """Return a line for each file and note, and what comes next."""
        lines = [f"written  {path}" for path in self.files]
        lines += [f"kept     {path}: is there already" for path in self.kept]
        lines += [f"note     {note}" for note in self.notes]
        if self.anonymous:
            lines.append(
                "note     nobody is named as who submits this: --by NAME, and --link URL, are shown beside it"
            )
        lines += [
            "next     look at the page (site/index.html), commit these files, and open a pull request with them:"
        ]
        lines += [f"         {step}" for step in self.next_steps()]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return the same for a program."""
        content = {
            "written": [str(path) for path in self.files],
            "kept": [str(path) for path in self.kept],
            "notes": self.notes,
            "next": self.next_steps(),
        }
        return json.dumps(content, indent=2)


def plan_submission(
    cells: Sequence[Path],
    methods: Sequence[Path],
    generators: Sequence[Path],
    leaderboard: Path,
    tasks: Sequence[Path] = (),
    by: str | None = None,
    link: str | None = None,
) -> Submission:
    """Check finished cells, their methods and generators; nothing is written and no code of theirs is executed.

    Args:
        cells: run folders of cells, or runs folders.
        methods: the files of methods that are no baselines.
        generators: the files of generators that are not the benchmark's own.
        leaderboard: the folder that they are for.
        tasks: the files of tasks that are neither of the package nor in the folder.
        by: who submits, None where nobody is to be named.
        link: a web page of theirs.

    Raises:
        BadInput: a check fails.
    """
    if by is not None:
        check_submitter(by, link)
    folder = LeaderboardFolder(leaderboard, tasks)
    finished, unfinished = find_cells(cells)
    notes = [f"{path}: is not finished and left out: `autophagy run` goes on with it" for path in unfinished]
    submitted = _different_cells([read_cell(path, folder.tasks) for path in finished])
    files, kept = find_method_files(submitted, methods, folder)
    of_generators, kept_generators = find_generator_files(submitted, generators, folder)
    files |= of_generators
    kept += kept_generators
    of_tasks, kept_tasks = find_task_files(submitted, folder)
    files |= of_tasks
    kept += kept_tasks
    submitters = read_submitters(leaderboard)
    new = [cell.record.cell_id for cell in submitted if cell.record.cell_id not in folder.records]
    if by is not None and (unnamed := tuple(sorted(set(new) - set(submitters)))):
        told = Submitted(by=by, link=link, date=datetime.datetime.now(datetime.UTC).date(), cells=unnamed)
        files[leaderboard / "submissions" / told.file_name] = told.to_json().encode()
    for cell in submitted:
        path = folder.result_path(cell.record.cell)
        there = folder.records.get(cell.record.cell_id)
        if there is None:
            if path.exists():
                raise BadInput(f"{path}: is the record of another cell than its name says: remove it")
            files |= {path.with_name(f"{path.stem}{suffix}"): picture for suffix, picture in cell.pictures.items()}
            files[path] = cell.record.to_json().encode()
            continue
        if (found := difference(there, cell.record)) is not None:
            raise BadInput(
                f"{path}: there is a result of this cell with other scores ({found}): results are never replaced: "
                f"give the folders of other cells, without {cell.path}"
            )
        kept.append(path)
        notes += [f"{path}: {note}" for note in what_is_left_out(there, cell.record)]
    for group in groups_of(submitted):
        notes += seed_notes(group, folder, methods, generators)
        notes += data_notes(group)
    notes += plain_loop_notes(submitted, folder, generators)
    return Submission(leaderboard, files, kept, notes, anonymous=by is None and bool(new))


def _different_cells(cells: list[SubmittedCell]) -> list[SubmittedCell]:
    seen: dict[str, Path] = {}
    for cell in cells:
        if (other := seen.setdefault(cell.record.cell_id, cell.path)) != cell.path:
            raise BadInput(f"{cell.path}: a run of the same cell as {other}: give one of them")
    return cells
