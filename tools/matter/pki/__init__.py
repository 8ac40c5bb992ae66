"""Certificates of Matter devices: PAA, PAI, DAC, certification declarations."""
