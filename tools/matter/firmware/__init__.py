"""The non-secure programs of Matter devices."""
