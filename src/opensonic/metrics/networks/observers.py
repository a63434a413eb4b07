"""The network measures as observers: those that can run here, and for the others why not.

Weights are looked for like every published file (`weights.places`), or named by path. PyTorch is
imported only where a network is there to run on it. Networks are loaded once for many videos.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from opensonic.errors import InputError
from opensonic.metrics.evaluation import Observer, Row
from opensonic.metrics.networks.lacks import IDENTITY, LIP_SYNC, Lacking, lacking_packages
from opensonic.values import Portrait
from opensonic.weights.ledger import sha256_of
from opensonic.weights.networks import find_network
from opensonic.weights.pickles import convert_pickle
from opensonic.weights.places import cache_folder
from opensonic.weights.records import MEASURING, MODEL_FILES

if TYPE_CHECKING:
    from opensonic.metrics.networks.frechet import PointSets

_TORCHMETRICS_LPIPS = "functional/image/lpips_models/alex.pth"


class FieldMeasures:
    """The measures of the field, for one video or many.

    A measure whose weights or packages are missing is given all the same: its rows say what to do.

    Args:
        models_dir: Folder to look for weights in first.
        weights: Files of weights by name: "syncnet", "arcface", "sface", "alexnet", "lpips",
            "inception", "i3d".
        portrait: The picture that the video was made of, for CSIM; without it the reference is
            taken.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        say: Called with one line for the user where a pickle is copied.

    Raises:
        InputError: No weights are called so.
        WeightsError: A file is wrong or dangerous.
        SettingsError: There is no such device here.
    """

    def __init__(
        self,
        models_dir: Path | None = None,
        *,
        weights: Mapping[str, Path] | None = None,
        portrait: Portrait | None = None,
        device: str = "auto",
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._models_dir, self._weights, self._say = models_dir, dict(weights or {}), say
        if wrong := [name for name in self._weights if name not in MEASURING]:
            raise InputError(
                f"no weights of a measure are called {wrong[0]!r}; expected {', '.join(MEASURING)}"
            )
        self._portrait, self._wanted_device = portrait, device
        self._pools: dict[str, PointSets] = {}
        lack = lacking_packages()
        self._makers: tuple[Callable[[], Observer], ...] = (
            self._lip_sync(lack),
            self._identity(),
            self._lpips(lack),
            self._fid(lack),
            self._fvd(lack),
        )

    def observers(self) -> tuple[Observer, ...]:
        """Give the measures anew, for one video."""
        return tuple(make() for make in self._makers)

    def pooled_rows(self) -> tuple[Row, ...]:
        """Give FID and FVD over all videos so far, as papers give them; none without weights."""
        return tuple(pool.row(name) for name, pool in self._pools.items())

    def _lip_sync(self, lack: str) -> Callable[[], Observer]:
        path = None if lack else self._find("syncnet")
        if path is None:
            return _lacking(lack or _no_weights("syncnet"), *LIP_SYNC)
        from opensonic.metrics.networks.lip_sync import LipSyncObserver
        from opensonic.metrics.networks.syncnet import load_syncnet

        network = load_syncnet(path, self._device())
        return partial(LipSyncObserver, network)

    def _identity(self) -> Callable[[], Observer]:
        """CSIM runs on onnxruntime alone."""
        for name, title in (("arcface", "ArcFace"), ("sface", "SFace")):
            if (path := self._find(name)) is not None:
                from opensonic.metrics.networks.embedding import FaceEmbedder
                from opensonic.metrics.networks.identity import IdentityObserver

                return partial(IdentityObserver, FaceEmbedder(path), title, self._portrait)
        return _lacking(f"{_no_weights('arcface')} (or sface)", *IDENTITY)

    def _lpips(self, lack: str) -> Callable[[], Observer]:
        alexnet = None if lack else self._find("alexnet")
        if alexnet is None:
            return _lacking(lack or _no_weights("alexnet"), "lpips")
        shares = self._find("lpips") or _shares_of_torchmetrics()
        if shares is None:
            return _lacking(_no_weights("lpips"), "lpips")
        from opensonic.metrics.networks.likeness import LpipsObserver
        from opensonic.metrics.networks.lpips import load_lpips

        place = self._device()
        network = load_lpips(alexnet, shares, place)
        return partial(LpipsObserver, network, place)

    def _fid(self, lack: str) -> Callable[[], Observer]:
        path = None if lack else self._find("inception")
        if path is None:
            return _lacking(lack or _no_weights("inception"), "fid")
        from opensonic.metrics.networks.frechet import PICTURES, FidObserver, PointSets
        from opensonic.metrics.networks.inception import load_inception

        network = load_inception(path, self._device())
        pool = self._pools["fid"] = PointSets(network.num_features, PICTURES)
        return partial(FidObserver, network, pool)

    def _fvd(self, lack: str) -> Callable[[], Observer]:
        path = None if lack else self._find("i3d")
        if path is None:
            return _lacking(lack or _no_weights("i3d"), "fvd")
        from opensonic.metrics.networks.frechet import CLIPS, FvdObserver, PointSets
        from opensonic.metrics.networks.i3d import I3d

        network = I3d(path, self._device())
        pool = self._pools["fvd"] = PointSets(network.num_features, CLIPS)
        return partial(FvdObserver, network, pool)

    def _find(self, name: str) -> Path | None:
        return find_network(name, self._models_dir, self._weights.get(name), self._say)

    def _device(self) -> str:
        from opensonic.device import choose_device

        return choose_device(self._wanted_device).name


def _lacking(why: str, *names: str) -> Callable[[], Observer]:
    return partial(Lacking, why, names)


def _no_weights(name: str) -> str:
    return f"no weights: opensonic models pull {name}"


def _shares_of_torchmetrics() -> Path | None:
    """Give the weights of LPIPS 0.1 that torchmetrics carries, where they are the published ones.

    That spares the user a file of 6 KB.
    """
    carried = Path(str(files("torchmetrics"))) / _TORCHMETRICS_LPIPS
    if not carried.is_file() or sha256_of(carried) != MODEL_FILES["lpips"].sha256:
        return None
    return convert_pickle(carried, cache_folder(), beside=False).path
