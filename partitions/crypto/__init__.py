"""The crypto partition: TF-M's crypto service over the `cryptography` package."""
