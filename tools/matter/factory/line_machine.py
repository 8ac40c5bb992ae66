"""The provisioning firmware on a device whose serial port is the near end of a line."""

from collections.abc import Callable

from ....device import Device
from ....interface.matter.provisioning_link import ProvisioningStatus
from ...line_time import LineTime
from ...serial_line import SerialLine
from ..device_machine import DeviceMachine, MatterPlatform, serial_port
from ..firmware.provisioning import DevelopmentCredentials, ProvisioningFirmware


class LineMachine(DeviceMachine):
    """An NsMachine whose time goes as the line's does."""

    def __init__(self, device: Device, time: LineTime) -> None:
        super().__init__(device)
        self._time = time

    def wait(self, microseconds: int) -> None:
        self._time.wait(microseconds, self.device.idle)


def run_provisioning_firmware(
    device: Device,
    platform: MatterPlatform,
    line: SerialLine,
    time: LineTime,
    development: DevelopmentCredentials | None = None,
    on_result: Callable[[ProvisioningStatus], bool] = lambda status: False,
) -> None:
    """Power on, provision as often as somebody says `Init`, power off; all in the calling thread.

    ``on_result`` is told what each provisioning came to, and ends it all by True. Raises as Device.power_on
    does, Halted where the line's time ends, PowerCut and DevicePanic.
    """
    try:
        device.power_on()
        line.join(serial_port(device))
        machine = LineMachine(device, time)
        store, stores = platform.key_store(machine), platform.key_stores(machine)
        firmware = ProvisioningFirmware(machine, platform.support, store, development, stores)
        while not on_result(firmware.run()):
            pass
    finally:
        line.transmit()
        line.leave()
        device.power_off()
