"""TFM_SP_PS: protected storage."""
