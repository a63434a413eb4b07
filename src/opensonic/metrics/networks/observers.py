"""The network measures as observers: those that can run here, and for the others why not.

Weights are looked for like every published file (`weights.places`), or named by path. PyTorch is
imported only where a network is there to run on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from opensonic.errors import InputError
from opensonic.metrics.evaluation import Observer
from opensonic.metrics.networks.lacks import Lacking, lacking_packages
from opensonic.values import Portrait
from opensonic.weights.ledger import sha256_of
from opensonic.weights.networks import find_network
from opensonic.weights.pickles import convert_pickle
from opensonic.weights.places import cache_folder
from opensonic.weights.records import MEASURING, MODEL_FILES

_TORCHMETRICS_LPIPS = "functional/image/lpips_models/alex.pth"


@dataclass(frozen=True)
class _Search:
    """Where weights are looked for.

    Attributes:
        models_dir: Folder to look in first.
        weights: Files that were named, by the names of their records.
        say: Called with one line for the user for each copy that is made.
    """

    models_dir: Path | None
    weights: Mapping[str, Path]
    say: Callable[[str], None]

    def find(self, name: str) -> Path | None:
        """Give a file that can be loaded, or None."""
        return find_network(name, self.models_dir, self.weights.get(name), self.say)


def network_observers(
    models_dir: Path | None = None,
    *,
    weights: Mapping[str, Path] | None = None,
    portrait: Portrait | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Observer, ...]:
    """Give the measures of the field that need networks of others, for one video.

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
    named = dict(weights or {})
    if wrong := [name for name in named if name not in MEASURING]:
        raise InputError(
            f"no weights of a measure are called {wrong[0]!r}; expected {', '.join(MEASURING)}"
        )
    search = _Search(models_dir, named, say)
    return (
        _lip_sync(search, device),
        _identity(search, portrait),
        _lpips(search, device),
        _fid(search, device),
        _fvd(search, device),
    )


def _lip_sync(search: _Search, device: str) -> Observer:
    names = ("lse_d", "lse_c", "syncnet_lag")
    if lack := lacking_packages():
        return Lacking(lack, names)
    path = search.find("syncnet")
    if path is None:
        return Lacking(_no_weights("syncnet"), names)
    from opensonic.metrics.networks.lip_sync import LipSyncObserver
    from opensonic.metrics.networks.syncnet import load_syncnet

    return LipSyncObserver(load_syncnet(path, _device(device)))


def _identity(search: _Search, portrait: Portrait | None) -> Observer:
    """CSIM runs on onnxruntime alone."""
    for name, title in (("arcface", "ArcFace"), ("sface", "SFace")):
        if (path := search.find(name)) is not None:
            from opensonic.metrics.networks.embedding import FaceEmbedder
            from opensonic.metrics.networks.identity import IdentityObserver

            return IdentityObserver(FaceEmbedder(path), title, portrait)
    return Lacking(f"{_no_weights('arcface')} (or sface)", ("csim", "csim_start", "csim_loss"))


def _lpips(search: _Search, device: str) -> Observer:
    if lack := lacking_packages():
        return Lacking(lack, ("lpips",))
    alexnet = search.find("alexnet")
    if alexnet is None:
        return Lacking(_no_weights("alexnet"), ("lpips",))
    shares = search.find("lpips") or _shares_of_torchmetrics()
    if shares is None:
        return Lacking(_no_weights("lpips"), ("lpips",))
    from opensonic.metrics.networks.likeness import LpipsObserver
    from opensonic.metrics.networks.lpips import load_lpips

    place = _device(device)
    return LpipsObserver(load_lpips(alexnet, shares, place), place)


def _fid(search: _Search, device: str) -> Observer:
    if lack := lacking_packages():
        return Lacking(lack, ("fid",))
    path = search.find("inception")
    if path is None:
        return Lacking(_no_weights("inception"), ("fid",))
    from opensonic.metrics.networks.frechet import FidObserver
    from opensonic.metrics.networks.inception import load_inception

    return FidObserver(load_inception(path, _device(device)))


def _fvd(search: _Search, device: str) -> Observer:
    if lack := lacking_packages():
        return Lacking(lack, ("fvd",))
    path = search.find("i3d")
    if path is None:
        return Lacking(_no_weights("i3d"), ("fvd",))
    from opensonic.metrics.networks.frechet import FvdObserver
    from opensonic.metrics.networks.i3d import I3d

    return FvdObserver(I3d(path, _device(device)))


def _no_weights(name: str) -> str:
    return f"no weights: opensonic models pull {name}"


def _device(wanted: str) -> str:
    from opensonic.device import choose_device

    return choose_device(wanted).name


def _shares_of_torchmetrics() -> Path | None:
    """Give the weights of LPIPS 0.1 that torchmetrics carries, where they are the published ones.

    That spares the user a file of 6 KB.
    """
    carried = Path(str(files("torchmetrics"))) / _TORCHMETRICS_LPIPS
    if not carried.is_file() or sha256_of(carried) != MODEL_FILES["lpips"].sha256:
        return None
    return convert_pickle(carried, cache_folder(), beside=False).path
