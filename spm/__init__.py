"""The Secure Partition Manager: FF-M 1.1 as TF-M implements it."""
