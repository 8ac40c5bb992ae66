"""How requests travel to TF-M's firmware update service (tfm_fwu_defs.h, tfm_fwu_api.c).

All integers little endian. A component is one byte, MCUboot's image index.
"""

from typing import Final

from construct import Bytes, Int8ul, Int16ul, Int32sl, Int32ul, Padding, Struct

TFM_FWU_START: Final = 1001
"""in[0] component, in[1] detached manifest, empty without one."""
TFM_FWU_WRITE: Final = 1002
"""in[0] component, in[1] offset u32, in[2] block."""
TFM_FWU_FINISH: Final = 1003
"""in[0] component."""
TFM_FWU_CANCEL: Final = 1004
"""in[0] component."""
TFM_FWU_INSTALL: Final = 1005
"""No vectors."""
TFM_FWU_CLEAN: Final = 1006
"""in[0] component."""
TFM_FWU_REJECT: Final = 1007
"""in[0] error i32."""
TFM_FWU_REQUEST_REBOOT: Final = 1008
"""No vectors."""
TFM_FWU_ACCEPT: Final = 1009
"""No vectors."""
TFM_FWU_QUERY: Final = 1010
"""in[0] component, out[0] a whole psa_fwu_component_info_t."""

COMPONENT_SIZE: Final = 1
OFFSET_SIZE: Final = 4
ERROR_SIZE: Final = 4
TFM_FWU_MAX_DIGEST_SIZE: Final = 32

ImageVersionLayout: Final = Struct("major" / Int8ul, "minor" / Int8ul, "patch" / Int16ul, "build" / Int32ul)
ComponentInfoLayout: Final = Struct(
    "state" / Int8ul,
    Padding(3),
    "error" / Int32sl,
    "version" / ImageVersionLayout,
    "max_size" / Int32ul,
    "flags" / Int32ul,
    "location" / Int32ul,
    "candidate_digest" / Bytes(TFM_FWU_MAX_DIGEST_SIZE),
)
"""``psa_fwu_component_info_t`` as the ABI lays it out for a 32-bit Arm core."""
COMPONENT_INFO_SIZE: Final = 60
