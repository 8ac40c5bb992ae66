"""The models of a board's peripherals, made and wired to the interrupt lines that the board gives them."""

from collections.abc import Callable, Iterable
from functools import partial

from .board import DeviceModel, Peripheral
from .clock import VirtualClock
from .cmsdk_timer import CmsdkTimer
from .cmsdk_uart import CmsdkUart
from .cmsdk_watchdog import CmsdkWatchdog
from .interrupts import InterruptController
from .mhu import Sse200Mhu
from .peripheral import PeripheralModel, not_wired
from .stm32_usart import Stm32Usart


def peripheral_models(
    peripherals: Iterable[Peripheral],
    clock: VirtualClock,
    interrupts: InterruptController,
    on_watchdog: Callable[[str], None],
    cpu1_interrupts: InterruptController,
) -> dict[str, PeripheralModel]:
    """The models by their peripheral's name; ``on_watchdog`` is told which watchdog asks for a reset.

    ``interrupts`` are those of CPU 0.
    """
    return {
        p.name: _model(p, p.model, clock, interrupts, on_watchdog, cpu1_interrupts)
        for p in peripherals
        if p.model is not None
    }


def _model(
    peripheral: Peripheral,
    model: DeviceModel,
    clock: VirtualClock,
    interrupts: InterruptController,
    on_watchdog: Callable[[str], None],
    cpu1_interrupts: InterruptController,
) -> PeripheralModel:
    lines = [partial(interrupts.set_level, number) for number in peripheral.irqs.values()]
    main = lines[-1] if lines else not_wired
    match model:
        case DeviceModel.CMSDK_TIMER:
            return CmsdkTimer(clock, peripheral.clock, main)
        case DeviceModel.CMSDK_UART:
            receive, transmit = lines[:2] if len(lines) == 3 else (not_wired, not_wired)
            return CmsdkUart(receive, transmit, main)
        case DeviceModel.CMSDK_WATCHDOG:
            if len(lines) == 2:  # SSE-200: the non-secure watchdog's reset request is an interrupt
                return CmsdkWatchdog(clock, peripheral.clock, main, reset_line=lines[0])
            ask = partial(on_watchdog, peripheral.name)
            return CmsdkWatchdog(clock, peripheral.clock, main, on_reset=ask)
        case DeviceModel.SSE200_MHU:
            return Sse200Mhu(
                *lines, *(partial(cpu1_interrupts.set_level, n) for n in peripheral.irqs.values())
            )
        case DeviceModel.STM32_USART:
            return Stm32Usart(peripheral.clock, main)
