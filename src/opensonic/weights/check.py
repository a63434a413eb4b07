"""Whether a file is what its record promises, told from headers and without loading it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from opensonic.errors import WeightsError
from opensonic.weights.conversion import Described, conversions, find_fresh
from opensonic.weights.expected import Shapes
from opensonic.weights.headers import read_header
from opensonic.weights.ledger import known_sha256, sha256_of
from opensonic.weights.model_file import ModelFile
from opensonic.weights.pickles import describe_pickle
from opensonic.weights.places import Found, cache_folder, find_file
from opensonic.weights.records import MODEL_FILES, REQUIRED, SONIC_NETWORKS
from opensonic.weights.single_file import NETWORKS, single_file_problems

OWN_SIZES = "sizes"
"""Note in a file of our own training that says the network's sizes."""
PROGRAMS = (".pt",)
"""Endings of files that are programs (TorchScript), not tables of tensors."""
_COUNTER = ".num_batches_tracked"
"""End of the names of what batch normalisations count while they learn, and newer files hold."""


@dataclass(frozen=True)
class Verdict:
    """What was found out about one file.

    Attributes:
        file: Its record.
        found: Where it is; None where it is missing.
        problem: What is wrong with it, empty where nothing is.
        checked: What was looked at, in words.
        unread: Whether it could hold a program and nobody vouches for it: not looked into, and no
            SHA-256 is known.
    """

    file: ModelFile
    found: Found | None
    problem: str = ""
    checked: str = ""
    unread: bool = False

    @property
    def good(self) -> bool:
        """Whether the file can be used."""
        return self.found is not None and not self.problem


def require_files(
    models_dir: Path | None = None, names: tuple[str, ...] = REQUIRED
) -> dict[str, Found]:
    """Find the files that the model needs, before anything is loaded.

    Networks of the model that it can do without are given too where they are there; a wrong one is
    not passed over in silence.

    Args:
        models_dir: Folder to look in first.
        names: Keys of `MODEL_FILES`: those that must be there.

    Returns:
        Where each is, by name.

    Raises:
        WeightsError: Files are missing or wrong: each is named, with its source and its licence.
    """
    verdicts = [check_file(name, models_dir) for name in dict.fromkeys((*names, *SONIC_NETWORKS))]
    verdicts = [v for v in verdicts if v.found or v.file.name in names]
    missing = [v.file for v in verdicts if not v.found]
    wrong = [f"{v.found.path} {v.problem}" for v in verdicts if v.found and v.problem]
    if not missing and not wrong:
        return {v.file.name: v.found for v in verdicts if v.found}
    told = []
    if models_dir is not None and not models_dir.is_dir():
        told.append(f"{models_dir} is no folder")
    if missing:
        listed = "; ".join(f"{f.place} ({f.url}, {f.licence.name})" for f in missing)
        told.append(f"{_count(missing, ' of the Sonic model')} missing: {listed}")
    if wrong:
        told.append(f"{_count(wrong)} wrong: {'; '.join(wrong)}")
    raise WeightsError(
        f"{'. '.join(told)}. Fetch them with: opensonic models pull, or name the folder where they "
        "are with --models-dir or OPENSONIC_MODELS"
    )


def check_file(name: str, models_dir: Path | None = None) -> Verdict:
    """Find a file and look at it as far as its header tells.

    Args:
        name: Key of `MODEL_FILES`.
        models_dir: Folder to look in first.

    Raises:
        InputError: No file is called so.
    """
    found = find_file(name, models_dir)
    if found is None:
        return Verdict(MODEL_FILES[name], None)
    try:
        problem, checked = _look_into(name, found)
    except WeightsError as error:
        problem, checked = str(error).removeprefix(f"{found.path}: "), ""
    return Verdict(MODEL_FILES[name], found, problem, checked, unread=_may_run(found))


def check_pickle(verdict: Verdict) -> Verdict:
    """Look into a pickle that was not copied yet: names and shapes, and that it holds no program.

    Nothing in it is run. Needs PyTorch; without, the verdict says that nobody looked.

    Args:
        verdict: What the header told.
    """
    found = verdict.found
    if found is None or not verdict.good or not found.is_pickle or not verdict.unread:
        return verdict
    if find_spec("torch") is None:
        told = "is a PyTorch file; it was not looked into, for PyTorch is missing"
        return replace(verdict, checked=told)
    try:
        problem = _difference(describe_pickle(found.path, found.file.prefix), found.file)
    except WeightsError as error:
        problem = str(error).removeprefix(f"{found.path}: ")
        return replace(verdict, problem=problem, checked="", unread=False)
    return replace(verdict, problem=problem, checked="names and shapes", unread=False)


def check_contents(verdict: Verdict, follow: Callable[[int], None] = lambda _: None) -> Verdict:
    """Read a whole file and hold it against the SHA-256 that is known of it, where one is.

    Args:
        verdict: What the header told.
        follow: Called with the bytes that were read since the last call.

    Raises:
        WeightsError: The note beside the file is damaged, or the file cannot be read.
    """
    found = verdict.found
    if found is None or not verdict.good:
        return verdict
    expected = found.file.sha256 or known_sha256(found.path, found.root)
    if expected is None:
        return replace(verdict, checked=f"{verdict.checked}; nobody noted its SHA-256")
    if (sha256 := sha256_of(found.path, follow)) != expected:
        problem = (
            f"has the SHA-256 {sha256[:12]}…, expected {expected[:12]}…; delete it and fetch it "
            "again"
        )
        return replace(verdict, problem=problem, checked="")
    return replace(verdict, checked=f"{verdict.checked}; SHA-256 is right", unread=False)


def _look_into(name: str, found: Found) -> tuple[str, str]:
    """Give what is wrong with a file, empty where nothing is, and what was looked at."""
    path = found.path
    if found.is_single:
        networks = [name] if name in NETWORKS else ([] if name.endswith("_config") else [*NETWORKS])
        problems = [p for network in networks for p in single_file_problems(path, network)]
        return _first(problems), "names and shapes"
    if path.suffix == ".json":
        return _json_problem(path), "is JSON"
    if path.suffix == ".onnx":
        return _first_bytes_problem(path, (b"\x08",), "ONNX"), "is an ONNX file"
    if found.is_pickle:
        if copy := _copy_of(found):
            return tensor_problem(copy, found.file), "names and shapes of its copy"
        return _pickle_problem(path), "is a PyTorch file; names are checked when it is copied"
    if found.file.shapes:
        if OWN_SIZES in read_header(path).notes:
            return "", "is whole; names and shapes are checked when it is loaded"
        return tensor_problem(path, found.file), "names and shapes"
    return _pickle_problem(path), "is a PyTorch program, which was not looked into"


def _copy_of(found: Found) -> Path | None:
    """Give the copy of a pickle that is loaded in its place, if it was made."""
    places = conversions(found.path, cache_folder(), beside=found.is_ours)
    return find_fresh(places, found.path)


def _may_run(found: Found) -> bool:
    """Say whether a file is a pickle without a copy, or a program by its nature."""
    if found.is_pickle:
        return _copy_of(found) is None
    return found.path.suffix in PROGRAMS


def tensor_problem(path: Path, file: ModelFile) -> str:
    """Say how the tensors of a safetensors file differ from its record; empty where not at all.

    Args:
        path: The file.
        file: Its record.

    Raises:
        WeightsError: It is no whole safetensors file.
    """
    header = read_header(path)
    if OWN_SIZES in header.notes:
        return ""  # of another size than the published; checked when it is loaded
    tensors = [Described(n, header.dtypes[n], shape) for n, shape in header.shapes.items()]
    return _difference(tensors, file)


def _difference(tensors: list[Described], file: ModelFile) -> str:
    """Say how tensors differ from those of a record; empty where not at all."""
    expected = file.shapes() if file.shapes else {}
    shapes: Shapes = {each.name.removeprefix(file.prefix): each.shape for each in tensors}
    dtypes = {each.name.removeprefix(file.prefix): each.dtype for each in tensors}
    problems = [f"lacks {name}" for name in expected if name not in shapes]
    problems += [
        f"has {name} as {shapes[name]} instead of {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    problems += [
        f"holds {name}, which does not belong there"
        for name in shapes
        if name not in expected and not name.startswith(file.spare) and not name.endswith(_COUNTER)
    ]
    problems += [
        f"has {name} as {dtypes[name]} instead of numbers with a fraction"
        for name in expected
        if name in dtypes and not dtypes[name].startswith(("F", "BF"))
    ]
    return _first(problems)


def _first(problems: list[str]) -> str:
    if not problems:
        return ""
    more = f" and {len(problems) - 1} more of the kind" if problems[1:] else ""
    return f"{problems[0]}{more}, so it is another network's"


def _json_problem(path: Path) -> str:
    try:
        good = isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except ValueError:
        good = False
    return "" if good else "is no JSON settings file; fetch it again"


def _pickle_problem(path: Path) -> str:
    """Look at the first bytes: a zip archive or an older bare pickle."""
    pickles = tuple(b"\x80%c" % version for version in range(2, 6))
    return _first_bytes_problem(path, (b"PK\x03\x04", *pickles), "PyTorch")


def _first_bytes_problem(path: Path, begins: tuple[bytes, ...], kind: str) -> str:
    try:
        with path.open("rb") as file:
            first = file.read(8)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if first.startswith(begins):
        return ""
    if first.startswith(b"version "):
        return "is a Git LFS pointer, not the file itself; fetch it with git lfs pull"
    return f"is no {kind} file (it begins with {first!r}); fetch it again"


def _count(things: list[ModelFile] | list[str], of: str = "") -> str:
    return f"1 file{of} is" if len(things) == 1 else f"{len(things)} files{of} are"
