"""TF-M's own agreements: service ids, boot status, request encodings."""
