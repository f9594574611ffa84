"""Rows out of text: rules that find numbers in lines of output, and metrics from the arguments of logging calls."""
