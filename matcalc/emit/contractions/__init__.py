"""Sums over named indices, as products of two arrays at a time; products that one half makes."""
