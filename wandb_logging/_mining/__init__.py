"""Rows out of text: rules that find numbers in the lines of a program, and rules made from a log."""
