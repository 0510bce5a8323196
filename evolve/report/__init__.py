"""What a person sees of a run: its folder, its progress, its tables and their JSON twins."""

from evolve.report.judgement import verdict
from evolve.report.places import find_run, new_folder
from evolve.report.progress import LinesDisplay, LiveDisplay
from evolve.report.run_document import program_document, run_document
from evolve.report.run_folder import RunFolder
from evolve.report.run_report import RunReport, describe

__all__ = [
    "LinesDisplay",
    "LiveDisplay",
    "RunFolder",
    "RunReport",
    "describe",
    "find_run",
    "new_folder",
    "program_document",
    "run_document",
    "verdict",
]
