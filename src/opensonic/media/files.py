"""The look at a file before it is read: is it there, and may it be read at all?"""

from __future__ import annotations

from pathlib import Path

from opensonic.errors import InputError


def check_file(path: Path, shown: str, accepted: str) -> None:
    """Refuse what is no readable file.

    Args:
        path: The file.
        shown: What messages call it.
        accepted: What messages say was expected.

    Raises:
        InputError: It is missing, empty, a folder, or may not be read.
    """
    try:
        if not path.exists():
            raise InputError(f"{shown}: no such file; expected {accepted}")
        if not path.is_file():
            what = "a folder" if path.is_dir() else "not a regular file"
            raise InputError(f"{shown}: is {what}; expected {accepted}")
        if path.stat().st_size == 0:
            raise InputError(f"{shown}: the file is empty; expected {accepted}")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{shown}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error
