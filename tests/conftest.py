"""Pytest puts the folder of a conftest.py on the import path, so that every test finds `model_server`."""
