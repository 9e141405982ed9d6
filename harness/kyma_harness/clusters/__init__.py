"""Offer one cluster behind one Protocol, whoever provides it."""
