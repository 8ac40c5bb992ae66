"""Reads a board's peripherals: where they are, how they count and interrupt, and what links two cores."""

from typing import Final

from ..interface.tfm.mailbox import MAILBOX_LINE, MAILBOX_QUEUE_SIZE
from .board import DeviceModel, DualCore, Peripheral
from .board_entries import NAME, NAME_LEGAL, items_of, key_of, optional, read_address, read_frequency
from .board_memory import SECURITY_STATES
from .interrupts import LINES
from .memory import Region, RegionKind, Security
from .yaml_source import YamlValue

_MODELS: Final = {model.value: model for model in DeviceModel}
_MODEL_LINES: Final = {
    DeviceModel.CMSDK_TIMER: (0, 1),
    DeviceModel.CMSDK_UART: (0, 1, 3),
    DeviceModel.CMSDK_WATCHDOG: (0, 1, 2),
    DeviceModel.SSE200_MHU: (0, 1),
    DeviceModel.STM32_USART: (0, 1),
}
"""How many interrupt lines a peripheral of each model may have."""
_COUNTING: Final = (DeviceModel.CMSDK_TIMER, DeviceModel.CMSDK_WATCHDOG, DeviceModel.STM32_USART)


def read_peripheral(value: YamlValue, system_clock: int) -> Peripheral:
    item = value.mapping(
        ("name", "size", "security"),
        ("secure_base", "non_secure_base", "mmio_name", "irqs", "model", "clock"),
    )
    security = item["security"].choice(SECURITY_STATES)
    needed = f"{security.value}_base"
    if needed not in item:
        raise value.error(f"missing key {needed!r}", None, "the base of its security state")
    irqs = item["irqs"].mapping() if "irqs" in item else {}
    model = optional(item, "model", lambda v: v.choice(_MODELS), None)
    return Peripheral(
        name=item["name"].string(NAME_LEGAL, NAME),
        size=item["size"].integer(1, 1 << 20),
        security=security,
        secure_base=optional(item, "secure_base", read_address, None),
        non_secure_base=optional(item, "non_secure_base", read_address, None),
        mmio_name=optional(item, "mmio_name", lambda v: v.string(NAME_LEGAL, NAME), ""),
        irqs={name: number.integer(0, LINES - 1) for name, number in irqs.items()},
        model=model,
        clock=_model_clock(value, item, model, system_clock),
    )


def _model_clock(
    value: YamlValue, item: dict[str, YamlValue], model: DeviceModel | None, system_clock: int
) -> int:
    """The clock of a peripheral whose model counts, 0 for another; checks what else a model needs."""
    if model is not None:
        lines = len(item["irqs"].mapping()) if "irqs" in item else 0
        if lines not in _MODEL_LINES[model]:
            legal = " or ".join(map(str, _MODEL_LINES[model]))
            raise item["irqs"].error(f"wrong number of interrupts for a {model.value}", lines, legal)
    if model not in _COUNTING:
        if "clock" in item:
            raise item["clock"].error("clock of a peripheral that does not count", None, "no clock")
        return 0
    clock = optional(item, "clock", read_frequency, system_clock)
    if not clock:
        raise value.error("no clock to count", None, "a clock of its own, or the board's system_clock")
    return clock


def read_irq_sources(entries: dict[str, YamlValue], peripherals: tuple[Peripheral, ...]) -> dict[str, int]:
    """All names of interrupt lines: the peripherals' own, and the aliases that manifests use."""
    numbers: dict[str, int] = {}
    for peripheral, item in zip(peripherals, items_of(entries, "peripherals"), strict=True):
        for name, number in peripheral.irqs.items():
            if name in numbers or number in numbers.values():
                raise key_of(item, "irqs").error(
                    "interrupt given twice", f"{name}: {number}", "one owner a line"
                )
            numbers[name] = number
    sources = dict(numbers)
    aliases = entries["irq_sources"].mapping() if "irq_sources" in entries else {}
    for alias, value in aliases.items():
        if alias in numbers:
            raise value.error("alias of an interrupt's own name", repr(alias), "a name of its own")
        sources[alias] = value.choice(numbers)
    return sources


def read_dual_core(
    value: YamlValue, regions: tuple[Region, ...], peripherals: tuple[Peripheral, ...]
) -> DualCore:
    """What both cores need to reach: an MHU that can interrupt, and memory for the mailbox queue."""
    item = value.mapping(("mhu", "mailbox"), ())
    mhu = item["mhu"].choice({p.name: p for p in peripherals})
    if mhu.model is not DeviceModel.SSE200_MHU or mhu.security is not Security.NON_SECURE or not mhu.irqs:
        legal = f"a non-secure peripheral of model {DeviceModel.SSE200_MHU.value} with an interrupt"
        raise item["mhu"].error("no way to interrupt the other core", mhu.name, legal)
    mailbox = item["mailbox"].choice({r.name: r for r in regions})
    if not (mailbox.non_secure and mailbox.writable and mailbox.kind is RegionKind.RAM):
        legal = "a non-secure region of RAM, readable and writable"
        raise item["mailbox"].error("not in both cores' reach", str(mailbox), legal)
    if mailbox.size < MAILBOX_QUEUE_SIZE or mailbox.base % MAILBOX_LINE:
        legal = f"at least {MAILBOX_QUEUE_SIZE} bytes, from a multiple of {MAILBOX_LINE} on"
        raise item["mailbox"].error("no place for the mailbox queue", str(mailbox), legal)
    return DualCore(mhu, mailbox)
