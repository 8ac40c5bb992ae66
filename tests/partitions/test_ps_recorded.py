"""Protected storage against recorded outcomes of TF-M's own code, to every stored byte."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.ps_bench import PsBench

from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_values import PSA_ALG_CCM
from tfm_sim.interface.psa.protected_storage import (
    psa_ps_get,
    psa_ps_get_info,
    psa_ps_remove,
    psa_ps_set,
    psa_ps_set_extended,
)
from tfm_sim.partitions.protected_storage.config import TFM_PS_TODAY, PsConfig
from tfm_sim.partitions.protected_storage.service import PsService
from tfm_sim.platform.power import Cut, CutMode, Operation, PowerCut

DATA = Path(__file__).parent.parent / "data" / "protected_storage"
BUILDS = {
    "gcm": PsConfig(quirks=TFM_PS_TODAY),
    "ccm": PsConfig(aead_alg=PSA_ALG_CCM, quirks=TFM_PS_TODAY),
    "limit": PsConfig(aes_key_usage_limit=300, quirks=TFM_PS_TODAY),
    "plain": PsConfig(encryption=False, rollback_protection=False, quirks=TFM_PS_TODAY),
}
RUNS = [(name, n) for name in BUILDS for n in range(len(json.loads((DATA / f"{name}.json").read_text())))]


class Replay:
    """Does a step here and says what the record says of it."""

    def __init__(self, build: str) -> None:
        self.bench = PsBench(BUILDS[build])
        self.with_gets = build != "plain"
        self.before: dict[int, bytes] = {}
        self.bench.power.on_operation = self._heard

    def _heard(self, operation: Operation) -> None:
        if operation.memory == "otp":
            counter = (operation.offset - self.bench.otp.layout.flash_nv_counters_offset) // 4
            self.bench.files.calls.append(("raise", counter, 0))

    def step(self, do: list[Any]) -> dict[str, Any]:
        name, *arguments = do
        if name == "cut":
            self.bench.power.restore()
            self.bench.power.cut_at(Cut(arguments[0], CutMode(arguments[1])))
            return {}
        if name == "boot":
            self.bench.power.cut_at(None)
        status, value = self._call(name, arguments)
        files, calls = self.bench.files.ps, self.bench.files.calls
        changed = {
            str(fid): files[fid].hex() if fid in files else None
            for fid in files.keys() | self.before.keys()
            if files.get(fid) != self.before.get(fid)
        }
        outcome: dict[str, Any] = {
            "status": status,
            "calls": [" ".join(map(str, call)) for call in calls if self.with_gets or call[0] != "get"],
            "counters": [self.bench.counters.read(counter) for counter in range(3)],
            "files": changed,
        }
        calls.clear()
        self.before = files
        return outcome | ({} if value is None else {"value": value})

    def _call(self, name: str, arguments: list[Any]) -> tuple[int | str, object]:
        try:
            if name == "boot":
                self.bench.boot()
                return 0, None
            client = self.bench.ns2 if arguments[0] else self.bench.ns
            return self._request(name, client, arguments[1:])
        except PowerCut:
            return "off", None

    @staticmethod
    def _request(name: str, client: PsaClient, arguments: list[Any]) -> tuple[int, object]:
        if name == "get":
            status, data = psa_ps_get(client, *arguments)
            return status, data.hex() if status == 0 else None
        if name == "info":
            status, info = psa_ps_get_info(client, *arguments)
            return status, [info.capacity, info.size, int(info.flags)] if status == 0 else None
        if name == "remove":
            return psa_ps_remove(client, *arguments), None
        if name == "write":
            uid, offset, data = arguments
            return psa_ps_set_extended(client, uid, offset, bytes.fromhex(data)), None
        uid, data, flags = arguments
        return psa_ps_set(client, uid, bytes.fromhex(data), flags), None


@pytest.mark.parametrize("build, run", RUNS)
def test_recorded_run(build: str, run: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # TF-M has ps_object_write, but no request that reaches it.
    monkeypatch.setattr(PsService, "_demand_extended", lambda self: None)
    replay = Replay(build)
    for number, recorded in enumerate(json.loads((DATA / f"{build}.json").read_text())[run]):
        do = recorded.pop("do")
        assert replay.step(do) == recorded, f"step {number}: {do}"
