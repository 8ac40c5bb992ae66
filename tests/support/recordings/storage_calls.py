"""What each recorded call of the storage bench does, by the words it was recorded under.

The uids are not recorded but for "remove 5" and "remove 6". The entropy seed of the crypto partition is one
of the ten assets; a write-once asset stays, so eight more fit.
"""

import re
from collections.abc import Callable

from tfm_sim.interface.psa import internal_trusted_storage as its
from tfm_sim.interface.psa import protected_storage as ps
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.psa.storage_common import PSA_STORAGE_FLAG_WRITE_ONCE

FIRST, LARGEST, WRITE_ONCE, MISSING = 5, 6, 7, 99
FILLERS = range(1000, 2000)
DATA = bytes(range(16))


def _get(offset: int, uid: int = FIRST) -> Callable[[PsaClient], str]:
    def call(client: PsaClient) -> str:
        status, data = its.psa_its_get(client, uid, offset, 16)
        return f"{status} len={len(data)}"

    return call


def _get_info(client: PsaClient) -> str:
    status, info = its.psa_its_get_info(client, FIRST)
    return f"{status} cap={info.capacity} size={info.size} flags={int(info.flags)}"


STORAGE_CALLS: dict[str, Callable[[PsaClient], int | str]] = {
    "its_get(missing)": _get(0, MISSING),
    "its_get uid 0": lambda client: its.psa_its_get(client, 0, 0, 16)[0],
    "its_set uid 0": lambda client: its.psa_its_set(client, 0, DATA, 0),
    "its_set 16": lambda client: its.psa_its_set(client, FIRST, DATA, 0),
    "its_get_info": _get_info,
    "its_get(off 8,len16)": _get(8),
    "its_get(off 16)": _get(16),
    "its_get(off 17)": _get(17),
    "its_set too large 513": lambda client: its.psa_its_set(client, LARGEST, bytes(513), 0),
    "its_set max 512": lambda client: its.psa_its_set(client, LARGEST, bytes(512), 0),
    "its_set write-once": lambda client: its.psa_its_set(
        client, WRITE_ONCE, DATA, PSA_STORAGE_FLAG_WRITE_ONCE
    ),
    "its_set write-once again": lambda client: its.psa_its_set(client, WRITE_ONCE, DATA, 0),
    "its_remove write-once": lambda client: its.psa_its_remove(client, WRITE_ONCE),
    "its_set bad flags 0x80000000": lambda client: its.psa_its_set(client, MISSING, DATA, 0x80000000),
    "its_remove 5": lambda client: its.psa_its_remove(client, 5),
    "its_remove 5 again": lambda client: its.psa_its_remove(client, 5),
    "its_remove 6": lambda client: its.psa_its_remove(client, 6),
    "ps_get_support": ps.psa_ps_get_support,
    "ps_set 2049": lambda client: ps.psa_ps_set(client, FIRST, bytes(2049), 0),
    "ps_set 2048": lambda client: ps.psa_ps_set(client, FIRST, bytes(2048), 0),
    "ps_remove": lambda client: ps.psa_ps_remove(client, FIRST),
    "ps_create": lambda client: ps.psa_ps_create(client, FIRST, 64, 0),
    "ps_set_extended": lambda client: ps.psa_ps_set_extended(client, FIRST, 0, DATA),
}

FULL = re.compile(r"(?P<what>ITS|PS) full after \d+ (?P<words>(?:more )?assets) rc=-?\d+")


def fill(client: PsaClient, match: re.Match[str]) -> str:
    """Assets of 16 bytes until there is no room."""
    store = its.psa_its_set if match["what"] == "ITS" else ps.psa_ps_set
    for count, uid in enumerate(FILLERS):
        status = store(client, uid, DATA, 0)
        if status != PSA_SUCCESS:
            return f"{match['what']} full after {count} {match['words']} rc={status}"
    raise AssertionError(f"{match['what']} holds more than {len(FILLERS)} assets")
