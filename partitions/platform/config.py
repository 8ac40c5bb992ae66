"""Build options of the platform service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """The options of one build; the defaults are TF-M's.

    ``input_buffer_size`` and ``output_buffer_size`` are PLATFORM_SERVICE_INPUT_BUFFER_SIZE and _OUTPUT_: the
    room in bytes for a board's own request and its answer. Without ``nv_counter_module``
    (PLATFORM_NV_COUNTER_MODULE_DISABLED) the counter calls are NOT_SUPPORTED; protected storage with rollback
    protection does not start then.
    """

    input_buffer_size: int = 64
    output_buffer_size: int = 64
    nv_counter_module: bool = True
