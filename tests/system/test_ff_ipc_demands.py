"""The demands on an FF-M SPM: put by the non-secure side and by a partition, at each isolation level.

A demand that ends in a reset names the culprit and the rule, so that a crash for another reason is no pass;
non-volatile memory says that it came at the point where it was due, and the device boots again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.ff_ipc.demands import (
    BY_NUMBER,
    DEMANDS,
    NOT_STATELESS,
    Demand,
    Reset,
    checks_of,
)
from support.ff_ipc.facts import CLIENT, DRIVER, PLAIN, SERVER, Setup
from support.ff_ipc.page import PAGE, page_text
from support.ff_ipc.partitions import demand_partitions, perform
from support.ff_ipc.party import NS, BootState, Party, Places, Slot

from tfm_sim import Build, Device, DevicePanic, SpmConfig
from tfm_sim.interface.psa.service import PSA_IPC_CONNECT, PSA_IPC_DISCONNECT
from tfm_sim.interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS
from tfm_sim.interface.trace import Event
from tfm_sim.platform.board_yaml import parse_board
from tfm_sim.platform.cmsdk_uart import CmsdkUart
from tfm_sim.spm.config import TFM_TODAY, TfmQuirks
from tfm_sim.spm.events import CallReturned, MessageDelivered, MessageReplied

MAILBOX = (
    b"  - {name: mailbox, base: 0x281ff000, size: 0x1000, security: non_secure, access: rw, device: ssram2, "
    b"offset: 0x1ff000}\n"
)
MHU = (
    b"  - {name: MHU0, non_secure_base: 0x40003000, size: 0x1000, security: non_secure, model: sse200_mhu, "
    b"irqs: {MHU0_IRQn: 6}}\n"
)
BOARD = Path(__file__).parent.parent / "data" / "boards" / "ff_ipc.yaml"
DUAL_CORE = parse_board(
    BOARD.read_bytes()
    .replace(b"base: 0x28100000, size: 0x100000", b"base: 0x28100000, size: 0xff000")
    .replace(b"shared_data: {", MAILBOX + b"dual_core: {mhu: MHU0, mailbox: mailbox}\nshared_data: {", 1)
    .replace(b"peripherals:\n", b"peripherals:\n" + MHU)
    .replace(b"irq_sources:\n", b"irq_sources:\n  MAILBOX_IRQ: MHU0_IRQn\n"),
    "dual core",
)
"""The same board, with the non-secure side on its second core."""
NS_CULPRIT = "NS client -1"
SETUPS = (
    *(Setup(level) for level in (1, 2, 3)),
    Setup(framework="1.1"),
    Setup(framework="1.1", stateless=True),
    Setup(tfm_today=True),
    Setup(dual_core=True),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A demand for one caller in one variant."""

    demand: Demand
    caller: str
    setup: Setup
    check: int

    def __str__(self) -> str:
        check = f"-check{self.check + 1}" if checks_of(self.demand, self.caller) > 1 else ""
        return f"{self.demand.number:03}-{self.caller}-{self.setup}{check}"


CASES = [
    Case(demand, caller, setup, check)
    for setup in SETUPS
    for demand in DEMANDS
    if setup.level >= demand.level and not (setup.stateless and demand.number in NOT_STATELESS)
    for caller in (NS, CLIENT)
    if demand.outcome(caller)
    for check in range(checks_of(demand, caller))
]
Boot = Callable[[Setup], Device]


@pytest.fixture(scope="module")
def boot() -> Iterator[Boot]:
    """A device for each variant, powered on once and again after whatever took it down."""
    devices: dict[Setup, Device] = {}

    def running(setup: Setup) -> Device:
        if setup not in devices:
            quirks = TFM_TODAY if setup.tfm_today else TfmQuirks()
            spm = SpmConfig(isolation_level=setup.level, quirks=quirks)
            build = Build(bl2=None, spm=spm, partitions=demand_partitions(setup), its=None)
            devices[setup] = Device(DUAL_CORE if setup.dual_core else BOARD, build=build).power_on()
        if devices[setup].kernel.down is not None:
            devices[setup].reset()
        return devices[setup]

    yield running
    for device in devices.values():
        device.power_off()


def non_secure(device: Device, setup: Setup) -> Party:
    """The non-secure side, who knows from the map file where the partitions' memory is."""
    regions = device.hardware.memory.regions
    base = {
        owner: next(r.base for r in regions if r.name == f"{owner}_data")
        for owner in (CLIENT, SERVER, DRIVER)
    }
    return Party(device.ns, setup, NS, Places(base[CLIENT], base[SERVER], base[DRIVER]))


def put(ns: Party, case: Case) -> None:
    """Put the demand: the non-secure side itself, or through the client partition."""
    ns.check = case.check
    if case.caller == NS:
        perform(ns, case.demand)
    else:
        ns.finish(ns.begin(CLIENT, case.demand.number, case.check))


@contextmanager
def reset_after_failure(device: Device) -> Iterator[None]:
    """A demand that is not met leaves nothing behind for the next."""
    try:
        yield
    except BaseException:
        device.reset()
        raise


@pytest.mark.parametrize("case", CASES, ids=str)
def test_demand(case: Case, boot: Boot) -> None:
    device = boot(case.setup)
    with reset_after_failure(device):
        ns = non_secure(device, case.setup)
        ns.write_word(Slot.CURRENT_DEMAND, case.demand.number)
        ns.write_word(Slot.BOOT_STATE, BootState.NOT_EXPECTED)
        outcome = case.demand.outcome(case.caller)
        if isinstance(outcome, Reset):
            resets(device, ns, case, outcome)
        else:
            put(ns, case)
            assert device.kernel.down is None
            assert not device.kernel.connections.open


def resets(device: Device, ns: Party, case: Case, outcome: Reset) -> None:
    """The device goes down for the right reason, at the point where it is due, and boots again."""
    with pytest.raises(DevicePanic) as panic:
        put(ns, case)
    report = panic.value.report
    assert report.culprit == (NS_CULPRIT if outcome.culprit == NS else outcome.culprit), report
    assert report.rule.startswith(outcome.rules[case.check]), report
    again = non_secure(device.reset(), case.setup)
    assert again.read_word(Slot.CURRENT_DEMAND) == case.demand.number
    expected = BootState.EXPECTED_NS if case.caller == NS else BootState.EXPECTED_S
    assert again.read_word(Slot.BOOT_STATE) == expected


@pytest.mark.parametrize(("setup", "before"), [(Setup(), "psa_call"), (Setup(tfm_today=True), "psa_close")])
def test_027_when_the_disconnect_comes(setup: Setup, before: str, boot: Boot) -> None:
    """FF-M 1.1 psa_reply: with the reply, and before psa_call returns (TF-M: with psa_close)."""
    device = boot(setup)
    events: list[Event] = []
    device.trace.listeners.append(events.append)
    try:
        put(non_secure(device, setup), Case(BY_NUMBER[27], NS, setup, 0))
    finally:
        device.trace.listeners.remove(events.append)
    seen = [
        (type(e).__name__, e.type, getattr(e, "status", None))
        for e in events
        if isinstance(e, MessageReplied | MessageDelivered) and e.service == PLAIN.name
    ]
    assert seen == [
        ("MessageDelivered", PSA_IPC_CONNECT, None),
        ("MessageReplied", PSA_IPC_CONNECT, PSA_SUCCESS),
        ("MessageDelivered", 0, None),
        ("MessageReplied", 0, PSA_ERROR_PROGRAMMER_ERROR),
        ("MessageDelivered", PSA_IPC_DISCONNECT, None),
        ("MessageReplied", PSA_IPC_DISCONNECT, PSA_SUCCESS),
    ]
    disconnect = next(
        i for i, e in enumerate(events) if isinstance(e, MessageDelivered) and e.type == PSA_IPC_DISCONNECT
    )
    next_return = next(e for e in events[disconnect:] if isinstance(e, CallReturned))
    assert next_return.call == before


def test_the_driver_prints_through_its_uart(boot: Boot) -> None:
    device = boot(Setup())
    uart = device.hardware.peripherals["UART2"]
    assert isinstance(uart, CmsdkUart)
    ns = non_secure(device, Setup())
    before = len(uart.sent)
    ns.print_line("three\n")
    assert uart.sent[before:] == b"three\n"


def test_every_demand_is_in_the_table_once() -> None:
    assert [demand.number for demand in DEMANDS] == list(range(1, 91))


def test_the_page_of_the_demands_is_up_to_date() -> None:
    """`python tests/support/ff_ipc/page.py` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page_text()
