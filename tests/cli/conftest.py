"""The command line in this process."""

import sys

import pytest
from PIL import Image
from tests.model_hub import home, hub, published, small  # noqa: F401 - fixtures

from opensonic import cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["opensonic", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def portrait(example_image, tmp_path):
    path = tmp_path / "portrait.png"
    Image.fromarray(example_image).save(path)
    return path
