"""What the documents say is what the code does."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_page_is_up_to_date():
    tool = _load(ROOT / "tools/settings_page.py")
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page()


def test_every_link_between_our_pages_leads_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_ci_runs_exactly_the_test_command_of_the_readme():
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    commands = (ROOT / ".ci/run").read_text().strip().splitlines()
    assert commands[-1] == "make test"


def test_the_base_install_is_small():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE).group(1)
    names = re.findall(r'"([a-z-]+)', block)
    assert 0 < len(names) <= 8
    assert "torch" not in names


def test_the_motion_page_has_every_channel_as_it_is():
    from opensonic.channels import ALL

    page = (ROOT / "docs/motion.md").read_text(encoding="utf-8")
    for channel in ALL:
        row = f"| `{channel.name}` | {channel.low:g} to {channel.high:g} | {channel.meaning} |"
        assert row in page, channel.name


def test_the_motion_page_tells_the_gaps_of_the_shapes():
    import numpy as np

    from opensonic.channels import CHANNELS, inner_lip_gap
    from opensonic.motion.rhubarb import SHAPES

    page = (ROOT / "docs/motion.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([A-HX]) \|.*gap (0\.\d\d) e", page, re.MULTILINE))
    assert set(told) == set("BCDEF")
    for shape, gap in told.items():
        row = np.array([SHAPES[shape].get(name, 0) for name in CHANNELS], np.float32)
        assert abs(float(inner_lip_gap(row)) - float(gap)) < 0.006, shape
