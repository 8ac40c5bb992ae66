"""What verifiers are provisioned with: trust anchors and reference values, as YAML and as CoRIM."""
