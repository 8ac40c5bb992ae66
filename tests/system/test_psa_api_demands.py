"""The demands on crypto, internal trusted storage and protected storage, put to a whole device.

Requests are packed by hand, byte by byte, so that they do not rest on the client library of the model.
"""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from support.psa_api import asymmetric, ciphers, digests, extensions, keys, storage  # noqa: F401
from support.psa_api.caller import Caller
from support.psa_api.demand import DEMANDS, Demand
from support.psa_api.page import PAGE, page_text

from tfm_sim import Build, Device, boot
from tfm_sim.firmware_profiles import MAPPED
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.spm.config import Backend, SpmConfig

BUILDS = {
    "level1": SpmConfig(),
    "level3": SpmConfig(isolation_level=3),
    "sfn": SpmConfig(backend=Backend.SFN),
}


@pytest.fixture(scope="module", params=BUILDS)
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    with boot(build=Build(spm=BUILDS[request.param])) as booted:
        yield booted


@pytest.mark.parametrize("wanted", [d for d in DEMANDS if not d.fresh], ids=str)
def test_demand(device: Device, wanted: Demand) -> None:
    caller = Caller(device.ns)
    try:
        assert wanted.act(caller) in wanted.statuses
    finally:
        caller.clean_up()


@pytest.mark.parametrize("wanted", [d for d in DEMANDS if d.fresh], ids=str)
def test_demand_of_a_fresh_device(wanted: Demand) -> None:
    with boot() as device:
        assert wanted.act(Caller(device.ns)) in wanted.statuses


def test_every_demand_has_a_name_of_its_own() -> None:
    assert len({str(d) for d in DEMANDS}) == len(DEMANDS)


def test_the_page_is_that_of_the_table() -> None:
    assert PAGE.read_text() == page_text(), "python tests/support/psa_api/page.py writes it anew"


@pytest.mark.parametrize("size, mapped, status", [(5088, False, 0), (65536, False, -141), (65536, True, 0)])
def test_as_much_as_memory_holds_where_vectors_are_mapped(size: int, mapped: bool, status: int) -> None:
    """PSA_FRAMEWORK_HAS_MM_IOVEC: no scratch buffer of CRYPTO_IOVEC_BUFFER_SIZE in between."""
    crypto = CryptoConfig(iovec_buffer_size=MAPPED) if mapped else CryptoConfig()
    data = bytes(size)
    with boot(build=Build(crypto=crypto)) as device:
        answer = Caller(device.ns).call(0x0300, data, alg=0x02000009, outs=(32,))
    assert answer.status == status
    assert answer.data == (b"" if status else sha256(data).digest())
