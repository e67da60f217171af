"""The objects of Kubernetes that serve a model, as plain JSON values: what is applied, packed as a chart, and written as a base.

naming.py has names and labels, pod.py the pods of a version, objects.py everything else: once for an environment, or for a
version; release.py says which of them a release has. chart.py and kustomize.py write them down, with text.py; files.py
has all files of a model.
"""
