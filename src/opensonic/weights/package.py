"""The weight files that lie in the package: where they are, whose they are, and how they open.

Each file is made by the training program named in its record and lies beside the code that loads
it. A file whose SHA-256 differs from its record is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opensonic.errors import WeightsError

if TYPE_CHECKING:
    import onnxruntime as ort

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class WeightFile:
    """One weight file of the package.

    Attributes:
        name: What code and messages call it.
        path: Place below the package folder.
        sha256: Of the file, in hexadecimal.
        made_by: Module of the training program.
        licence: Terms under which it is given away.
    """

    name: str
    path: str
    sha256: str
    made_by: str
    licence: str = "Apache-2.0"


_FILES: tuple[WeightFile, ...] = (
    WeightFile(
        "face_detector",
        "face/face_detector.onnx",
        "ea2a1eb3bbf834753bf5e3b262b531adff4e14cf379a82dd43290f5b23416d20",
        "opensonic.train.detector",
    ),
    WeightFile(
        "speech",
        "speech/speech.onnx",
        "03a9cbff28935d5f14cc141f5fdd92673e03eac995e34caa60c54545d6652b29",
        "opensonic.train.speech",
    ),
    WeightFile(
        "face_mesh_coarse",
        "face/face_mesh_coarse.onnx",
        "f27e419201bd84cf60298c15ac77e888bb2dd3c08c3a6ac752b85ef4148566c8",
        "opensonic.train.mesh",
    ),
    WeightFile(
        "face_mesh_fine",
        "face/face_mesh_fine.onnx",
        "bd29907a667a25a0f5505890c0b02c936d9770f11e8208025b024613d70ff8c4",
        "opensonic.train.mesh",
    ),
    WeightFile(
        "face_mesh_lips",
        "face/face_mesh_lips.onnx",
        "bac984fc170df1fb47a7687ffb888818cd9ac02c8d9b42ec055f32574e562a8f",
        "opensonic.train.mesh",
    ),
    WeightFile(
        "face_mesh_eye",
        "face/face_mesh_eye.onnx",
        "156be7921a243bb671466a29d3f9f573f996d2ea91712269cfd35493c8385c83",
        "opensonic.train.mesh",
    ),
    WeightFile(
        "sync_lips",
        "post/sync/sync_lips.onnx",
        "c2ea2202cc60998401d15ae4855d97b2a531248d684d17b0da61697dd5c99ff7",
        "opensonic.train.sync",
    ),
    WeightFile(
        "sync_sound",
        "post/sync/sync_sound.onnx",
        "214d263afdcfbe7763b2de7727b99b28d19d091e293f774dc539c54c5f53a8b6",
        "opensonic.train.sync",
    ),
)

RECORDS = {record.name: record for record in _FILES}
"""Every weight file of the package by name."""


def weights_path(name: str) -> Path:
    """Find a weight file of the package and check that it is whole.

    Raises:
        WeightsError: The file is unknown, missing or differs from its record.
    """
    if name not in RECORDS:
        raise WeightsError(f"no weight file is called {name!r}; known: {', '.join(RECORDS)}")
    record = RECORDS[name]
    path = _ROOT / record.path
    if not path.is_file():
        raise WeightsError(f"{path}: weight file is missing; reinstall opensonic")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != record.sha256:
        raise WeightsError(
            f"{path}: SHA-256 is {found[:12]}…, expected {record.sha256[:12]}…; "
            "the file is damaged, reinstall opensonic"
        )
    return path


def open_session(name: str, threads: int = 1) -> ort.InferenceSession:
    """Open a network of the package on the CPU.

    Args:
        name: Key of `RECORDS`.
        threads: CPU threads that one run may use.

    Raises:
        WeightsError: The file is missing, damaged or cannot be opened.
    """
    return open_file(weights_path(name), threads)


def open_file(path: Path, threads: int = 1) -> ort.InferenceSession:
    """Open an ONNX file on the CPU, also one that is not the package's.

    Args:
        path: The file.
        threads: CPU threads that one run may use.

    Raises:
        WeightsError: The file is missing or cannot be opened.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); expected an ONNX file with weights"
        ) from error
    except Exception as error:  # onnxruntime raises its own family, which has no common base
        raise WeightsError(f"{path}: onnxruntime cannot open it ({error})") from error
