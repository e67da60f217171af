"""Dashboards of Grafana as plain JSON values, in the schema of Grafana 10.1, which later ones read, too.

panels.py knows how Grafana draws, dashboard.py what a dashboard is made of; model.py and fleet.py know what is shown.
"""
