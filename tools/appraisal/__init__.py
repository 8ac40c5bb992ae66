"""Appraisal of verified evidence: reference values, policy, and the attestation result (AR4SI, EAR)."""
