"""The delegated attestation partition (TF-M tf-m-extras, TFM_SP_DELEGATED_ATTESTATION)."""
