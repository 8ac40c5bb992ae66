"""Packaged boards whose layout has no secure storage: ST's without TF-M."""

from typing import Final

WITHOUT_STORAGE: Final = ("nucleo_u575zi_q", "stm32wba65i_dk1_oemirot", "stm32wba65i_dk1_open")
