import subprocess
import sys

import opensonic


def test_all_is_sorted_and_true():
    assert opensonic.__all__ == sorted(opensonic.__all__)
    assert all(hasattr(opensonic, name) for name in opensonic.__all__)


def test_import_has_no_heavy_side():
    code = (
        "import sys, opensonic; "
        "print(sorted({'torch', 'onnxruntime', 'typer', 'rich', 'scipy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
