"""Margin risk on a lakehouse."""

from margin_assets import machine_code

machine_code.set_up()
