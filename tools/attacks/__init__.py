"""The attack library: named mutations of a live token, with the verdict that each deserves."""
