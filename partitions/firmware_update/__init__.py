"""TFM_SP_FWU: the PSA Firmware Update service."""
