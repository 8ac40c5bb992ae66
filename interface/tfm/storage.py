"""How requests travel to TF-M's two storage services (tfm_its_defs.h, tfm_ps_defs.h, tfm_*_api.c).

All integers little endian. Both services number what they share alike.
"""

from typing import Final

from construct import Int32ul, Struct

TFM_ITS_INVALID_UID: Final = 0
TFM_ITS_SET: Final = 1001
"""in[0] uid u64, in[1] data, in[2] create flags u32."""
TFM_ITS_GET: Final = 1002
"""in[0] uid u64, in[1] offset u32, out[0] data."""
TFM_ITS_GET_INFO: Final = 1003
"""in[0] uid u64, out[0] a whole psa_storage_info_t."""
TFM_ITS_REMOVE: Final = 1004
"""in[0] uid u64."""

TFM_PS_INVALID_UID: Final = TFM_ITS_INVALID_UID
TFM_PS_SET: Final = TFM_ITS_SET
TFM_PS_GET: Final = TFM_ITS_GET
TFM_PS_GET_INFO: Final = TFM_ITS_GET_INFO
TFM_PS_REMOVE: Final = TFM_ITS_REMOVE
TFM_PS_GET_SUPPORT: Final = 1005
"""out[0] support flags u32."""

TFM_PS_CREATE: Final = 1006
"""in[0] uid u64, in[1] capacity u32, in[2] create flags u32. This model's own, not TF-M's."""
TFM_PS_SET_EXTENDED: Final = 1007
"""in[0] uid u64, in[1] offset u32, in[2] data. This model's own as well."""

STORAGE_UID_SIZE: Final = 8
STORAGE_SIZE_SIZE: Final = 4
"""``rot_size_t``: offsets and sizes, as the 32-bit RoT has them."""
STORAGE_FLAGS_SIZE: Final = 4
STORAGE_SUPPORT_SIZE: Final = 4

StorageInfoLayout: Final = Struct("capacity" / Int32ul, "size" / Int32ul, "flags" / Int32ul)
"""``psa_storage_info_t`` of a 32-bit RoT."""
STORAGE_INFO_SIZE: Final = 12
