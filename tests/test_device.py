"""Devices, numbers and memory; CUDA and MPS are stood in for by what PyTorch would say."""

import sys
from types import SimpleNamespace

import pytest

from opensonic import device as module
from opensonic.device import Device, choose_device, choose_dtype, host_memory, read_bytes
from opensonic.errors import InputError, SettingsError

GB = 10**9


def stand_in(cuda=(), mps=False, bf16=True):
    """A PyTorch with the given free bytes per CUDA device."""
    return SimpleNamespace(
        __version__="2.9",
        cuda=SimpleNamespace(
            is_available=lambda: bool(cuda),
            device_count=lambda: len(cuda),
            mem_get_info=lambda name: (cuda[int(name[5:])], 80 * GB),
            memory_reserved=lambda name: 3 * GB,
            memory_allocated=lambda name: 1 * GB,
            get_device_name=lambda name: f"Card {name[5:]}",
            is_bf16_supported=lambda including_emulation: bf16,
        ),
        mps=SimpleNamespace(recommended_max_memory=lambda: 1000),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )


@pytest.fixture
def machine(monkeypatch):
    def machine(**kind):
        monkeypatch.setattr(module, "_torch", lambda: stand_in(**kind))

    return machine


def test_auto_takes_the_emptiest_card(machine):
    machine(cuda=(5 * GB, 9 * GB, 7 * GB), mps=True)
    found = choose_device()
    assert (found.name, found.kind, found.model) == ("cuda:1", "cuda", "Card 1")
    assert found.free_bytes == 11 * GB  # with what PyTorch holds and does not use
    assert choose_device("cuda").name == "cuda:1"
    assert choose_device("cuda:0").name == "cuda:0"
    assert choose_device("cpu").name == "cpu"


def test_auto_without_cards(machine):
    machine(mps=True)
    assert choose_device() == Device("mps", "Apple GPU", 1000, 1000)
    machine()
    assert choose_device().name == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_there_names_those_that_are(machine, wanted):
    machine(cuda=(GB,)) if wanted != "cuda" else machine()
    with pytest.raises(SettingsError, match=r"has only .*cpu"):
        choose_device(wanted)


@pytest.mark.parametrize("wanted", ["gpu", "", "cuda:", "cuda:-1", "cpu:0"])
def test_an_unknown_device_lists_the_known_ones(machine, wanted):
    machine()
    with pytest.raises(SettingsError, match="expected auto, cpu"):
        choose_device(wanted)


def test_numbers_follow_the_device(machine):
    machine(bf16=False)
    card, cpu = Device("cuda:0", "Card", 1, 1), Device("cpu", "CPU", 1, 1)
    assert choose_dtype(card) == choose_dtype(card, "fp16") == "float16"
    assert choose_dtype(cpu) == "float32"
    assert choose_dtype(cpu, "bf16") == "bfloat16"
    with pytest.raises(SettingsError, match="try fp16"):
        choose_dtype(card, "bf16")
    with pytest.raises(SettingsError, match="expected auto, fp16, bf16 or fp32"):
        choose_dtype(cpu, "int8")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("10GB", 10 * GB), ("1 GiB", 2**30), ("2.5g", 2_500_000_000), ("800 mb", 800_000_000),
     ("7", 7), ("1TiB", 2**40)],
)  # fmt: skip
def test_memory_is_read_in_the_users_units(text, amount):
    assert read_bytes(text) == amount


@pytest.mark.parametrize(
    "text", ["", "GB", "-1GB", "ten", "1e9", "0", "0.0GB", "5ib", "nan", "1 2"]
)
def test_what_is_no_memory_is_refused(text):
    with pytest.raises(SettingsError, match="such as 10GB"):
        read_bytes(text)


def test_this_machine_has_memory():
    total, free = host_memory()
    assert total > 100_000_000
    assert 0 < free <= total


def test_a_container_limits_the_memory(monkeypatch):
    if sys.platform == "win32":
        pytest.skip("no control groups")
    monkeypatch.setattr(module, "_container_memory", lambda: (1000, 900))
    assert host_memory() == (1000, 100)


def test_without_pytorch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"opensonic\[sonic\]"):
        choose_device()
