"""The initial attestation partition: TF-M's attestation service."""
