"""What somebody with access to the flash can do to protected storage: nothing that is not found out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ps_bench import PS_PID, PsBench, State

from tfm_sim.interface.psa.crypto import psa_hash_abort, psa_hash_setup
from tfm_sim.interface.psa.crypto_types import psa_hash_operation_t
from tfm_sim.interface.psa.crypto_values import PSA_ALG_CCM, PSA_ALG_SHA_256
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_remove
from tfm_sim.interface.psa.protected_storage import psa_ps_get, psa_ps_get_info, psa_ps_remove, psa_ps_set
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_GENERIC_ERROR,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_SUCCESS,
)
from tfm_sim.interface.psa.storage_common import PSA_STORAGE_FLAG_NO_CONFIDENTIALITY
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.protected_storage import object_table
from tfm_sim.partitions.protected_storage.config import PsConfig, PsQuirks
from tfm_sim.platform.otp import OtpField
from tfm_sim.platform.power import Cut, CutMode, PowerCut
from tfm_sim.spm.panic import DevicePanic

SECRET = b"the quick brown fox jumps over the lazy dog"
SAME_SIZE = bytes(reversed(SECRET))
STRICT = PsConfig(create_flash_layout=False)
"""Storage that was tampered with does not start, where the default build starts with an empty one."""
SIGNATURE, CORRUPT, GENERIC = (
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_DATA_CORRUPT,
    PSA_ERROR_GENERIC_ERROR,
)
SMALLEST = PsConfig().max_file_size - PsConfig().max_asset_size
PLAIN = PsConfig(encryption=False, rollback_protection=False)


def started(config: PsConfig | None = None) -> PsBench:
    """A device with two objects of one size."""
    config = config or PsConfig()
    bench = PsBench(replace(config, create_flash_layout=True), on_flash=True).boot()
    bench.psa.set(1, SECRET)
    bench.psa.set(2, SAME_SIZE)
    bench.config = config
    return bench


def files_of(bench: PsBench) -> dict[int, bytes]:
    """The files of protected storage, by their ids."""
    client = bench.as_ps()
    answers = {fid: psa_its_get(client, fid, 0, 4096) for fid in range(1, 14)}
    return {fid: data for fid, (status, data) in answers.items() if status == PSA_SUCCESS}


def place_of(bench: PsBench, content: bytes) -> int:
    """Where a file lies in the flash. An update moves a whole block, so it is there more than once."""
    cells, fid = bench.ps_flash.cells, next(f for f, data in files_of(bench).items() if data == content)
    at = cells.find(content)
    while at >= 0:
        cells[at] ^= 0x01
        moved = files_of(bench).get(fid) != content
        cells[at] ^= 0x01
        if moved:
            return at
        at = cells.find(content, at + 1)
    raise AssertionError("the file is not in the flash as ITS gives it")


def fid_of(bench: PsBench, uid: int) -> int:
    """The file of an object is the one without which it is not there."""
    state = bench.state()
    for fid in files_of(bench).keys() - {1, 2}:
        psa_its_remove(bench.as_ps(), fid)
        gone = psa_ps_get(bench.ns, uid, 0, 1)[0] != PSA_SUCCESS
        bench.restore(state)
        bench.boot()
        if gone:
            return fid
    raise AssertionError(f"no file is object {uid}'s")


@pytest.mark.parametrize(
    "config",
    [PsConfig(), PsConfig(aead_alg=PSA_ALG_CCM), PsConfig(aes_key_usage_limit=100_000)],
    ids=["GCM", "CCM", "limited keys"],
)
def test_every_byte_of_an_object(config: PsConfig) -> None:
    bench = started(config)
    fid = fid_of(bench, 1)
    content = files_of(bench)[fid]
    place = place_of(bench, content)
    for offset in range(len(content)):
        bench.ps_flash.cells[place + offset] ^= 0x80
        # Behind nonce and generation there are four bytes that are always zero.
        status = CORRUPT if config.aes_key_usage_limit and 16 <= offset < 20 else SIGNATURE
        assert psa_ps_get(bench.ns, 1, 0, 99)[0] == status, offset
        bench.ps_flash.cells[place + offset] ^= 0x80
        place = place_of(bench, content) if config.aes_key_usage_limit else place
    assert psa_ps_get(bench.ns, 1, 0, 99) == (PSA_SUCCESS, SECRET)


@pytest.mark.parametrize("config", [STRICT, PsConfig()], ids=["strict", "default"])
def test_every_byte_of_the_object_table(config: PsConfig) -> None:
    bench = started(config)
    (table,) = (data for fid, data in files_of(bench).items() if fid <= 2)
    place = place_of(bench, table)
    state = bench.state()
    for offset in (*range(60), *range(60, len(table), 41), len(table) - 1):
        bench.restore(state)
        bench.ps_flash.cells[place + offset] ^= 0x10
        if config is STRICT:
            with pytest.raises(DevicePanic, match="TFM_SP_PS broke a rule: entry_init: success"):
                bench.boot()
        else:
            bench.boot()
            assert psa_ps_get(bench.ns, 1, 0, 99) == (PSA_ERROR_DOES_NOT_EXIST, b""), offset


def test_a_table_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """TF-M ps_object_table_validate_version: tagged as it should be, and still no table."""
    bench = started(STRICT)
    bench.boot()
    monkeypatch.setattr(object_table, "PS_OBJECT_SYSTEM_VERSION", 2)
    with pytest.raises(DevicePanic, match="TFM_SP_PS broke a rule: entry_init: success"):
        bench.boot()


def altered(bench: PsBench) -> None:
    content = files_of(bench)[fid_of(bench, 1)]
    bench.ps_flash.cells[place_of(bench, content) + len(content) - 1] ^= 1


def removed(bench: PsBench) -> None:
    fid = fid_of(bench, 1)
    psa_its_remove(bench.as_ps(), fid)


def swapped(bench: PsBench) -> None:
    """The files of two objects change places."""
    files = files_of(bench)
    one, two = files[fid_of(bench, 1)], files[fid_of(bench, 2)]
    first, second = place_of(bench, one), place_of(bench, two)
    bench.ps_flash.cells[first : first + len(one)] = two
    bench.ps_flash.cells[second : second + len(two)] = one


def replayed(bench: PsBench) -> None:
    """An older version of an object, from the file of the same id."""
    fid = fid_of(bench, 1)
    old = files_of(bench)[fid]
    while True:
        bench.psa.set(1, SAME_SIZE)
        if (new := files_of(bench).get(fid)) is not None and new != old and fid_of(bench, 1) == fid:
            break
    place = place_of(bench, new)
    bench.ps_flash.cells[place : place + len(new)] = old


Damage = Callable[[PsBench], None]


@pytest.mark.parametrize(
    "damage, get, get_info, set_, remove, today",
    [
        (altered, SIGNATURE, SIGNATURE, GENERIC, GENERIC, GENERIC),
        (swapped, SIGNATURE, SIGNATURE, GENERIC, GENERIC, GENERIC),
        (replayed, SIGNATURE, SIGNATURE, GENERIC, GENERIC, GENERIC),
        (removed, CORRUPT, CORRUPT, GENERIC, GENERIC, PSA_ERROR_DOES_NOT_EXIST),
    ],
)
def test_statuses_for_a_damaged_object(
    damage: Damage, get: int, get_info: int, set_: int, remove: int, today: int
) -> None:
    """PSA Storage 1.0: INVALID_SIGNATURE and DATA_CORRUPT, but not from set and remove."""
    bench = started()
    damage(bench)
    assert psa_ps_get(bench.ns, 1, 0, 99)[0] == get
    assert psa_ps_get_info(bench.ns, 1)[0] == get_info
    assert psa_ps_set(bench.ns, 1, b"x", 0) == set_
    assert psa_ps_remove(bench.ns, 1) == remove
    quirks = PsQuirks(bad_signature_is_generic=True, missing_file_does_not_exist=True)
    bench = started(PsConfig(quirks=quirks))
    damage(bench)
    assert psa_ps_get(bench.ns, 1, 0, 99)[0] == psa_ps_get_info(bench.ns, 1)[0] == today
    assert psa_ps_set(bench.ns, 1, b"x", 0) == psa_ps_remove(bench.ns, 1) == today


def with_flash_of(bench: PsBench, older: State) -> PsBench:
    """The whole flash is an older copy; counters are in the chip."""
    now = bench.state()
    bench.restore(State(now.otp, now.objects, older.its, older.ps))
    return bench


@pytest.mark.parametrize("config", [STRICT, PsConfig()], ids=["strict", "default"])
@pytest.mark.parametrize("change", [1, 2, 5])
def test_an_older_copy_of_the_whole_flash(config: PsConfig, change: int) -> None:
    bench = started(config)
    older = bench.state()
    for number in range(change):
        bench.psa.set(1, bytes([number]) * 9)
    with_flash_of(bench, older)
    if config is STRICT:
        with pytest.raises(DevicePanic):
            bench.boot()
    else:
        bench.boot()
        assert psa_ps_get(bench.ns, 1, 0, 99) == (PSA_ERROR_DOES_NOT_EXIST, b"")


def cut_set(bench: PsBench, number: int) -> bool:
    """A set that is cut behind its change ``number``."""
    bench.power.restore()
    bench.power.cut_at(Cut(number, CutMode.AFTER))
    try:
        bench.psa.set(1, b"the newest")
    except PowerCut:
        return True
    finally:
        bench.power.cut_at(None)
    return False


@pytest.mark.parametrize("number", range(1, 8))
def test_an_older_copy_beside_every_state_of_the_counters(number: int) -> None:
    """A set is cut behind each of its changes: a copy from before the last whole change never counts."""
    bench = PsBench().boot()
    bench.config = STRICT
    bench.psa.set(1, b"oldest")
    oldest = bench.state().objects
    bench.psa.set(1, b"newer")
    assert cut_set(bench, number)
    bench.files.objects = dict(oldest)
    with pytest.raises(DevicePanic):
        bench.boot()


@pytest.mark.parametrize("quirk", [False, True])
@pytest.mark.parametrize("number", range(3, 8))
def test_what_was_read_once_stays(number: int, quirk: bool) -> None:
    """A new value that a client has seen after a cut is not taken back by the copy from before the cut.

    TF-M leaves the counters apart at boot, so that the old table still counts until the next change.
    """
    bench = PsBench(PsConfig(quirks=PsQuirks(counters_left_apart=quirk))).boot()
    bench.psa.set(1, b"old")
    before = dict(bench.files.objects)
    assert cut_set(bench, number)
    bench.boot()
    assert bench.psa.get(1) == b"the newest"
    bench.files.objects = before
    bench.boot()
    taken_back = psa_ps_get(bench.ns, 1, 0, 9) == (PSA_SUCCESS, b"old")
    assert taken_back is (quirk and number == 3)


def test_another_device_does_not_open_it() -> None:
    bench = started(STRICT)
    state = bench.state()
    other = PsBench(on_flash=True)
    other.restore(state)
    offset, size = other.otp.layout.fields[OtpField.HUK]
    other.otp.cells[offset : offset + size] = bytes(range(size))
    other.config = STRICT
    with pytest.raises(DevicePanic):
        other.boot()


@pytest.mark.parametrize("flags", [0, PSA_STORAGE_FLAG_NO_CONFIDENTIALITY])
@pytest.mark.parametrize("config", [PsConfig(), PLAIN], ids=["encrypted", "plain"])
def test_the_flash_does_not_tell(config: PsConfig, flags: int) -> None:
    """TF-M encrypts what need not be confidential too, and keeps the flag; PS_ENCRYPTION off is plain."""
    bench = PsBench(config, on_flash=True).boot()
    bench.psa.set(1, SECRET, flags)
    cells = bytes(bench.ps_flash.cells) + bytes(bench.its_flash.cells)
    pieces = [SECRET[at : at + 6] for at in range(len(SECRET) - 5)]
    assert any(piece in cells for piece in pieces) is (config is PLAIN)
    assert bench.psa.get_info(1).flags == flags


@pytest.mark.parametrize("quirk", [False, True])
def test_no_nonce_comes_back_after_a_cut(quirk: bool) -> None:
    """TF-M counts on from its last table's nonce: the file of a set that was cut had the one that is next."""
    bench = PsBench(PsConfig(quirks=PsQuirks(iv_continues_from_table=quirk))).boot()
    bench.psa.set(1, b"old")
    before = set(bench.files.ps)
    assert cut_set(bench, 1)
    (cut_fid,) = set(bench.files.ps) - before
    first = bench.files.ps[cut_fid]
    bench.boot()
    bench.psa.set(1, b"the latest")
    second = bench.files.ps[cut_fid]
    assert first[12:] != second[12:]
    assert (first[:12] == second[:12]) is quirk


def test_the_key_is_each_objects_own() -> None:
    """One nonce, one text, two objects: the ciphertexts have nothing in common."""
    files = []
    for client, uid in ((0, 1), (0, 2), (1, 1)):
        bench = PsBench(PsConfig(quirks=PsQuirks(iv_continues_from_table=True))).boot()
        psa_ps_set((bench.ns, bench.ns2)[client], uid, SECRET, 0)
        files.append(bench.files.ps[4])
    assert len({file[:12] for file in files}) == 1
    assert len({file[12:28] for file in files}) == 3


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([PsConfig(), PLAIN]))
def test_any_bytes_as_an_objects_file(content: bytes, config: PsConfig) -> None:
    bench = PsBench(config).boot()
    bench.psa.set(1, SECRET)
    (key,) = (key for key in bench.files.objects if key[0] == PS_PID and key[1] > 2)
    bench.files.objects[key] = content
    # Where nothing is signed, and where there is no room for nonce and header, it is no forgery.
    expected = CORRUPT if config is PLAIN or len(content) < SMALLEST else SIGNATURE
    assert psa_ps_get(bench.ns, 1, 0, 99)[0] == expected
    assert psa_ps_set(bench.ns, 1, b"x", 0) == psa_ps_remove(bench.ns, 1) == GENERIC


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=420), st.booleans())
def test_any_bytes_as_an_object_table(content: bytes, fit: bool) -> None:
    """The device starts with empty storage, and works."""
    bench = PsBench().boot()
    bench.files.objects[PS_PID, 1] = content.ljust(400, b"\0")[:400] if fit else content
    bench.boot()
    bench.psa.set(1, b"works")
    assert bench.boot().psa.get(1) == b"works"


def test_a_crypto_service_without_the_algorithms_wipes_nothing() -> None:
    bench = PsBench().boot()
    bench.psa.set(1, SECRET)
    bench.crypto = CryptoConfig(key_derivation_module=False)
    with pytest.raises(DevicePanic, match="found status -134"):
        bench.boot()
    bench.crypto = CryptoConfig()
    assert bench.boot().psa.get(1) == SECRET


def test_a_client_that_takes_all_crypto_operations() -> None:
    """TF-M CRYPTO_CONC_OPER_NUM counts for all clients together: storage waits, and loses nothing."""
    bench = PsBench().boot()
    bench.psa.set(1, SECRET)
    held = [psa_hash_operation_t() for _ in range(8)]
    for operation in held:
        assert psa_hash_setup(bench.ns2, operation, PSA_ALG_SHA_256) == PSA_SUCCESS
    assert psa_ps_get(bench.ns, 1, 0, 99)[0] == GENERIC
    assert psa_ps_remove(bench.ns, 1) == psa_ps_set(bench.ns, 1, b"x", 0) == GENERIC
    psa_hash_abort(bench.ns2, held[0])
    assert bench.psa.get(1) == SECRET
    bench.psa.set(1, b"x")
    assert bench.boot().psa.get(1) == b"x"
