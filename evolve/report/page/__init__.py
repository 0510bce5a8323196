"""The report of a run as one HTML file, and the parts of it that the live page shows, too."""
