"""Draws dashboards from their JSON and live data, where Grafana cannot be had.

It is not Grafana: it shows what the queries return and how the panels are laid out and coloured.
"""
